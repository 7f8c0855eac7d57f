package dtype

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestBitsText(t *testing.T) {
	for _, c := range []struct {
		d    DType
		bits uint64
		text string
	}{
		{Float64, math.Float64bits(0.1), "0.1"},
		{Float64, math.Float64bits(1), "1"},
		{Float64, 1 << 63, "-0"},
		{Float64, 1, "5e-324"},
		{Float64, math.Float64bits(math.MaxFloat64), "1.7976931348623157e+308"},
		{Float64, math.Float64bits(math.Inf(1)), "+Inf"},
		{Float64, math.Float64bits(math.Inf(-1)), "-Inf"},
		{Float64, math.Float64bits(math.NaN()), "NaN"},
		{Float64, 0xfff8000000000000, "NaN(0xfff8000000000000)"},
		{Float64, 0x7ff0000000000001, "NaN(0x7ff0000000000001)"},
		{Float32, uint64(math.Float32bits(0.1)), "0.1"},
		{Float32, 1 << 31, "-0"},
		{Float32, 0x7fc00000, "NaN"},
		{Float32, 0x7f800001, "NaN(0x7f800001)"},
		{Int64, 1 << 63, "-9223372036854775808"},
		{Int32, 0x80000000, "-2147483648"},
		{Bool, 1, "true"},
		{Bool, 0, "false"},
	} {
		if got := FormatBits(c.d, c.bits); got != c.text {
			t.Errorf("FormatBits(%v, %#x) = %q, want %q", c.d, c.bits, got, c.text)
		}
		if got, err := ParseBits(c.d, c.text); err != nil || got != c.bits {
			t.Errorf("ParseBits(%v, %q) = %#x, %v, want %#x", c.d, c.text, got, err, c.bits)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		for _, d := range []DType{Float64, Float32, Int64, Int32} {
			bits := r.Uint64()
			if d.Size() == 4 {
				bits = uint64(uint32(bits))
			}
			if got, err := ParseBits(d, FormatBits(d, bits)); err != nil || got != bits {
				t.Fatalf("%v %#x is written as %q and read as %#x, %v", d, bits, FormatBits(d, bits), got, err)
			}
		}
	}
}

func TestBitsTextErrors(t *testing.T) {
	for _, c := range []struct {
		d    DType
		text string
	}{
		{Float64, ""}, {Float64, "-"}, {Float64, "."}, {Float64, "1e"}, {Float64, "0x10"}, {Float64, "1_0"}, {Float64, "inf"},
		{Float64, "1e999"}, {Float32, "1e39"}, {Float64, "nan"}, {Float64, "NaN(0x0)"}, {Float64, "NaN(0x7ff0000000000000)"},
		{Float32, "NaN(0x7ff8000000000001)"}, {Float64, "NaN(0x7ff8000000000001"}, {Int32, "2147483648"}, {Int64, "1.0"}, {Bool, "1"}, {Invalid, "1"},
	} {
		if got, err := ParseBits(c.d, c.text); err == nil {
			t.Errorf("ParseBits(%v, %q) = %#x, want an error", c.d, c.text, got)
		}
	}
}
