package onnx

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx/internal/pb"
)

// smallFloat is a format of floating-point numbers of 8 bits or less, which are held as float32: a sign, an exponent, and a fraction.
type smallFloat struct {
	width, digits int     // digits of a number, with the leading one
	least         int     // exponent of the smallest number with all digits
	most          float64 // the largest number
	codes         specialCodes
}

// specialCodes says which codes of a format are no finite numbers.
type specialCodes uint8

const (
	allFinite  specialCodes = iota
	oneNaN                  // all bits of exponent and fraction set
	infinities              // all bits of the exponent set, as in IEEE 754
	unsigned0               // −0, which is NaN
)

var smallFloats = map[kind]*smallFloat{
	kind(pb.TensorProto_FLOAT8E4M3FN):   {8, 4, -6, 448, oneNaN},
	kind(pb.TensorProto_FLOAT8E4M3FNUZ): {8, 4, -7, 240, unsigned0},
	kind(pb.TensorProto_FLOAT8E5M2):     {8, 3, -14, 57344, infinities},
	kind(pb.TensorProto_FLOAT8E5M2FNUZ): {8, 3, -15, 57344, unsigned0},
	kind(pb.TensorProto_FLOAT4E2M1):     {4, 2, 0, 6, allFinite},
}

// value returns the number with the given code.
func (f *smallFloat) value(code uint64) float32 {
	sign := code >> (f.width - 1) & 1
	magnitude := code & (1<<(f.width-1) - 1)
	exponent, fraction := int(magnitude>>(f.digits-1)), float64(magnitude&(1<<(f.digits-1)-1))
	v := math.Ldexp(fraction, f.least-f.digits+1)
	if exponent > 0 {
		v = math.Ldexp(1+math.Ldexp(fraction, 1-f.digits), f.least+exponent-1)
	}
	switch {
	case f.codes == oneNaN && v > f.most, f.codes == unsigned0 && magnitude == 0 && sign == 1, f.codes == infinities && v > f.most && fraction > 0:
		return float32(math.NaN())
	case f.codes == infinities && v > f.most:
		v = math.Inf(1)
	}
	if sign == 1 {
		v = -v
	}
	return float32(v)
}

// hold returns what the format holds of float32. Numbers beyond the largest one become that if they saturate, else infinite, or NaN.
func (f *smallFloat) hold(x *graph.Node, saturate bool) *graph.Node {
	most := graph.Like(x, f.most)
	r := rounded(x, f.digits, f.least, math.Inf(1))
	switch {
	case saturate || f.codes == allFinite:
		r = graph.Clip(r, graph.Neg(most), most)
	case f.codes == infinities:
		r = graph.Where(graph.Greater(graph.Abs(r), most), graph.Mul(graph.Sign(r), graph.Like(x, math.Inf(1))), r)
	default:
		r = graph.Where(graph.Greater(graph.Abs(r), most), graph.Like(x, math.NaN()), r)
	}
	switch f.codes {
	case unsigned0:
		r = graph.Add(r, graph.Like(x, 0))
	case allFinite:
		r = graph.Where(graph.IsNaN(x), graph.Like(x, 0), r)
	}
	return r
}
