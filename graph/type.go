package graph

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// DType is the element type of a node's value.
type DType = dtype.DType

// The element types. Bool takes one byte.
const (
	Bool    = dtype.Bool
	Int32   = dtype.Int32
	Int64   = dtype.Int64
	Float32 = dtype.Float32
	Float64 = dtype.Float64
)

// Shape holds the extents of a tensor, outermost first; a scalar's shape is empty.
// An extent may be 0: the tensor then has no elements. A Shape is not modified once a node has it.
type Shape []int

// MaxElements bounds the elements of one tensor, so that sizes in bytes never overflow: 2⁴⁰, and 2²⁷ where an int has 32 bits.
const MaxElements = dtype.MaxElements

// Rank returns the number of dimensions.
func (s Shape) Rank() int { return len(s) }

// Size returns the number of elements, 1 for a scalar.
func (s Shape) Size() int { return shape.Size(s) }

// Equal reports whether both shapes have the same extents.
func (s Shape) Equal(t Shape) bool { return slices.Equal(s, t) }

// String returns the shape as [2×3], and [] for a scalar.
func (s Shape) String() string {
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = strconv.Itoa(d)
	}
	return "[" + strings.Join(parts, "×") + "]"
}

// MaxRank bounds the dimensions of one tensor.
const MaxRank = 32

// check reports an extent below 0, and sizes beyond MaxElements and MaxRank.
func (s Shape) check() error {
	if len(s) > MaxRank {
		return fmt.Errorf("a shape of %d dimensions: %d are the most", len(s), MaxRank)
	}
	return shape.Check(s)
}

// Type is the dtype and shape of a node's value.
type Type struct {
	DType DType
	Shape Shape
}

// Equal reports whether both types have the same dtype and shape.
func (t Type) Equal(u Type) bool { return t.DType == u.DType && t.Shape.Equal(u.Shape) }

// IsScalar reports whether the type has no dimensions.
func (t Type) IsScalar() bool { return len(t.Shape) == 0 }

// String returns the type as f64 or f32[8×16].
func (t Type) String() string {
	if t.IsScalar() {
		return t.DType.Short()
	}
	return t.DType.Short() + t.Shape.String()
}

// BroadcastShapes returns the NumPy broadcast of the shapes: aligned at the last
// dimension, extents must be equal or 1. It reports the first pair that is not.
func BroadcastShapes(shapes ...Shape) (Shape, error) { return shape.Broadcast(shapes...) }
