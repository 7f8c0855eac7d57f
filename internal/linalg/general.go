package linalg

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/gemm"
)

const (
	ulp = 0x1p-52
	// least is what a distance of eigenvalues counts as at least when vectors are divided by it, and most what an element of a vector may become. Elements of the matrix are at most about 2¹⁰⁰, so
	// nothing overflows.
	least, most = 0x1p-500, 0x1p300
)

// general is the algorithm for eigenvalues and eigenvectors of n×n matrices that need not be symmetric.
//
// The matrix is balanced (Parlett and Reinsch, Balancing a matrix for calculation of eigenvalues and eigenvectors, 1969; James, Langou and Lowery, On matrix balancing and eigenvector computation, 2014).
// Householder reflections make it a Hessenberg matrix and QR steps with two implicit shifts make that quasi-triangular, the real Schur form (Golub and Van Loan, Matrix Computations, §7.4 and §7.5;
// Ahues and Tisseur, A new deflation criterion for the QR algorithm, 1997). Its eigenvectors, by back substitution (§7.6.4), times the Schur vectors are those of the matrix.
type general struct {
	kit[float64]
	n, ld     int
	a         []float64 // the matrix, at last the Schur form
	z         []float64 // transposed Schur vectors
	x         []float64 // Householder vectors; then rows for eigenvectors of the Schur form, of a pair the real and the imaginary part
	v         []float64 // rows for eigenvectors
	line, sum []float64
	re, im    []float64
	balance   []float64
	exchanged []int64
	order     []int64
	lo, hi    int // rows lo ≤ i ≤ hi are not triangular yet when the matrix is balanced
	scale     float64
}

// NewEigenGeneral returns the plan for eigenvalues X and eigenvectors Y, columns, of n×n matrices: pairs of real and imaginary parts. Real parts ascend, then absolute values of imaginary parts; of two conjugate numbers the
// first has the positive imaginary part. Vectors have the norm 1, and the first of their largest elements (to √ε) is real and positive. Matrices with NaN or Inf fail.
func NewEigenGeneral(count, n int, level cpu.Level) *Plan[float64] {
	p := newPlan(count, sweepsWork*n, func() algorithm[float64] {
		s := &general{kit: newKit[float64](level), n: n}
		s.ld = s.leading(n)
		return s
	})
	p.whole = count == 1 // one goroutine works on a matrix
	return p
}

func (s *general) Work() int { return 4*bytes[float64](s.n*s.ld) + 7*bytes[float64](s.ld) }

func (s *general) Each() int { return s.each() }

func (s *general) Run(_ gemm.Runner, o Operands[float64], work []byte, workers [][]byte) bool {
	n := s.n
	if n == 0 {
		return true
	}
	s.begin(workers)
	s.a, s.z, s.x, s.v = take[float64](&work, n*s.ld), take[float64](&work, n*s.ld), take[float64](&work, n*s.ld), take[float64](&work, n*s.ld)
	s.line, s.sum = take[float64](&work, s.ld)[:n], take[float64](&work, s.ld)[:n]
	s.re, s.im, s.balance = take[float64](&work, s.ld)[:n], take[float64](&work, s.ld)[:n], take[float64](&work, s.ld)[:n]
	s.exchanged, s.order = integers(take[float64](&work, s.ld))[:n], integers(take[float64](&work, s.ld))[:n]
	ok := s.read(o.A)
	if ok {
		g := s.goroutine(0)
		s.isolate()
		s.equalise()
		s.reduce(g)
		if ok = s.schur(); ok {
			s.vectors(g)
			s.result(o.X, o.Y)
		}
	}
	s.a, s.z, s.x, s.v, s.line, s.sum, s.re, s.im, s.balance, s.exchanged, s.order = nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil
	s.end()
	return ok
}

