package stablehlo

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

// narrow is a type of elements that graphs do not have. Its numbers are held in a wider type: integers as they are, wrapped after every operation that may leave their range; unsigned ones of 64 bits as their bits in int64; half precision as float32,
// in which it is computed without rounding.
type narrow struct {
	name     string
	dtype    graph.DType // holds it
	bits     int
	unsigned bool
	pair     bool // a complex number, of which the last dimension holds both parts
}

// tensor is a type of the text.
type tensor struct {
	graph.Type
	in *narrow // nil: the elements are those of the type
}

var narrows = map[string]*narrow{}

func init() {
	for _, n := range []*narrow{
		{"i2", graph.Int32, 2, false, false}, {"i4", graph.Int32, 4, false, false}, {"i8", graph.Int32, 8, false, false}, {"i16", graph.Int32, 16, false, false},
		{"ui2", graph.Int32, 2, true, false}, {"ui4", graph.Int32, 4, true, false}, {"ui8", graph.Int32, 8, true, false}, {"ui16", graph.Int32, 16, true, false}, {"ui32", graph.Int64, 32, true, false}, {"ui64", graph.Int64, 64, true, false},
		{"f16", graph.Float32, 16, false, false}, {"bf16", graph.Float32, 16, false, false}, {"complex<f64", graph.Float64, 128, false, true}, {"complex<f32", graph.Float32, 64, false, true},
	} {
		narrows[n.name] = n
	}
}

// width is the number of bits of the elements of a value.
func width(d graph.DType, in *narrow) int {
	if in != nil {
		return in.bits
	}
	return 8 * d.Size()
}

// inRange are operations whose results are in the range of their type if the operands are: the others are wrapped.
var inRange = words("stablehlo.and stablehlo.or stablehlo.xor stablehlo.maximum stablehlo.minimum stablehlo.constant stablehlo.select stablehlo.reshape stablehlo.broadcast_in_dim stablehlo.transpose stablehlo.slice stablehlo.reverse " +
	"stablehlo.concatenate stablehlo.pad stablehlo.dynamic_slice stablehlo.dynamic_update_slice stablehlo.gather stablehlo.while stablehlo.case stablehlo.if stablehlo.sort stablehlo.optimization_barrier stablehlo.compare stablehlo.clamp " +
	"stablehlo.composite call func.call chlo.constant chlo.top_k")

// onBits are operations that do with numbers of ui64 what they do with the int64 of the same bits.
var onBits = words("stablehlo.and stablehlo.or stablehlo.xor stablehlo.not stablehlo.add stablehlo.subtract stablehlo.multiply stablehlo.negate stablehlo.shift_left stablehlo.shift_right_logical stablehlo.popcnt stablehlo.count_leading_zeros " +
	"stablehlo.constant stablehlo.iota stablehlo.select stablehlo.reshape stablehlo.broadcast_in_dim stablehlo.transpose stablehlo.slice stablehlo.reverse stablehlo.concatenate stablehlo.pad stablehlo.dynamic_slice stablehlo.dynamic_update_slice " +
	"stablehlo.gather stablehlo.while stablehlo.case stablehlo.if stablehlo.optimization_barrier stablehlo.composite call func.call stablehlo.bitcast_convert")

// onPairs are operations on complex numbers. But for complex, fft, real and imag they do the same with both parts.
var onPairs = words("stablehlo.fft stablehlo.real stablehlo.imag stablehlo.add stablehlo.subtract stablehlo.negate stablehlo.reshape stablehlo.while stablehlo.case stablehlo.if stablehlo.optimization_barrier stablehlo.composite call func.call return func.return stablehlo.return")

