package kernel

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// counted returns 1, 2, …, n.
func counted(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(i + 1)
	}
	return x
}

func doubled(x []float64) []float64 {
	for i := range x {
		x[i] *= 2
	}
	return x
}

// permuted is a naive transposition of counted values: element (i…) of the result is the operand's at perm.
func permuted(extents, perm []int) arg {
	strides := shape.Strides(extents)
	out := make([]int, len(extents))
	for i, p := range perm {
		out[i] = extents[p]
	}
	res := v(out)
	at := make([]int, len(extents))
	for range shape.Size(extents) {
		off := 0
		for i, p := range perm {
			off += at[i] * strides[p]
		}
		res.vals = append(res.vals, float64(off+1))
		for d := len(at) - 1; d >= 0; d-- {
			if at[d]++; at[d] < out[d] {
				break
			}
			at[d] = 0
		}
	}
	return res
}

func transposeCase(extents, perm []int) kernelCase {
	return kernelCase{name: "transpose", what: Type{dtype.Float64, extents}.text(), dtypes: numericDTypes,
		in: []arg{v(extents, counted(shape.Size(extents))...)}, out: []arg{permuted(extents, perm)}, attrs: attrs(attr.L("perm", perm))}
}

var _ = addCases(
	transposeCase(sh(), sh()),
	transposeCase(sh(7), sh(0)),
	transposeCase(sh(3, 5), sh(1, 0)),
	transposeCase(sh(67, 41), sh(1, 0)),
	transposeCase(sh(2, 3, 5), sh(2, 0, 1)),
	transposeCase(sh(2, 3, 5), sh(2, 1, 0)),
	transposeCase(sh(2, 3, 5), sh(0, 2, 1)),
	transposeCase(sh(3, 1, 4, 2, 5), sh(4, 2, 1, 3, 0)),
	transposeCase(sh(2, 3, 4, 5), sh(3, 1, 0, 2)),
	kernelCase{name: "transpose", what: "bool", dtypes: allDTypes, attrs: attrs(attr.L("perm", sh(1, 0))),
		in: []arg{v(sh(2, 3), 1, 0, 0, 1, 1, 0)}, out: []arg{v(sh(3, 2), 1, 1, 0, 1, 0, 0)}},
	kernelCase{name: "copy", what: "matrix", dtypes: allDTypes, in: []arg{v(sh(2, 2), 1, 0, 0, 1)}, out: []arg{v(sh(4), 1, 0, 0, 1)}},
	kernelCase{name: "broadcast_to", what: "rows", dtypes: numericDTypes, attrs: attrs(attr.L("shape", sh(2, 3, 2))),
		in: []arg{v(sh(3, 1), 1, 2, 3)}, out: []arg{v(sh(2, 3, 2), 1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3)}},
	kernelCase{name: "broadcast_to", what: "columns", dtypes: numericDTypes, attrs: attrs(attr.L("shape", sh(2, 3))),
		in: []arg{v(sh(3), 1, 2, 3)}, out: []arg{v(sh(2, 3), 1, 2, 3, 1, 2, 3)}},
	kernelCase{name: "broadcast_to", what: "scalar", dtypes: allDTypes, attrs: attrs(attr.L("shape", sh(3))),
		in: []arg{v(sh(), 1)}, out: []arg{v(sh(3), 1, 1, 1)}},
	kernelCase{name: "concat", what: "three", dtypes: numericDTypes, attrs: attrs(attr.I("axis", 1)),
		in:  []arg{v(sh(2, 1), 1, 2), v(sh(2, 2), 3, 4, 5, 6), v(sh(2, 1), 7, 8)},
		out: []arg{v(sh(2, 4), 1, 3, 4, 7, 2, 5, 6, 8)}},
	kernelCase{name: "concat", what: "one", dtypes: allDTypes, attrs: attrs(attr.I("axis", 0)), in: []arg{v(sh(2), 1, 0)}, out: []arg{v(sh(2), 1, 0)}},
	kernelCase{name: "slice", what: "steps", dtypes: numericDTypes,
		attrs: attrs(attr.L("starts", sh(1, 0)), attr.L("limits", sh(3, 5)), attr.L("strides", sh(1, 2))),
		in:    []arg{v(sh(3, 5), counted(15)...)}, out: []arg{v(sh(2, 3), 6, 8, 10, 11, 13, 15)}},
	kernelCase{name: "slice", what: "backwards", dtypes: numericDTypes,
		attrs: attrs(attr.L("starts", sh(2, 4)), attr.L("limits", sh(-1, 1)), attr.L("strides", sh(-2, -2))),
		in:    []arg{v(sh(3, 5), counted(15)...)}, out: []arg{v(sh(2, 2), 15, 13, 5, 3)}},
	kernelCase{name: "slice", what: "huge stride", dtypes: allDTypes,
		attrs: attrs(attr.L("starts", sh(1)), attr.L("limits", sh(3)), attr.L("strides", sh(math.MaxInt/2+1))),
		in:    []arg{v(sh(3), 0, 1, 0)}, out: []arg{v(sh(1), 1)}},
	kernelCase{name: "slice", what: "scalar", dtypes: allDTypes, attrs: attrs(attr.L("starts", sh()), attr.L("limits", sh()), attr.L("strides", sh())),
		in: []arg{v(sh(), 1)}, out: []arg{v(sh(), 1)}},
	kernelCase{name: "reverse", what: "both", dtypes: numericDTypes, attrs: attrs(attr.L("axes", sh(0, 1))),
		in: []arg{v(sh(2, 3), 1, 2, 3, 4, 5, 6)}, out: []arg{v(sh(2, 3), 6, 5, 4, 3, 2, 1)}},
	kernelCase{name: "reverse", what: "last", dtypes: numericDTypes, attrs: attrs(attr.L("axes", sh(1))),
		in: []arg{v(sh(2, 3), 1, 2, 3, 4, 5, 6)}, out: []arg{v(sh(2, 3), 3, 2, 1, 6, 5, 4)}},
	kernelCase{name: "reverse", what: "none", dtypes: allDTypes, attrs: attrs(attr.L("axes", sh())), in: []arg{v(sh(), 1)}, out: []arg{v(sh(), 1)}},
	kernelCase{name: "slice_transpose", what: "overlap", dtypes: numericDTypes,
		attrs: attrs(attr.L("shape", sh(2, 4)), attr.L("starts", sh(0, 0, 1, 3)), attr.L("strides", sh(1, 2, -1, -1))),
		in:    []arg{v(sh(2, 2), 1, 2, 3, 4), v(sh(2, 3), 10, 20, 30, 40, 50, 60)},
		out:   []arg{v(sh(2, 4), 1, 60, 50+2, 40, 3, 30, 20+4, 10)}},
	kernelCase{name: "slice_transpose", what: "scalar", dtypes: numericDTypes,
		attrs: attrs(attr.L("shape", sh()), attr.L("starts", sh()), attr.L("strides", sh())),
		in:    []arg{v(sh(), 1), v(sh(), 4)}, out: []arg{v(sh(), 5)}},
	kernelCase{name: "index_transpose", what: "rows", dtypes: numericDTypes, attrs: attrs(attr.L("shape", sh(3, 2)), attr.L("indices", sh(2, 0))),
		in: []arg{v(sh(2), 1, 2), v(sh(2), 3, 4)}, out: []arg{v(sh(3, 2), 3, 4, 0, 0, 1, 2)}},
	kernelCase{name: "index_transpose", what: "scalars", dtypes: numericDTypes, attrs: attrs(attr.L("shape", sh(2, 2)), attr.L("indices", sh(1, 0, 0, 1))),
		in: []arg{v(sh(), 5), v(sh(), 6)}, out: []arg{v(sh(2, 2), 0, 6, 5, 0)}},
	kernelCase{name: "index_transpose", what: "over several items", dtypes: numericDTypes, attrs: attrs(attr.L("shape", sh(4, 10000)), attr.L("indices", sh(1, 3, 1))),
		in:  []arg{v(sh(10000), counted(10000)...), v(sh(10000), counted(10000)...), v(sh(10000), counted(10000)...)},
		out: []arg{v(sh(4, 10000), slices.Concat(make([]float64, 10000), doubled(counted(10000)), make([]float64, 10000), counted(10000))...)}},
	kernelCase{name: "tril", what: "k = 0", dtypes: numericDTypes, in: []arg{v(sh(2, 2, 3), counted(12)...)},
		out: []arg{v(sh(2, 2, 3), 1, 0, 0, 4, 5, 0, 7, 0, 0, 10, 11, 0)}},
	kernelCase{name: "tril", what: "k = −1", dtypes: allDTypes, attrs: attrs(attr.I("k", -1)), in: []arg{v(sh(2, 2), 1, 1, 1, 1)}, out: []arg{v(sh(2, 2), 0, 0, 1, 0)}},
	kernelCase{name: "triu", what: "k = 1", dtypes: numericDTypes, attrs: attrs(attr.I("k", 1)), in: []arg{v(sh(3, 2), counted(6)...)}, out: []arg{v(sh(3, 2), 0, 2, 0, 0, 0, 0)}},
	kernelCase{name: "triu", what: "far", dtypes: allDTypes, attrs: attrs(attr.I("k", math.MinInt/2)), in: []arg{v(sh(2, 2), 1, 1, 1, 1)}, out: []arg{v(sh(2, 2), 1, 1, 1, 1)}},
	kernelCase{name: "diag", what: "above", dtypes: numericDTypes, attrs: attrs(attr.I("k", 1)), in: []arg{v(sh(2), 1, 2)}, out: []arg{v(sh(3, 3), 0, 1, 0, 0, 0, 2, 0, 0, 0)}},
	kernelCase{name: "diag", what: "batch", dtypes: numericDTypes, attrs: attrs(attr.I("k", -1)), in: []arg{v(sh(2, 1), 1, 2)}, out: []arg{v(sh(2, 2, 2), 0, 0, 1, 0, 0, 0, 2, 0)}},
	kernelCase{name: "diag_part", what: "main", dtypes: numericDTypes, in: []arg{v(sh(2, 2, 3), counted(12)...)}, out: []arg{v(sh(2, 2), 1, 5, 7, 11)}},
	kernelCase{name: "diag_part", what: "below", dtypes: numericDTypes, attrs: attrs(attr.I("k", -2)), in: []arg{v(sh(4, 3), counted(12)...)}, out: []arg{v(sh(2), 7, 11)}},
	kernelCase{name: "diag_part", what: "above", dtypes: allDTypes, attrs: attrs(attr.I("k", 1)), in: []arg{v(sh(2, 3), 0, 1, 0, 0, 0, 1)}, out: []arg{v(sh(2), 1, 1)}},

	kernelCase{name: "iota", what: "rows", dtypes: numericDTypes, attrs: attrs(attr.L("shape", sh(2, 3, 2)), attr.I("axis", 1)), out: []arg{v(sh(2, 3, 2), 0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2)}},
	kernelCase{name: "iota", what: "named dtype", dtypes: fixedDType, attrs: attrs(attr.L("shape", sh(3)), attr.I("axis", 0), attr.S("dtype", "float64")), out: []arg{v(sh(3), 0, 1, 2)}},
	kernelCase{name: "one_hot", what: "last", dtypes: allDTypes, attrs: attrs(attr.I("depth", 3), attr.I("axis", 1)),
		in: []arg{ints(sh(4), 2, 0, -1, 3)}, out: []arg{v(sh(4, 3), 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0)}},
	kernelCase{name: "one_hot", what: "first", dtypes: allDTypes, attrs: attrs(attr.I("depth", 2), attr.I("axis", 0)),
		in: []arg{ints(sh(3), 1, 0, 1).as(dtype.Int32)}, out: []arg{v(sh(2, 3), 0, 1, 0, 1, 0, 1)}},
	kernelCase{name: "pad", what: "constant", dtypes: numericDTypes, attrs: attrs(attr.L("low", sh(1, 0)), attr.L("high", sh(0, 2)), attr.F("value", 9)),
		in: []arg{v(sh(2, 2), 1, 2, 3, 4)}, out: []arg{v(sh(3, 4), 9, 9, 9, 9, 1, 2, 9, 9, 3, 4, 9, 9)}},
	kernelCase{name: "pad", what: "edge", dtypes: numericDTypes, attrs: attrs(attr.L("low", sh(1, 2)), attr.L("high", sh(1, 0)), attr.S("mode", "edge")),
		in: []arg{v(sh(2, 2), 1, 2, 3, 4)}, out: []arg{v(sh(4, 4), 1, 1, 1, 2, 1, 1, 1, 2, 3, 3, 3, 4, 3, 3, 3, 4)}},
	kernelCase{name: "pad", what: "reflect", dtypes: numericDTypes, attrs: attrs(attr.L("low", sh(5)), attr.L("high", sh(3)), attr.S("mode", "reflect")),
		in: []arg{v(sh(3), 1, 2, 3)}, out: []arg{v(sh(11), 2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2)}},
	kernelCase{name: "pad", what: "reflect one", dtypes: allDTypes, attrs: attrs(attr.L("low", sh(1)), attr.L("high", sh(1)), attr.S("mode", "reflect")),
		in: []arg{v(sh(1), 1)}, out: []arg{v(sh(3), 1, 1, 1)}},
	kernelCase{name: "pad", what: "scalar", dtypes: allDTypes, attrs: attrs(attr.L("low", sh()), attr.L("high", sh())), in: []arg{v(sh(), 1)}, out: []arg{v(sh(), 1)}},
)

// text names a type in the names of subtests.
func (t Type) text() string {
	s := t.DType.Short()
	for _, n := range t.Shape {
		s += "x" + string(rune('0'+n/10)) + string(rune('0'+n%10))
	}
	return s
}
