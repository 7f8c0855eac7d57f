package kernel

import "github.com/adjoint-go/adjoint/internal/attr"

var _ = addCases(
	kernelCase{name: "require", what: "true", dtypes: floatDTypes, attrs: attrs(attr.S("message", "too much")),
		in: []arg{v(sh(2, 2), 1, 2, 3, 4), bools(sh(2), 1, 1), v(sh(2), 5, 6)}, out: []arg{v(sh(2, 2), 1, 2, 3, 4)}},
	kernelCase{name: "require", what: "one false", dtypes: floatDTypes, attrs: attrs(attr.S("message", "too much")),
		in: []arg{v(sh(2), 1, 2), bools(sh(2), 1, 0), v(sh(3), 5, 7, 6)}, out: []arg{v(sh(2), 1, 2)}, err: "too much: 7"},
	kernelCase{name: "require", what: "another dtype", dtypes: floatDTypes, attrs: attrs(attr.S("message", "too much")),
		in: []arg{v(sh(), 1), bools(sh(), 0), v(sh(), 0.5)}, out: []arg{v(sh(), 1)}, err: "too much: 0.5"},
	kernelCase{name: "require", what: "two measures", dtypes: floatDTypes, attrs: attrs(attr.S("message", "too much")),
		in: []arg{v(sh(), 1), bools(sh(), 0), v(sh(), 0.5), v(sh(2), 3, 4)}, out: []arg{v(sh(), 1)}, err: "too much: 0.5, 4"},
)
