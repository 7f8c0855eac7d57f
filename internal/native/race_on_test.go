//go:build race

package native

// raceSlowdown divides the work of the random tests: the reference is slow under the race detector.
const raceSlowdown = 5