// read copies the matrix, scaled by a power of two if its largest element is not of moderate size. It returns false if there is NaN or Inf.
func (s *general) read(a []float64) bool {
	largest := 0.0
	for _, v := range a {
		if v-v != 0 {
			return false
		}
		largest = max(largest, math.Abs(v))
	}
	for i := range s.n {
		copy(s.a[i*s.ld:i*s.ld+s.n], a[i*s.n:])
	}
	s.scale = 1
	if largest != 0 && (largest < 0x1p-100 || largest > 0x1p100) {
		_, exponent := math.Frexp(largest)
		s.scale = math.Ldexp(1, exponent-1)
		for i := range s.n {
			row := s.a[i*s.ld : i*s.ld+s.n]
			for j, v := range row {
				row[j] = math.Ldexp(v, 1-exponent)
			}
		}
	}
	return true
}

// isolate moves rows without another element down, and columns without another element to the left, so that the matrix is triangular outside of lo … hi.
func (s *general) isolate() {
	s.lo, s.hi = 0, s.n-1
	for s.isolateOne(true) {
	}
	for s.isolateOne(false) {
	}
}

func (s *general) isolateOne(row bool) bool {
	for i := s.hi; i >= s.lo; i-- {
		alone := true
		for j := s.lo; j <= s.hi && alone; j++ {
			at := i*s.ld + j
			if !row {
				at = j*s.ld + i
			}
			alone = i == j || s.a[at] == 0
		}
		if !alone {
			continue
		}
		to := s.lo
		if row {
			to = s.hi
		}
		s.exchanged[to] = int64(i)
		if i != to {
			x, y := s.a[i*s.ld:i*s.ld+s.n], s.a[to*s.ld:to*s.ld+s.n]
			for j, v := range x {
				x[j], y[j] = y[j], v
			}
			for j := range s.n {
				r := s.a[j*s.ld : j*s.ld+s.n]
				r[i], r[to] = r[to], r[i]
			}
		}
		if row {
			s.hi--
		} else {
			s.lo++
		}
		return s.lo <= s.hi
	}
	return false
}

// equalise scales by powers of two, so that the norms of a row and of its column are alike.
func (s *general) equalise() {
	for i := range s.balance {
		s.balance[i] = 1
	}
	for changed := true; changed; {
		changed = false
		for i := s.lo; i <= s.hi; i++ {
			column := s.sum[:s.hi+1-s.lo]
			for j := range column {
				column[j] = s.a[(s.lo+j)*s.ld+i]
			}
			row := s.a[i*s.ld+s.lo : i*s.ld+s.hi+1]
			c, r := math.Sqrt(dot(column, column)), math.Sqrt(dot(row, row))
			before, f := c+r, 1.0
			if c == 0 || r == 0 {
				continue
			}
			for ; c < r/2 && f*s.balance[i] < 0x1p300; f *= 2 {
				c, r = 2*c, r/2
			}
			for ; c/2 >= r && f*s.balance[i] > 0x1p-300; f /= 2 {
				c, r = c/2, 2*r
			}
			if f == 1 || c+r >= 0.95*before {
				continue
			}
			changed = true
			s.balance[i] *= f
			for j := range s.n {
				s.a[i*s.ld+j] /= f
			}
			for j := range s.n {
				s.a[j*s.ld+i] *= f
			}
		}
	}
}

// reduce makes a Hessenberg matrix, and z the product of the reflections.
func (s *general) reduce(g *goroutine[float64]) {
	n, ld := s.n, s.ld
	tau := s.re // until the eigenvalues are known
	for c := s.lo; c < s.hi-1; c++ {
		v := s.x[c*ld+c+1 : c*ld+s.hi+1]
		for i := range v {
			v[i] = s.a[(c+1+i)*ld+c]
		}
		var beta float64
		beta, tau[c] = reflector(v)
		s.a[(c+1)*ld+c] = beta
		for i := c + 2; i <= s.hi; i++ {
			s.a[i*ld+c] = 0
		}
		if tau[c] == 0 {
			continue
		}
		by := s.line[:len(v)]
		for i, w := range v {
			by[i] = -tau[c] * w
		}
		sum := s.sum[:n-c-1]
		clear(sum)
		s.times(g, v, s.a[(c+1)*ld+c+1:], ld, sum, len(sum))
		s.chain(g, by, 1, sum, 0, s.a[(c+1)*ld+c+1:], ld, len(v), len(sum), 1)
		sum = s.sum[:s.hi+1]
		for i := range sum {
			sum[i] = dot(v, s.a[i*ld+c+1:i*ld+c+1+len(v)])
		}
		s.chain(g, sum, 1, by, 0, s.a[c+1:], ld, len(sum), len(v), 1)
	}
	for i := range n {
		row := s.z[i*ld : i*ld+n]
		clear(row)
		row[i] = 1
	}
	for c := s.hi - 2; c >= s.lo; c-- {
		if tau[c] == 0 {
			continue
		}
		v := s.x[c*ld+c+1 : c*ld+s.hi+1]
		by, sum := s.line[:len(v)], s.sum[:len(v)]
		for i, w := range v {
			by[i] = -tau[c] * w
			sum[i] = dot(v, s.z[(c+1+i)*ld+c+1:(c+1+i)*ld+c+1+len(v)])
		}
		s.chain(g, sum, 1, by, 0, s.z[(c+1)*ld+c+1:], ld, len(v), len(v), 1)
	}
}

