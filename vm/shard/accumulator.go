package shard

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/vm"
)

// A sum is Σ digit·2^(32·k − 1074), k from 0 on: 2^-1074 is the smallest float64, digits up to 66 hold 2^63 of the largest ones, and what a damaged file adds to that stays in the last ones.
const (
	exponent = 1074
	digits   = 69
	mask     = 1<<32 - 1
	// mostAdds bounds the numbers that are added before digits are carried: each adds less than 2^32 to a digit.
	mostAdds = 1 << 30
)

// What was added that is not finite.
const (
	plusInf = 1 << iota
	minusInf
	notANumber
)

// accumulator holds the exact sums of the elements of an array. All elements have the same digits, from low on, width of them: those that were needed so far, and one above that takes the carries and the sign.
type accumulator struct {
	name       string
	t          vm.Type
	size       int
	low, width int
	digits     []int64 // of an element one after another
	special    []uint8 // nil if all was finite
	adds       int
}

func newAccumulator(name string, t vm.Type) *accumulator {
	return &accumulator{name: name, t: t, size: t.Size()}
}

// reach makes room for digits from low up to end, the last of which takes carries.
func (a *accumulator) reach(low, end int) {
	if a.width > 0 {
		if low >= a.low && end <= a.low+a.width {
			return
		}
		low, end = min(low, a.low), max(end, a.low+a.width)
	}
	to := make([]int64, a.size*(end-low))
	for i := range a.size {
		copy(to[i*(end-low)+max(a.low-low, 0):], a.digits[i*a.width:(i+1)*a.width])
	}
	a.low, a.width, a.digits = low, end-low, to
}

// add adds ±m·2^(shift − 1074) to element i.
func (a *accumulator) add(i int, negative bool, m uint64, shift int) {
	k, s := shift>>5, uint(shift&31)
	if k < a.low || k+4 > a.low+a.width {
		a.reach(k, k+4)
	}
	d := a.digits[i*a.width+k-a.low:]
	d = d[:3]
	low, middle, high := int64(m<<s&mask), int64(m>>(32-s)&mask), int64(m>>(64-s))
	if negative {
		d[0] -= low
		d[1] -= middle
		d[2] -= high
		return
	}
	d[0] += low
	d[1] += middle
	d[2] += high
}

func (a *accumulator) addFloat(i int, x float64) {
	b := math.Float64bits(x)
	e, m := int(b>>52&0x7ff), b&(1<<52-1)
	switch {
	case e == 0x7ff:
		kind := uint8(plusInf)
		if m != 0 {
			kind = notANumber
		} else if b>>63 != 0 {
			kind = minusInf
		}
		a.mark(i, kind)
		return
	case e > 0:
		m |= 1 << 52
	case m == 0:
		return
	default:
		e = 1
	}
	a.add(i, b>>63 != 0, m, e-1)
}

func (a *accumulator) addInt(i int, x int64) {
	if x < 0 {
		a.add(i, true, -uint64(x), exponent)
	} else if x > 0 {
		a.add(i, false, uint64(x), exponent)
	}
}

func (a *accumulator) mark(i int, kind uint8) {
	if a.special == nil {
		a.special = make([]uint8, a.size)
	}
	a.special[i] |= kind
}

// addArray adds an array of the accumulator's type.
func (a *accumulator) addArray(v vm.Array) {
	a.count()
	switch x := v.Data.(type) {
	case []float64:
		for i, v := range x {
			a.addFloat(i, v)
		}
	case []float32:
		for i, v := range x {
			a.addFloat(i, float64(v))
		}
	case []int64:
		for i, v := range x {
			a.addInt(i, v)
		}
	case []int32:
		for i, v := range x {
			a.addInt(i, int64(v))
		}
	case []bool:
		for i, v := range x {
			if v {
				a.addInt(i, 1)
			}
		}
	}
}

// count notes that a number is about to be added to each element.
func (a *accumulator) count() {
	if a.adds++; a.adds >= mostAdds {
		for i := range a.size {
			a.carry(i)
		}
		a.adds = 1
	}
}

// merge adds the sums of b, which is of the same type.
func (a *accumulator) merge(b *accumulator) {
	for i, kind := range b.special {
		if kind != 0 {
			a.mark(i, kind)
		}
	}
	if b.width == 0 {
		return
	}
	a.count()
	a.reach(b.low, min(b.low+b.width+1, digits))
	for i := range a.size {
		b.carry(i)
		to := a.digits[i*a.width+b.low-a.low:]
		for j, v := range b.digits[i*b.width : (i+1)*b.width] {
			to[j] += v
		}
	}
}

