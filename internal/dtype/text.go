package dtype

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// quietNaN64 and quietNaN32 are the bits that the text NaN stands for: those of math.NaN and of
// its conversion to float32.
const (
	quietNaN64 = 0x7ff8000000000001
	quietNaN32 = 0x7fc00000
)

// maxNumberText bounds the length of a number's text.
const maxNumberText = 1000

// FormatBits returns the element with the given bits as text that ParseBits reads back exactly: the
// shortest decimal for floats, −0 as -0, +Inf, -Inf, NaN, and NaN(0x7ff8000000000000) for a NaN with other
// bits than math.NaN has; true or false for bools. Bits beyond the dtype's size are ignored.
func FormatBits(d DType, bits uint64) string { return string(AppendBits(nil, d, bits)) }

// AppendBits appends the text of FormatBits.
func AppendBits(to []byte, d DType, bits uint64) []byte {
	switch d {
	case Float64:
		if v := math.Float64frombits(bits); v == v {
			return strconv.AppendFloat(to, v, 'g', -1, 64)
		} else if bits == quietNaN64 {
			return append(to, "NaN"...)
		}
		return fmt.Appendf(to, "NaN(0x%016x)", bits)
	case Float32:
		if v := math.Float32frombits(uint32(bits)); v == v {
			return strconv.AppendFloat(to, float64(v), 'g', -1, 32)
		} else if uint32(bits) == quietNaN32 {
			return append(to, "NaN"...)
		}
		return fmt.Appendf(to, "NaN(0x%08x)", uint32(bits))
	case Int64:
		return strconv.AppendInt(to, int64(bits), 10)
	case Int32:
		return strconv.AppendInt(to, int64(int32(bits)), 10)
	case Bool:
		return strconv.AppendBool(to, byte(bits) != 0)
	}
	return append(to, '?')
}

// ParseBits returns the bits of the element that the text gives. Floats are decimal numbers, rounded to nearest, or
// +Inf, -Inf and NaN as FormatBits writes them; a decimal beyond the largest float is an error. Integers must
// fit the dtype, bools are true or false.
func ParseBits(d DType, s string) (uint64, error) {
	if len(s) > maxNumberText {
		return 0, fmt.Errorf("a number of %d characters", len(s))
	}
	switch d {
	case Float64, Float32:
		return parseFloatBits(d, s)
	case Int64, Int32:
		if !decimal(s, false) {
			return 0, fmt.Errorf("%q is not an integer", s)
		}
		v, err := strconv.ParseInt(s, 10, 8*d.Size())
		if err != nil {
			return 0, fmt.Errorf("%s is out of the range of %v", s, d)
		}
		if d == Int32 {
			return uint64(uint32(v)), nil
		}
		return uint64(v), nil
	case Bool:
		switch s {
		case "true":
			return 1, nil
		case "false":
			return 0, nil
		}
		return 0, fmt.Errorf("%q is neither true nor false", s)
	}
	return 0, fmt.Errorf("no dtype")
}

func parseFloatBits(d DType, s string) (uint64, error) {
	of := func(v float64) uint64 {
		if d == Float32 {
			return uint64(math.Float32bits(float32(v)))
		}
		return math.Float64bits(v)
	}
	switch s {
	case "+Inf":
		return of(math.Inf(1)), nil
	case "-Inf":
		return of(math.Inf(-1)), nil
	case "NaN":
		if d == Float32 {
			return quietNaN32, nil
		}
		return quietNaN64, nil
	}
	if hex, ok := strings.CutPrefix(s, "NaN(0x"); ok {
		hex, closed := strings.CutSuffix(hex, ")")
		bits, err := strconv.ParseUint(hex, 16, 8*d.Size())
		isNaN := d == Float64 && math.IsNaN(math.Float64frombits(bits)) ||
			d == Float32 && math.IsNaN(float64(math.Float32frombits(uint32(bits))))
		if err != nil || !closed || len(hex) != 2*d.Size() || !isNaN {
			return 0, fmt.Errorf("%q does not give the %d hexadecimal digits of a NaN", s, 2*d.Size())
		}
		return bits, nil
	}
	if !decimal(s, true) {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	v, err := strconv.ParseFloat(s, 8*d.Size())
	if err != nil {
		return 0, fmt.Errorf("%s is beyond the range of %v: write +Inf or -Inf", s, d)
	}
	return of(v), nil
}

// decimal reports whether s is [+-] digits, with point and exponent if it may be a float.
func decimal(s string, float bool) bool {
	i, digits := 0, 0
	run := func() {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
			digits++
		}
	}
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	run()
	if float && i < len(s) && s[i] == '.' {
		i++
		run()
	}
	if digits == 0 {
		return false
	}
	if float && i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		digits = 0
		run()
		if digits == 0 {
			return false
		}
	}
	return i == len(s)
}