// schur makes the Hessenberg matrix quasi-triangular: it has elements below the diagonal only for pairs of complex eigenvalues. It returns false if that takes too many steps.
func (s *general) schur() bool {
	for i := range s.n {
		s.re[i], s.im[i] = s.a[i*s.ld+i], 0
	}
	left := mostSweeps * max(10, s.n)
	for hi := s.hi; hi >= s.lo; {
		lo, steps := s.lo, 0
		for {
			for lo = s.deflated(lo, hi); lo > s.lo && s.a[lo*s.ld+lo-1] != 0; {
				s.a[lo*s.ld+lo-1] = 0
			}
			if lo >= hi-1 {
				break
			}
			if left--; left < 0 {
				return false
			}
			steps++
			s.step(lo, hi, steps)
		}
		if lo == hi {
			s.re[hi] = s.a[hi*s.ld+hi]
		} else {
			s.standardise(lo)
		}
		hi = lo - 1
	}
	return true
}

// deflated returns the first row of what is connected to row hi.
func (s *general) deflated(lo, hi int) int {
	at := func(i, j int) float64 { return math.Abs(s.a[i*s.ld+j]) }
	for k := hi; k > lo; k-- {
		below := at(k, k-1)
		if below <= least {
			return k
		}
		size := at(k-1, k-1) + at(k, k)
		if size == 0 {
			if k-2 >= s.lo {
				size += at(k-1, k-2)
			}
			if k+1 <= s.hi {
				size += at(k+1, k)
			}
		}
		if below > ulp*size {
			continue
		}
		above, apart := at(k-1, k), math.Abs(s.a[(k-1)*s.ld+k-1]-s.a[k*s.ld+k])
		a, b := max(at(k, k), apart), max(below, above)
		if min(below, above)*(b/(a+b)) <= max(least, ulp*(min(at(k, k), apart)*(a/(a+b)))) {
			return k
		}
	}
	return lo
}

