package jet

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// arrays are the operators on whole arrays that are not linear and whose expansion is no definition at every point, or that have none.
var arrays = map[string]func(e *Evaluator, n *graph.Node, in []Value) (Value, error){}

// along calls f for each run of elements along an axis of the shape.
func along(shape graph.Shape, axis int, f func(run []int)) {
	inner := 1
	for _, d := range shape[axis+1:] {
		inner *= d
	}
	size := shape.Size()
	for i := range size {
		if i/inner%shape[axis] == 0 {
			run := make([]int, shape[axis])
			for k := range run {
				run[k] = i + k*inner
			}
			f(run)
		}
	}
}

func init() {
	arrays["cumprod"] = scan(func(x []Number) Number { return fold(x, Number.mul) }, 1)
	arrays["cumlogsumexp"] = scan(func(x []Number) Number { return logSum(x) }, math.Inf(-1))
	arrays["cummax"] = scan(func(x []Number) Number { return extremum(x, 1) }, math.Inf(-1))
	arrays["cummin"] = scan(func(x []Number) Number { return extremum(x, -1) }, math.Inf(1))
	arrays["linear_recurrence"] = func(e *Evaluator, n *graph.Node, in []Value) (Value, error) {
		out := e.empty(n.Type())
		along(n.Shape(), n.Attrs().Int("axis"), func(run []int) {
			if n.Attrs().Bool("reverse") {
				reverse(run)
			}
			var y Number
			for k, i := range run {
				if b := in[1].at(i); k == 0 {
					y = b
				} else {
					y = in[0].at(i).mul(y).add(b)
				}
				out.set(i, y)
			}
		})
		return out, nil
	}
	arrays["reduce_prod"] = reduction(func(x []Number) Number { return fold(x, Number.mul) })
	arrays["logsumexp"] = reduction(logSum)
	arrays["reduce_max"] = reduction(func(x []Number) Number { return extremum(x, 1) })
	arrays["reduce_min"] = reduction(func(x []Number) Number { return extremum(x, -1) })
	arrays["reduce_l2"] = reduction(func(x []Number) Number {
		s := x[0].of(0)
		for _, v := range x {
			s = s.add(v.mul(v))
		}
		if s[0] == 0 {
			return s.of(0)
		}
		return s.compose(power(s[0], 0.5))
	})
	inverse := func(n *graph.Node, x []Number) Number {
		s := x[0].of(0)
		for _, v := range x {
			s = s.add(v.mul(v))
		}
		s = s.scale(1 / float64(len(x))).add(x[0].of(n.Attrs().Float("epsilon")))
		return s.compose(power(s[0], -0.5))
	}
	arrays["reduce_inverse_rms"] = func(e *Evaluator, n *graph.Node, in []Value) (Value, error) {
		return reduction(func(x []Number) Number { return inverse(n, x) })(e, n, in)
	}
	arrays["unit_rms"] = func(e *Evaluator, n *graph.Node, in []Value) (Value, error) {
		out := e.empty(n.Type())
		for _, run := range runs(n.Shape(), n.Attrs().Ints("axes")) {
			x := make([]Number, len(run))
			for k, i := range run {
				x[k] = in[0].at(i)
			}
			scale := inverse(n, x)
			for k, i := range run {
				out.set(i, x[k].mul(scale))
			}
		}
		return out, nil
	}
	// softmax takes the logarithms of probabilities over the axes to what is wanted of them.
	softmax := func(e *Evaluator, n *graph.Node, in []Value, axes []int, finish func(l Number) Number) (Value, error) {
		out := e.empty(n.Type())
		for _, run := range runs(n.Shape(), axes) {
			x := make([]Number, len(run))
			for k, i := range run {
				x[k] = in[0].at(i)
			}
			l := logSum(x)
			for k, i := range run {
				out.set(i, finish(x[k].sub(l)))
			}
		}
		return out, nil
	}
	probability := func(l Number) Number { return l.compose(exponential(l[0])) }
	arrays["log_softmax"] = func(e *Evaluator, n *graph.Node, in []Value) (Value, error) {
		return softmax(e, n, in, []int{n.Attrs().Int("axis")}, func(l Number) Number { return l })
	}
	arrays["softmax"] = func(e *Evaluator, n *graph.Node, in []Value) (Value, error) {
		return softmax(e, n, in, []int{n.Attrs().Int("axis")}, probability)
	}
	arrays["logsumexp_derivative"] = func(e *Evaluator, n *graph.Node, in []Value) (Value, error) {
		return softmax(e, n, in, n.Attrs().Ints("axes"), probability)
	}
	for _, name := range piecewiseLinear {
		arrays[name] = differences
	}
	arrays["slogdet"] = func(e *Evaluator, n *graph.Node, in []Value) (Value, error) {
		d, err := matrices(func(a [][]Number) [][]Number { return [][]Number{{determinant(a)}} })(e, n, in)
		if err != nil {
			return Value{}, err
		}
		sgn, log := e.empty(n.Results()[0]), e.empty(n.Results()[1])
		for i := range d.C[0].F {
			x := d.at(i)
			sgn.C[0].F[i] = sign(x[0])
			x = x.scale(sign(x[0]))
			log.set(i, x.compose(logarithm(x[0])))
		}
		return Value{Results: []Value{sgn, log}}, nil
	}
	arrays["cofactor"] = matrices(func(a [][]Number) [][]Number {
		c := unit(a)
		for i := range a {
			for j := range a {
				c[i][j] = minorDeterminant(a, i, j).scale(1 - 2*float64((i+j)%2))
			}
		}
		return c
	})
	arrays["segment_prod"] = func(e *Evaluator, n *graph.Node, in []Value) (Value, error) {
		out := e.empty(n.Type())
		for i := range out.C[0].F {
			out.C[0].F[i] = 1
		}
		inner := max(1, in[0].Type.Shape.Size()/max(1, in[0].Type.Shape[0]))
		for i := range in[0].C[0].F {
			s := int(in[1].C[0].I[i/inner])
			if s >= 0 && s < n.Shape()[0] {
				to := s*inner + i%inner
				out.set(to, out.at(to).mul(in[0].at(i)))
			}
		}
		return out, nil
	}
	arrays["det"] = matrices(func(a [][]Number) [][]Number { return [][]Number{{determinant(a)}} })
	arrays["inv"] = matrices(func(a [][]Number) [][]Number { return eliminate(a, unit(a)) })
	arrays["nuclear_norm"] = matrices(func(a [][]Number) [][]Number {
		root, _ := squareRoot(gram(a))
		trace := a[0][0].of(0)
		for i, row := range root {
			trace = trace.add(row[i])
		}
		return [][]Number{{trace}}
	})
	arrays["polar_factor"] = matrices(func(a [][]Number) [][]Number {
		_, inverse := squareRoot(gram(a))
		if len(a) < len(a[0]) {
			return product(inverse, a)
		}
		return product(a, inverse)
	})
	arrays["cholesky"] = matrices(cholesky)
	arrays["solve"] = func(e *Evaluator, n *graph.Node, in []Value) (Value, error) {
		if len(in[0].Type.Shape) != 2 || len(in[1].Type.Shape) > 2 {
			return Value{}, Unknown{"solve in batches"}
		}
		out := e.empty(n.Type())
		a := matrix(in[0], 0)
		b := make([][]Number, len(a))
		m := in[1].C[0].Len() / len(a)
		for i := range b {
			for j := range m {
				b[i] = append(b[i], in[1].at(i*m+j))
			}
		}
		for i, row := range eliminate(a, b) {
			for j, x := range row {
				out.set(i*m+j, x)
			}
		}
		return out, nil
	}
}

