package main

import (
	"math"
	"strings"
	"testing"
)

// direct is the objective in plain Go.
func direct(p *problem) float64 {
	lse := func(v []float64) float64 {
		m := math.Inf(-1)
		for _, x := range v {
			m = math.Max(m, x)
		}
		s := 0.0
		for _, x := range v {
			s += math.Exp(x - m)
		}
		return m + math.Log(s)
	}
	t := p.d * (p.d - 1) / 2
	total := constant(p) - float64(p.n)*lse(p.alpha)
	for n := range p.n {
		terms := make([]float64, p.k)
		for k := range p.k {
			y := make([]float64, p.d)
			at, sum := k*t, 0.0
			for i := range p.d {
				c := p.x[n*p.d+i] - p.mu[k*p.d+i]
				y[i] += math.Exp(p.q[k*p.d+i]) * c
				sum += p.q[k*p.d+i]
				for j := i + 1; j < p.d; j++ {
					y[j] += p.l[at] * c
					at++
				}
			}
			norm := 0.0
			for _, v := range y {
				norm += v * v
			}
			terms[k] = p.alpha[k] + sum - 0.5*norm
		}
		total += lse(terms)
	}
	norm, sum := 0.0, 0.0
	for _, v := range p.q {
		norm += math.Exp(2 * v)
		sum += v
	}
	for _, v := range p.l {
		norm += v * v
	}
	return total + 0.5*p.gamma*p.gamma*norm - float64(p.m)*sum
}

// TestGradient compares with plain Go and with extrapolated central differences, to 1e-8.
func TestGradient(t *testing.T) {
	for _, p := range []*problem{generated(2, 3, 5), generated(4, 5, 30), {
		d: 2, k: 2, n: 1, gamma: 1.5, m: 3,
		alpha: []float64{-0.6, 1.2}, mu: []float64{0.1, 0.2, 0.3, 0.4}, q: []float64{0.5, -0.8, -1.5, 0.9}, l: []float64{0.8, -0.2}, x: []float64{1.1, 2.0},
	}} {
		value, gradient, err := evaluate(p)
		if err != nil {
			t.Fatal(err)
		}
		if want := direct(p); math.Abs(value-want) > 1e-12*math.Abs(want) {
			t.Errorf("objective %v, want %v", value, want)
		}
		var order []*float64
		tri := p.d * (p.d - 1) / 2
		for i := range p.alpha {
			order = append(order, &p.alpha[i])
		}
		for i := range p.mu {
			order = append(order, &p.mu[i])
		}
		for k := range p.k {
			for i := range p.d {
				order = append(order, &p.q[k*p.d+i])
			}
			for i := range tri {
				order = append(order, &p.l[k*tri+i])
			}
		}
		scale := 0.0
		for _, v := range gradient {
			scale = math.Max(scale, math.Abs(v))
		}
		for i, x := range order {
			old := *x
			slope := func(h float64) float64 {
				*x = old + h
				hi := direct(p)
				*x = old - h
				lo := direct(p)
				*x = old
				return (hi - lo) / (2 * h)
			}
			want := (4*slope(5e-4) - slope(1e-3)) / 3
			if math.Abs(gradient[i]-want) > 1e-8*scale {
				t.Errorf("entry %d: %v, want %v", i, gradient[i], want)
			}
		}
	}
}

func TestReadErrors(t *testing.T) {
	for _, text := range []string{"", "2 3", "0 1 1", "2 99999999 1", "2 1 1\n0.5 0.1", "2 1 1\n0 0 0 1 1 1 1 1\n0 0", "1 1 1 0 0 0 x"} {
		if _, err := read(strings.NewReader(text)); err == nil {
			t.Errorf("read(%q) gave no error", text)
		}
	}
	p, err := read(strings.NewReader("2 1 1\n0.25\n1 2\n3 4 5\n6 7\n1 0\n"))
	if err != nil || p.q[1] != 4 || p.l[0] != 5 || p.x[1] != 7 {
		t.Errorf("read = %+v, %v", p, err)
	}
}
