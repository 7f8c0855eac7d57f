package compile

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// HVP appends the products of the Hessian of a scalar cost with the vectors v (one for each of wrt, of its
// type): Σ_j ∂²cost/∂wrt_i∂wrt_j · v_j. Method: forward over reverse (Griewank & Walther, Evaluating Derivatives, 2nd ed., §5.4);
// it costs a small multiple of the cost, and no matrix is formed.
func HVP(cost *graph.Node, wrt, v []*graph.Node) ([]*graph.Node, error) {
	grads, err := Gradient(cost, wrt...)
	if err != nil {
		return nil, err
	}
	return JVP(grads, wrt, v)
}

// GaussNewton appends the products JᵀJ·v for the Jacobian J of outputs by wrt, with v as in HVP.
func GaussNewton(outputs, wrt, v []*graph.Node) ([]*graph.Node, error) {
	jv, err := JVP(outputs, wrt, v)
	if err != nil {
		return nil, err
	}
	return VJP(outputs, wrt, jv)
}

// maxDirectionalOrder bounds the order of derivatives along a direction: 34! is the largest factorial that float32 holds.
const maxDirectionalOrder = 34

// Directional appends the derivative of each order from 1 to order (at most 34) of the outputs along the direction v at wrt:
// dᵏ/dtᵏ outputs(wrt + t·v) at t = 0, result[k−1][i] for output i. Nil directions mean ones. Method: Taylor coefficients (see Taylor), times k!.
func Directional(order int, outputs, wrt, v []*graph.Node) ([][]*graph.Node, error) {
	if order < 1 || order > maxDirectionalOrder {
		return nil, fmt.Errorf("directional: order %d is not within 1 to %d", order, maxDirectionalOrder)
	}
	_, leave, err := checkDerivative("directional", &wrt, &v, &outputs, &wrt)
	if err != nil {
		return nil, err
	}
	defer leave()
	line := make([]*graph.Node, len(wrt))
	for i, w := range wrt {
		if i < len(v) && v[i] != nil {
			line[i] = v[i]
		} else {
			restore := w.Graph().AtNode(w)
			line[i] = graph.FullLike(w, 1)
			restore()
		}
	}
	coefficients, err := Taylor(order, outputs, wrt, [][]*graph.Node{line})
	if err != nil {
		return nil, err
	}
	factorial := 1.0
	all := coefficients[1:]
	for k, row := range all {
		factorial *= float64(k + 1)
		for i, c := range row {
			if factorial > 1 {
				restore := c.Graph().AtNode(outputs[i])
				row[i] = graph.Mul(graph.Like(c, factorial), c)
				restore()
			}
		}
	}
	return all, outputs[0].Graph().Err()
}

// Jacobian appends ∂output/∂wrt, of shape output's followed by wrt's. It is forward mode for wide outputs and reverse
// mode for narrow ones, in one batched sweep (see Batch). A graph that works on many scalars stays scalar code, as in SparseJacobian.
func Jacobian(output, wrt *graph.Node) (*graph.Node, error) {
	leave, err := checkMatrix("jacobian", &output, &wrt)
	if err != nil {
		return nil, err
	}
	defer leave()
	shape := slices.Concat(output.Shape(), wrt.Shape())
	if j, err := denseOfScalars(output, wrt, func(p *Pattern) (*SparseMatrix, error) { return sparseJacobian(output, wrt, p) }); j != nil || err != nil {
		return reshaped(j, shape), err
	}
	m, n := output.Shape().Size(), wrt.Shape().Size()
	if n <= m {
		j, err := jacobianColumns(output, wrt, identityRows(wrt, n))
		if err != nil {
			return nil, err
		}
		return graph.Reshape(graph.Transpose(graph.Reshape(j, n, m)), shape...), output.Graph().Err()
	}
	j, err := jacobianRows(output, wrt, identityRows(output, m))
	if err != nil {
		return nil, err
	}
	return graph.Reshape(j, shape...), output.Graph().Err()
}

// Hessian appends the second derivatives of a scalar cost by wrt, of shape wrt's twice over. A graph that works on many scalars stays scalar code, as in SparseHessian.
func Hessian(cost, wrt *graph.Node) (*graph.Node, error) {
	leave, err := checkMatrix("hessian", &cost, &wrt)
	if err != nil {
		return nil, err
	}
	defer leave()
	grad, err := Gradient(cost, wrt)
	if err != nil {
		return nil, err
	}
	n := wrt.Shape().Size()
	shape := slices.Concat(wrt.Shape(), wrt.Shape())
	h, err := denseOfScalars(grad[0], wrt, func(p *Pattern) (*SparseMatrix, error) { return sparseHessian(cost, grad[0], wrt, p) })
	if h != nil || err != nil {
		return reshaped(h, shape), err
	}
	j, err := jacobianColumns(grad[0], wrt, identityRows(wrt, n))
	if err != nil {
		return nil, err
	}
	// The matrix is symmetric, so rows and columns need not be exchanged.
	return graph.Reshape(j, shape...), cost.Graph().Err()
}

