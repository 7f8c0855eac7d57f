package elem

import "math"

// Functions of Go's math have other bits on processors for which it has assembly or fused operations. Those that have no definition in lanes are
// here, with every product rounded.

// lessOneZetas are (−1)ᵏ·(ζ(k)−1)/k for k = 2, 3, …, the coefficients of log Γ(2+z) − z·(1−γ) (DLMF 5.7.3), by mpmath.
var lessOneZetas = [...]float64{
	0.3224670334241132182362076,
	-0.06735230105319809513324605,
	0.02058080842778454787900092,
	-0.007385551028673985266273097,
	0.002890510330741523285752988,
	-0.001192753911703260977113936,
	0.0005096695247430424223356548,
	-0.0002231547584535793797614188,
	0.00009945751278180853371459589,
	-0.0000449262367381331417002075,
	0.0000205072127756706915531665,
	-0.000009439488275268395903987425,
	0.000004374866789907487804181793,
	-0.000002039215753801366236781901,
	0.000000955141213040741983285718,
	-0.000000449246919876456604329429,
	0.0000002120718480555466586923136,
	-0.0000001004322482396809960872083,
	4.769810169363980565760193e-8,
	-2.271109460894316491031998e-8,
	1.083865921489695409107492e-8,
	-5.183475041970046655121249e-9,
	2.483674543802478317185009e-9,
	-1.192140140586091207442548e-9,
	5.731367241678862013330195e-10,
	-2.75952288512423314517815e-10,
	1.330476437424448948149716e-10,
	-6.422964563838100022082448e-11,
	3.104424774732227276239216e-11,
	-1.502138408075414217093301e-11,
	7.27597448023907966250455e-12,
	-3.527742476575915083615072e-12,
}

// lgammaNear2 is log Γ(2+z) for |z| ≤ ½.
func lgammaNear2(z float64) float64 {
	const lessEuler = 0.4227843350984671393934879 // 1 − γ
	square := float64(z * z)
	even, odd := 0.0, 0.0 // two chains are as long as one of half the terms
	for i := len(lessOneZetas) - 2; i >= 0; i -= 2 {
		even = float64(even*square) + lessOneZetas[i]
		odd = float64(odd*square) + lessOneZetas[i+1]
	}
	return float64(z*lessEuler) + float64(square*(even+float64(odd*z)))
}

// lgamma is log|Γ(x)|: the series about 2, to which the recurrence leads, from 10 on Stirling's, and the reflection (DLMF 5.5.3) for negative arguments.
// Poles give +Inf, infinities themselves.
func lgamma(x float64) float64 {
	switch {
	case x != x || math.IsInf(x, 0):
		return x
	case x <= 0 && x == math.Trunc(x):
		return math.Inf(1)
	case x < 0x1p-60 && x > -0x1p-60:
		return -log64(math.Abs(x))
	case x < 0:
		// x and its distance to the nearest whole number have the same sine, up to its sign.
		d := x - math.RoundToEven(x)
		return log64(math.Pi/math.Abs(float64(x*sin64(math.Pi*d)))) - lgamma(-x)
	case x < 0.5:
		return lgammaNear2(x) - log1p64(x) - log64(x)
	case x < 1.5:
		return lgammaNear2(x-1) - log1p64(x-1)
	case x < 10:
		p := 1.0
		for x >= 2.5 {
			x--
			p = float64(p * x)
		}
		return lgammaNear2(x-2) + log64(p)
	case x > 0x1p1014:
		return float64(x * (log64(x) - 1))
	}
	const halfLog2Pi = 0.9189385332046727417803297
	return float64((x-0.5)*log64(x)) - x + halfLog2Pi + stirlingError(x)
}

// gamma is Γ(x) for x > 0: factorials are products, and from 10 on it is Stirling's formula, to which the recurrence leads.
func gamma(x float64) float64 {
	p := 1.0
	if x == math.Trunc(x) && x <= 171 {
		for x > 2 {
			x--
			p = float64(p * x)
		}
		return p
	}
	for ; x < 11; x++ {
		p = float64(p * x)
	}
	if x > 172 {
		return math.Inf(1)
	}
	a := x - 1            // Γ(x) is a·Γ(a)
	half := pow64(a, a/2) // twice, since it may overflow where the result does not
	return float64(float64(math.Sqrt(2*math.Pi)*math.Sqrt(a))*half*exp64(-a)*half*exp64(stirlingError(a))) / p
}

// erfinv is the inverse of erf on (−1, 1): Wichura's rational approximations (algorithm AS 241, 1988), scaled by √2.
func erfinv(x float64) float64 {
	a := math.Abs(x)
	switch {
	case !(a <= 1):
		return math.NaN()
	case a == 1:
		return math.Copysign(math.Inf(1), x)
	case a <= 0.85:
		r := 0.180625 - float64(0.25*a*a)
		return x * horner8(r, &erfinvCentre[0]) / horner8(r, &erfinvCentre[1])
	}
	r, c := math.Sqrt(math.Ln2-log64(1-a))-1.6, &erfinvTail
	if r > 3.4 {
		r, c = r-3.4, &erfinvFar
	}
	return math.Copysign(horner8(r, &c[0])/horner8(r, &c[1]), x)
}

// The numerators and denominators of erfinv.
var (
	erfinvCentre = [2][8]float64{
		{1.1975323115670912564578e0, 4.7072688112383978012285e1, 6.9706266534389598238465e2, 4.8548868893843886794648e3, 1.6235862515167575384252e4, 2.3782041382114385731252e4, 1.1819493347062294404278e4, 8.8709406962545514830200e2},
		{1.0000000000000000000e0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3},
	}
	erfinvTail = [2][8]float64{
		{1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4},
		{1.4142135623730950488016887e0, 2.9036514445419946173133295e0, 2.3707661626024532365971225e0, 9.7547832001787427186894837e-1, 2.0945065210512749128288442e-1, 2.1494160384252876777097297e-2, 7.7441459065157709165577218e-4, 1.4859850019840355905497876e-9},
	}
	erfinvFar = [2][8]float64{
		{6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7},
		{1.414213562373095048801689e0, 8.482908416595164588112026e-1, 1.936480946950659106176712e-1, 2.103693768272068968719679e-2, 1.112800997078859844711555e-3, 2.611088405080593625138020e-5, 2.010321207683943062279931e-7, 2.891024605872965461538222e-15},
	}
)

func horner8(x float64, c *[8]float64) float64 {
	s := c[7]
	for i := 6; i >= 0; i-- {
		s = float64(s*x) + c[i]
	}
	return s
}
