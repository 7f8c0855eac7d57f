package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/shard"
)

// An inversion finds what the data were computed from, to what noise and the prior leave.
func TestInversion(t *testing.T) {
	j, err := inversion()
	if err != nil {
		t.Fatal(err)
	}
	s, err := shard.Open("stations:4")
	if err != nil {
		t.Fatal(err)
	}
	m, err := shard.NewMapper(j)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		out, err := m.Run(context.Background(), s, i)
		if err != nil {
			t.Fatal(err)
		}
		if rms := out[1].Item(); !(rms < 2) {
			t.Errorf("station %d: residuals of %v of the noise", i, rms)
		}
		for k, v := range out[0].Float64s() {
			if want := trueModel(i)[k]; v < 0.9*want || v > 1.1*want {
				t.Errorf("station %d, layer %d: %v km/s, made from %v", i, k, v, want)
			}
		}
	}
}

// The regression finds the coefficients that the labels were drawn by, and its rows do not depend on where a block begins.
func TestRegression(t *testing.T) {
	const rows = 50_000
	j, err := regression()
	if err != nil {
		t.Fatal(err)
	}
	p, err := shard.NewPool(j, shard.Generator(rows, generate), shard.Options{Shards: 3})
	if err != nil {
		t.Fatal(err)
	}
	r, err := fit(context.Background(), rows, p.Sum)
	if err != nil {
		t.Fatal(err)
	}
	if off(r.X["b"], rows) > 4 {
		t.Errorf("coefficients %v", r.X["b"])
	}
	rowsFrom := func(from, n int) []byte {
		x, y := make([]float64, n*features), make([]float64, n)
		if err := generate(context.Background(), from, map[string]vm.Array{"x": {Shape: []int{n, features}, Data: x}, "y": {Shape: []int{n}, Data: y}}); err != nil {
			t.Fatal(err)
		}
		b, err := shard.EncodeValues(map[string]any{"x": x[len(x)-features:], "y": y[n-1:]})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if !bytes.Equal(rowsFrom(0, 100), rowsFrom(99, 1)) {
		t.Error("a row depends on its block")
	}
}
