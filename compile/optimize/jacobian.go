package optimize

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// jacobian is that of residuals, with the solution of its damped equations in columns that are divided by scales.
type jacobian interface {
	set(blocks [][]float64)
	norms(d []float64)                    // of the columns
	gradient(r, g []float64)              // Jᵀ·r
	product(p, y []float64)               // J·p
	square(y []float64) float64           // yᵀy, of residuals and products
	begin(free []int, scale, r []float64) // A = J·diag(1/scale) in the free columns
	// step writes −(AᵀA + λ)⁻¹·Aᵀ·r to p; false if that cannot be computed, as for λ = 0 without full rank.
	step(lambda float64, p []float64) bool
	// quadratic returns wᵀ·(AᵀA + λ)⁻¹·w with the λ of the last step.
	quadratic(w []float64) float64
	// inverse returns (AᵀA + λ)⁻¹ of so many free columns, with the λ of the last step.
	inverse(k int) [][]float64
}

// dense is a Jacobian in columns, whose equations are solved by orthogonal transformations: a QR decomposition with column pivoting, and rotations for the damping (Moré 1978).
type dense struct {
	m, n    int
	columns [][]float64
	sizes   []int
	a       [][]float64 // reflectors, and R above the diagonal
	order   []int       // the column of A that column k of the decomposition is
	beta    []float64   // R's diagonal
	b       []float64   // Qᵀ·r
	k       int         // free columns
	norm2   []float64
	s       []float64 // k×k rows: the triangle for λ
	row, z  []float64
}

func newDense(m int, sizes []int) *dense {
	n := 0
	for _, size := range sizes {
		n += size
	}
	d := &dense{m: m, n: n, sizes: sizes, order: make([]int, n), beta: make([]float64, n), b: make([]float64, m), norm2: make([]float64, n), s: make([]float64, n*n), row: make([]float64, n), z: make([]float64, n)}
	for range n {
		d.columns, d.a = append(d.columns, make([]float64, m)), append(d.a, make([]float64, m))
	}
	return d
}

func (d *dense) set(blocks [][]float64) {
	first := 0
	for k, size := range d.sizes {
		for j, column := range d.columns[first : first+size] {
			for i := range column {
				column[i] = blocks[k][i*size+j]
			}
		}
		first += size
	}
}

func (d *dense) norms(to []float64) {
	for j, c := range d.columns {
		to[j] = floats.Norm(c, 2)
	}
}

func (d *dense) gradient(r, g []float64) {
	for j, c := range d.columns {
		g[j] = floats.Dot(c, r)
	}
}

func (d *dense) product(p, y []float64) {
	clear(y)
	for j, c := range d.columns {
		if p[j] != 0 {
			floats.AddScaled(y, p[j], c)
		}
	}
}

func (d *dense) square(y []float64) float64 { return floats.Dot(y, y) }

func (d *dense) begin(free []int, scale, r []float64) {
	d.k = len(free)
	copy(d.b, r)
	for k, j := range free {
		d.order[k] = k
		floats.ScaleTo(d.a[k], 1/scale[j], d.columns[j])
		d.norm2[k] = floats.Dot(d.a[k], d.a[k])
	}
	for k := range min(d.k, d.m) {
		best := k
		for j := k + 1; j < d.k; j++ {
			if d.norm2[j] > d.norm2[best] {
				best = j
			}
		}
		d.a[k], d.a[best] = d.a[best], d.a[k]
		d.order[k], d.order[best] = d.order[best], d.order[k]
		d.norm2[k], d.norm2[best] = d.norm2[best], d.norm2[k]
		v := d.a[k][k:]
		length := floats.Norm(v, 2)
		if length == 0 {
			d.beta[k] = 0
			continue
		}
		if v[0] > 0 {
			length = -length
		}
		d.beta[k] = length // v becomes the reflector's vector, with vᵀv = 2·length·(length − v₀)
		v[0] -= length
		half := -length * v[0]
		reflect := func(c []float64) { floats.AddScaled(c, -floats.Dot(v, c)/half, v) }
		for j := k + 1; j < d.k; j++ {
			c := d.a[j][k:]
			reflect(c)
			// What is left of the column's norm, computed anew: the difference loses digits.
			d.norm2[j] = floats.Dot(c[1:], c[1:])
		}
		reflect(d.b[k:])
	}
	for k := d.m; k < d.k; k++ {
		d.beta[k] = 0
	}
}

