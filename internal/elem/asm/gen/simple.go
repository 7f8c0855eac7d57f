package main

import (
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem/def"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// simpleKernels are the machine operations, written as lane operations.
func simpleKernels() []kernel {
	var list []kernel
	for _, t := range []dtype.DType{dtype.Float64, dtype.Float32} {
		one := func(op micro.Op, build func(b *def.Builder, x def.Ref) def.Ref) {
			b := def.NewBuilder(op.String(), op, t, 1)
			list = append(list, newKernel(b.Finish(build(b, b.Arg(0))), t))
		}
		two := func(op micro.Op, build func(b *def.Builder, x, y def.Ref) def.Ref) {
			b := def.NewBuilder(op.String(), op, t, 2)
			list = append(list, newKernel(b.Finish(build(b, b.Arg(0), b.Arg(1))), t))
		}
		two(micro.Add, (*def.Builder).Add)
		two(micro.Sub, (*def.Builder).Sub)
		two(micro.Mul, (*def.Builder).Mul)
		two(micro.Div, (*def.Builder).Div)
		three := func(op micro.Op, build func(b *def.Builder, x, y, z def.Ref) def.Ref) {
			b := def.NewBuilder(op.String(), op, t, 3)
			list = append(list, newKernel(b.Finish(build(b, b.Arg(0), b.Arg(1), b.Arg(2))), t))
		}
		three(micro.FMA, (*def.Builder).FMA)
		three(micro.FMS, (*def.Builder).FMS)
		three(micro.FNMA, (*def.Builder).FNMA)
		one(micro.Neg, (*def.Builder).Neg)
		one(micro.Abs, (*def.Builder).Abs)
		two(micro.Min, minimum)
		two(micro.Max, maximum)
		one(micro.Sign, func(b *def.Builder, x def.Ref) def.Ref {
			// ±1 where x is not 0 or NaN
			nonzero := b.MaskOr(b.Lt(x, b.K(0)), b.Lt(b.K(0), x))
			return b.Select(nonzero, b.Or(b.SignOf(x), b.K(1)), x)
		})
		two(micro.MulNoNan, func(b *def.Builder, x, y def.Ref) def.Ref {
			p := b.Mul(x, y)
			return b.Select(b.MaskAnd(b.Rare(b.IsNaN(p)), b.MaskOr(b.Eq(x, b.K(0)), b.Eq(y, b.K(0)))), b.K(0), p)
		})
		two(micro.Copysign, func(b *def.Builder, x, y def.Ref) def.Ref {
			return b.Or(b.Abs(x), b.SignOf(y))
		})
		one(micro.Floor, (*def.Builder).Floor)
		one(micro.Ceil, (*def.Builder).Ceil)
		one(micro.Trunc, (*def.Builder).Trunc)
		one(micro.Round, (*def.Builder).RoundEven)
		one(micro.Sqrt, (*def.Builder).Sqrt)

		// Comparisons: lanes 0 or 1, stored as bytes.
		compare := func(op micro.Op, args int, build func(b *def.Builder, x, y def.Ref) def.Ref) {
			b := def.NewBuilder(op.String(), op, t, args)
			x := b.Arg(0)
			y := x
			if args == 2 {
				y = b.Arg(1)
			}
			k := newKernel(b.Finish(b.Select(build(b, x, y), b.Bits(1), b.Bits(0))), t)
			k.outputs[0] = bools
			list = append(list, k)
		}
		compare(micro.Eq, 2, (*def.Builder).Eq)
		compare(micro.Ne, 2, (*def.Builder).Ne)
		compare(micro.Lt, 2, (*def.Builder).Lt)
		compare(micro.Le, 2, (*def.Builder).Le)
		compare(micro.Gt, 2, func(b *def.Builder, x, y def.Ref) def.Ref { return b.Lt(y, x) })
		compare(micro.Ge, 2, func(b *def.Builder, x, y def.Ref) def.Ref { return b.Le(y, x) })
		compare(micro.IsNaN, 1, (*def.Builder).Ne)
		compare(micro.IsFinite, 1, func(b *def.Builder, x, _ def.Ref) def.Ref { return b.Lt(b.Abs(x), b.Inf()) })

		s := def.NewBuilder("select", micro.Select, t, 3)
		k := newKernel(s.Finish(s.Select(s.Bit(s.Arg(0), 0), s.Arg(1), s.Arg(2))), t)
		k.inputs[0] = bools
		list = append(list, k)
	}
	for _, t := range []dtype.DType{dtype.Float64, dtype.Float32} {
		from := def.NewBuilder("cast_bool", micro.Cast, t, 1)
		k := newKernel(from.Finish(from.Select(from.Bit(from.Arg(0), 0), from.K(1), from.K(0))), t)
		k.inputs[0] = bools
		to := def.NewBuilder("cast_to_bool", micro.Cast, t, 1)
		k2 := newKernel(to.Finish(to.Select(to.Ne(to.Arg(0), to.K(0)), to.Bits(1), to.Bits(0))), t)
		k2.outputs[0] = bools
		list = append(list, k, k2)
	}
	return append(list, integerKernels()...)
}

// integerKernels are the operations on integers. They are written on bits: a comparison is the sign of a difference.
func integerKernels() []kernel {
	var list []kernel
	for _, t := range []dtype.DType{dtype.Int64, dtype.Int32} {
		lane, top := dtype.Float64, 63
		if t == dtype.Int32 {
			lane, top = dtype.Float32, 31
		}
		add := func(op micro.Op, args int, build func(b *def.Builder, x, y def.Ref) def.Ref) *kernel {
			b := def.NewBuilder(op.String(), op, lane, args)
			x := b.Arg(0)
			y := x
			if args == 2 {
				y = b.Arg(1)
			}
			list = append(list, newKernel(b.Finish(build(b, x, y)), t))
			return &list[len(list)-1]
		}
		// less is true where x < y: the sign of x − y, corrected where that overflows.
		less := func(b *def.Builder, x, y def.Ref) def.Ref {
			d := b.ISub(x, y)
			overflow := b.And(b.Xor(x, y), b.Xor(d, x))
			return b.Bit(b.Xor(d, overflow), top)
		}
		differ := func(b *def.Builder, x, y def.Ref) def.Ref {
			d := b.Xor(x, y)
			return b.Bit(b.Or(d, b.ISub(b.Bits(0), d)), top)
		}
		add(micro.Add, 2, (*def.Builder).IAdd)
		add(micro.Sub, 2, (*def.Builder).ISub)
		add(micro.Mul, 2, func(b *def.Builder, x, y def.Ref) def.Ref {
			if t == dtype.Int32 {
				return b.IMul(x, y)
			}
			cross := b.IAdd(b.MulU32(b.Shr(x, 32), y), b.MulU32(x, b.Shr(y, 32)))
			return b.IAdd(b.MulU32(x, y), b.Shl(cross, 32))
		})
		add(micro.Neg, 1, func(b *def.Builder, x, _ def.Ref) def.Ref { return b.ISub(b.Bits(0), x) })
		add(micro.Abs, 1, func(b *def.Builder, x, _ def.Ref) def.Ref {
			return b.Select(b.Bit(x, top), b.ISub(b.Bits(0), x), x)
		})
		add(micro.Min, 2, func(b *def.Builder, x, y def.Ref) def.Ref { return b.Select(less(b, x, y), x, y) })
		add(micro.Max, 2, func(b *def.Builder, x, y def.Ref) def.Ref { return b.Select(less(b, x, y), y, x) })
		compare := func(op micro.Op, build func(b *def.Builder, x, y def.Ref) def.Ref, yes, no uint64) {
			k := add(op, 2, func(b *def.Builder, x, y def.Ref) def.Ref {
				return b.Select(build(b, x, y), b.Bits(yes), b.Bits(no))
			})
			k.outputs[0] = bools
		}
		greater := func(b *def.Builder, x, y def.Ref) def.Ref { return less(b, y, x) }
		compare(micro.Eq, differ, 0, 1)
		compare(micro.Ne, differ, 1, 0)
		compare(micro.Lt, less, 1, 0)
		compare(micro.Ge, less, 0, 1)
		compare(micro.Gt, greater, 1, 0)
		compare(micro.Le, greater, 0, 1)
		for _, op := range def.Integers() {
			list = append(list, newKernel(def.Integer(op, t), t))
		}
	}
	return list
}

// minimum is the smaller; NaN if either is NaN, −0 below +0.
func minimum(b *def.Builder, x, y def.Ref) def.Ref {
	m := b.Select(b.Eq(x, y), b.Or(x, y), b.Min(x, y)) // Min gives y if either is NaN
	return b.Select(b.IsNaN(x), x, m)
}

// maximum is the larger; NaN if either is NaN, +0 above −0.
func maximum(b *def.Builder, x, y def.Ref) def.Ref {
	m := b.Select(b.Eq(x, y), b.And(x, y), b.Max(x, y))
	return b.Select(b.IsNaN(x), x, m)
}
