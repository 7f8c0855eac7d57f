package kernel

import (
	"math"
	"sort"
	"testing"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

func scanAttrs(axis int, reverse, exclusive bool) attr.List {
	return attrs(attr.I("axis", axis), attr.B("reverse", reverse), attr.B("exclusive", exclusive))
}

var _ = addCases(
	kernelCase{name: "cumsum", what: "last", dtypes: numericDTypes, attrs: axis1, in: []arg{v(sh(2, 3), 1, 2, 3, 4, 5, 6)}, out: []arg{v(sh(2, 3), 1, 3, 6, 4, 9, 15)}},
	kernelCase{name: "cumsum", what: "reverse", dtypes: numericDTypes, attrs: scanAttrs(0, true, false), in: []arg{v(sh(2, 3), 1, 2, 3, 4, 5, 6)}, out: []arg{v(sh(2, 3), 5, 7, 9, 4, 5, 6)}},
	kernelCase{name: "cumsum", what: "exclusive", dtypes: numericDTypes, attrs: scanAttrs(0, false, true), in: []arg{v(sh(3), 1, 2, 3)}, out: []arg{v(sh(3), 0, 1, 3)}},
	kernelCase{name: "cumsum", what: "both", dtypes: numericDTypes, attrs: scanAttrs(1, true, true), in: []arg{v(sh(1, 3, 2), 1, 2, 3, 4, 5, 6)}, out: []arg{v(sh(1, 3, 2), 8, 10, 5, 6, 0, 0)}},
	kernelCase{name: "cumprod", what: "middle", dtypes: numericDTypes, attrs: axis1, in: []arg{v(sh(1, 3, 2), 1, 2, 3, 4, 5, 6)}, out: []arg{v(sh(1, 3, 2), 1, 2, 3, 8, 15, 48)}},
	kernelCase{name: "cumprod", what: "exclusive", dtypes: numericDTypes, attrs: scanAttrs(0, false, true), in: []arg{v(sh(3), 4, 2, 3)}, out: []arg{v(sh(3), 1, 4, 8)}},
	kernelCase{name: "cummax", what: "plain", dtypes: numericDTypes, attrs: axis0, in: []arg{v(sh(5), 1, 3, 2, 5, 4)}, out: []arg{v(sh(5), 1, 3, 3, 5, 5)}},
	kernelCase{name: "cummax", what: "NaN", dtypes: floatDTypes, attrs: axis0, in: []arg{v(sh(3), 1, nan, 2)}, out: []arg{v(sh(3), 1, nan, nan)}},
	kernelCase{name: "cummax", what: "exclusive", dtypes: floatDTypes, attrs: scanAttrs(0, false, true), in: []arg{v(sh(2), 1, 3)}, out: []arg{v(sh(2), -inf, 1)}},
	kernelCase{name: "cummin", what: "reverse", dtypes: numericDTypes, attrs: scanAttrs(0, true, false), in: []arg{v(sh(4), 3, 1, 2, 5)}, out: []arg{v(sh(4), 1, 1, 2, 5)}},
	kernelCase{name: "cumlogsumexp", what: "plain", dtypes: floatDTypes, attrs: axis0, in: []arg{v(sh(3), 0, 0, math.Log(2))}, out: []arg{v(sh(3), 0, math.Ln2, math.Log(4))}, tol: 1e-15},
	kernelCase{name: "cumlogsumexp", what: "large", dtypes: floatDTypes, attrs: axis1, in: []arg{v(sh(2, 2), 1000, 1000, -1000, -1000)}, out: []arg{v(sh(2, 2), 1000, 1000+math.Ln2, -1000, -1000+math.Ln2)}, tol: 1e-15},
	kernelCase{name: "cumlogsumexp", what: "special", dtypes: floatDTypes, attrs: axis0, in: []arg{v(sh(6), -inf, -inf, 3, inf, 2, nan)}, out: []arg{v(sh(6), -inf, -inf, 3, inf, inf, nan)}},
	kernelCase{name: "cumlogsumexp", what: "exclusive reverse", dtypes: floatDTypes, attrs: scanAttrs(0, true, true), in: []arg{v(sh(3), 7, 0, 0)}, out: []arg{v(sh(3), math.Ln2, 0, -inf)}, tol: 1e-15},

	kernelCase{name: "sort", what: "columns", dtypes: numericDTypes, attrs: axis0, in: []arg{v(sh(3, 2), 3, 1, 1, 2, 2, 0)}, out: []arg{v(sh(3, 2), 1, 0, 2, 1, 3, 2)}},
	kernelCase{name: "sort", what: "descending NaN", dtypes: floatDTypes, attrs: attrs(attr.I("axis", 0), attr.B("descending", true)), in: []arg{v(sh(4), 3, nan, inf, -inf)}, out: []arg{v(sh(4), nan, inf, 3, -inf)}},
	kernelCase{name: "sort", what: "ascending NaN", dtypes: floatDTypes, attrs: attrs(attr.I("axis", 0), attr.B("stable", true)), in: []arg{v(sh(5), 3, nan, 0, nz, -inf)}, out: []arg{v(sh(5), -inf, 0, nz, 3, nan)}},
	kernelCase{name: "argsort", what: "ties", dtypes: numericDTypes, attrs: axis1, in: []arg{v(sh(1, 5), 2, 1, 2, 1, 0)}, out: []arg{ints(sh(1, 5), 4, 1, 3, 0, 2)}},
	kernelCase{name: "argsort", what: "descending ties", dtypes: numericDTypes, attrs: attrs(attr.I("axis", 0), attr.B("descending", true)), in: []arg{v(sh(5), 2, 1, 2, 1, 0)}, out: []arg{ints(sh(5), 0, 2, 1, 3, 4)}},
	kernelCase{name: "top_k", what: "largest", dtypes: numericDTypes, attrs: attrs(attr.I("axis", 1), attr.I("k", 2)), in: []arg{v(sh(2, 4), 1, 4, 4, 2, 3, 0, 1, 2)},
		out: []arg{v(sh(2, 2), 4, 4, 3, 2), ints(sh(2, 2), 1, 2, 0, 3)}},
	kernelCase{name: "top_k", what: "smallest", dtypes: numericDTypes, attrs: attrs(attr.I("axis", 0), attr.I("k", 1), attr.B("smallest", true)), in: []arg{v(sh(3, 2), 1, 4, 4, 2, 3, 0)},
		out: []arg{v(sh(1, 2), 1, 0), ints(sh(1, 2), 0, 2)}},
	kernelCase{name: "searchsorted", what: "left", dtypes: numericDTypes, in: []arg{v(sh(4), 1, 2, 2, 5), v(sh(2, 3), 0, 1, 2, 3, 5, 6)}, out: []arg{ints(sh(2, 3), 0, 0, 1, 3, 3, 4)}},
	kernelCase{name: "searchsorted", what: "right", dtypes: numericDTypes, attrs: attrs(attr.B("right", true)), in: []arg{v(sh(4), 1, 2, 2, 5), v(sh(2, 3), 0, 1, 2, 3, 5, 6)}, out: []arg{ints(sh(2, 3), 0, 1, 3, 3, 4, 4)}},
	kernelCase{name: "searchsorted", what: "batch", dtypes: numericDTypes, in: []arg{v(sh(2, 2), 1, 3, 2, 4), v(sh(2, 2), 2, 4, 2, 3)}, out: []arg{ints(sh(2, 2), 1, 2, 0, 1)}},
	kernelCase{name: "searchsorted", what: "NaN", dtypes: floatDTypes, in: []arg{v(sh(3), 1, inf, nan), v(sh(), nan)}, out: []arg{ints(sh(), 2)}},

	kernelCase{name: "segment_sum", what: "rows", dtypes: numericDTypes, attrs: attrs(attr.I("num_segments", 3)), in: []arg{v(sh(3, 2), counted(6)...), ints(sh(3), 2, 0, 2)}, out: []arg{v(sh(3, 2), 3, 4, 0, 0, 6, 8)}},
	kernelCase{name: "segment_sum", what: "out of range", dtypes: numericDTypes, attrs: attrs(attr.I("num_segments", 3)), in: []arg{v(sh(1), 1), ints(sh(1), -1)}, out: []arg{v(sh(3))}, err: "segment -1 (element 0) is outside of [0, 3)"},
	kernelCase{name: "segment_prod", what: "vector", dtypes: numericDTypes, attrs: attrs(attr.I("num_segments", 3)), in: []arg{v(sh(4), 2, 3, 4, 5), ints(sh(4), 0, 0, 1, 0)}, out: []arg{v(sh(3), 30, 4, 1)}},
	kernelCase{name: "segment_max", what: "vector", dtypes: floatDTypes, attrs: attrs(attr.I("num_segments", 3)), in: []arg{v(sh(3), 2, 3, -1), ints(sh(3), 0, 0, 2).as(dtype.Int32)}, out: []arg{v(sh(3), 3, -inf, -1)}},
	kernelCase{name: "segment_min", what: "vector", dtypes: floatDTypes, attrs: attrs(attr.I("num_segments", 2)), in: []arg{v(sh(3), 2, 3, nan), ints(sh(3), 0, 0, 1)}, out: []arg{v(sh(2), 2, nan)}},
)

// TestSortAgainstStandard compares longer lines with many ties with the standard library.
func TestSortAgainstStandard(t *testing.T) {
	k := Lookup("argsort")
	for _, n := range []int{11, 12, 13, 24, 25, 500} {
		for _, descending := range []bool{false, true} {
			x := spread(uint64(n), n)
			want := make([]int, n)
			for i := range want {
				want[i] = i
			}
			sort.SliceStable(want, func(a, b int) bool {
				if descending {
					a, b = b, a
				}
				return x[want[a]] < x[want[b]]
			})
			in, out := newTensor(Type{dtype.Float64, sh(n)}), newTensor(Type{dtype.Int64, sh(n)})
			copy(in.F64, x)
			if err := k.Run(prepareCall(k, []Tensor{in}, []Tensor{out}, attrs(attr.I("axis", 0), attr.B("descending", descending)))); err != nil {
				t.Fatal(err)
			}
			for i, w := range want {
				if out.I64[i] != int64(w) {
					t.Fatalf("n = %d, descending %v: position %d holds %d, want %d", n, descending, i, out.I64[i], w)
				}
			}
		}
	}
}
