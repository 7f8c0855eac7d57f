package cpu

// LineWords is the number of 8-byte elements that keep apart in memory what two goroutines write: a cache line that one processor writes and another one uses moves between them each time.
const LineWords = 8

// Apart returns n elements of up to 8 bytes, zeros, which share no cache line with other allocations where they have 8.
func Apart[T any](n int) []T {
	return make([]T, LineWords+n+LineWords)[LineWords:][:n:n]
}