func reverse(run []int) {
	for i, j := 0, len(run)-1; i < j; i, j = i+1, j-1 {
		run[i], run[j] = run[j], run[i]
	}
}

func fold(x []Number, f func(a, b Number) Number) Number {
	y := x[0]
	for _, v := range x[1:] {
		y = f(y, v)
	}
	return y
}

// logSum is ln Σ eˣ, shifted by the largest value.
func logSum(x []Number) Number {
	m := math.Inf(-1)
	for _, v := range x {
		m = max(m, v[0])
	}
	if math.IsInf(m, -1) {
		return x[0].of(m)
	}
	s := x[0].of(0)
	for _, v := range x {
		d := v.sub(v.of(m))
		s = s.add(d.compose(exponential(d[0])))
	}
	s = s.compose(logarithm(s[0]))
	return s.add(s.of(m))
}

// extremum is the mean of the elements that are largest (smallest for sign −1): the convention at ties.
func extremum(x []Number, sign float64) Number {
	best := sign * math.Inf(-1)
	for _, v := range x {
		if sign*v[0] > sign*best {
			best = v[0]
		}
	}
	s, count := x[0].of(0), 0.0
	for _, v := range x {
		if v[0] == best {
			s = s.add(v)
			count++
		}
	}
	s = s.scale(1 / count)
	s[0] = best
	return s
}

