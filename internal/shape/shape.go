// Package shape is index arithmetic on the extents of arrays in row-major order.
package shape

// Strides returns by how much the flat index grows with each dimension's index.
func Strides(shape []int) []int {
	strides, k := make([]int, len(shape)), 1
	for d := len(shape) - 1; d >= 0; d-- {
		strides[d] = k
		k *= shape[d]
	}
	return strides
}

// BroadcastIndex is the flat index into an operand that is broadcast to the shape, for flat index i of the result.
func BroadcastIndex(i int, shape, operand []int) int {
	flat, stride := 0, 1
	for d := len(operand) - 1; d >= 0; d-- {
		e := shape[len(shape)-len(operand)+d]
		if operand[d] != 1 {
			flat += i % e * stride
		}
		i /= e
		stride *= operand[d]
	}
	return flat
}

// StridedIndex is the flat index into an array of which a strided part has the extents out, for flat index i of the part.
func StridedIndex(i int, out, in, starts, strides []int) int {
	flat, k := 0, 1
	for d := len(in) - 1; d >= 0; d-- {
		flat += (starts[d] + i%out[d]*strides[d]) * k
		i /= out[d]
		k *= in[d]
	}
	return flat
}
