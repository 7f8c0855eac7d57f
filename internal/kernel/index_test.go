package kernel

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

var axis0, axis1 = attrs(attr.I("axis", 0)), attrs(attr.I("axis", 1))

var _ = addCases(
	kernelCase{name: "gather", what: "rows", dtypes: numericDTypes, attrs: axis0, in: []arg{v(sh(3, 2), counted(6)...), ints(sh(2, 2), 2, 0, -1, 1)},
		out: []arg{v(sh(2, 2, 2), 5, 6, 1, 2, 5, 6, 3, 4)}},
	kernelCase{name: "gather", what: "columns", dtypes: numericDTypes, attrs: axis1, in: []arg{v(sh(2, 3), counted(6)...), ints(sh(2), 2, -3).as(dtype.Int32)},
		out: []arg{v(sh(2, 2), 3, 1, 6, 4)}},
	kernelCase{name: "gather", what: "scalar index", dtypes: allDTypes, attrs: axis0, in: []arg{v(sh(3), 0, 1, 0), ints(sh(), 1)}, out: []arg{v(sh(), 1)}},
	kernelCase{name: "gather", what: "out of range", dtypes: numericDTypes, attrs: axis1, in: []arg{v(sh(2, 3), counted(6)...), ints(sh(2), 2, 3)},
		out: []arg{v(sh(2, 2))}, err: "index 3 (element 1 of the indices) is out of range for the extent 3 of axis 1"},
	kernelCase{name: "gather", what: "far out", dtypes: fixedDType, attrs: axis0, in: []arg{v(sh(3), 1, 2, 3), ints(sh(), -1<<63)}, out: []arg{v(sh())}, err: fmt.Sprint("index ", math.MinInt)},
	kernelCase{name: "scatter_add", what: "rows", dtypes: numericDTypes, attrs: attrs(attr.I("axis", 0), attr.L("shape", sh(3, 2))),
		in: []arg{ints(sh(3), 2, 0, -1), v(sh(3, 2), 1, 2, 3, 4, 5, 6)}, out: []arg{v(sh(3, 2), 3, 4, 0, 0, 6, 8)}},
	kernelCase{name: "scatter_add", what: "columns", dtypes: numericDTypes, attrs: attrs(attr.I("axis", 1), attr.L("shape", sh(2, 3))),
		in: []arg{ints(sh(2, 1), 2, 2), v(sh(2, 2, 1), 1, 2, 3, 4)}, out: []arg{v(sh(2, 3), 0, 0, 3, 0, 0, 7)}},
	kernelCase{name: "scatter_add", what: "out of range", dtypes: numericDTypes, attrs: attrs(attr.I("axis", 0), attr.L("shape", sh(2))),
		in: []arg{ints(sh(1), -3), v(sh(1), 1)}, out: []arg{v(sh(2))}, err: "index -3"},
	kernelCase{name: "scatter_set", what: "last wins", dtypes: numericDTypes, attrs: axis0, in: []arg{v(sh(3), 1, 2, 3), ints(sh(3), 1, 1, -1), v(sh(3), 7, 8, 9)}, out: []arg{v(sh(3), 1, 8, 9)}},
	kernelCase{name: "scatter_set", what: "bool", dtypes: allDTypes, attrs: axis1, in: []arg{v(sh(2, 2), 1, 1, 0, 0), ints(sh(1), 1), v(sh(2, 1), 0, 1)}, out: []arg{v(sh(2, 2), 1, 0, 0, 1)}},
	kernelCase{name: "scatter_set", what: "out of range", dtypes: allDTypes, attrs: axis0, in: []arg{v(sh(1), 1), ints(sh(1), 1), v(sh(1), 0)}, out: []arg{v(sh(1))}, err: "index 1"},
	kernelCase{name: "scatter_add_to", what: "repeated", dtypes: numericDTypes, attrs: axis0, in: []arg{v(sh(2, 2), 1, 2, 3, 4), ints(sh(2), 1, 1), v(sh(2, 2), 2, 3, 5, 7)}, out: []arg{v(sh(2, 2), 1, 2, 10, 14)}},
	kernelCase{name: "scatter_mul", what: "repeated", dtypes: numericDTypes, attrs: axis0, in: []arg{v(sh(2, 2), 1, 2, 3, 4), ints(sh(2), 1, 1), v(sh(2, 2), 2, 3, 5, 7)}, out: []arg{v(sh(2, 2), 1, 2, 30, 84)}},
	kernelCase{name: "scatter_max", what: "columns", dtypes: numericDTypes, attrs: axis1, in: []arg{v(sh(2, 2), 1, 2, 3, 4), ints(sh(2), 0, 0), v(sh(2, 2), 2, 0, 5, 7)}, out: []arg{v(sh(2, 2), 2, 2, 7, 4)}},
	kernelCase{name: "scatter_max", what: "NaN", dtypes: floatDTypes, attrs: axis0, in: []arg{v(sh(2), 1, nan), ints(sh(2), 0, 1), v(sh(2), nan, 3)}, out: []arg{v(sh(2), nan, nan)}},
	kernelCase{name: "scatter_min", what: "rows", dtypes: numericDTypes, attrs: axis0, in: []arg{v(sh(2), 4, 5), ints(sh(2), 0, 0), v(sh(2), 3, 2)}, out: []arg{v(sh(2), 2, 5)}},
	kernelCase{name: "scatter_min", what: "out of range", dtypes: numericDTypes, attrs: axis0, in: []arg{v(sh(2), 4, 5), ints(sh(1), 2), v(sh(1), 3)}, out: []arg{v(sh(2))}, err: "extent 2 of axis 0"},
	kernelCase{name: "take_along_axis", what: "columns", dtypes: numericDTypes, attrs: axis1, in: []arg{v(sh(2, 3), counted(6)...), ints(sh(2, 2), 2, -3, 1, 1)}, out: []arg{v(sh(2, 2), 3, 1, 5, 5)}},
	kernelCase{name: "take_along_axis", what: "rows", dtypes: numericDTypes, attrs: axis0, in: []arg{v(sh(2, 3), counted(6)...), ints(sh(1, 3), 1, 0, -1)}, out: []arg{v(sh(1, 3), 4, 2, 6)}},
	kernelCase{name: "take_along_axis", what: "out of range", dtypes: allDTypes, attrs: axis0, in: []arg{v(sh(2), 0, 1), ints(sh(1), 2)}, out: []arg{v(sh(1))}, err: "index 2"},
	kernelCase{name: "scatter_along_axis_add", what: "columns", dtypes: numericDTypes, attrs: attrs(attr.I("axis", 1), attr.L("shape", sh(2, 3))),
		in: []arg{ints(sh(2, 2), 2, -3, 1, 1), v(sh(2, 2), 1, 2, 3, 4)}, out: []arg{v(sh(2, 3), 2, 0, 1, 0, 7, 0)}},
	kernelCase{name: "scatter_along_axis_add", what: "out of range", dtypes: numericDTypes, attrs: attrs(attr.I("axis", 0), attr.L("shape", sh(2))),
		in: []arg{ints(sh(1), -3), v(sh(1), 1)}, out: []arg{v(sh(2))}, err: "index -3"},
	kernelCase{name: "dynamic_slice", what: "inside", dtypes: numericDTypes, attrs: attrs(attr.L("sizes", sh(2, 2))), in: []arg{v(sh(3, 4), counted(12)...), ints(sh(2), 1, 1)}, out: []arg{v(sh(2, 2), 6, 7, 10, 11)}},
	kernelCase{name: "dynamic_slice", what: "moved into range", dtypes: numericDTypes, attrs: attrs(attr.L("sizes", sh(2, 2))), in: []arg{v(sh(3, 4), counted(12)...), ints(sh(2), 1<<62, -5)}, out: []arg{v(sh(2, 2), 5, 6, 9, 10)}},
	kernelCase{name: "dynamic_slice", what: "bool", dtypes: allDTypes, attrs: attrs(attr.L("sizes", sh(1))), in: []arg{v(sh(2), 0, 1), ints(sh(1), 1).as(dtype.Int32)}, out: []arg{v(sh(1), 1)}},
	kernelCase{name: "dynamic_update_slice", what: "inside", dtypes: numericDTypes, in: []arg{v(sh(2, 3), counted(6)...), v(sh(1, 2), 8, 9), ints(sh(2), 1, 1)}, out: []arg{v(sh(2, 3), 1, 2, 3, 4, 8, 9)}},
	kernelCase{name: "dynamic_update_slice", what: "moved into range", dtypes: allDTypes, in: []arg{v(sh(3), 0, 0, 0), v(sh(2), 1, 1), ints(sh(1), 5)}, out: []arg{v(sh(3), 0, 1, 1)}},
)

