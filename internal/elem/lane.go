package elem

import "math"

// The lane operations of def that Go has no operator for. Generated code calls them.

// lower64 is MINPD: y unless x < y.
func lower64(x, y float64) float64 {
	if x < y {
		return x
	}
	return y
}

func upper64(x, y float64) float64 {
	if x > y {
		return x
	}
	return y
}

func lower32(x, y float32) float32 {
	if x < y {
		return x
	}
	return y
}

func upper32(x, y float32) float32 {
	if x > y {
		return x
	}
	return y
}

func select64(m bool, a, b uint64) uint64 {
	if m {
		b = a
	}
	return b
}

func select32(m bool, a, b uint32) uint32 {
	if m {
		b = a
	}
	return b
}

// scale64 returns p·2^k rounded once; see def.Scale for the bounds of p and k.
func scale64(p, k float64) float64 {
	sum := math.Float64bits(k + (3<<51 + 2*1023))
	h := sum >> 1
	return float64(float64(p*math.Float64frombits(h<<52)) * math.Float64frombits((sum-h)<<52))
}

func scale32(p, k float32) float32 {
	sum := math.Float32bits(k + (3<<22 + 2*127))
	h := sum >> 1
	return float32(float32(p*math.Float32frombits(h<<23)) * math.Float32frombits((sum-h)<<23))
}

// Flush returns x, or 0 of its sign if x is subnormal.
func Flush[T float32 | float64](x T) T {
	switch v := any(x).(type) {
	case float32:
		if u := math.Float32bits(v); u&(0xff<<23) == 0 {
			return T(math.Float32frombits(u & (1 << 31)))
		}
	case float64:
		if u := math.Float64bits(v); u&(0x7ff<<52) == 0 {
			return T(math.Float64frombits(u & (1 << 63)))
		}
	}
	return x
}

// FMA32 returns x·y + z rounded once.
func FMA32(x, y, z float32) float32 { return fma32(x, y, z) }

// fma32 returns x·y + z rounded once. The sum in float64 has an exact product; its
// second rounding is right unless it lies on a tie between two float32 or below
// their normal range.
func fma32(x, y, z float32) float32 {
	s := float64(float64(x)*float64(y)) + float64(z)
	u := math.Float64bits(s)
	if u&0x1fffffff == 0x10000000 || u&^(1<<63) < 0x3810000000000000 {
		return fma32Slow(x, y, z)
	}
	return float32(s)
}

// fma32Slow rounds the sum to odd first (Boldo and Melquiond, "When double rounding is odd", 2004).
func fma32Slow(x, y, z float32) float32 {
	p, c := float64(float64(x)*float64(y)), float64(z)
	s := p + c
	t := s - p
	e := (p - (s - t)) + (c - t)
	if e != 0 && e == e && math.Float64bits(s)&1 == 0 {
		if (e > 0) == (s > 0) {
			s = math.Float64frombits(math.Float64bits(s) + 1)
		} else {
			s = math.Float64frombits(math.Float64bits(s) - 1)
		}
	}
	return float32(s)
}