// step is a QR step with two shifts on rows and columns lo … hi. Some steps without success have exceptional shifts.
func (s *general) step(lo, hi, steps int) {
	ld, a := s.ld, s.a
	at := func(i, j int) float64 { return a[i*ld+j] }
	h11, h12, h21, h22 := at(hi-1, hi-1), at(hi-1, hi), at(hi, hi-1), at(hi, hi)
	exceptional := func(size, by float64) {
		h11 = float64(0.75*size) + by
		h12, h21, h22 = -0.4375*size, size, h11
	}
	switch {
	case steps%20 == 0:
		exceptional(math.Abs(at(hi, hi-1))+math.Abs(at(hi-1, hi-2)), at(hi, hi))
	case steps%10 == 0:
		exceptional(math.Abs(at(lo+1, lo))+math.Abs(at(lo+2, lo+1)), at(lo, lo))
	}
	var re1, re2, im1, im2 float64
	if size := math.Abs(h11) + math.Abs(h12) + math.Abs(h21) + math.Abs(h22); size != 0 {
		h11, h12, h21, h22 = h11/size, h12/size, h21/size, h22/size
		middle := float64((h11 + h22) / 2)
		det := float64((h11-middle)*(h22-middle)) - float64(h12*h21)
		root := math.Sqrt(math.Abs(det))
		if det >= 0 {
			re1, im1 = middle*size, root*size
			re2, im2 = re1, -im1
		} else { // both are the nearer one
			re1, re2 = middle+root, middle-root
			if math.Abs(re1-h22) > math.Abs(re2-h22) {
				re1 = re2
			}
			re1 *= size
			re2 = re1
		}
	}
	// The step may begin at two small elements below the diagonal, in a row.
	v := s.line[:3]
	m := hi - 2
	for ; ; m-- {
		size := math.Abs(at(m, m)-re2) + math.Abs(im2) + math.Abs(at(m+1, m))
		below := at(m+1, m) / size
		v[0] = float64(below*at(m, m+1)) + float64((at(m, m)-re1)*((at(m, m)-re2)/size)) - float64(im1*(im2/size))
		v[1] = below * (at(m, m) + at(m+1, m+1) - re1 - re2)
		v[2] = below * at(m+2, m+1)
		size = math.Abs(v[0]) + math.Abs(v[1]) + math.Abs(v[2])
		v[0], v[1], v[2] = v[0]/size, v[1]/size, v[2]/size
		if m == lo || math.Abs(at(m, m-1))*(math.Abs(v[1])+math.Abs(v[2])) <= ulp*math.Abs(v[0])*(math.Abs(at(m-1, m-1))+math.Abs(at(m, m))+math.Abs(at(m+1, m+1))) {
			break
		}
	}
	for k := m; k < hi; k++ {
		v = s.line[:min(3, hi-k+1)]
		if k > m {
			for i := range v {
				v[i] = at(k+i, k-1)
			}
		}
		beta, tau := reflector(v)
		switch {
		case k > m:
			a[k*ld+k-1] = beta
			for i := 1; i < len(v); i++ {
				a[(k+i)*ld+k-1] = 0
			}
		case m > lo:
			a[k*ld+k-1] *= 1 - tau
		}
		s.reflect(v, tau, k, hi)
	}
}

// reflect applies I − τ·v·vᵀ to rows and columns from k on, and to the Schur vectors.
func (s *general) reflect(v []float64, tau float64, k, hi int) {
	n, ld := s.n, s.ld
	if len(v) == 2 {
		v1, t0, t1 := v[1], tau, tau*v[1]
		rows := func(x, y []float64) {
			y = y[:len(x)]
			for j, p := range x {
				sum := math.FMA(v1, y[j], p)
				x[j], y[j] = math.FMA(-sum, t0, p), math.FMA(-sum, t1, y[j])
			}
		}
		rows(s.a[k*ld+k:k*ld+n], s.a[(k+1)*ld+k:])
		for i := range min(k+2, hi) + 1 {
			x := s.a[i*ld+k : i*ld+k+2]
			sum := math.FMA(v1, x[1], x[0])
			x[0], x[1] = math.FMA(-sum, t0, x[0]), math.FMA(-sum, t1, x[1])
		}
		rows(s.z[k*ld:k*ld+n], s.z[(k+1)*ld:])
		return
	}
	v1, v2, t0, t1, t2 := v[1], v[2], tau, tau*v[1], tau*v[2]
	rows := func(x, y, z []float64) {
		y, z = y[:len(x)], z[:len(x)]
		for j, p := range x {
			sum := math.FMA(v2, z[j], math.FMA(v1, y[j], p))
			x[j], y[j], z[j] = math.FMA(-sum, t0, p), math.FMA(-sum, t1, y[j]), math.FMA(-sum, t2, z[j])
		}
	}
	rows(s.a[k*ld+k:k*ld+n], s.a[(k+1)*ld+k:], s.a[(k+2)*ld+k:])
	for i := range min(k+3, hi) + 1 {
		x := s.a[i*ld+k : i*ld+k+3]
		sum := math.FMA(v2, x[2], math.FMA(v1, x[1], x[0]))
		x[0], x[1], x[2] = math.FMA(-sum, t0, x[0]), math.FMA(-sum, t1, x[1]), math.FMA(-sum, t2, x[2])
	}
	rows(s.z[k*ld:k*ld+n], s.z[(k+1)*ld:], s.z[(k+2)*ld:])
}