func (d *dense) step(lambda float64, p []float64) bool {
	k := d.k
	for i := range k {
		s := d.s[i*k : i*k+k]
		s[i], d.z[i] = d.beta[i], 0
		if i < d.m {
			d.z[i] = -d.b[i]
		}
		for j := i + 1; j < k; j++ {
			if s[j] = 0; i < d.m {
				s[j] = d.a[j][i]
			}
		}
	}
	if lambda > 0 {
		root := math.Sqrt(lambda)
		for i := range k { // the row with the root at i is rotated away
			row, right := d.row[:k], 0.0
			clear(row)
			row[i] = root
			for l := i; l < k; l++ {
				if row[l] == 0 {
					continue
				}
				s := d.s[l*k : l*k+k]
				h := math.Hypot(s[l], row[l])
				c, t := s[l]/h, row[l]/h
				s[l] = h
				for j := l + 1; j < k; j++ {
					s[j], row[j] = c*s[j]+t*row[j], c*row[j]-t*s[j]
				}
				d.z[l], right = c*d.z[l]+t*right, c*right-t*d.z[l]
			}
		}
	}
	for i := range k {
		if !(math.Abs(d.s[i*k+i]) > 0x1p-52*math.Abs(d.s[0])) {
			return false
		}
	}
	for i := k - 1; i >= 0; i-- {
		s := d.s[i*k : i*k+k]
		v := d.z[i]
		for j := i + 1; j < k; j++ {
			v -= s[j] * d.z[j]
		}
		d.z[i] = v / s[i]
	}
	for i, j := range d.order[:k] {
		p[j] = d.z[i]
	}
	return finite(p[:k])
}

func (d *dense) quadratic(w []float64) float64 {
	k, sum := d.k, 0.0
	for i := range k {
		v := w[d.order[i]]
		for j := range i {
			v -= d.s[j*k+i] * d.row[j]
		}
		d.row[i] = v / d.s[i*k+i]
		sum += d.row[i] * d.row[i]
	}
	return sum
}

func (d *dense) inverse(k int) [][]float64 {
	// Rows of the triangle's inverse, by columns of the result: (SᵀS)⁻¹ = S⁻¹·S⁻ᵀ.
	t := newSquare(k)
	for j := range k {
		t.set(j, j, 1/d.s[j*k+j])
		for i := j - 1; i >= 0; i-- {
			v := 0.0
			for l := i + 1; l <= j; l++ {
				v -= d.s[i*k+l] * t.at(l, j)
			}
			t.set(i, j, v/d.s[i*k+i])
		}
	}
	c := make([][]float64, k)
	for i := range c {
		c[i] = make([]float64, k)
	}
	for i := range k {
		for j := range k {
			c[d.order[i]][d.order[j]] = floats.Dot(t.a[i*k:i*k+k], t.a[j*k:j*k+k])
		}
	}
	return c
}

// normalEquations solves (A + λ·1)·p = b with A = JᵀJ for a sparse J whose columns are scaled, and held ones left out. It is a program: A's entries are sums of products of J's, and the equations are solved by sparse decomposition.
type normalEquations struct {
	machine *vm.Machine
}