// TestScatterSums holds sums of short and long parts, with few and many updates of an index, against sums in ascending order.
func TestScatterSums(t *testing.T) {
	for _, c := range [][4]int{ // before the axis, along it, behind it, indices
		{1, 5, 16, 3}, {1, 5, 16, 300}, {3, 5, 17, 300}, {2, 40, 64, 41}, {1, 400, 64, 290}, {1, 400, 33, 900}, {2, 3, 600, 260}, {1, 1, 1100, 700}, {3, 7, 3, 300}, {2, 1000, 1, 2000}, {1, 4, 20, 0},
	} {
		outer, n, inner, m := c[0], c[1], c[2], c[3]
		for _, d := range numericDTypes {
			indices, updates, out := newTensor(Type{dtype.Int64, sh(m)}), newTensor(Type{d, sh(outer, m, inner)}), newTensor(Type{d, sh(outer, n, inner)})
			for j := range m {
				indices.I64[j] = int64(j*j*7919%97*j%n) - int64(n*(j%2)) // from the end, too
			}
			for i := range updates.Size() {
				updates.setValue(i, float64(i*7919%1009)/8-60)
			}
			for i := range out.Size() {
				out.setValue(i, 77)
			}
			want := make([]float64, out.Size())
			for o := range outer {
				for j := range m {
					k := resolveIndex(int(indices.I64[j]), n)
					for i := range inner {
						to := &want[(o*n+k)*inner+i]
						*to += updates.value((o*m+j)*inner + i)
					}
				}
			}
			k := Lookup("scatter_add")
			if err := k.Run(prepareCall(k, []Tensor{indices, updates}, []Tensor{out}, attrs(attr.I("axis", 1), attr.L("shape", out.Shape)))); err != nil {
				t.Fatal(err)
			}
			for i, w := range want {
				if got := out.value(i); got != w { // sums of eighths are exact
					t.Fatalf("%v %v: element %d is %v, not %v", c, d, i, got, w)
				}
			}
			if m == 0 {
				continue
			}
			indices.I64[m/2] = int64(n)
			if err := k.Run(prepareCall(k, []Tensor{indices, updates}, []Tensor{out}, attrs(attr.I("axis", 1), attr.L("shape", out.Shape)))); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("element %d of", m/2)) {
				t.Fatalf("%v %v: %v", c, d, err)
			}
		}
	}
}

