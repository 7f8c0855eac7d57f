package switches

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	defaults := Values{Native: true}
	for _, c := range []struct {
		environment string // separated by spaces
		want        Values
		err         string // a part of it
	}{
		{"", defaults, ""},
		{"PATH=/bin ADJOINT_SIMD= ADJOINT_NATIVE= ADJOINT_VERIFY=", defaults, ""},
		{"ADJOINT_SIMD=off ADJOINT_NATIVE=off ADJOINT_VERIFY=1", Values{SIMD: "off", Verify: true}, ""},
		{"ADJOINT_SIMD=avx2 ADJOINT_NATIVE=on ADJOINT_VERIFY=0", Values{SIMD: "avx2", Native: true}, ""},
		{"ADJOINT_SIMD=avx512", Values{SIMD: "avx512", Native: true}, ""},
		{"ADJOINT_SIMD=bogus", defaults, `sets ADJOINT_SIMD to "bogus": it is one of off, avx2, avx512`},
		{"ADJOINT_SIMD=AVX2", defaults, `"AVX2"`},
		{"ADJOINT_NATIVE=OFF", defaults, `sets ADJOINT_NATIVE to "OFF": it is one of off, on`},
		{"ADJOINT_NATIVE=0", defaults, `"0"`},
		{"ADJOINT_VERIFY=true", defaults, `sets ADJOINT_VERIFY to "true": it is one of 0, 1`},
		{"ADJOINT_SMID=off", defaults, "ADJOINT_SMID, which is no switch: did you mean ADJOINT_SIMD?"},
		{"ADJOINT_HOME=/x ADJOINTED=1", defaults, ""},
		{"ADJOINT_SIMD=bogus ADJOINT_VERIFY=1 ADJOINT_NATIVE=no", Values{Native: true, Verify: true}, `"no"`},
	} {
		got, err := Parse(strings.Fields(c.environment))
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %+v, %v; want %+v, %q", c.environment, got, err, c.want, c.err)
		}
	}
}
