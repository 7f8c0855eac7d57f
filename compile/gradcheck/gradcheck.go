// Package gradcheck compares derivatives with differences: for users who define operators or
// derivatives of their own, or who doubt a gradient.
//
//	report, err := gradcheck.Check([]*graph.Node{cost}, []*graph.Node{x, w}, map[string]any{"x": x0, "w": w0}, gradcheck.Options{})
//	if err == nil {
//		err = report.Err()
//	}
package gradcheck

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/shape"
	"github.com/adjoint-go/adjoint/vm"
)

// Options changes a check. The zero Options is what most want.
type Options struct {
	// Step is the step of the differences for values of size 1, 10⁻³ if 0. Larger values get proportionally larger steps.
	Step float64
	// Tolerance bounds the error relative to the larger of 1 and the derivative, 10⁻⁶ if 0.
	Tolerance float64
	// FirstOrder leaves out second derivatives.
	FirstOrder bool
	// MaxEntries bounds the elements of each node that are looked at one by one, 100 if 0; those of a larger node are
	// taken at even distances.
	MaxEntries int
}

// Failure is a derivative that differs from the differences.
type Failure struct {
	// Mode is reverse, forward, reverse over reverse or forward over reverse.
	Mode string
	// Of is the node that was differentiated by (reverse modes) or the one that was differentiated (forward), and Entry
	// the index of its element.
	Of    *graph.Node
	Entry []int
	// Derivative is the value that the graph computes, Difference what differences give.
	Derivative, Difference float64
	// Operator is the first node of the graph whose own derivative is wrong at this point, nil if each is right by itself.
	Operator *graph.Node
}

// String describes the failure, with operator and line.
func (f Failure) String() string {
	s := fmt.Sprintf("%s, %v%v: %v, differences give %v", f.Mode, f.Of, f.Entry, f.Derivative, f.Difference)
	if f.Operator != nil {
		name := ""
		if op := f.Operator.Op(); op != nil {
			name = op.Name
		}
		if of := f.Operator.Attrs().Str("operator"); name == "batched" {
			name += " " + of
		}
		s += fmt.Sprintf("; the derivative of %s %v (%v) is wrong here", name, f.Operator, f.Operator.Position())
	}
	return s
}

// Report is the result of a check.
type Report struct {
	// Checked counts the compared numbers.
	Checked int
	// Failures lists at most 20 differences.
	Failures []Failure
}

// Err returns nil if there are no failures, else an error that lists them.
func (r *Report) Err() error {
	if r == nil {
		return errors.New("gradcheck: there is no report: the error of Check says why")
	}
	if len(r.Failures) == 0 {
		return nil
	}
	return errors.New(r.String())
}