// standardise makes rows and columns k and k+1 a triangle of two real eigenvalues, or [[p, q], [r, p]] with q·r < 0 for the eigenvalues p ± i√|q·r| (LAPACK's dlanv2).
func (s *general) standardise(k int) {
	n, ld := s.n, s.ld
	a, b, c, d := s.a[k*ld+k], s.a[k*ld+k+1], s.a[(k+1)*ld+k], s.a[(k+1)*ld+k+1]
	cos, sin := 1.0, 0.0
	switch {
	case c == 0:
	case b == 0:
		cos, sin = 0, 1
		a, b, c, d = d, -c, 0, a
	case a == d && math.Signbit(b) != math.Signbit(c):
	default:
		difference := a - d
		p := float64(difference / 2)
		larger, smaller := max(math.Abs(b), math.Abs(c)), min(math.Abs(b), math.Abs(c))
		if math.Signbit(b) != math.Signbit(c) {
			smaller = -smaller
		}
		size := max(math.Abs(p), larger)
		if z := float64(p/size*p) + float64(larger/size*smaller); z >= 4*ulp { // two real ones
			z = p + math.Copysign(float64(math.Sqrt(size)*math.Sqrt(z)), p)
			a, d = d+z, d-float64(larger/z*smaller)
			l := length(c, z)
			cos, sin = z/l, c/l
			b, c = b-c, 0
			break
		}
		// Equal elements on the diagonal.
		sum := b + c
		l := length(sum, difference)
		cos = math.Sqrt(float64(0.5 * (1 + math.Abs(sum)/l)))
		sin = -(p / (l * cos)) * math.Copysign(1, sum)
		aa, bb := float64(a*cos)+float64(b*sin), float64(b*cos)-float64(a*sin)
		cc, dd := float64(c*cos)+float64(d*sin), float64(d*cos)-float64(c*sin)
		a, b = float64(aa*cos)+float64(cc*sin), float64(bb*cos)+float64(dd*sin)
		c, d = float64(cc*cos)-float64(aa*sin), float64(dd*cos)-float64(bb*sin)
		a = float64((a + d) / 2)
		d = a
		switch {
		case c == 0:
		case b == 0:
			b, c = -c, 0
			cos, sin = -sin, cos
		case math.Signbit(b) == math.Signbit(c): // two real ones after all
			rootB, rootC := math.Sqrt(math.Abs(b)), math.Sqrt(math.Abs(c))
			p := math.Copysign(float64(rootB*rootC), c)
			by := 1 / math.Sqrt(math.Abs(b+c))
			a, d = a+p, d-p
			b, c = b-c, 0
			x, y := rootB*by, rootC*by
			cos, sin = float64(cos*x)-float64(sin*y), float64(cos*y)+float64(sin*x)
		}
	}
	rotate := func(x, y []float64) {
		y = y[:len(x)]
		for j, p := range x {
			q := y[j]
			x[j], y[j] = math.FMA(cos, p, float64(sin*q)), math.FMA(cos, q, -float64(sin*p))
		}
	}
	rotate(s.a[k*ld+k+2:k*ld+n], s.a[(k+1)*ld+k+2:])
	for i := range k {
		rotate(s.a[i*ld+k:i*ld+k+1], s.a[i*ld+k+1:])
	}
	rotate(s.z[k*ld:k*ld+n], s.z[(k+1)*ld:])
	s.a[k*ld+k], s.a[k*ld+k+1], s.a[(k+1)*ld+k], s.a[(k+1)*ld+k+1] = a, b, c, d
	s.re[k], s.re[k+1] = a, d
	if c != 0 {
		s.im[k] = math.Sqrt(math.Abs(b)) * math.Sqrt(math.Abs(c))
		s.im[k+1] = -s.im[k]
	}
}

