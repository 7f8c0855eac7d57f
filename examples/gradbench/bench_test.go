package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// BenchmarkEvals times the runs of evals, at sizes of which what they compute in takes megabytes.
func BenchmarkEvals(b *testing.B) {
	for _, c := range []struct {
		module, functions string
		input             map[string]any
	}{
		{"gmm", "objective jacobian", mixtureOf(64, 25, 1000)},
		{"gmm", "objective jacobian", mixtureOf(10, 100, 1000)},
		{"gmm", "objective jacobian", mixtureOf(64, 100, 1000)},
		{"ba", "objective jacobian", bundleOf(49, 7776, 31843)},
		{"ba", "objective jacobian", bundleOf(161, 48126, 182072)},
		{"lstm", "objective jacobian", recurrentOf(2, 1024, 14)},
		{"lstm", "objective jacobian", recurrentOf(4, 4096, 14)},
		{"ode", "primal gradient", map[string]any{"x": waves(10000, 1), "s": 100}},
		{"llsq", "primal gradient", map[string]any{"x": waves(128, 1), "n": 16392}},
		{"det", "primal gradient", map[string]any{"A": waves(100, 1), "ell": 10}},
	} {
		input, err := json.Marshal(c.input)
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range strings.Fields(c.functions) {
			programs := cache{}
			if _, _, err := modules[c.module][f](input, programs, c.module); err != nil {
				b.Fatal(err)
			}
			for shape, m := range programs { // the only one
				b.Run(fmt.Sprintf("%s/%s", strings.ReplaceAll(shape, " ", "-"), f), func(b *testing.B) {
					for b.Loop() {
						if err := m.Step(); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// waves are n values that repeat late.
func waves(n int, scale float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = scale * (float64((i*7919)%1000)/500 - 1)
	}
	return v
}

// wavesIn are waves in rows.
func wavesIn(rows, columns int, scale float64) [][]float64 {
	v := make([][]float64, rows)
	for i, w := range waves(rows*columns, scale) {
		v[i/columns] = append(v[i/columns], w)
	}
	return v
}

// mixtureOf is an input of gmm, bundleOf of ba, recurrentOf of lstm.
func mixtureOf(d, k, n int) map[string]any {
	return map[string]any{"d": d, "k": k, "n": n, "m": 0, "gamma": 1, "x": wavesIn(n, d, 2), "alpha": waves(k, 1), "mu": wavesIn(k, d, 1), "q": wavesIn(k, d, 1), "l": wavesIn(k, d*(d-1)/2, 1)}
}

func bundleOf(n, m, p int) map[string]any {
	return map[string]any{"n": n, "m": m, "p": p, "cam": waves(cameraParameters, 0.5), "x": []float64{0.1, 0.2, 3}, "w": 0.7, "feat": []float64{0.3, 0.4}}
}

func recurrentOf(layers, steps, b int) map[string]any {
	return map[string]any{"main_params": wavesIn(2*layers, 4*b, 1), "extra_params": wavesIn(3, b, 1), "state": wavesIn(2*layers, b, 1), "sequence": wavesIn(steps, b, 1)}
}
