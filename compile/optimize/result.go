package optimize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Status is the reason why a solution ended. What is not Converged is an error too: errors.Is(err, optimize.Limit).
type Status int

// The reasons.
const (
	// Converged: the gradient (for least squares its cosine with the residuals, with constraints that of the Lagrangian and their violation) is within the tolerance.
	Converged Status = iota + 1
	// Settled: the parameters no longer change, by the tolerance of steps.
	Settled
	// Rounded: the objective is flat to its rounding, and the gradient no longer falls.
	Rounded
	// Limit: more iterations than Options.Limit.
	Limit
	// Stalled: no step from here lowers the objective, though the gradient says so; it may be wrong, not smooth, or not finite nearby.
	Stalled
	// Unbounded: the objective falls without end.
	Unbounded
	// Infeasible: the constraints have no solution near here; their violation is at a minimum that is not 0.
	Infeasible
	// Stopped: Options.Callback returned an error, or the context ended.
	Stopped
)

var statusTexts = [...]string{"", "the gradient is within the tolerance", "the parameters no longer change", "the objective is flat to its rounding", "the limit of iterations is reached",
	"no step lowers the objective", "the objective is unbounded", "the constraints are infeasible", "stopped"}

// String says it in words.
func (s Status) String() string {
	if s < 0 || int(s) >= len(statusTexts) {
		return fmt.Sprintf("Status(%d)", int(s))
	}
	return statusTexts[s]
}

// Error is String.
func (s Status) Error() string { return s.String() }

// OK says whether the result is a solution.
func (s Status) OK() bool { return s == Converged || s == Settled || s == Rounded }

// Options change a solution. The zero value is for every problem.
type Options struct {
	// GradientTolerance bounds the elements of the gradient at a solution, less what bounds hold; with constraints those of the Lagrangian's gradient and the violation of constraints too. 0 is 1e-6, for NewtonCG and SQP 1e-8.
	// For LevenbergMarquardt it bounds the cosine between the residuals and each column of the Jacobian; 0 is 1e-15, which leaves the decision to StepTolerance.
	GradientTolerance float64
	// StepTolerance ends LevenbergMarquardt when a step changes each parameter by less than this part of it; 0 is 1e-12. Other methods do not look at it.
	StepTolerance float64
	// Limit bounds the iterations; 0 is 20 000 for LBFGSB, and 2000 for other methods.
	Limit int
	// Memory is the number of steps of which LBFGSB keeps the change of the gradient; 0 is 10.
	Memory int
	// Callback is called after every iteration. An error stops the solution, which returns it beside the result so far. See package progress for a bar at a terminal.
	Callback func(Iteration) error
}

// Iteration is what a callback is told.
type Iteration struct {
	Number int // from 1
	// X is the point, one parameter after another, valid during the call.
	X     []float64
	Value float64 // the objective, or the sum of squares
	// Optimality is what converges to 0, and Tolerance where it ends: see Result and Options.GradientTolerance.
	Optimality, Tolerance float64
	Step                  float64 // length of the step
}

// Evaluations counts runs of programs.
type Evaluations struct {
	Values    int // of the objective with its gradient and constraints with theirs, or of the residuals
	Jacobians int // of the residuals' Jacobian, or a sparse Hessian
	Products  int // of the Hessian with a vector
}

// Result is a solution, or with a Status that is not OK the best point so far.
type Result struct {
	Status Status
	X      Values  // the parameters
	Value  float64 // the objective, or the sum of squares
	// Gradient is that of Value.
	Gradient Values
	// Optimality is the largest element of the gradient after what bounds hold is taken off, |P(x − ∇) − x| with the projection P into the bounds. With constraints it is the residual of the Karush–Kuhn–Tucker conditions: the largest
	// element of the Lagrangian's gradient, of the violation of constraints and of the products of multipliers and inequalities. For LevenbergMarquardt it is the largest cosine between residuals and a column of the Jacobian.
	Optimality  float64
	Violation   float64 // of constraints, the largest
	Iterations  int
	Evaluations Evaluations
	// Zero and NonNegative are the Lagrange multipliers of the constraints, in their order and row-major: ∇Value = Σ multiplier·∇constraint + those of bounds; of inequalities they are ≥ 0.
	Zero, NonNegative []float64
	// Residuals are those of a fit by LevenbergMarquardt, one after another; nil of MinimizeSquares.
	Residuals []float64

	solver *Solver
	x      []float64
	fit    *fit
}