// length is √(x² + y²) of numbers that are not both 0.
func length(x, y float64) float64 {
	x, y = math.Abs(x), math.Abs(y)
	if x < y {
		x, y = y, x
	}
	r := y / x
	return x * math.Sqrt(math.FMA(r, r, 1))
}

// vectors computes eigenvectors of the Schur form, and those of the matrix.
func (s *general) vectors(g *goroutine[float64]) {
	n, ld := s.n, s.ld
	clear(s.x)
	for k := 0; k < n; k++ {
		if s.im[k] == 0 {
			s.x[k*ld+k] = 1
			s.substitute(k, k-1, s.x[k*ld:k*ld+k+1], nil)
			continue
		}
		re, im := s.x[k*ld:k*ld+k+2], s.x[(k+1)*ld:(k+1)*ld+k+2]
		if q, r := s.a[k*ld+k+1], s.a[(k+1)*ld+k]; math.Abs(q) >= math.Abs(r) {
			re[k], im[k+1] = 1, s.im[k]/q
		} else {
			re[k], im[k+1] = -s.im[k]/r, 1
		}
		s.substitute(k, k-1, re, im)
		k++
	}
	clear(s.v)
	s.chain(g, s.x, ld, s.z, ld, s.v, ld, n, n, n)
	for k := 0; k < n; k++ {
		parts := [2][]float64{s.v[k*ld : k*ld+n]}
		if s.im[k] != 0 {
			k++
			parts[1] = s.v[k*ld : k*ld+n]
		}
		for _, v := range parts {
			if v != nil {
				s.restore(v)
			}
		}
		normalise(parts[0], parts[1])
	}
}

// substitute solves for elements row … 0 of the eigenvector of eigenvalue k; im is nil if that is real.
func (s *general) substitute(k, row int, re, im []float64) {
	ld := s.ld
	smallest := max(ulp*(math.Abs(s.re[k])+math.Abs(s.im[k])), least)
	rest := func(i, from int) (c complexNumber) {
		line := s.a[i*ld+from : i*ld+len(re)]
		if c.re = -dot(line, re[from:]); im != nil {
			c.im = -dot(line, im[from:])
		}
		return c
	}
	pivot := func(x float64) complexNumber { // x less the eigenvalue
		c := complexNumber{x - s.re[k], -s.im[k]}
		if math.Abs(c.re)+math.Abs(c.im) < smallest {
			c = complexNumber{smallest, 0}
		}
		return c
	}
	for i := row; i >= 0; i-- {
		first := i
		if i == 0 || s.a[i*ld+i-1] == 0 {
			x := rest(i, i+1).over(pivot(s.a[i*ld+i]))
			s.set(re, im, i, x)
		} else {
			first--
			b, c := rest(first, i+1), rest(i, i+1)
			p, q, r := pivot(s.a[first*ld+first]), complexNumber{s.a[first*ld+i], 0}, complexNumber{s.a[i*ld+first], 0}
			t := pivot(s.a[i*ld+i])
			if p.size() < r.size() {
				p, q, r, t, b, c = r, t, p, q, c, b
			}
			by := r.over(p)
			if t = t.minus(by.times(q)); t.size() < smallest {
				t = complexNumber{smallest, 0}
			}
			y := c.minus(by.times(b)).over(t)
			s.set(re, im, i, y)
			s.set(re, im, first, b.minus(q.times(y)).over(p))
			i = first
		}
		largest := 0.0
		for j := first; j < min(first+2, len(re)); j++ {
			if largest = max(largest, math.Abs(re[j])); im != nil {
				largest = max(largest, math.Abs(im[j]))
			}
		}
		if largest > most {
			_, exponent := math.Frexp(largest)
			by := math.Ldexp(1, -exponent)
			for j := first; j < len(re); j++ {
				if re[j] *= by; im != nil {
					im[j] *= by
				}
			}
		}
	}
}

func (s *general) set(re, im []float64, i int, x complexNumber) {
	if re[i] = x.re; im != nil {
		im[i] = x.im
	}
}

// complexNumber is used in place of complex128, whose products may be fused on some processors.
type complexNumber struct{ re, im float64 }

