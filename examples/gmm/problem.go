package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
)

// problem is an instance: dimensions, parameters, points and the prior's two numbers.
type problem struct {
	d, k, n         int
	alpha, mu, q, l []float64 // row-major: [k], [k×d], [k×d], [k×d(d−1)/2]
	x               []float64 // [n×d]
	gamma           float64
	m               int
}

// maxCells bounds an instance that is read from a file.
const maxCells = 1 << 26

// generated is an instance of closed formulas.
func generated(d, k, n int) *problem {
	wave := func(size int, scale, freq, shift float64) []float64 {
		v := make([]float64, size)
		for i := range v {
			v[i] = scale*math.Sin(freq*float64(i)+0.1) + shift
		}
		return v
	}
	return &problem{
		d: d, k: k, n: n, gamma: 1,
		alpha: wave(k, 1, 0.9, 0), mu: wave(k*d, 0.5, 0.71, 0.5), q: wave(k*d, 0.3, 0.83, 0),
		l: wave(k*d*(d-1)/2, 0.1, 0.57, 0), x: wave(n*d, 1, 0.63, 0),
	}
}

// read parses ADBench's format: d k n; k weights; k means; k rows of d logarithms of the diagonal and d(d−1)/2 entries
// below it, by columns; n points (or one, repeated, for the replicated files); gamma m.
func read(r io.Reader) (*problem, error) {
	in := bufio.NewReader(r)
	p := &problem{}
	if _, err := fmt.Fscan(in, &p.d, &p.k, &p.n); err != nil {
		return nil, fmt.Errorf("dimensions: %w", err)
	}
	if p.d < 1 || p.k < 1 || p.n < 1 || p.d > maxCells/p.k/p.d || p.n > maxCells/p.d {
		return nil, fmt.Errorf("dimensions d = %d, k = %d, n = %d are out of range", p.d, p.k, p.n)
	}
	numbers := func(what string, count int) ([]float64, error) {
		var v []float64
		for i := range count {
			var f float64
			if _, err := fmt.Fscan(in, &f); err != nil {
				return nil, fmt.Errorf("%s: number %d of %d: %w", what, i+1, count, err)
			}
			v = append(v, f)
		}
		return v, nil
	}
	var err error
	if p.alpha, err = numbers("weights", p.k); err != nil {
		return nil, err
	}
	if p.mu, err = numbers("means", p.k*p.d); err != nil {
		return nil, err
	}
	for range p.k {
		q, err := numbers("diagonal", p.d)
		if err != nil {
			return nil, err
		}
		l, err := numbers("triangle", p.d*(p.d-1)/2)
		if err != nil {
			return nil, err
		}
		p.q, p.l = append(p.q, q...), append(p.l, l...)
	}
	if p.x, err = numbers("points", p.n*p.d); err != nil {
		return nil, err
	}
	if _, err := fmt.Fscan(in, &p.gamma, &p.m); err != nil {
		return nil, fmt.Errorf("prior: %w", err)
	}
	if p.gamma <= 0 || p.m < 0 {
		return nil, fmt.Errorf("prior: gamma = %v and m = %d are out of range", p.gamma, p.m)
	}
	return p, nil
}
