package ref

import (
	"fmt"

	"github.com/adjoint-go/adjoint/graph"
)

// eachEntry calls f for every entry of a sparse matrix in compressed rows.
func eachEntry(start, column Value, columns int, f func(e, i, j int)) error {
	for i := range start.Len() - 1 {
		if start.I[i] < 0 || start.I[i+1] < start.I[i] || start.I[i+1] > int64(column.Len()) {
			return fmt.Errorf("the entries %d to %d of row %d are out of range", start.I[i], start.I[i+1], i)
		}
		for e := start.I[i]; e < start.I[i+1]; e++ {
			j := column.I[e]
			if j < 0 || j >= int64(columns) {
				return fmt.Errorf("column %d is out of range", j)
			}
			f(int(e), i, int(j))
		}
	}
	return nil
}

// rowsOf views a vector or matrix as a matrix.
func rowsOf(v Value) matrix {
	m := v.Type.Shape[0]
	return matrix{m, v.Len() / m, v.F}
}

func dense(in []Value, columns int, transpose bool) (matrix, error) {
	a := newMatrix(in[0].Len()-1, columns)
	err := eachEntry(in[0], in[1], columns, func(e, i, j int) { a.add(i, j, in[2].F[e]) })
	if transpose {
		a = a.transposed()
	}
	return a, err
}

func init() {
	evaluators["csr_matmul"] = func(n *graph.Node, in []Value) (Value, error) {
		a, err := dense(in, n.Attrs().Int("columns"), n.Attrs().Bool("transpose"))
		if err != nil {
			return Value{}, err
		}
		return Value{Type: n.Type(), F: a.times(rowsOf(in[3])).v}, nil
	}
	evaluators["csr_solve"] = func(n *graph.Node, in []Value) (Value, error) {
		a, err := dense(in, in[0].Len()-1, n.Attrs().Bool("transpose"))
		if err != nil {
			return Value{}, err
		}
		x, err := gauss(a, rowsOf(in[3]))
		return Value{Type: n.Type(), F: x.v}, err
	}
	evaluators["csr_sampled_matmul"] = func(n *graph.Node, in []Value) (Value, error) {
		out, b := New(n.Type()), rowsOf(in[3])
		product := rowsOf(in[2]).times(b.transposed())
		err := eachEntry(in[0], in[1], b.m, func(e, i, j int) { out.F[e] = product.at(i, j) })
		return out, err
	}
}
