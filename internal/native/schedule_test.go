package native

import (
	"math/rand/v2"
	"testing"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// TestShortenLives expects a program in two phases to need few temporaries.
func TestShortenLives(t *testing.T) {
	s, arena := twoPhaseProgram(1000)
	if s.TempHi-s.TempLo < 3000 {
		t.Fatalf("the program has %d temporaries only", s.TempHi-s.TempLo)
	}
	short := shortenLives(s, 2*len(arena))
	if n := short.TempHi - short.TempLo; n > 100 || len(short.Code) != len(s.Code) {
		t.Errorf("%d cells of temporaries and %d instructions after reordering", n, len(short.Code))
	}
	if hostile := (&micro.Straight{Code: []micro.Instr{{Op: micro.Neg, Type: dtype.Float64, Dst: 2, A: 1 << 31}}, TempLo: 10, TempHi: 200}); shortenLives(hostile, 300) != hostile {
		t.Error("a cell outside of the arena is accepted")
	}
}

// TestShortenLivesRandom compares reordered programs with the reference.
func TestShortenLivesRandom(t *testing.T) {
	needNative(t)
	ops := everyOp(Supported)
	changed := 0
	const programs = 200 / raceSlowdown
	for seed := range uint64(programs) {
		r := rand.New(rand.NewPCG(seed, 21))
		p := newRandomProgram(r, 100+r.IntN(300), 60+r.IntN(60), ops)
		if shortenLives(&p.code, len(p.arena)/4) != &p.code {
			changed++
		}
		checkProgram(t, p, StraightOptions{})
	}
	if changed < programs/10 {
		t.Errorf("only %d of %d programs were reordered", changed, programs)
	}
	t.Logf("%d random programs agree with the reference, %d of them reordered", programs, changed)
}
