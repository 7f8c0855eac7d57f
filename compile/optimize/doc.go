// Package optimize finds minima of functions that are graphs: with bounds and constraints, and least squares with the standard errors of what is fitted. Derivatives are exact and compiled with the function; the solvers are plain Go
// around the programs.
//
//	g := graph.New()
//	b := g.Input("b", graph.Float64, 2)
//	model := graph.Mul(graph.Index(b, 0), graph.Exp(graph.Mul(graph.Index(b, 1), x)))
//	fit, err := optimize.Problem{
//		Residuals:  []*graph.Node{graph.Sub(y, model)},
//		Parameters: []*graph.Node{b},
//	}.Solve(ctx, optimize.Values{"b": {1, -0.5}}, optimize.Options{})
//	errors, err := fit.StandardErrors()
//
// A Problem is compiled once (Compile) and solved from as many starts as one likes. Which method solves it follows from what is given, or is chosen:
//
//   - LBFGSB for a scalar of any number of parameters, with bounds.
//   - LevenbergMarquardt for residuals, with bounds; Covariance and StandardErrors follow from its Jacobian.
//   - NewtonCG for a scalar, by products with the Hessian or its sparse entries: fewer iterations.
//   - SQP for equality and inequality constraints; it returns Lagrange multipliers.
//
// A result says why it ended. All methods compare values only where that means something: near a minimum, where changes of the objective are less than its rounding, derivatives decide alone, so that they end at what can be computed and
// not with a failed line search.
//
// A minimum as a function of other inputs, with derivatives, is implicit.Minimize.
package optimize
