package optimize

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// hessian gives products at the point where it was last set.
type hessian struct {
	r      *run
	x      []float64
	values []float64 // of a sparse one
}

// at goes to x; false if there is no Hessian there.
func (h *hessian) at(x []float64) (bool, error) {
	copy(h.x, x)
	if h.r.hessian == nil {
		return true, nil
	}
	h.r.result.Evaluations.Jacobians++
	ok, err := h.r.compute(h.r.hessian, x)
	if err != nil || !ok {
		return false, err
	}
	h.r.entries(h.r.hessian.out, h.values)
	return finite(h.values), nil
}

// product writes the product with v; false if there is none.
func (h *hessian) product(v, hv []float64) (bool, error) {
	r := h.r
	if p := r.sparse; p != nil {
		for i := range p.Rows {
			s := 0.0
			for k := p.Start[i]; k < p.Start[i+1]; k++ {
				s += h.values[k] * v[p.Cols[k]]
			}
			hv[i] = s
		}
		return true, nil
	}
	r.result.Evaluations.Products++
	for _, name := range r.vectors {
		v = v[copy(r.products.machine.Float64(name), v):]
	}
	ok, err := r.compute(r.products, h.x)
	if err != nil || !ok {
		return false, err
	}
	to := hv
	for _, d := range r.products.out {
		to = to[copy(to, d):]
	}
	return finite(hv), nil
}

// steihaug minimises the quadratic model within the radius by conjugate gradients, until the residual is small against g, the boundary is met, or a direction of negative curvature, which is followed to the boundary (Steihaug, The conjugate
// gradient method and trust regions in large scale optimization, SIAM J. Numer. Anal. 20, 1983). It writes the step p and returns how much the model falls.
func (h *hessian) steihaug(g []float64, radius float64, p []float64) (predicted float64, cut, ok bool, err error) {
	n := len(g)
	r, d, hd, hp := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	clear(p)
	copy(r, g)
	floats.ScaleTo(d, -1, g)
	rr := floats.Dot(r, r)
	size := math.Sqrt(rr)
	small := min(0.1, math.Sqrt(size)) * size
	to := func(step float64) {
		floats.AddScaled(p, step, d)
		floats.AddScaled(hp, step, hd)
	}
	for range 2*n + 10 {
		if ok, err := h.product(d, hd); err != nil || !ok {
			return 0, false, false, err
		}
		bend := floats.Dot(d, hd)
		step := rr / bend
		dd, pd, pp := floats.Dot(d, d), floats.Dot(p, d), floats.Dot(p, p)
		if !(bend > 0) || pp+step*(2*pd+step*dd) >= radius*radius {
			to((radius*radius - pp) / (pd + math.Sqrt(pd*pd+dd*(radius*radius-pp))))
			cut = true
			break
		}
		to(step)
		floats.AddScaled(r, step, hd)
		next := floats.Dot(r, r)
		if math.Sqrt(next) <= small {
			break
		}
		floats.Scale(next/rr, d)
		floats.Sub(d, r)
		rr = next
	}
	return -floats.Dot(g, p) - 0.5*floats.Dot(p, hp), cut, true, nil
}

func (r *run) newton() error {
	n := r.n
	x, g := r.x, make([]float64, n)
	f, err := r.objective(x, g)
	if err != nil || f-f != 0 {
		return r.atStart(err)
	}
	h := &hessian{r: r, x: make([]float64, n)}
	if r.sparse != nil {
		h.values = make([]float64, r.sparse.NonZeros())
	}
	if ok, err := h.at(x); err != nil || !ok {
		return r.atStart(err)
	}
	to, gradient, p := make([]float64, n), make([]float64, n), make([]float64, n)
	radius := min(max(1, floats.Norm(x, 2)), far)
	before := 0.0
	for {
		optimality := r.projected(x, g)
		end := func(s Status) { r.end(s, f, g, optimality) }
		if r.result.Status != 0 {
			if err := r.report(f, before, func() float64 { return optimality }); err != nil {
				end(Stopped)
				return err
			}
		}
		switch {
		case optimality <= r.o.GradientTolerance:
			end(Converged)
			return nil
		case r.result.Iterations == r.o.Limit:
			end(Limit)
			return nil
		}
		for good := false; !good; {
			predicted, cut, ok, err := h.steihaug(g, radius, p)
			if !ok && err == nil {
				end(Stalled)
				return nil
			}
			if err != nil {
				end(Stopped)
				return err
			}
			length := math.Sqrt(floats.Dot(p, p))
			floats.AddTo(to, x, p)
			new, err := r.objective(to, gradient)
			if err != nil {
				end(Stopped)
				return err
			}
			if math.IsInf(new, -1) || length >= far {
				end(Unbounded)
				return nil
			}
			ratio := (f - new) / predicted
			good = ratio > 1e-4
			if predicted <= 1e3*flat(f) && math.Abs(f-new) <= 1e3*flat(f) {
				// The objective is flat to its rounding: the gradient decides.
				if good = floats.Dot(gradient, gradient) < 0.25*floats.Dot(g, g); !good {
					end(Rounded)
					return nil
				}
			}
			switch {
			case !(ratio >= 0.25) && !good:
				radius = 0.25 * min(radius, length)
			case ratio >= 0.75 && cut:
				radius *= 2
			}
			if good {
				if good, err = h.at(to); err != nil {
					end(Stopped)
					return err
				}
				if !good {
					if _, err := h.at(x); err != nil {
						end(Stopped)
						return err
					}
					radius = 0.25 * min(radius, length)
				}
			}
			if good {
				copy(x, to)
				g, gradient = gradient, g
				f, before = new, length
				r.result.Status = Stopped // there is something to return
			} else if !(radius > 1e-16*(1+floats.Norm(x, 2))) { // nor is one that overflows a way on
				end(Stalled)
				return nil
			}
		}
	}
}