// projected returns the largest element of |P(x − g) − x|.
func (r *run) projected(x, g []float64) float64 {
	largest := 0.0
	for i, d := range g {
		if r.bounded {
			if d > 0 {
				d = min(d, x[i]-r.lower[i])
			} else {
				d = max(d, x[i]-r.upper[i])
			}
		}
		if d = math.Abs(d); d > largest || d != d {
			largest = d
		}
	}
	return largest
}

// Solve finds a minimum from the start on, which has a value for every parameter and is within the bounds. A nil context is context.Background. If the status of the result is not OK, err says so, with the best point in the result.
// Other errors, with a nil result, are mistakes in the arguments and functions that cannot be computed at the start.
//
// A step to a point where the objective, a residual or their derivatives are not finite, or where the program fails, is shortened.
func (s *Solver) Solve(ctx context.Context, start Values, o Options) (*Result, error) {
	if s == nil || s.values == nil {
		return nil, errors.New("optimize: the solver is not made by Compile")
	}
	if ctx == nil {
		ctx = context.Background()
	}
	x, err := s.flat("start", start, math.NaN())
	if err != nil {
		return nil, err
	}
	var errs []error
	for i, v := range x {
		switch {
		case v-v != 0:
			errs = append(errs, fmt.Errorf("optimize: the start of %s is %v", s.element(i), v))
		case v < s.lower[i] || v > s.upper[i]:
			errs = append(errs, fmt.Errorf("optimize: the start %v of %s is not within the bounds %v and %v", v, s.element(i), s.lower[i], s.upper[i]))
		}
	}
	wrong := func(v float64) bool { return v < 0 || v != v }
	if wrong(o.GradientTolerance) || wrong(o.StepTolerance) || o.Limit < 0 || o.Memory < 0 {
		errs = append(errs, fmt.Errorf("optimize: tolerances %v and %v, a limit of %d iterations and a memory of %d steps: negative", o.GradientTolerance, o.StepTolerance, o.Limit, o.Memory))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	standard := func(v *float64, tolerance float64) {
		if *v == 0 {
			*v = tolerance
		}
	}
	if o.Limit == 0 {
		if o.Limit = 2000; s.problem.Method == LBFGSB {
			o.Limit = 20_000
		}
	}
	if o.Memory == 0 {
		o.Memory = 10
	}
	standard(&o.StepTolerance, 1e-12)
	switch s.problem.Method {
	case LBFGSB:
		standard(&o.GradientTolerance, 1e-6)
	case LevenbergMarquardt:
		standard(&o.GradientTolerance, 1e-15)
	default:
		standard(&o.GradientTolerance, 1e-8)
	}
	r := &run{Solver: s, ctx: ctx, o: o, x: x, result: &Result{solver: s}}
	switch s.problem.Method {
	case LBFGSB:
		err = r.lbfgsb()
	case LevenbergMarquardt:
		err = r.levenberg()
	case NewtonCG:
		err = r.newton()
	case SQP:
		err = r.sqp()
	}
	if r.result.Status == 0 {
		return nil, err
	}
	r.result.x = r.x
	r.result.X = s.named(r.x)
	if err != nil {
		r.result.Status = Stopped
		return r.result, fmt.Errorf("optimize: %w after %d iterations: %w", Stopped, r.result.Iterations, err)
	}
	if !r.result.Status.OK() {
		err = fmt.Errorf("optimize: %w after %d iterations, at %s = %v", r.result.Status, r.result.Iterations, valueName(s), r.result.Value)
		if r.trial != nil && r.result.Status == Stalled {
			err = fmt.Errorf("%w; nearby it cannot be computed: %w", err, r.trial)
		}
	}
	return r.result, err
}

func valueName(s *Solver) string {
	if s.problem.Objective == nil {
		return "sum of squares"
	}
	return "objective"
}

// atStart is the error of a function that is not finite at the start, where a solution cannot begin.
func (r *run) atStart(err error) error {
	if err != nil {
		return err
	}
	if r.trial != nil {
		return fmt.Errorf("optimize: at the start: %w", r.trial)
	}
	return fmt.Errorf("optimize: the %s or its derivatives are not finite at the start", valueName(r.Solver))
}

// report ends an iteration.
func (r *run) report(value, step float64, optimality func() float64) error {
	r.result.Iterations++
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.o.Callback != nil {
		return r.o.Callback(Iteration{Number: r.result.Iterations, X: r.x, Value: value, Optimality: optimality(), Tolerance: r.o.GradientTolerance, Step: step})
	}
	return nil
}

// end records the reason and the last gradient.
func (r *run) end(s Status, value float64, gradient []float64, optimality float64) {
	r.result.Status, r.result.Value, r.result.Optimality = s, value, optimality
	r.result.Gradient = r.named(slices.Clone(gradient))
}