// TestGatherPieces takes parts by several pieces of the indices, and of what lies before the axis.
func TestGatherPieces(t *testing.T) {
	for _, c := range [][4]int{{1, 9, 1, 3 * reduceItem}, {reduceItem, 5, 1, 7}, {3, 11, 40, reduceItem / 16}, {700, 3, 17, 5}, {2, 2, 2 * reduceItem, 3}, {5, 3, 0, 4}, {3, 2, 4, 0}} {
		outer, n, inner, m := c[0], c[1], c[2], c[3]
		x, indices, out := newTensor(Type{dtype.Float32, sh(outer, n, inner)}), newTensor(Type{dtype.Int32, sh(m)}), newTensor(Type{dtype.Float32, sh(outer, m, inner)})
		for i := range x.F32 {
			x.F32[i] = float32(i)
		}
		for j := range indices.I32 {
			indices.I32[j] = int32(j*j*31%n - n*(j%2))
		}
		k := Lookup("gather")
		run := func() error { return k.Run(prepareCall(k, []Tensor{x, indices}, []Tensor{out}, axis1)) }
		if err := run(); err != nil {
			t.Fatal(err)
		}
		for i, got := range out.F32 {
			o, j := i/(m*inner), i/inner%m
			if want := x.F32[(o*n+resolveIndex(int(indices.I32[j]), n))*inner+i%inner]; got != want {
				t.Fatalf("%v: element %d is %v, not %v", c, i, got, want)
			}
		}
		if m < 4 {
			continue
		}
		for _, j := range []int{m - 1, m / 2} {
			indices.I32[j] = int32(n)
			if err := run(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("element %d of", j)) {
				t.Fatalf("%v: %v", c, err)
			}
		}
	}
}