// String describes the report, a failure a line.
func (r *Report) String() string {
	if r == nil {
		return "no report"
	}
	lines := []string{fmt.Sprintf("%d derivatives checked, %d wrong", r.Checked, len(r.Failures))}
	for _, f := range r.Failures {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

const maxFailures = 20

// Check differentiates the float64 outputs by the float64 inputs wrt at a point, in reverse and forward mode and to second
// order, and compares with central differences, extrapolated twice (Richardson). The outputs are contracted with fixed
// pseudo-random cotangents. The point gives all inputs by name, as vm.Machine.Run takes them; its tensors are not changed. The
// graph is not changed.
//
// At kinks and ties, conventions and differences disagree: choose another point there. float32 is too coarse for differences: check
// such graphs in float64. The error tells of mistakes in the arguments and of failed runs; wrong derivatives are in the report.
func Check(outputs, wrt []*graph.Node, point map[string]any, opts Options) (*Report, error) {
	if opts.Step == 0 {
		opts.Step = 1e-3
	}
	if opts.Tolerance == 0 {
		opts.Tolerance = 1e-6
	}
	if opts.MaxEntries == 0 {
		opts.MaxEntries = 100
	}
	if len(outputs) == 0 || len(wrt) == 0 {
		return nil, fmt.Errorf("gradcheck: needs outputs and inputs to differentiate by")
	}
	g := outputs[0].Graph()
	if err := g.Err(); err != nil {
		return nil, err
	}
	for _, n := range append(append([]*graph.Node{}, outputs...), wrt...) {
		if n == nil || !n.Valid() || n.Graph() != g {
			return nil, fmt.Errorf("gradcheck: node %v is invalid or belongs to another graph", n)
		}
		if n.DType() != graph.Float64 {
			return nil, fmt.Errorf("gradcheck: node %v is %v: only float64 is fine enough for differences", n, n.Type())
		}
	}
	for _, x := range wrt {
		if !x.IsInput() {
			return nil, fmt.Errorf("gradcheck: node %v is not an input", x)
		}
	}
	report := &Report{}
	if err := check(report, outputs, wrt, point, opts); err != nil {
		return nil, err
	}
	if len(report.Failures) > 0 {
		op, err := culprit(outputs, wrt, point, opts)
		if err != nil {
			return nil, err
		}
		for i := range report.Failures {
			report.Failures[i].Operator = op
		}
	}
	return report, nil
}

// names of the inputs that a check adds to its copy of the graph
func inputName(g *graph.Graph, kind string, i int) string {
	name := fmt.Sprintf("gradcheck.%s%d", kind, i)
	for g.Lookup(name) != nil {
		name += "_"
	}
	return name
}

// spread returns n numbers in [−1, 1], never near zero together with their neighbours.
func spread(n, seed int) []float64 {
	v := make([]float64, n)
	for i := range v {
		_, f := math.Modf(0.137*float64(seed) + 0.6180339887498949*float64(i+1))
		v[i] = 2*f - 1
	}
	return v
}

// checker holds a copy of the graph with the derivatives.
type checker struct {
	report *Report
	opts   Options
	point  map[string]any

	copies, originals []*graph.Node // of wrt
	at                [][]float64   // values of wrt
	ct, u, d          []*graph.Node // inputs: cotangents of the outputs, directions of wrt
	values            map[string][]float64
}

func check(report *Report, outputs, wrt []*graph.Node, point map[string]any, opts Options) error {
	g, images := outputs[0].Graph().Rebuild(append(append([]*graph.Node{}, outputs...), wrt...), nil)
	outs, ins := images[:len(outputs)], images[len(outputs):]
	c := &checker{report: report, opts: opts, point: point, copies: ins, originals: wrt, values: map[string][]float64{}}
	add := func(kind string, like []*graph.Node, seed int) []*graph.Node {
		var list []*graph.Node
		for i, n := range like {
			x := g.Input(inputName(g, kind, i), graph.Float64, n.Shape()...)
			c.values[x.Name()] = spread(n.Shape().Size(), seed+i)
			list = append(list, x)
		}
		return list
	}
	c.ct, c.u, c.d = add("ct", outs, 11), add("u", ins, 23), add("d", ins, 37)

	vjp, err := compile.VJP(outs, ins, c.ct)
	if err != nil {
		return err
	}
	jvp, err := compile.JVP(outs, ins, c.u)
	if err != nil {
		return err
	}
	start, err := c.machine(ins...)
	if err != nil {
		return err
	}
	if err := start.step(); err != nil {
		return err
	}
	for i := range ins {
		c.at = append(c.at, append([]float64(nil), start.m.OutputFloat64(i)...))
	}
	if err := c.compare("", outs, vjp, jvp, c.ct, c.u, outputs); err != nil || opts.FirstOrder || len(report.Failures) > 0 {
		return err
	}
	var contraction *graph.Node
	for i, v := range vjp {
		term := graph.Sum(graph.Mul(v, c.u[i]))
		if contraction == nil {
			contraction = term
		} else {
			contraction = graph.Add(contraction, term)
		}
	}
	second, err := compile.Gradient(contraction, ins...)
	if err != nil {
		return err
	}
	forward, err := compile.JVP(vjp, ins, c.d)
	if err != nil {
		return err
	}
	return c.compare(" over reverse", vjp, second, forward, c.u, c.d, wrt)
}

// machine compiles nodes of the copy and sets all inputs.
type machine struct {
	m   *vm.Machine
	wrt [][]float64 // views
	n   int
}

func (c *checker) machine(nodes ...*graph.Node) (*machine, error) {
	p, err := compile.Compile(nodes...)
	if err != nil {
		return nil, err
	}
	x := &machine{m: vm.NewMachine(p), n: len(nodes)}
	args := map[string]any{}
	for name, v := range c.point {
		args[name] = v
	}
	// The inputs of the check are filled through views before the first run.
	for name, v := range c.values {
		copy(x.m.Float64(name), v)
	}
	if _, err := x.m.Call(args); err != nil {
		return nil, err
	}
	for i, w := range c.copies {
		if c.at == nil {
			break
		}
		view := x.m.Float64(w.Name())
		copy(view, c.at[i])
		x.wrt = append(x.wrt, view)
	}
	return x, nil
}

func (x *machine) step() error { return x.m.Step() }

// outputs returns copies of all outputs.
func (x *machine) outputs() [][]float64 {
	var out [][]float64
	for i := range x.n {
		out = append(out, append([]float64(nil), x.m.OutputFloat64(i)...))
	}
	return out
}

// differences returns the derivative of the machine's outputs along a direction of wrt.
func (c *checker) differences(x *machine, along [][]float64) ([][]float64, error) {
	size := 1.0
	for i, a := range c.at {
		for k, v := range a {
			if along[i] != nil && along[i][k] != 0 && !math.IsInf(v, 0) {
				size = max(size, math.Abs(v))
			}
		}
	}
	var level [3][][]float64
	for l := range level {
		h := c.opts.Step * size / float64(int(1)<<l)
		var side [2][][]float64
		for s, sign := range []float64{1, -1} {
			for i, view := range x.wrt {
				copy(view, c.at[i])
				for k, v := range along[i] {
					view[k] += sign * h * v
				}
			}
			if err := x.step(); err != nil {
				return nil, err
			}
			side[s] = x.outputs()
		}
		for o := range side[0] {
			for k := range side[0][o] {
				side[0][o][k] = (side[0][o][k] - side[1][o][k]) / (2 * h)
			}
		}
		level[l] = side[0]
	}
	for o := range level[0] {
		for k := range level[0][o] {
			a := (4*level[1][o][k] - level[0][o][k]) / 3
			b := (4*level[2][o][k] - level[1][o][k]) / 3
			level[0][o][k] = (16*b - a) / 15
		}
	}
	return level[0], nil
}

// compare checks reverse (by entry of wrt) and forward (by entry of the functions) derivatives of functions. weights are the
// cotangents of the functions, dirs the directions of wrt.
func (c *checker) compare(order string, functions, reverse, forward, weights, dirs, users []*graph.Node) error {
	x, err := c.machine(functions...)
	if err != nil {
		return err
	}
	r, err := c.machine(append(append([]*graph.Node{}, reverse...), forward...)...)
	if err != nil {
		return err
	}
	if err := r.step(); err != nil {
		return err
	}
	got := r.outputs()
	judge := func(mode string, of *graph.Node, entry int, derivative, difference float64) {
		c.report.Checked++
		right := math.Abs(derivative-difference) <= c.opts.Tolerance*max(1, math.Abs(derivative), math.Abs(difference))
		if !right && len(c.report.Failures) < maxFailures {
			c.report.Failures = append(c.report.Failures, Failure{Mode: mode + order, Of: of, Entry: shape.At(entry, of.Shape()), Derivative: derivative, Difference: difference})
		}
	}
	for i, w := range c.copies {
		n := w.Shape().Size()
		step := (n + c.opts.MaxEntries - 1) / c.opts.MaxEntries
		for k := 0; k < n; k += step {
			along := make([][]float64, len(c.copies))
			along[i] = make([]float64, n)
			along[i][k] = 1
			diff, err := c.differences(x, along)
			if err != nil {
				return err
			}
			sum := 0.0
			for o, d := range diff {
				for j, v := range d {
					sum += v * c.values[weights[o].Name()][j]
				}
			}
			judge("reverse", c.originals[i], k, got[i][k], sum)
		}
	}
	along := make([][]float64, len(c.copies))
	for i := range along {
		along[i] = c.values[dirs[i].Name()]
	}
	diff, err := c.differences(x, along)
	if err != nil {
		return err
	}
	for o, d := range diff {
		for j, v := range d {
			judge("forward", users[o], j, got[len(reverse)+o][j], v)
		}
	}
	return nil
}
