package kernel

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// Kernels that derivatives of other operators are made of.
var _ = addCases(
	kernelCase{name: "gap_divide", what: "zeros", dtypes: floatDTypes, in: []arg{v(sh(4), 4, 0, 3, -0.5), v(sh(4), 2, 0, -1, 0.25)}, out: []arg{v(sh(4), 2, 0, -3, -2)}},
	kernelCase{name: "gap_divide", what: "no derivative", dtypes: floatDTypes, in: []arg{v(sh(2), 1, 5), v(sh(2), 1, 0)}, out: []arg{v(sh(2))}, err: "element 1 is 5/0"},
	kernelCase{name: "linear_recurrence", what: "forward", dtypes: numericDTypes, attrs: attrs(attr.I("axis", 0)), in: []arg{v(sh(3), 9, 2, 3), v(sh(3), 1, 1, 1)}, out: []arg{v(sh(3), 1, 3, 10)}},
	kernelCase{name: "linear_recurrence", what: "reverse", dtypes: numericDTypes, attrs: attrs(attr.I("axis", 1), attr.B("reverse", true)),
		in: []arg{v(sh(1, 3, 2), 9, 1, 2, 1, 3, 1), v(sh(1, 3, 2), 1, 1, 1, 2, 1, 3)}, out: []arg{v(sh(1, 3, 2), 28, 6, 3, 5, 1, 3)}},
	kernelCase{name: "expm", what: "diagonal and nilpotent", dtypes: floatDTypes, tol: 1e-15,
		in: []arg{v(sh(2, 2, 2), 0, 0, 0, math.Ln2, 0, 1, 0, 0)}, out: []arg{v(sh(2, 2, 2), 1, 0, 0, 2, 1, 1, 0, 1)}},
	kernelCase{name: "expm", what: "scaled: a rotation by 10", dtypes: floatDTypes, tol: 1e-14,
		in: []arg{v(sh(2, 2), 0, -10, 10, 0)}, out: []arg{v(sh(2, 2), math.Cos(10), -math.Sin(10), math.Sin(10), math.Cos(10))}},
	kernelCase{name: "expm", what: "too large", dtypes: floatDTypes, in: []arg{v(sh(1, 1), 1e4)}, out: []arg{v(sh(1, 1))}, err: "1-norm"},
	// P(1, x) = 1 − e⁻ˣ and P(2, x) = 1 − (1 + x)e⁻ˣ (DLMF 8.4.7).
	kernelCase{name: "igamma_derivative", what: "order 0", dtypes: floatDTypes, tol: 1e-14, attrs: attrs(attr.I("order", 0)),
		in: []arg{v(sh(2), 1, 2), v(sh(2), 2, 1)}, out: []arg{v(sh(2), 1-math.Exp(-2), 1-2*math.Exp(-1))}},
	kernelCase{name: "igamma_derivative", what: "order 1", dtypes: floatDTypes, tol: 1e-13, attrs: attrs(attr.I("order", 1)),
		in: []arg{v(sh(1), 2), v(sh(1), 1)}, out: []arg{v(sh(1), -0.2761960457028348)}},
	// I_x(a, 1) = x^a (DLMF 8.17.7).
	kernelCase{name: "betainc_derivative", what: "order 0", dtypes: floatDTypes, tol: 1e-14, attrs: attrs(attr.I("order_a", 0), attr.I("order_b", 0)),
		in: []arg{v(sh(2), 1, 2), v(sh(2), 1, 1), v(sh(2), 0.5, 0.25)}, out: []arg{v(sh(2), 0.5, 0.0625)}},
	kernelCase{name: "betainc_derivative", what: "order 1 by a", dtypes: floatDTypes, tol: 1e-13, attrs: attrs(attr.I("order_a", 1), attr.I("order_b", 0)),
		in: []arg{v(sh(1), 2), v(sh(1), 1), v(sh(1), 0.5)}, out: []arg{v(sh(1), 0.25*math.Log(0.5))}},
)
