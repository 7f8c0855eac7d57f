package cpu

import "testing"

func TestCapped(t *testing.T) {
	for _, c := range []struct {
		level Level
		simd  string
		want  Level
	}{
		{AVX512, "", AVX512}, {AVX512, "avx512", AVX512}, {AVX512, "avx2", AVX2}, {AVX512, "off", Portable},
		{AVX2, "avx512", AVX2}, {AVX2, "avx2", AVX2}, {AVX2, "off", Portable},
		{Portable, "avx512", Portable}, {Portable, "", Portable},
	} {
		if got := Capped(c.level, c.simd); got != c.want {
			t.Errorf("%v capped by %q is %v, want %v", c.level, c.simd, got, c.want)
		}
	}
	if Best() > Supported() {
		t.Errorf("%v is used, %v is supported", Best(), Supported())
	}
}