// reshaped is the node, if there is one, with another shape.
func reshaped(n *graph.Node, shape graph.Shape) *graph.Node {
	if n == nil {
		return nil
	}
	return graph.Reshape(n, shape...)
}

// maxScalarSweeps bounds the nodes that dense derivatives of scalar code take, about as many as it has times the directions.
const maxScalarSweeps = 1 << 17

// maxStacked bounds the elements of a dense matrix of scalar code that is put together from scalars; larger ones are scattered.
const maxStacked = 4096

// denseOfScalars returns the flattened derivative of a graph of scalars by way of the sparse one, whose code is a fraction of what the batched sweep of arrays takes; nil if that is not for this one.
func denseOfScalars(output, wrt *graph.Node, derivative func(p *Pattern) (*SparseMatrix, error)) (*graph.Node, error) {
	if !mostlyScalars(output, wrt) {
		return nil, nil
	}
	p, err := JacobianPattern(output, wrt)
	if err != nil || p.full() || p.NonZeros() == 0 {
		return nil, err
	}
	list, _ := between(output.Graph(), []*graph.Node{output}, []*graph.Node{wrt}, false)
	work := 0
	for _, n := range list {
		work += n.Shape().Size()
	}
	if work*min(p.fullestRow(), p.transposed().fullestRow()) > maxScalarSweeps {
		return nil, nil
	}
	m, err := derivative(p)
	if err != nil {
		return nil, err
	}
	defer m.Values.Graph().AtNode(m.Values)()
	size := m.Rows * m.Columns
	places := make([]int, 0, m.NonZeros())
	for i := range m.Rows {
		for _, j := range m.Row(i) {
			places = append(places, i*m.Columns+int(j))
		}
	}
	if size > maxStacked {
		index := graph.Constant(m.Values.Graph(), places, len(places))
		return graph.ScatterAdd(index, m.Values, 0, size), nil
	}
	element := elementsOf(m.Values)
	entries := make([]*graph.Node, len(places))
	for e := range entries {
		entries[e] = element(e)
	}
	return graph.IndexTranspose(graph.Shape{size}, places, entries...), nil
}

// checkMatrix is checkDerivative for one output by one node.
func checkMatrix(what string, output, wrt **graph.Node) (leave func(), err error) {
	outputs, by := []*graph.Node{*output}, []*graph.Node{*wrt}
	if _, leave, err = checkDerivative(what, &outputs, nil, &by, &by); err != nil {
		return nil, err
	}
	*output, *wrt = outputs[0], by[0]
	return leave, nil
}

// identityRows returns the n unit vectors of n's space as [n]+shape.
func identityRows(like *graph.Node, n int) *graph.Node {
	g := like.Graph()
	defer g.AtNode(like)()
	eye := graph.Equal(graph.Iota(g, graph.Int64, 0, n, n), graph.Iota(g, graph.Int64, 1, n, n))
	return graph.Reshape(graph.Cast(eye, like.DType()), append([]int{n}, like.Shape()...)...)
}

// jacobianColumns returns J·s for each of the k tangents s, [k]+wrt's shape: [k]+output's shape.
func jacobianColumns(output, wrt, tangents *graph.Node) (*graph.Node, error) {
	seed := wrt.Graph().Placeholder(wrt.DType(), wrt.Shape()...)
	dot, err := JVP([]*graph.Node{output}, []*graph.Node{wrt}, []*graph.Node{seed})
	if err != nil {
		return nil, err
	}
	b, err := Batch(dot, []*graph.Node{seed}, []*graph.Node{tangents})
	if err != nil {
		return nil, err
	}
	return b[0], nil
}

// jacobianRows returns sᵀ·J for each of the k cotangents s, [k]+output's shape: [k]+wrt's shape.
func jacobianRows(output, wrt, cotangents *graph.Node) (*graph.Node, error) {
	seed := output.Graph().Placeholder(output.DType(), output.Shape()...)
	adj, err := VJP([]*graph.Node{output}, []*graph.Node{wrt}, []*graph.Node{seed})
	if err != nil {
		return nil, err
	}
	b, err := Batch(adj, []*graph.Node{seed}, []*graph.Node{cotangents})
	if err != nil {
		return nil, err
	}
	return b[0], nil
}