// scan applies f to the elements up to each one.
func scan(f func(x []Number) Number, start float64) func(e *Evaluator, n *graph.Node, in []Value) (Value, error) {
	return func(e *Evaluator, n *graph.Node, in []Value) (Value, error) {
		out := e.empty(n.Type())
		along(n.Shape(), n.Attrs().Int("axis"), func(run []int) {
			if n.Attrs().Bool("reverse") {
				reverse(run)
			}
			var x []Number
			for _, i := range run {
				v := in[0].at(i)
				switch {
				case !n.Attrs().Bool("exclusive"):
					x = append(x, v)
					out.set(i, f(x))
				case len(x) == 0:
					out.set(i, v.of(start))
					x = append(x, v)
				default:
					out.set(i, f(x))
					x = append(x, v)
				}
			}
		})
		return out, nil
	}
}

// reduction applies f to the elements that a reduction joins.
func reduction(f func(x []Number) Number) func(e *Evaluator, n *graph.Node, in []Value) (Value, error) {
	return func(e *Evaluator, n *graph.Node, in []Value) (Value, error) {
		out := e.empty(n.Type())
		for to, run := range runs(in[0].Type.Shape, n.Attrs().Ints("axes")) {
			x := make([]Number, len(run))
			for k, i := range run {
				x[k] = in[0].at(i)
			}
			out.set(to, f(x))
		}
		return out, nil
	}
}

// runs lists, for each element of a reduction over the axes, the elements of its operand that it comes from.
func runs(shape graph.Shape, axes []int) [][]int {
	count := 1
	for d, extent := range shape {
		if !slices.Contains(axes, d) {
			count *= extent
		}
	}
	joined := make([][]int, count)
	for i := range shape.Size() {
		to, stride, rest := 0, 1, i
		for d := len(shape) - 1; d >= 0; d-- {
			if !slices.Contains(axes, d) {
				to += rest % shape[d] * stride
				stride *= shape[d]
			}
			rest /= shape[d]
		}
		joined[to] = append(joined[to], i)
	}
	return joined
}

// matrix returns matrix number b of a value of square matrices.
func matrix(v Value, b int) [][]Number {
	s := v.Type.Shape
	m, n := s[len(s)-2], s[len(s)-1]
	a := make([][]Number, m)
	for i := range a {
		for j := range n {
			a[i] = append(a[i], v.at(b*m*n+i*n+j))
		}
	}
	return a
}

// matrices applies f to each matrix of the operand.
func matrices(f func(a [][]Number) [][]Number) func(e *Evaluator, n *graph.Node, in []Value) (Value, error) {
	return func(e *Evaluator, n *graph.Node, in []Value) (Value, error) {
		s := in[0].Type.Shape
		count := 1
		for _, d := range s[:len(s)-2] {
			count *= d
		}
		t := n.Type()
		if n.Results() != nil {
			t = n.Results()[0]
		}
		out := e.empty(t)
		size := out.C[0].Len() / max(count, 1)
		for b := range count {
			k := b * size
			for _, row := range f(matrix(in[0], b)) {
				for _, x := range row {
					out.set(k, x)
					k++
				}
			}
		}
		return out, nil
	}
}

func unit(a [][]Number) [][]Number {
	u := make([][]Number, len(a))
	for i := range u {
		for j := range u {
			x := a[0][0].of(0)
			if i == j {
				x[0] = 1
			}
			u[i] = append(u[i], x)
		}
	}
	return u
}

// eliminate solves a·x = b by Gaussian elimination, the pivots chosen by value.
func eliminate(a, b [][]Number) [][]Number {
	n := len(a)
	rows := make([][]Number, n)
	for i := range rows {
		rows[i] = append(append([]Number{}, a[i]...), b[i]...)
	}
	for k := range n {
		best := k
		for i := k + 1; i < n; i++ {
			if math.Abs(rows[i][k][0]) > math.Abs(rows[best][k][0]) {
				best = i
			}
		}
		rows[k], rows[best] = rows[best], rows[k]
		for i := range n {
			if i == k {
				continue
			}
			q := rows[i][k].div(rows[k][k])
			for j := k; j < len(rows[i]); j++ {
				rows[i][j] = rows[i][j].sub(q.mul(rows[k][j]))
			}
		}
	}
	x := make([][]Number, n)
	for i := range x {
		for j := n; j < len(rows[i]); j++ {
			x[i] = append(x[i], rows[i][j].div(rows[i][i]))
		}
	}
	return x
}

// determinant expands along the first row, so that singular matrices are as good as others.
func determinant(a [][]Number) Number {
	if len(a) == 1 {
		return a[0][0]
	}
	sum := a[0][0].of(0)
	for j, x := range a[0] {
		sum = sum.add(x.mul(minorDeterminant(a, 0, j)).scale(1 - 2*float64(j%2)))
	}
	return sum
}

