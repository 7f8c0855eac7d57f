package jet

import "math"

// series holds Taylor coefficients of a function at a point: f(x+t) = Σ s_j·tʲ.
type series [Order + 1]float64

func (a series) mul(b series) (c series) {
	for i := range c {
		for j := 0; j <= i; j++ {
			c[i] += times(a[j], b[i-j])
		}
	}
	return c
}

func (a series) scale(k float64) series {
	for i := range a {
		a[i] = times(a[i], k)
	}
	return a
}

func (a series) plus(k float64) series { a[0] += k; return a }

// integral has the value v and the derivative a.
func (a series) integral(v float64) (c series) {
	c[0] = v
	for i := 1; i < len(c); i++ {
		c[i] = a[i-1] / float64(i)
	}
	return c
}

// of is f∘a for the Taylor coefficients f at a₀.
func (f series) of(a series) (c series) {
	c[0] = f[0]
	h, power := a, series{1}
	h[0] = 0
	for j := 1; j < len(f); j++ {
		power = power.mul(h)
		for i := range c {
			c[i] += times(f[j], power[i])
		}
	}
	return c
}

// variable is x + t.
func variable(x float64) series { return series{x, 1} }

// power is (x+t)^c: the coefficients binomial(c, j)·x^(c−j), those with binomial 0 included.
func power(x, c float64) (s series) {
	b := 1.0
	for j := range s {
		s[j] = times(b, math.Pow(x, c-float64(j)))
		b *= (c - float64(j)) / float64(j+1)
	}
	return s
}

func exponential(x float64) (s series) {
	s[0] = math.Exp(x)
	for j := 1; j < len(s); j++ {
		s[j] = s[j-1] / float64(j)
	}
	return s
}

func logarithm(x float64) series {
	v := math.Log(x)
	if x < 0 {
		return series{math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	}
	return power(x, -1).integral(v)
}

// circular has the derivatives f, g, ±f, ±g … of a function with f” = sign·f.
func circular(f, g, sign float64) (s series) {
	d, factorial := [2]float64{f, g}, 1.0
	for j := range s {
		s[j] = d[j%2] / factorial
		d[j%2] *= sign
		factorial *= float64(j + 1)
	}
	return s
}

// ode solves y′ = f(y, x) for a right-hand side of power series, coefficient by coefficient.
func ode(v float64, slope func(y series) series) series {
	y := series{v}
	for i := 0; i+1 < len(y); i++ {
		y[i+1] = slope(y)[i] / float64(i+1)
	}
	return y
}

func sigmoid(x float64) series {
	s, c := 1/(1+math.Exp(-x)), 1/(1+math.Exp(x))
	// σ′ = σ·(1 − σ), where 1 − σ is known without cancellation.
	y, z := series{s}, series{c}
	for i := 0; i+1 < len(y); i++ {
		y[i+1] = y.mul(z)[i] / float64(i+1)
		z[i+1] = -y[i+1]
	}
	return y
}

func gauss(x, scale float64) series {
	sq := variable(x).mul(variable(x)).scale(-1)
	return exponential(sq[0]).of(sq).scale(scale)
}
