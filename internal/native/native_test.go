package native

import (
	"errors"
	"testing"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/switches"
)

// TestAvailability holds that each reason for which native code is missing is told, and which level it has otherwise.
func TestAvailability(t *testing.T) {
	works, refused := func() error { return nil }, func() error { return errors.New("no such pages") }
	for _, c := range []struct {
		s      switches.Values
		least  cpu.Level
		level  cpu.Level
		probe  func() error
		reason string
		want   cpu.Level
	}{
		{switches.Values{Native: true}, cpu.AVX2, cpu.AVX512, works, "", cpu.AVX512},
		{switches.Values{Native: true}, cpu.AVX2, cpu.AVX2, works, "", cpu.AVX2},
		{switches.Values{Native: true, SIMD: "avx2"}, cpu.AVX2, cpu.AVX512, works, "", cpu.AVX2},
		{switches.Values{Native: true, SIMD: "avx512"}, cpu.AVX2, cpu.AVX2, works, "", cpu.AVX2},
		{switches.Values{Native: true, SIMD: "off"}, cpu.AVX2, cpu.AVX512, works, "switched off by ADJOINT_SIMD=off", cpu.Portable},
		{switches.Values{}, cpu.AVX2, cpu.AVX512, works, "switched off by ADJOINT_NATIVE=off", cpu.Portable},
		{switches.Values{Native: true}, cpu.AVX2, cpu.Portable, works, "the processor lacks AVX2, FMA or BMI2", cpu.Portable},
		{switches.Values{Native: true}, cpu.AVX2, cpu.AVX512, refused, "executable memory refused: no such pages", cpu.Portable},
		{switches.Values{Native: true}, cpu.NEON, cpu.NEON, works, "", cpu.NEON},
		{switches.Values{Native: true, SIMD: "avx2"}, cpu.NEON, cpu.NEON, works, "", cpu.NEON},
		{switches.Values{Native: true, SIMD: "off"}, cpu.NEON, cpu.NEON, works, "switched off by ADJOINT_SIMD=off", cpu.Portable},
	} {
		got := detectWith(c.s, c.least, c.level, c.probe)
		if want := (availability{ok: c.reason == "", reason: c.reason, level: c.want}); got != want {
			t.Errorf("%+v on %v: %+v, want %+v", c.s, c.level, got, want)
		}
	}
}
