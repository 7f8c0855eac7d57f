// Package dtype holds the element types that graphs, programs and kernels share.
package dtype

import "fmt"

// DType is the element type of a tensor. The zero value is Invalid, so that a
// forgotten dtype is noticed.
type DType uint8

// The element types.
const (
	Invalid DType = iota
	Bool          // one byte, 0 or 1
	Int32
	Int64
	Float32 // IEEE 754 binary32
	Float64 // IEEE 754 binary64
	Count   // number of values, Invalid included
)

var names = [Count]string{"invalid", "bool", "int32", "int64", "float32", "float64"}
var short = [Count]string{"?", "bool", "i32", "i64", "f32", "f64"}
var sizes = [Count]int{0, 1, 4, 8, 4, 8}

// String returns the NumPy name: bool, int32, int64, float32 or float64.
func (d DType) String() string {
	if d >= Count {
		return fmt.Sprintf("dtype(%d)", uint8(d))
	}
	return names[d]
}

// Short returns the abbreviated name that listings and drawings use: f64, i32, …
func (d DType) Short() string {
	if d >= Count {
		return fmt.Sprintf("dtype(%d)", uint8(d))
	}
	return short[d]
}

// Size returns the bytes of one element; 0 for Invalid and unknown values.
func (d DType) Size() int {
	if d >= Count {
		return 0
	}
	return sizes[d]
}

// Valid reports whether d is one of the defined element types.
func (d DType) Valid() bool { return d > Invalid && d < Count }

// IsFloat reports whether d is Float32 or Float64.
func (d DType) IsFloat() bool { return d == Float32 || d == Float64 }

// IsInt reports whether d is Int32 or Int64.
func (d DType) IsInt() bool { return d == Int32 || d == Int64 }

// Parse returns the dtype with the given NumPy or abbreviated name.
func Parse(s string) (DType, bool) {
	for d := Bool; d < Count; d++ {
		if names[d] == s || short[d] == s {
			return d, true
		}
	}
	return Invalid, false
}