func words(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// checkNarrow refuses what the bits of ui64 do not tell.
func (c *call) checkNarrow() {
	for _, in := range c.kinds {
		if in != nil && in.pair && !onPairs[c.op.name] {
			c.fail("complex numbers are held as pairs of their parts, on which this operation is not supported")
		}
		if in == nil || in.name != "ui64" || onBits[c.op.name] {
			continue
		}
		if d := direction(c.op); c.op.name == "stablehlo.compare" && (d == "EQ" || d == "NE") {
			continue
		}
		if c.op.name == "stablehlo.convert" && c.out().DType.IsInt() {
			continue
		}
		c.fail("numbers of ui64 are held as their bits in int64, of which this operation would make something else")
	}
}

// result is the type of a result, as far as it is narrow.
func (op *operation) result(i, results int) *narrow {
	switch {
	case len(op.out) == results:
		return op.out[i].in
	case len(op.out) > 0 && results == 1:
		return op.out[len(op.out)-1].in
	}
	return nil
}

// wrapped brings integers into the range of their type.
func wrapped(x *graph.Node, in *narrow) *graph.Node {
	if in == nil || !in.dtype.IsInt() || in.bits == 8*in.dtype.Size() || !x.Valid() {
		return x
	}
	if in.unsigned {
		return graph.BitwiseAnd(x, graph.Like(x, float64(int64(1)<<in.bits-1)))
	}
	return signed(x, in.bits)
}

// signed takes the lowest bits as a number with a sign.
func signed(x *graph.Node, bits int) *graph.Node {
	by := graph.Like(x, float64(8*x.DType().Size()-bits))
	return graph.ShiftRight(graph.ShiftLeft(x, by), by)
}

// convert is the operation of that name: integers are wrapped, before they get a type that does not hold them.
func (c *call) convert() *graph.Node {
	c.need(1)
	x, to := c.in[0], c.out().DType
	if x.DType() == graph.Int64 && to == graph.Int32 {
		x = signed(x, 32)
	}
	return graph.Cast(x, to)
}

// bitsOf returns the bits of integers as an int64 that is not negative but for numbers of 64 bits.
func bitsOf(x *graph.Node, bits int) *graph.Node {
	x = graph.Cast(x, graph.Int64)
	if bits == 64 {
		return x
	}
	return graph.BitwiseAnd(x, graph.Like(x, float64(int64(1)<<bits-1)))
}

// ofBits is the number of a dtype that has the bits.
func ofBits(x *graph.Node, d graph.DType, bits int, unsigned bool) *graph.Node {
	if d == graph.Int32 && !unsigned {
		x = signed(x, bits)
	}
	return graph.Cast(x, d)
}

// shiftRightLogical moves bits, with zeros behind the last one.
func (c *call) shiftRightLogical() *graph.Node {
	c.need(2)
	c.same()
	x, in := c.in[0], c.kinds[0]
	if !x.DType().IsInt() {
		c.fail("bits of %v", x.DType())
	}
	bits := width(x.DType(), in)
	by := bitsOf(c.in[1], width(c.in[1].DType(), c.kinds[1]))
	v := bitsOf(x, bits)
	y := graph.ShiftRight(v, by)
	if bits == 64 {
		zeros := graph.Sub(graph.ShiftLeft(graph.Like(by, 1), graph.Sub(graph.Like(by, 64), by)), graph.Like(by, 1))
		y = graph.Where(graph.Equal(by, graph.Like(by, 0)), v, graph.BitwiseAnd(y, zeros))
	}
	outside := graph.LogicalOr(graph.Less(by, graph.Like(by, 0)), graph.GreaterEqual(by, graph.Like(by, float64(bits))))
	return ofBits(graph.Where(outside, graph.Like(y, 0), y), x.DType(), bits, in != nil && in.unsigned)
}

// population counts bits, eight at a time.
func population(x *graph.Node, bits int) *graph.Node {
	v := bitsOf(x, bits)
	like := func(f float64) *graph.Node { return graph.Like(v, f) }
	n := like(0)
	for from := 0; from < bits; from += 8 {
		b := graph.BitwiseAnd(graph.ShiftRight(v, like(float64(from))), like(255))
		b = graph.Sub(b, graph.BitwiseAnd(graph.ShiftRight(b, like(1)), like(0x55)))
		b = graph.Add(graph.BitwiseAnd(b, like(0x33)), graph.BitwiseAnd(graph.ShiftRight(b, like(2)), like(0x33)))
		n = graph.Add(n, graph.BitwiseAnd(graph.Add(b, graph.ShiftRight(b, like(4))), like(15)))
	}
	return graph.Cast(n, x.DType())
}

// countBits is popcnt, or count_leading_zeros: the bits behind the first one are set, and those that are not are counted.
func (c *call) countBits(leading bool) *graph.Node {
	c.need(1)
	x, bits := c.in[0], width(c.in[0].DType(), c.kinds[0])
	if !x.DType().IsInt() {
		c.fail("bits of %v", x.DType())
	}
	if !leading {
		return population(x, bits)
	}
	v := bitsOf(x, bits)
	negative := graph.Less(v, graph.Like(v, 0)) // 64 bits, the first of which is set
	for by := 1; by < bits; by *= 2 {
		v = graph.BitwiseOr(v, graph.ShiftRight(v, graph.Like(v, float64(by))))
	}
	n := graph.Sub(graph.Like(x, float64(bits)), graph.Cast(population(v, bits), x.DType()))
	return graph.Where(negative, graph.Like(n, 0), n)
}

// bitcast takes the bits of numbers for numbers of another type of the same size. NaNs become one.
func (c *call) bitcast() *graph.Node {
	c.need(1)
	x, in, to := c.in[0], c.kinds[0], c.op.result(0, 1)
	d := c.out().DType
	bits := width(x.DType(), in)
	if bits != width(d, to) || x.DType() == graph.Bool || d == graph.Bool || in != nil && !in.dtype.IsInt() || to != nil && !to.dtype.IsInt() {
		c.fail("the bits of %v for %v: types of 32 or 64 bits, or integers of one size, are read", x.Type(), c.out())
	}
	digits, bias := 23, 127 // of the mantissa
	if bits == 64 {
		digits, bias = 52, 1023
	}
	switch {
	case x.DType().IsInt() && d.IsInt():
		return ofBits(bitsOf(x, bits), d, bits, to != nil && to.unsigned)
	case x.DType().IsFloat() && d.IsFloat():
		return graph.Identity(x)
	case d.IsFloat():
		v := bitsOf(x, bits)
		like := func(f float64) *graph.Node { return graph.Like(v, f) }
		mantissa := graph.BitwiseAnd(v, like(float64(int64(1)<<digits-1)))
		exponent := graph.BitwiseAnd(graph.ShiftRight(v, like(float64(digits))), like(float64(2*bias+1)))
		normal := graph.Greater(exponent, like(0))
		m := graph.Cast(graph.Add(mantissa, graph.Where(normal, like(float64(int64(1)<<digits)), like(0))), d)
		y := graph.Ldexp(m, graph.Sub(graph.Max(exponent, like(1)), like(float64(bias+digits))))
		last := graph.Where(graph.Equal(mantissa, like(0)), graph.Like(y, math.Inf(1)), graph.Like(y, math.NaN()))
		y = graph.Where(graph.Equal(exponent, like(float64(2*bias+1))), last, y)
		negative := graph.NotEqual(graph.BitwiseAnd(graph.ShiftRight(v, like(float64(bits-1))), like(1)), like(0))
		return graph.Where(negative, graph.Neg(y), y)
	}
	a := graph.Abs(x)
	_, e := graph.Frexp(a)
	e = graph.Cast(e, graph.Int64)
	like := func(f float64) *graph.Node { return graph.Like(e, f) }
	least := float64(2 - bias) // the exponent of the least normal number, whose mantissa is less than 1
	normal := graph.GreaterEqual(e, like(least))
	shift := graph.Sub(like(float64(digits+1)), graph.Max(e, like(least)))
	half := graph.FloorDivide(shift, like(2)) // a power of two may be beyond the numbers, two of half its exponent are not
	m := graph.Cast(graph.Ldexp(graph.Ldexp(a, half), graph.Sub(shift, half)), graph.Int64)
	finite := graph.IsFinite(x)
	y := graph.Where(normal, graph.Add(graph.Sub(m, like(float64(int64(1)<<digits))), graph.ShiftLeft(graph.Add(e, like(float64(bias-1))), like(float64(digits)))), m)
	special := graph.Where(graph.IsNaN(x), like(float64(int64(2*bias+1)<<digits+int64(1)<<(digits-1))), like(float64(int64(2*bias+1)<<digits)))
	zero := graph.Equal(x, graph.Like(x, 0))
	y = graph.Where(finite, graph.Where(zero, like(0), y), special)
	negative := graph.Less(graph.Copysign(graph.Like(x, 1), x), graph.Like(x, 0))
	y = graph.Where(graph.LogicalAnd(negative, graph.LogicalNot(graph.IsNaN(x))), graph.BitwiseOr(y, graph.ShiftLeft(like(1), like(float64(bits-1)))), y)
	return ofBits(y, d, bits, to != nil && to.unsigned)
}

// complexPair is complex: the parts become a last dimension.
func (c *call) complexPair() *graph.Node {
	c.need(2)
	c.same()
	if c.s.lifted {
		c.fail("complex numbers in a function that is applied to elements")
	}
	return graph.Stack(c.in[0].Shape().Rank(), c.in...)
}

// part takes one part of complex numbers; real numbers are their real part.
func (c *call) part(k int) *graph.Node {
	c.need(1)
	x := c.in[0]
	if in := c.kinds[0]; in != nil && in.pair {
		last := x.Shape().Rank() - 1
		return graph.Reshape(cut(x, last, k, k+1), x.Shape()[:last]...)
	}
	if k == 0 {
		return graph.Identity(x)
	}
	return graph.FullLike(x, 0)
}

// fft transforms the last dimensions, as many as it has lengths.
func (c *call) fft() *graph.Node {
	c.need(1)
	x, in := c.in[0], c.kinds[0]
	kind, lengths := c.op.attributes["fft_type"].text, c.op.attributes["fft_length"].ints()
	if kind == "" {
		kind, lengths = c.op.attributes["type"].text, c.op.attributes["length"].ints()
	}
	shape := x.Shape()
	pair := in != nil && in.pair
	if pair {
		shape = shape[:len(shape)-1]
	}
	n := len(lengths)
	if n < 1 || n > len(shape) || pair != (kind != "RFFT") || !x.DType().IsFloat() {
		c.fail("%s of %v with the lengths %v", kind, x.Type(), lengths)
	}
	var axes []int
	for i, l := range lengths {
		axes = append(axes, len(shape)-n+i)
		if e := shape[axes[i]]; e != l && (kind != "IRFFT" || i < n-1 || l < 1 || e != l/2+1) {
			c.fail("%d numbers where %d are declared", e, l)
		}
	}
	first, last := axes[:n-1], axes[n-1]
	switch kind {
	case "FFT":
		return graph.FFT(x, axes...)
	case "IFFT":
		return graph.IFFT(x, axes...)
	case "RFFT":
		if x = graph.RFFT(x, last); n > 1 {
			x = graph.FFT(x, first...)
		}
		return x
	case "IRFFT":
		if n > 1 {
			x = graph.IFFT(x, first...)
		}
		return graph.IRFFT(x, lengths[n-1], last)
	}
	c.fail("the transform %q", kind)
	return nil
}

// parse reads an element that is narrow, in the bits of the type that holds it.
func (in *narrow) parse(e string) (uint64, error) {
	h, hexadecimal := strings.CutPrefix(e, "0x")
	switch {
	case in.pair:
		return 0, fmt.Errorf("a constant of %s>: make it of its parts", in.name)
	case hexadecimal:
		v, err := strconv.ParseUint(h, 16, in.bits)
		return in.hold(v), err
	case !in.dtype.IsInt():
		v, err := strconv.ParseFloat(e, 32)
		return uint64(math.Float32bits(float32(v))), err
	case in.unsigned:
		return strconv.ParseUint(e, 0, in.bits)
	}
	v, err := strconv.ParseInt(e, 0, in.bits)
	return uint64(v), err
}

// hold returns the bits of the type that holds a number of the given bits.
func (in *narrow) hold(v uint64) uint64 {
	switch {
	case in.name == "bf16":
		return v << 16
	case in.name == "f16":
		return uint64(math.Float32bits(dtype.Half(uint16(v))))
	case in.unsigned:
		return v
	}
	by := 64 - in.bits
	return uint64(int64(v<<by) >> by)
}

// unpack reads elements from their bytes, in the bytes of the type that holds them.
func (in *narrow) unpack(data []byte) ([]byte, error) {
	size := in.bits / 8
	if in.pair || size == 0 || len(data)%size != 0 {
		return nil, fmt.Errorf("%d bytes of %s: print them as elements", len(data), in.name)
	}
	var all []byte
	for i := 0; i < len(data); i += size {
		var b [8]byte
		copy(b[:], data[i:i+size])
		all = appendBits(all, in.dtype, in.hold(binary.LittleEndian.Uint64(b[:])))
	}
	return all, nil
}

// appendBits appends an element.
func appendBits(to []byte, d graph.DType, bits uint64) []byte {
	switch d.Size() {
	case 8:
		return binary.LittleEndian.AppendUint64(to, bits)
	case 4:
		return binary.LittleEndian.AppendUint32(to, uint32(bits))
	}
	return append(to, byte(bits))
}
