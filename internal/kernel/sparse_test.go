package kernel

import "github.com/adjoint-go/adjoint/internal/attr"

// The matrix of these cases is [[0 2 0 1] [0 0 0 0] [3 0 0 4]].
var (
	csrRows = ints(sh(4), 0, 2, 2, 4)
	csrCols = ints(sh(4), 1, 3, 0, 3)
	csrVals = v(sh(4), 2, 1, 3, 4)
	csrSize = attrs(attr.I("columns", 4))
)

var _ = addCases(
	kernelCase{name: "csr_matmul", what: "vector", dtypes: floatDTypes, attrs: csrSize, in: []arg{csrRows, csrCols, csrVals, v(sh(4), 1, 2, 3, 4)}, out: []arg{v(sh(3), 8, 0, 19)}},
	kernelCase{name: "csr_matmul", what: "matrix", dtypes: floatDTypes, attrs: csrSize, in: []arg{csrRows, csrCols, csrVals, v(sh(4, 2), 1, 5, 2, 6, 3, 7, 4, 8)}, out: []arg{v(sh(3, 2), 8, 20, 0, 0, 19, 47)}},
	kernelCase{name: "csr_matmul", what: "transposed", dtypes: floatDTypes, attrs: attrs(attr.I("columns", 4), attr.B("transpose", true)),
		in: []arg{csrRows, csrCols, csrVals, v(sh(3), 1, 2, 3)}, out: []arg{v(sh(4), 9, 2, 0, 13)}},
	kernelCase{name: "csr_matmul", what: "transposed matrix", dtypes: floatDTypes, attrs: attrs(attr.I("columns", 4), attr.B("transpose", true)),
		in: []arg{csrRows, csrCols, csrVals, v(sh(3, 1), 1, 2, 3)}, out: []arg{v(sh(4, 1), 9, 2, 0, 13)}},
	kernelCase{name: "csr_matmul", what: "repeated entry", dtypes: floatDTypes, attrs: attrs(attr.I("columns", 1)),
		in: []arg{ints(sh(2), 0, 2), ints(sh(2), 0, 0), v(sh(2), 3, 4), v(sh(1), 2)}, out: []arg{v(sh(1), 14)}},
	kernelCase{name: "csr_matmul", what: "bad column", dtypes: floatDTypes, attrs: attrs(attr.I("columns", 3)),
		in: []arg{csrRows, csrCols, csrVals, v(sh(3), 1, 2, 3)}, out: []arg{v(sh(3))}, err: "column 3 (entry 1) is out of range for 3 columns"},
	kernelCase{name: "csr_matmul", what: "descending boundaries", dtypes: floatDTypes, attrs: csrSize,
		in: []arg{ints(sh(4), 0, 3, 2, 4), csrCols, csrVals, v(sh(4), 1, 2, 3, 4)}, out: []arg{v(sh(3))}, err: "row boundary 2 (element 2) is out of range"},
	kernelCase{name: "csr_matmul", what: "missing entries", dtypes: floatDTypes, attrs: csrSize,
		in: []arg{ints(sh(4), 0, 1, 2, 3), csrCols, csrVals, v(sh(4), 1, 2, 3, 4)}, out: []arg{v(sh(3))}, err: "the last row boundary is 3, but there are 4 entries"},
	kernelCase{name: "csr_sampled_matmul", what: "matrices", dtypes: floatDTypes,
		in:  []arg{csrRows, csrCols, v(sh(3, 2), 1, 2, 3, 4, 5, 6), v(sh(4, 2), 1, 0, 0, 1, 2, 2, 1, -1)},
		out: []arg{v(sh(4), 2, -1, 5, -1)}},
	kernelCase{name: "csr_sampled_matmul", what: "vectors", dtypes: floatDTypes,
		in:  []arg{csrRows, csrCols, v(sh(3), 1, 2, 3), v(sh(4), 1, 10, 100, 1000)},
		out: []arg{v(sh(4), 10, 1000, 3, 3000)}},
	kernelCase{name: "csr_sampled_matmul", what: "bad column", dtypes: floatDTypes,
		in: []arg{csrRows, csrCols, v(sh(3), 1, 2, 3), v(sh(3), 1, 10, 100)}, out: []arg{v(sh(4))}, err: "column 3"},
)
