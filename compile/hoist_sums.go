package compile

import (
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
)

var (
	opAdd    = graph.LookupOp("add")
	opMatMul = graph.LookupOp("matmul")
)

// summedProduct is a carry of a scan to which each step adds the product aᵀ·b of matrices, as the adjoint of weights: Σ aᵀ·b over the steps is one product of the
// matrices of all steps put below one another. That sum is rounded in another order.
type summedProduct struct {
	carry   int         // parameter of the body
	product *graph.Node // in the body
}

// summedProducts finds, of the carries that are needed, those that had better be summed behind the loop: where the factors of a step are much smaller than the product, so that adding it up takes longer than to store them, and those of
// all steps take no more memory than residuals may.
func (s *loopSimplifier) summedProducts(l *loop, steps []int, needed paramSet) []summedProduct {
	c := s.u.config
	if !c.FastMath || c.Checkpoints != (Checkpoints{}) || slices.Contains(c.Disable, "hoist_sum") {
		return nil
	}
	g := l.body.Graph()
	outputs := slices.Clone(l.body.Results()[:l.carries])
	for _, v := range steps {
		outputs = append(outputs, g.Node(v), g.Node(v)) // is read beside what the step itself does with it
	}
	uses := usesIn(g, outputs)
	budget := int64(residualsBytes)
	if c.MemoryLimit > 0 {
		budget = min(budget, c.MemoryLimit/4)
	}
	var found []summedProduct
	for i := l.captured; i < l.captured+l.carries; i++ {
		p, sum := l.body.Params()[i], l.next(i)
		if !needed.has(i) || sum.Op() != opAdd || !uses.once(p) || !uses.once(sum) {
			continue
		}
		product := sum.Input(0)
		if product == p {
			product = sum.Input(1)
		} else if sum.Input(1) != p {
			continue
		}
		if product.Op() != opMatMul || product.Shape().Rank() != 2 || !uses.once(product) || product.Type().Shape.Size() != p.Shape().Size() {
			continue
		}
		factors := product.Input(0).Shape().Size() + product.Input(1).Shape().Size()
		bytes := int64(factors) * int64(product.DType().Size()) * int64(l.length)
		if 4*factors <= product.Shape().Size() && bytes <= budget {
			budget -= bytes
			found = append(found, summedProduct{i, product})
		}
	}
	return found
}

// factors returns the factors as rows for one step, from their images a and b in the copy of the body.
func (p summedProduct) factors(a, b *graph.Node) (rows [2]*graph.Node) {
	at := p.product.Attrs()
	for k, f := range [2]*graph.Node{a, b} {
		switch shape := f.Shape(); {
		case at.Bool([2]string{"transpose_a", "transpose_b"}[k]) == (k == 0):
			rows[k] = f
		case shape[1] == 1:
			rows[k] = graph.Reshape(f, 1, shape[0])
		default:
			rows[k] = graph.Transpose(f)
		}
	}
	return rows
}

// sum returns what the carry is behind the loop, from its initial value and the factors at all steps.
func (p summedProduct) sum(init *graph.Node, rows [2]*graph.Node) *graph.Node {
	for k, r := range rows {
		rows[k] = graph.Reshape(r, -1, r.Shape()[2])
	}
	attrs := []attr.Named{attr.B("transpose_a", true), attr.B("transpose_b", false)}
	if p.product.Attrs().Bool("no_nan") {
		attrs = append(attrs, attr.B("no_nan", true))
	}
	return graph.Add(init, init.Graph().Apply(opMatMul, rows[:], attr.Make(attrs...)))
}