// minorDeterminant is the determinant without row i and column j.
func minorDeterminant(a [][]Number, i, j int) Number {
	if len(a) == 1 {
		return a[0][0].of(1)
	}
	minor := make([][]Number, 0, len(a)-1)
	for k, row := range a {
		if k != i {
			minor = append(minor, append(append([]Number{}, row[:j]...), row[j+1:]...))
		}
	}
	return determinant(minor)
}

// piecewiseLinear are the operators that select and move elements by value, or replace some by others.
var piecewiseLinear = []string{"sort", "top_k", "max_pool", "pad", "pad_mode", "scatter_set", "scatter_max", "scatter_min", "segment_max", "segment_min", "dynamic_update_slice"}

// differences maps each coefficient by the linear function that the operator is around the value, exactly, since the steps are powers of two. Where steps in both
// directions differ there is a tie, and no truth.
func differences(e *Evaluator, n *graph.Node, in []Value) (Value, error) {
	const h = 1.0 / (1 << 12)
	moved := func(s int, h float64) ([]ref.Value, error) {
		point := make([]ref.Value, len(in))
		for i, v := range in {
			point[i] = v.C[0]
			if v.C[0].F != nil && s > 0 {
				w := ref.New(v.Type)
				for k := range w.F {
					w.F[k] = v.C[0].F[k] + float64(h*v.C[s].F[k])
				}
				point[i] = w
			}
		}
		y, err := applied(n, point)
		if y.Results != nil {
			return y.Results, err
		}
		return []ref.Value{y}, err
	}
	base, err := moved(0, 0)
	if err != nil {
		return Value{}, err
	}
	out := make([]Value, len(base))
	for k, y := range base {
		out[k] = e.constant(y)
	}
	for s := 1; s < e.size(); s++ {
		up, err := moved(s, h)
		if err != nil {
			return Value{}, err
		}
		down, err := moved(s, -h)
		if err != nil {
			return Value{}, err
		}
		for k, y := range base {
			for i := range y.F {
				d, b := float64((up[k].F[i]-y.F[i])/h), float64((y.F[i]-down[k].F[i])/h)
				if math.Abs(d-b) > 1e-6 {
					d = math.NaN()
				}
				out[k].C[s].F[i] = d
			}
		}
	}
	if n.Results() == nil {
		return out[0], nil
	}
	return Value{Results: out}, nil
}

func product(a, b [][]Number) [][]Number {
	c := make([][]Number, len(a))
	for i := range c {
		for j := range b[0] {
			x := a[0][0].of(0)
			for k := range b {
				x = x.add(a[i][k].mul(b[k][j]))
			}
			c[i] = append(c[i], x)
		}
	}
	return c
}

// gram is AᵀA, or AAᵀ of a wide matrix: the smaller one.
func gram(a [][]Number) [][]Number {
	t := make([][]Number, len(a[0]))
	for j := range t {
		for i := range a {
			t[j] = append(t[j], a[i][j])
		}
	}
	if len(a) < len(t) {
		return product(a, t)
	}
	return product(t, a)
}

// squareRoot returns the square root of a positive definite matrix and its inverse by the iteration of Denman and Beavers (1976), which converges in every coefficient;
// they are NaN where it does not.
func squareRoot(m [][]Number) (root, inverse [][]Number) {
	y, z := m, unit(m)
	mean := func(a, b [][]Number) [][]Number {
		c := make([][]Number, len(a))
		for i := range a {
			for j := range a {
				c[i] = append(c[i], a[i][j].add(b[i][j]).scale(0.5))
			}
		}
		return c
	}
	for range 30 {
		y, z = mean(y, eliminate(z, unit(z))), mean(z, eliminate(y, unit(y)))
	}
	for i, row := range product(y, y) {
		for j, x := range row {
			for s := range x {
				if !(math.Abs(x[s]-m[i][j][s]) <= 1e-11*(1+math.Abs(m[i][j][s]))) {
					y[i][j], z[i][j] = x.nan(), x.nan()
				}
			}
		}
	}
	return y, z
}

// cholesky is the factor L, from the lower triangle.
func cholesky(a [][]Number) [][]Number {
	n := len(a)
	l := make([][]Number, n)
	for i := range l {
		l[i] = make([]Number, n)
		for j := range n {
			l[i][j] = a[0][0].of(0)
			if j > i {
				continue
			}
			s := a[i][j]
			for k := range j {
				s = s.sub(l[i][k].mul(l[j][k]))
			}
			if i == j {
				l[i][j] = s.compose(power(s[0], 0.5))
			} else {
				l[i][j] = s.div(l[j][j])
			}
		}
	}
	return l
}
