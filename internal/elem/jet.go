package elem

import "math"

// Bounds of the derivatives of the incomplete gamma and beta functions, by parameters and by x.
const (
	MaxParameterOrder = 7
	MaxDensityOrder   = 30
)

// jet is a polynomial in ε and δ, coefficient of εⁱδʲ at i·jetWidth + j, cut off beyond the orders of its ring.
type jet [jetWidth * jetWidth]float64

const jetWidth = MaxParameterOrder + 1

// JetRing is the arithmetic of jets of orders p in ε and q in δ.
type JetRing struct {
	p, q    int
	swapped *JetRing // with the orders exchanged
}

func NewJetRing(p, q int) *JetRing {
	r := &JetRing{p: p, q: q, swapped: &JetRing{p: q, q: p}}
	r.swapped.swapped = r
	return r
}

// of returns v + e·ε + d·δ.
func (r *JetRing) of(v, e, d float64) (x jet) {
	x[0] = v
	if r.p > 0 {
		x[jetWidth] = e
	}
	if r.q > 0 {
		x[1] = d
	}
	return x
}

func (r *JetRing) add(z, x, y *jet) {
	for i := 0; i <= r.p; i++ {
		for j := 0; j <= r.q; j++ {
			z[i*jetWidth+j] = x[i*jetWidth+j] + y[i*jetWidth+j]
		}
	}
}

func (r *JetRing) scale(x *jet, s float64) {
	for i := 0; i <= r.p; i++ {
		for j := 0; j <= r.q; j++ {
			x[i*jetWidth+j] *= s
		}
	}
}

// mul sets z = x·y; z may be x or y.
func (r *JetRing) mul(z, x, y *jet) {
	if r.p+r.q == 0 {
		z[0] = x[0] * y[0]
		return
	}
	var t jet
	for i := 0; i <= r.p; i++ {
		for j := 0; j <= r.q; j++ {
			s := 0.0
			for k := 0; k <= i; k++ {
				for l := 0; l <= j; l++ {
					s += float64(x[k*jetWidth+l] * y[(i-k)*jetWidth+j-l])
				}
			}
			t[i*jetWidth+j] = s
		}
	}
	*z = t
}

// div sets z = x/y; z may be x or y.
func (r *JetRing) div(z, x, y *jet) {
	var t jet
	for i := 0; i <= r.p; i++ {
		for j := 0; j <= r.q; j++ {
			s := x[i*jetWidth+j]
			for k := 0; k <= i; k++ {
				for l := 0; l <= j; l++ {
					if k+l > 0 {
						s -= float64(y[k*jetWidth+l] * t[(i-k)*jetWidth+j-l])
					}
				}
			}
			t[i*jetWidth+j] = s / y[0]
		}
	}
	*z = t
}

// timesExp sets z = z·e^x for x without constant term: Σ z·xᵏ/k!.
func (r *JetRing) timesExp(z, x *jet) {
	term := *z
	for k := 1; k <= r.p+r.q; k++ {
		r.mul(&term, &term, x)
		r.scale(&term, 1/float64(k))
		r.add(z, z, &term)
	}
}

// small reports whether x changes no coefficient of sum.
func (r *JetRing) small(x, sum *jet) bool {
	largest := 0.0
	for i := 0; i <= r.p; i++ {
		for j := 0; j <= r.q; j++ {
			largest = max(largest, math.Abs(sum[i*jetWidth+j]))
			if math.Abs(x[i*jetWidth+j]) > 1e-17*(math.Abs(sum[i*jetWidth+j])+float64(1e-3*largest)) {
				return false
			}
		}
	}
	return true
}

// derivative returns p!·q! times the coefficient of the highest order.
func (r *JetRing) derivative(x *jet) float64 {
	return gamma(float64(r.p+1)) * gamma(float64(r.q+1)) * x[r.p*jetWidth+r.q]
}