func newNormalEquations(p *compile.Pattern) (*normalEquations, error) {
	g := graph.New()
	entries, diagonal, right := g.Input("entries", graph.Float64, max(1, p.NonZeros())), g.Input("diagonal", graph.Float64, p.Columns), g.Input("right", graph.Float64, p.Columns)
	var rows, columns []int
	var a, b []int64
	for i := range p.Rows {
		for s := p.Start[i]; s < p.Start[i+1]; s++ {
			for t := p.Start[i]; t < p.Start[i+1]; t++ {
				rows, columns = append(rows, int(p.Cols[s])), append(columns, int(p.Cols[t]))
				a, b = append(a, int64(s)), append(b, int64(t))
			}
		}
	}
	values := diagonal
	if len(a) > 0 {
		products := graph.Mul(graph.Gather(entries, graph.Constant(g, a, len(a)), 0), graph.Gather(entries, graph.Constant(g, b, len(b)), 0))
		values = graph.Concat(0, products, diagonal)
	}
	for j := range p.Columns {
		rows, columns = append(rows, j), append(columns, j)
	}
	x := graph.CSRFromCOO(p.Columns, p.Columns, rows, columns, values).Solve(right)
	compiled, err := compile.Compile(x)
	if err != nil {
		return nil, err
	}
	return &normalEquations{vm.NewMachine(compiled)}, nil
}

func (e *normalEquations) solve(b, x []float64) bool {
	copy(e.machine.Float64("right"), b)
	if e.machine.Step() != nil {
		return false
	}
	copy(x, e.machine.OutputFloat64(0))
	return finite(x)
}

// sparse is a Jacobian whose entries other than 0 are known by place.
type sparse struct {
	*Solver
	values []float64
	free   []int
	rhs, z []float64
}

func (s *sparse) set(blocks [][]float64) { s.entries(blocks, s.values) }

func (s *sparse) each(f func(i, j int, v float64)) {
	p := s.Solver.sparse
	for i := range p.Rows {
		for k := p.Start[i]; k < p.Start[i+1]; k++ {
			f(i, int(p.Cols[k]), s.values[k])
		}
	}
}

func (s *sparse) norms(d []float64) {
	clear(d)
	s.each(func(i, j int, v float64) { d[j] = math.Hypot(d[j], v) })
}

func (s *sparse) gradient(r, g []float64) {
	clear(g)
	s.each(func(i, j int, v float64) { g[j] += v * r[i] })
}

func (s *sparse) product(p, y []float64) {
	clear(y)
	s.each(func(i, j int, v float64) { y[i] += v * p[j] })
}

func (s *sparse) square(y []float64) float64 { return floats.Dot(y, y) }

func (s *sparse) begin(free []int, scale, r []float64) {
	s.free = free
	inverse := make([]float64, s.n)
	for _, j := range free {
		inverse[j] = 1 / scale[j]
	}
	entries := s.normal.machine.Float64("entries")
	clear(s.rhs)
	p := s.Solver.sparse
	for i := range p.Rows {
		for k := p.Start[i]; k < p.Start[i+1]; k++ {
			j := p.Cols[k]
			entries[k] = s.values[k] * inverse[j]
			s.rhs[j] -= entries[k] * r[i]
		}
	}
}

func (s *sparse) step(lambda float64, p []float64) bool {
	diagonal := s.normal.machine.Float64("diagonal")
	for j := range diagonal {
		diagonal[j] = 1
	}
	for _, j := range s.free {
		diagonal[j] = lambda
	}
	if !s.normal.solve(s.rhs, s.z) {
		return false
	}
	for k, j := range s.free {
		p[k] = s.z[j]
	}
	return true
}

func (s *sparse) quadratic(w []float64) float64 {
	b := make([]float64, s.n)
	for k, j := range s.free {
		b[j] = w[k]
	}
	if !s.normal.solve(b, s.z) {
		return math.NaN()
	}
	return floats.Dot(b, s.z)
}

func (s *sparse) inverse(k int) [][]float64 {
	c := make([][]float64, k)
	b := make([]float64, s.n)
	for l, j := range s.free {
		b[j] = 1
		if !s.normal.solve(b, s.z) {
			s.z[j] = math.NaN()
		}
		b[j] = 0
		c[l] = make([]float64, k)
		for m, i := range s.free {
			c[l][m] = s.z[i]
		}
	}
	return c
}
