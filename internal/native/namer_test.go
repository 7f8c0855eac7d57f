package native

import (
	"errors"
	"testing"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// negations is code of n instructions, each of the result of the one before in the same temporary.
func negations(n int) *micro.Straight {
	s := &micro.Straight{TempLo: 2, TempHi: 4}
	for i := range n {
		in := micro.Instr{Op: micro.Neg, Type: dtype.Float64, Dst: 2, A: 2}
		if i == 0 {
			in.A = 0
		}
		s.Code = append(s.Code, in)
	}
	return s
}

// The namer says of every chunk in its order what it begins and ends with, stops where the caller finds a mistake or it does, and hands on what it panics with.
func TestNamer(t *testing.T) {
	o := StraightOptions{ArenaBytes: 32, Chunk: 3}
	next := 0
	err := newNamer(negations(20), o, 0).eachChunk(func(lo, hi int, x *named) error {
		carried, lasting := 1, 1
		if lo == 0 {
			carried = 0
		}
		if hi == 20 {
			lasting = 0
		}
		if lo != next || len(x.ssa) != hi-lo || len(x.carried) != carried || len(x.lasting) != lasting {
			t.Errorf("chunk from %d to %d: %d instructions, %d values from before, %d for later ones", lo, hi, len(x.ssa), len(x.carried), len(x.lasting))
		}
		next = hi
		return nil
	})
	if err != nil || next != 20 {
		t.Errorf("it ended at %d: %v", next, err)
	}

	calls, mistake := 0, errors.New("a mistake")
	err = newNamer(negations(200), o, 0).eachChunk(func(_, _ int, _ *named) error {
		if calls++; calls == 2 {
			return mistake
		}
		return nil
	})
	if err != mistake || calls != 2 {
		t.Errorf("%d chunks were taken: %v", calls, err)
	}

	wrong := negations(20)
	wrong.Code[10].A = 100
	calls = 0
	err = newNamer(wrong, o, 0).eachChunk(func(_, _ int, _ *named) error { calls++; return nil })
	if err == nil || calls != 3 {
		t.Errorf("%d chunks before a cell outside of the arena: %v", calls, err)
	}

	defer func() {
		if recover() == nil {
			t.Error("a panic was lost")
		}
	}()
	wrong.Code[10].A = 5000
	n := newNamer(wrong, o, 0)
	n.cells.cells = 1 << 20 // more than there are, as a bug might say
	_ = n.eachChunk(func(_, _ int, _ *named) error { return nil })
}