// carry brings the digits of element i into 0 … 2^32−1, but for the last one, which has the sign.
func (a *accumulator) carry(i int) {
	d := a.digits[i*a.width : (i+1)*a.width]
	for j := range len(d) - 1 {
		d[j+1] += d[j] >> 32
		d[j] &= mask
	}
}

// magnitude returns the sign and the digits of the absolute value of element i, least first, in buffer: neither the first nor the last is 0. Low is the first one's place.
func (a *accumulator) magnitude(i int, buffer *[digits + 2]uint32) (negative bool, low int, d []uint32) {
	if a.width == 0 {
		return false, 0, nil
	}
	a.carry(i)
	from := a.digits[i*a.width : (i+1)*a.width]
	negative = from[len(from)-1] < 0
	var rest int64
	for j, v := range from {
		if negative {
			v = -v
		}
		v += rest
		buffer[j], rest = uint32(v), v>>32
	}
	n := len(from)
	for ; rest != 0 && n < len(buffer); n++ {
		buffer[n], rest = uint32(rest), rest>>32
	}
	d = buffer[:n]
	for len(d) > 0 && d[len(d)-1] == 0 {
		d = d[:len(d)-1]
	}
	low = a.low
	for len(d) > 0 && d[0] == 0 {
		d, low = d[1:], low+1
	}
	return negative, low, d
}

// float returns element i rounded to nearest, ties to even, to a number of the given bits of precision (53 or 24) whose least one is 2^least.
func (a *accumulator) float(i, precision, least int) float64 {
	if a.special != nil && a.special[i] != 0 {
		switch a.special[i] {
		case plusInf:
			return math.Inf(1)
		case minusInf:
			return math.Inf(-1)
		}
		return math.NaN()
	}
	var buffer [digits + 2]uint32
	negative, low, d := a.magnitude(i, &buffer)
	if len(d) == 0 {
		return 0
	}
	at := func(k int) uint64 {
		if k < 0 {
			return 0
		}
		return uint64(d[k])
	}
	// The leading 64 bits, and whether there is more.
	n := len(d)
	zeros := bits.LeadingZeros32(d[n-1])
	m := (at(n-1)<<32 | at(n-2)) << zeros
	below := at(n-3) << zeros
	m |= below >> 32
	more := below&mask != 0
	for k := n - 4; k >= 0 && !more; k-- {
		more = d[k] != 0
	}
	unit := 32*(low+n) - zeros - 64 - exponent // of m: the value is m·2^unit and what is more
	drop := max(64-precision, least-unit)
	var q uint64
	if drop <= 64 {
		var dropped uint64 // at the top
		if drop < 64 {
			q, dropped = m>>drop, m<<(64-drop)
		} else {
			dropped = m
		}
		const half = 1 << 63
		if dropped > half || dropped == half && (more || q&1 != 0) {
			q++
		}
	}
	v := math.Ldexp(float64(q), unit+drop) // exact, or infinite
	if precision == 24 {
		v = float64(float32(v)) // infinite from 2^128 on; below, exact
	}
	if negative {
		v = -v
	}
	return v
}

// integer returns element i as an int64; false if it is not one.
func (a *accumulator) integer(i int) (int64, bool) {
	var buffer [digits + 2]uint32
	negative, low, d := a.magnitude(i, &buffer)
	var m uint64
	for k, v := range d {
		shift := 32*(low+k) - exponent
		if shift < -31 || shift < 0 && v<<(32+shift) != 0 || shift >= 64 || shift > 32 && v>>(64-shift) != 0 {
			return 0, false
		}
		if shift < 0 {
			m |= uint64(v >> -shift)
		} else {
			m |= uint64(v) << shift
		}
	}
	if negative {
		return -int64(m), m <= 1<<63
	}
	return int64(m), m < 1<<63
}

var errRange = errors.New("the sum is beyond the range of int64")

// value returns the sums, rounded: of the accumulator's dtype, or of integers and bools int64.
func (a *accumulator) value() (vm.Array, error) {
	shape := append([]int(nil), a.t.Shape...)
	switch a.t.DType {
	case dtype.Float64:
		v := make([]float64, a.size)
		for i := range v {
			v[i] = a.float(i, 53, -1074)
		}
		return vm.Array{Shape: shape, Data: v}, nil
	case dtype.Float32:
		v := make([]float32, a.size)
		for i := range v {
			v[i] = float32(a.float(i, 24, -149))
		}
		return vm.Array{Shape: shape, Data: v}, nil
	}
	v := make([]int64, a.size)
	for i := range v {
		var ok bool
		if v[i], ok = a.integer(i); !ok {
			return vm.Array{}, fmt.Errorf("output %q, element %d: %w", a.name, i, errRange)
		}
	}
	return vm.Array{Shape: shape, Data: v}, nil
}