func (x complexNumber) size() float64 { return math.Abs(x.re) + math.Abs(x.im) }

func (x complexNumber) minus(y complexNumber) complexNumber {
	return complexNumber{x.re - y.re, x.im - y.im}
}

func (x complexNumber) times(y complexNumber) complexNumber {
	return complexNumber{float64(x.re*y.re) - float64(x.im*y.im), float64(x.re*y.im) + float64(x.im*y.re)}
}

// over is x/y (Smith, Algorithm 116: Complex division, 1962).
func (x complexNumber) over(y complexNumber) complexNumber {
	if math.Abs(y.re) >= math.Abs(y.im) {
		r := y.im / y.re
		d := y.re + float64(y.im*r)
		return complexNumber{(x.re + float64(x.im*r)) / d, (x.im - float64(x.re*r)) / d}
	}
	r := y.re / y.im
	d := y.im + float64(y.re*r)
	return complexNumber{(float64(x.re*r) + x.im) / d, (float64(x.im*r) - x.re) / d}
}

// restore undoes what balancing the matrix did to a vector.
func (s *general) restore(v []float64) {
	for i := s.lo; i <= s.hi; i++ {
		v[i] *= s.balance[i]
	}
	for i := s.lo - 1; i >= 0; i-- {
		j := s.exchanged[i]
		v[i], v[j] = v[j], v[i]
	}
	for i := s.hi + 1; i < len(v); i++ {
		j := s.exchanged[i]
		v[i], v[j] = v[j], v[i]
	}
}

// normalise makes the norm 1 and the first of the largest elements real and positive; im is nil if all are real.
func normalise(re, im []float64) {
	largest := 0.0
	for i := range re {
		if largest = max(largest, math.Abs(re[i])); im != nil {
			largest = max(largest, math.Abs(im[i]))
		}
	}
	_, exponent := math.Frexp(largest)
	sum, squares := 0.0, 0.0
	square := func(i int) float64 {
		x := float64(re[i] * re[i])
		if im != nil {
			x = math.FMA(im[i], im[i], x)
		}
		return x
	}
	for i := range re {
		if re[i] = math.Ldexp(re[i], -exponent); im != nil {
			im[i] = math.Ldexp(im[i], -exponent)
		}
		q := square(i)
		sum, squares = sum+q, max(squares, q)
	}
	first := 0
	for square(first) < squares*(1-0x1p-25) {
		first++
	}
	norm := math.Sqrt(sum)
	if im == nil {
		norm = math.Copysign(norm, re[first])
		for i := range re {
			re[i] /= norm
		}
		return
	}
	size := length(re[first], im[first])
	cos, sin := re[first]/size, im[first]/size
	for i, x := range re {
		re[i], im[i] = (float64(cos*x)+float64(sin*im[i]))/norm, (float64(cos*im[i])-float64(sin*x))/norm
	}
	re[first], im[first] = size/norm, 0
}

// result writes the values in their order, and their vectors.
func (s *general) result(x, y []float64) {
	n := s.n
	order := s.order[:0]
	for k := 0; k < n; k++ {
		order = append(order, int64(k))
		if s.im[k] != 0 {
			k++
		}
	}
	re, im := s.re, s.im
	slices.SortStableFunc(order, func(i, j int64) int {
		switch {
		case re[i] < re[j] || re[i] == re[j] && im[i] < im[j]:
			return -1
		case re[i] > re[j] || im[i] > im[j]:
			return 1
		}
		return 0
	})
	at := 0
	put := func(k, parts int, sign float64) {
		x[2*at], x[2*at+1] = re[k]*s.scale, sign*im[k]*s.scale
		for i := range n {
			to := y[2*(i*n+at):]
			to[0], to[1] = s.v[k*s.ld+i], 0
			if parts == 2 {
				if to[1] = s.v[(k+1)*s.ld+i]; sign < 0 {
					to[1] = 0 - to[1]
				}
			}
		}
		at++
	}
	for _, from := range order {
		if k := int(from); im[k] == 0 {
			put(k, 1, 1)
		} else {
			put(k, 2, 1)
			put(k, 2, -1)
		}
	}
}
