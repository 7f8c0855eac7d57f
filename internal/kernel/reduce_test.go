package kernel

import (
	"math"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// naiveReduce folds f over the axes of x, one element after another.
func naiveReduce(x arg, axes []int, keep bool, start float64, f func(a, b float64) float64) arg {
	res := v(shape.Reduced(x.shape, axes, keep))
	full := shape.Reduced(x.shape, axes, true)
	strides := shape.Strides(full)
	res.vals = slices.Repeat([]float64{start}, shape.Size(full))
	at := make([]int, len(x.shape))
	for _, e := range x.vals {
		o := 0
		for d, i := range at {
			if !slices.Contains(axes, d) {
				o += i * strides[d]
			}
		}
		res.vals[o] = f(res.vals[o], e)
		for d := len(at) - 1; d >= 0; d-- {
			if at[d]++; at[d] < x.shape[d] {
				break
			}
			at[d] = 0
		}
	}
	return res
}

func reduceCases() []kernelCase {
	var out []kernelCase
	for _, c := range []struct {
		shape, axes []int
		keep        bool
	}{
		{sh(), sh(), false},
		{sh(1), sh(0), true},
		{sh(5), sh(0), false},
		{sh(1300), sh(0), true},
		{sh(3, 17), sh(1), false},
		{sh(3, 17), sh(0), true},
		{sh(3, 17), sh(1, 0), false},
		{sh(200, 3), sh(0), false},
		{sh(70, 300), sh(0), false},
		{sh(2, 130, 40), sh(1), false},
		{sh(3, 4, 5), sh(1), false},
		{sh(3, 4, 5), sh(0, 2), true},
		{sh(2, 3, 4, 5), sh(0, 2), false},
		{sh(2, 3, 4, 5), sh(1, 3), false},
		{sh(2, 1, 4, 1), sh(1), false},
		{sh(2, 3), sh(), false},
		{sh(1, 1), sh(0, 1), false},
	} {
		x := v(c.shape, spread(uint64(shape.Size(c.shape)), shape.Size(c.shape))...)
		signs := v(c.shape, slices.Clone(x.vals)...)
		truth := bools(c.shape, slices.Clone(x.vals)...)
		for i, e := range x.vals {
			signs.vals[i] = 1
			if e < 0 {
				signs.vals[i] = -1
			}
			if i%7 == 3 && e == 9 {
				signs.vals[i] = 0
			}
			truth.vals[i] = 0
			if e > 6 {
				truth.vals[i] = 1
			}
		}
		a := attrs(attr.L("axes", c.axes), attr.B("keepdims", c.keep))
		what := x.typ(dtype.Float64).text()
		for _, k := range []struct {
			name  string
			x     arg
			start float64
			f     func(a, b float64) float64
		}{
			{"reduce_sum", x, 0, func(a, b float64) float64 { return a + b }},
			{"reduce_prod", signs, 1, func(a, b float64) float64 { return a * b }},
			{"reduce_max", x, -100, func(a, b float64) float64 { return max(a, b) }},
			{"reduce_min", x, 100, func(a, b float64) float64 { return min(a, b) }},
		} {
			out = append(out, kernelCase{name: k.name, what: what, dtypes: numericDTypes, in: []arg{k.x}, attrs: a,
				out: []arg{naiveReduce(k.x, c.axes, c.keep, k.start, k.f)}, tol: 1e-300})
		}
		out = append(out,
			kernelCase{name: "reduce_any", what: what, dtypes: fixedDType, in: []arg{truth}, attrs: a,
				out: []arg{naiveReduce(truth, c.axes, c.keep, 0, func(a, b float64) float64 { return max(a, b) }).as(dtype.Bool)}},
			kernelCase{name: "reduce_all", what: what, dtypes: fixedDType, in: []arg{truth}, attrs: a,
				out: []arg{naiveReduce(truth, c.axes, c.keep, 1, func(a, b float64) float64 { return min(a, b) }).as(dtype.Bool)}})
	}
	return out
}

var (
	nan = math.NaN()
	inf = math.Inf(1)
	nz  = math.Copysign(0, -1)
)

var _ = addCases(reduceCases()...)

var _ = addCases(
	kernelCase{name: "reduce_all", what: "all true", dtypes: fixedDType, attrs: attrs(attr.L("axes", sh(1))), in: []arg{bools(sh(2, 2), 1, 1, 1, 0)}, out: []arg{bools(sh(2), 1, 0)}},
	kernelCase{name: "reduce_max", what: "special", dtypes: floatDTypes, attrs: attrs(attr.L("axes", sh(1))),
		in: []arg{v(sh(4, 3), 1, nan, 2, nz, 0, nz, -inf, -inf, -inf, 1, inf, 0)}, out: []arg{v(sh(4), nan, 0, -inf, inf)}},
	kernelCase{name: "reduce_min", what: "special", dtypes: floatDTypes, attrs: attrs(attr.L("axes", sh(0))),
		in: []arg{v(sh(3, 4), 1, 0, inf, 1, nan, nz, inf, -inf, 2, 0, inf, 0)}, out: []arg{v(sh(4), nan, nz, inf, -inf)}},
	kernelCase{name: "reduce_sum", what: "special", dtypes: floatDTypes, attrs: attrs(attr.L("axes", sh(1))),
		in: []arg{v(sh(3, 2), inf, -inf, 1, inf, nz, nz)}, out: []arg{v(sh(3), nan, inf, 0)}},
	kernelCase{name: "norm_of_squares", what: "rows whose squares left the range", dtypes: floatDTypes, attrs: attrs(attr.L("axes", sh(1))),
		in: []arg{v(sh(6, 2), 3, 4, 3, 4, 0x3p-100, -0x4p-100, 0, nz, inf, -1, nan, 1), v(sh(6), 25, inf, 0, 0, inf, nan)}, out: []arg{v(sh(6), 5, 5, 0x5p-100, 0, inf, nan)}},
	kernelCase{name: "norm_of_squares", what: "columns whose squares left the range", dtypes: floatDTypes, attrs: attrs(attr.L("axes", sh(0)), attr.B("keepdims", true)),
		in: []arg{v(sh(2, 2), 0x3p-100, 3, 0x4p-100, 4), v(sh(1, 2), 0, 25)}, out: []arg{v(sh(1, 2), 0x5p-100, 5)}},
	kernelCase{name: "reduce_sum", what: "kept sign", dtypes: floatDTypes, attrs: attrs(attr.L("axes", sh())), in: []arg{v(sh(1), nz)}, out: []arg{v(sh(1), nz)}},
	kernelCase{name: "reduce_sum", what: "wraps", dtypes: []dtype.DType{dtype.Int32}, attrs: attrs(attr.L("axes", sh(0))), in: []arg{v(sh(2), math.MaxInt32, 1)}, out: []arg{v(sh(), math.MinInt32)}},
	kernelCase{name: "reduce_prod", what: "magnitudes", dtypes: numericDTypes, attrs: attrs(attr.L("axes", sh(0))), in: []arg{v(sh(4, 2), 1, 2, 3, 4, 5, 6, 7, 8)}, out: []arg{v(sh(2), 105, 384)}},
	kernelCase{name: "argmax", what: "rows", dtypes: numericDTypes, attrs: attrs(attr.I("axis", 1)), in: []arg{v(sh(2, 3), 1, 3, 3, -1, -2, -1)}, out: []arg{ints(sh(2), 1, 0)}},
	kernelCase{name: "argmax", what: "columns", dtypes: numericDTypes, attrs: attrs(attr.I("axis", 0), attr.B("keepdims", true)), in: []arg{v(sh(2, 3), 1, 3, 3, 2, -2, 3)}, out: []arg{ints(sh(1, 3), 1, 0, 0)}},
	kernelCase{name: "argmax", what: "NaN", dtypes: floatDTypes, attrs: attrs(attr.I("axis", 0)), in: []arg{v(sh(4), 1, nan, inf, nan)}, out: []arg{ints(sh(), 1)}},
	kernelCase{name: "argmax", what: "NaN first", dtypes: floatDTypes, attrs: attrs(attr.I("axis", 0)), in: []arg{v(sh(2), nan, inf)}, out: []arg{ints(sh(), 0)}},
	kernelCase{name: "argmin", what: "middle axis", dtypes: numericDTypes, attrs: attrs(attr.I("axis", 1)), in: []arg{v(sh(2, 2, 2), 1, 2, 0, 2, 5, 4, 5, 3)}, out: []arg{ints(sh(2, 2), 1, 0, 0, 1)}},
	kernelCase{name: "argmin", what: "NaN", dtypes: floatDTypes, attrs: attrs(attr.I("axis", 0)), in: []arg{v(sh(3), 1, nan, -inf)}, out: []arg{ints(sh(), 1)}},
)

// TestReduceOrder holds the documented order of a sum against a plain transcription of it: of all elements, and of the runs of each of some channels.
func TestReduceOrder(t *testing.T) {
	blocksOf := func(run []float32) (blocks []float32) {
		for b := range slices.Chunk(run, micro.BlockLanes) {
			var acc [16]float32
			for i, e := range b {
				acc[i%16] += e
			}
			for h := 8; h > 0; h /= 2 {
				for j := range h {
					acc[j] += acc[j+h]
				}
			}
			blocks = append(blocks, acc[0])
		}
		return blocks
	}
	// Pairwise: whole powers of two from the left, then the rest from the right.
	var tree func(b []float32) float32
	tree = func(b []float32) float32 {
		if len(b) == 1 {
			return b[0]
		}
		h := 1
		for h*2 < len(b) {
			h *= 2
		}
		return tree(b[:h]) + tree(b[h:])
	}
	check := func(shape, axes []int, n, channels int) {
		in, out := newTensor(Type{dtype.Float32, shape}), newTensor(Type{dtype.Float32, sh(channels)})
		for i := range in.F32 {
			in.F32[i] = float32(math.Sin(float64(i)*1.7)) * float32(math.Exp(float64(i%13)))
		}
		k := Lookup("reduce_sum")
		if err := k.Run(prepareCall(k, []Tensor{in}, []Tensor{out}, attrs(attr.L("axes", axes)))); err != nil {
			t.Fatal(err)
		}
		runs := make([][]float32, channels)
		for i, at := 0, in.F32; len(at) > 0; i, at = (i+1)%channels, at[n:] {
			runs[i] = append(runs[i], tree(blocksOf(at[:n])))
		}
		for i, r := range runs {
			var sums []float32
			for block := range slices.Chunk(r, rowBlock) {
				sum := float32(0)
				for _, v := range block {
					sum += v
				}
				sums = append(sums, sum)
			}
			if want := tree(sums); out.F32[i] != want {
				t.Errorf("channel %d of %v: %v, want %v", i, shape, out.F32[i], want)
				return
			}
		}
	}
	for _, n := range []int{1, 7, 8, 9, 511, 512, 513, 2000, 5000} {
		check(sh(1, n), sh(1), n, 1)
	}
	for _, n := range []int{2, 9, 16, 49, 511, 512, 513, 1024, 1100, 1600, beside - 1, beside, 2500} {
		for _, rows := range []int{2, 3, 7, 64, 131} {
			for _, channels := range []int{2, 5, 260} {
				if n*rows*channels < 1<<21 {
					check(sh(rows, channels, n), sh(0, 2), n, channels)
				}
			}
		}
	}
}

// TestArgLines finds places in lines of several pieces, with ties within and across pieces, zeros of both signs, infinities and NaN.
func TestArgLines(t *testing.T) {
	const rows = 40
	for _, n := range []int{1, 127, 128, 129, 300, 1000} {
		for _, name := range []string{"argmax", "argmin"} {
			in, out := newTensor(Type{dtype.Float64, sh(rows, n)}), newTensor(Type{dtype.Int64, sh(rows)})
			for i := range in.F64 {
				in.F64[i] = float64(i*i*7919%(n/2+3)) - float64(n/4)
				switch i * 31 % 977 {
				case 0:
					in.F64[i] = math.Inf(i%2*2 - 1)
				case 1:
					in.F64[i] = math.Copysign(0, -1)
				case 2:
					if i/n%4 == 3 {
						in.F64[i] = math.NaN()
					}
				}
			}
			k := Lookup(name)
			if err := k.Run(prepareCall(k, []Tensor{in}, []Tensor{out}, attrs(attr.I("axis", 1)))); err != nil {
				t.Fatal(err)
			}
			for r := range rows {
				line, want := in.F64[r*n:(r+1)*n], 0
				for i, v := range line {
					b := line[want]
					if b == b && (v != v || name == "argmax" && v > b || name == "argmin" && v < b) {
						want = i
					}
				}
				if out.I64[r] != int64(want) {
					t.Errorf("%s of %d elements, row %d: %d, want %d", name, n, r, out.I64[r], want)
				}
			}
		}
	}
}

// TestColumnSumAccuracy sums long columns in float32: pairwise combination keeps the error far below that of one chain.
func TestColumnSumAccuracy(t *testing.T) {
	const rows, cols = 100000, 3
	in, out := newTensor(Type{dtype.Float32, sh(rows, cols)}), newTensor(Type{dtype.Float32, sh(cols)})
	want := 0.0
	for i := range rows {
		e := float32(0.1) + float32(i%7)
		want += float64(e)
		for j := range cols {
			in.F32[i*cols+j] = e
		}
	}
	k := Lookup("reduce_sum")
	if err := k.Run(prepareCall(k, []Tensor{in}, []Tensor{out}, attrs(attr.L("axes", sh(0))))); err != nil {
		t.Fatal(err)
	}
	for j, g := range out.F32 {
		if e := math.Abs(float64(g)-want) / want; e > 1e-6 {
			t.Errorf("column %d: relative error %g", j, e)
		}
	}
}
