// Package compile differentiates graphs and turns them into programs.
//
// # Derivatives
//
// All of these append nodes to the graph of their arguments, so results nest: any derivative can be differentiated again, batched, or
// used in a larger graph. Any node can be differentiated by, inputs and intermediate ones; several costs on one graph do not meet.
//
//   - [Gradient] of a scalar by any number of nodes; [GradientStrict] refuses nodes that the cost does not depend on, which otherwise get zeros.
//   - [VJP] and [JVP], reverse and forward accumulation, for any outputs.
//   - [Jacobian], forward or reverse by shape, and [Hessian], both dense. Mixed blocks are Jacobians of gradients.
//   - [HVP] and [GaussNewton], products with a vector without forming the matrix.
//   - [Directional] and [Taylor], derivatives of high order along a direction or curve.
//   - [JacobianPattern], [SparseJacobian] and [SparseHessian], with patterns found in the graph and compressed by colouring.
//   - [Batch], many evaluations at once, before or after differentiation.
//
// Users replace derivatives with [graph.StopGradient], [graph.CustomVJP], [graph.CustomJVP] and [graph.CustomOp], and define operators with
// [graph.RegisterUser], which an expansion or a Go function ([vm.RegisterKernel]) runs. Package gradcheck compares derivatives with differences.
//
// # Programs
//
// [Compile] copies what the outputs depend on, runs the passes of the table in passes.go (expansion, rewriting, fusion, scheduling, memory planning,
// emission) and returns a [vm.Program]. Options are fields of [Config].
package compile
