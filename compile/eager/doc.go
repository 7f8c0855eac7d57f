// Package eager is define-by-run: tensors that record what is computed with them, and derivatives by Backward, as in PyTorch.
//
//	x := eager.Ones(2, 2).RequiresGrad()
//	y := x.Add(2)
//	out := y.Mul(y).Mul(3).Mean()
//	if err := out.Backward(); err != nil {
//		log.Fatal(err)
//	}
//	fmt.Println(x.Grad()) // 4.5 in every cell
//
// Go's own loops, branches and functions are the control flow. What runs is compiled: operations are recorded when they are called, and computed when a value is asked
// for (Value, Item, String, Backward and so on). The record since the values that are known is a static graph; its program is kept under the structure of the record,
// so from the second pass of a loop on nothing is built or compiled. Programs are kept as long as the process lives, for some thousand structures.
//
// Operators are the constructors of package graph as methods of the first operand, with the others as tensors, as numbers, which take the dtype of the first, or as what Of takes. Func makes an operator of any
// function of nodes: of layers of graph/nn, of loops, or of what is shared by name.
//
// Mistakes do not panic. A tensor that a mistake made carries it, with the user's line, and so does what is computed with it; Err and all methods that ask for values return it.
//
// Differences from PyTorch: values do not change (Assign gives a tensor a new one, and what was computed before keeps the old); an operation outside of Backward's reach costs its record only, so
// there is little need for NoGrad; a value that is asked for before Backward is computed again in it.
//
// Tensors are not safe for concurrent use, but different goroutines may use tensors of their own at the same time.
package eager

//go:generate go run ./gen
