package dtype

import "math"

// BFloat16 returns the value of the first 16 bits of a float32: a sign, eight bits of exponent and seven of mantissa.
func BFloat16(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) }

// ToHalf returns the number in binary16 nearest to v, of two the one with an even last bit; beyond 65520 an infinity. A NaN keeps its sign and the first bits of its payload, and is quiet.
func ToHalf(v float32) uint16 {
	b := math.Float32bits(v)
	sign, rest := uint16(b>>16)&0x8000, b&0x7fffffff
	switch {
	case rest > 0x7f800000:
		return sign | 0x7e00 | uint16(rest>>13)&0x1ff
	case rest >= 0x477ff000: // 65520
		return sign | 0x7c00
	case rest < 0x38800000: // below 2⁻¹⁴ the last place is 2⁻²⁴, that of ½
		return sign | uint16(math.Float32bits(math.Float32frombits(rest)+0.5)-0x3f000000)
	}
	rest -= 112 << 23
	return sign | uint16((rest+0xfff+rest>>13&1)>>13)
}

// ToBFloat16 returns the number in bfloat16 nearest to v, of two the one with an even last bit. A NaN keeps its sign and the first bits of its payload, and is quiet.
func ToBFloat16(v float32) uint16 {
	b := math.Float32bits(v)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// RoundToOdd returns v as a float32, or, where it is between two, the one of these whose last bit is odd: what is rounded from there to 16 bits is as if rounded from v.
func RoundToOdd(v float64) float32 {
	f := float32(v)
	if d := float64(f); d == v || v != v {
		return f
	} else if b := math.Float32bits(f); b&1 == 0 {
		if (d > v) == (v > 0) { // away from zero
			b--
		} else {
			b++
		}
		return math.Float32frombits(b)
	}
	return f
}
