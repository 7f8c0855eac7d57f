package graph

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
)

var opMatMul *Op

// Bounds of operators that add products, and of those that add elements one after another but float32 in float64.
const (
	accuracyOfProducts = "(257 + k/256)·u·Σ|aᵢbᵢ| for k products, for float32 322·u·Σ|aᵢbᵢ| at most: chains of 256 products are added up, those of float32 in float64 after every 64"
	accuracyInOrder    = "n·u·Σ|xᵢ| for n terms, for float32 (1 + n·2⁻²⁹)·u·Σ|xᵢ|"
	accuracyOfRepeats  = "n·u·Σ|xᵢ| for the n terms of an element, for float32 256·u·Σ|xᵢ| at most"
	accuracyOfUpdates  = "n·u·Σ|xᵢ| for the n − 1 updates of an element"
	accuracyOfPieces   = "n·u·Σ|xᵢ| where n operands overlap"
)

func init() {
	opMatMul = Register(&Op{
		Name: "matmul", OfNothing: ofNothing(0), Accuracy: accuracyOfProducts, Pattern: ElementPattern(matmulPattern), ZeroWins: true, Family: FamilyLinalg, MinArity: 2, MaxArity: 2, Kernel: "matmul", Batch: batchMatMul,
		Attrs: []AttrSpec{
			{Key: "no_nan", Kind: attr.Bool, Optional: true, Doc: "terms in which a factor is 0 are 0, also if the other one is infinite or NaN"},
			{Key: "transpose_a", Kind: attr.Bool, Doc: "use the first operand's matrices transposed"},
			{Key: "transpose_b", Kind: attr.Bool, Doc: "use the second operand's matrices transposed"},
		},
		Doc: "The product of the matrices in the last two dimensions; leading dimensions broadcast. Every element is the sum of chains of 256 fused multiply-adds in ascending order, for float32 in float64 after every 64 chains; integers wrap. " +
			"Adjoints from behind a mask are multiplied with no_nan, so that a zero adjoint wins.",
		Formula: "ct·Bᵀ, Aᵀ·ct",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			x, y := in[0].typ, in[1].typ
			if err := sameNumbers(x, y); err != nil {
				return Type{}, err
			}
			if len(x.Shape) < 2 || len(y.Shape) < 2 {
				return Type{}, fmt.Errorf("operands are %v and %v: need rank 2 or more", x, y)
			}
			m, kx := lastTwo(x.Shape, a.Bool("transpose_a"))
			ky, n := lastTwo(y.Shape, a.Bool("transpose_b"))
			if kx != ky {
				return Type{}, fmt.Errorf("inner extents %d and %d of %v and %v differ", kx, ky, x.Shape, y.Shape)
			}
			batch, err := BroadcastShapes(x.Shape[:len(x.Shape)-2], y.Shape[:len(y.Shape)-2])
			if err != nil {
				return Type{}, err
			}
			return Type{x.DType, append(append(Shape{}, batch...), m, n)}, nil
		},
		Transpose: func(n *Node, i int, ct *Node) *Node {
			a, b := n.Input(0), n.Input(1)
			ta, tb := n.extra.attrs.Bool("transpose_a"), n.extra.attrs.Bool("transpose_b")
			matmul := func(a, b *Node, ta, tb bool) *Node {
				attrs := []attr.Named{attr.B("transpose_a", ta), attr.B("transpose_b", tb)}
				if n.extra.attrs.Bool("no_nan") {
					attrs = append(attrs, attr.B("no_nan", true))
				}
				return applyAll(opMatMul, []*Node{a, b}, attrs...)
			}
			if i == 1 && !ta && b.typ.Shape.Rank() == 2 && a.typ.Shape.Rank() > 2 {
				a, ct = rowsOf(a), rowsOf(ct) // one product, not the sum of one for each matrix of the batch
			}
			var adj *Node
			switch {
			case i == 0 && !ta:
				adj = matmul(ct, b, false, !tb)
			case i == 0:
				adj = matmul(b, ct, tb, true)
			case !tb:
				adj = matmul(a, ct, !ta, false)
			default:
				adj = matmul(ct, a, true, ta)
			}
			return SumTo(adj, n.Input(i).typ.Shape)
		},
		Samples: []Sample{
			matmulSample(Shape{3, 4}, Shape{4, 5}, false, false), matmulSample(Shape{4, 3}, Shape{4, 5}, true, false),
			matmulSample(Shape{3, 4}, Shape{5, 4}, false, true), matmulSample(Shape{4, 3}, Shape{5, 4}, true, true),
			matmulSample(Shape{2, 1, 3, 4}, Shape{3, 4, 5}, false, false), matmulSample(Shape{2, 3, 4}, Shape{5, 4}, false, true),
			{Attrs: attr.Make(attr.B("no_nan", true), attr.B("transpose_a", true), attr.B("transpose_b", false)), In: []SampleInput{{Type: Type{Float64, Shape{3, 2}}}, {Type: Type{Float64, Shape{3, 1}}}}},
			{Attrs: attr.Make(attr.B("no_nan", true), attr.B("transpose_a", false), attr.B("transpose_b", false)), NoDifferences: "infinite operands", In: []SampleInput{
				{Type: Type{Float64, Shape{2, 3}}, Values: []float64{0, 1, 2, posInf, 0, -1}, Constant: true}, {Type: Type{Float64, Shape{3, 2}}, Values: []float64{posInf - posInf, 3, 0, posInf, 1, 2}, Constant: true}}},
		},
	})
}

// rowsOf returns the rows of all matrices of a batch as one matrix.
func rowsOf(x *Node) *Node {
	last := x.typ.Shape.Rank() - 1
	return Reshape(x, x.typ.Shape[:last].Size(), x.typ.Shape[last])
}

func lastTwo(s Shape, transposed bool) (rows, cols int) {
	r, c := s[len(s)-2], s[len(s)-1]
	if transposed {
		return c, r
	}
	return r, c
}

func matmulSample(a, b Shape, ta, tb bool) Sample {
	return Sample{Attrs: attr.Make(attr.B("transpose_a", ta), attr.B("transpose_b", tb)),
		In: []SampleInput{{Type: Type{Float64, a}}, {Type: Type{Float64, b}}}}
}

func matmul(a, b *Node, ta, tb bool) *Node {
	return applyAll(opMatMul, []*Node{a, b}, attr.B("transpose_a", ta), attr.B("transpose_b", tb))
}

// MatMul returns the matrix product by NumPy's rules: leading dimensions broadcast, a vector on the left
// is a row and on the right a column, and their dimension is dropped from the result.
func MatMul(a, b *Node) *Node {
	if !a.Valid() || !b.Valid() {
		return apply2(opMul, a, b)
	}
	if a.typ.IsScalar() || b.typ.IsScalar() {
		return a.g.Fail("matmul", fmt.Errorf("operands are %v and %v: scalars multiply with Mul", a.typ, b.typ))
	}
	row, col := len(a.typ.Shape) == 1, len(b.typ.Shape) == 1
	if row {
		a = ExpandDims(a, 0)
	}
	if col {
		b = ExpandDims(b, 1)
	}
	c := matmul(a, b, false, false)
	if !c.Valid() {
		return c
	}
	r := c.typ.Shape.Rank()
	if col {
		c = Squeeze(c, r-1)
	}
	if row {
		c = Squeeze(c, r-2)
	}
	return c
}

func batchMatMul(b *Batch, n *Node) *Node {
	if m := oneProduct(b, n); m != nil {
		return m
	}
	rank := n.typ.Shape.Rank()
	return b.Graph.Apply(n.op, []*Node{b.Aligned(n.Input(0), rank), b.Aligned(n.Input(1), rank)}, n.extra.attrs)
}

// oneProduct makes one product of the products of many matrices on the left, or many columns on the right, with the same matrix: their rows,
// or the columns as rows, are those of one matrix. It returns nil for others.
func oneProduct(b *Batch, n *Node) *Node {
	x, y := n.Input(0), n.Input(1)
	if b.Has(x) == b.Has(y) || x.typ.Shape.Rank() != 2 || y.typ.Shape.Rank() != 2 {
		return nil
	}
	rows, columns := n.typ.Shape[0], n.typ.Shape[1]
	ta, tb := n.extra.attrs.Bool("transpose_a"), n.extra.attrs.Bool("transpose_b")
	switch {
	case b.Has(x) && (rows == 1 || !ta):
		ta = false
	case b.Has(y) && columns == 1:
		x, y, ta, tb = y, x, false, !ta
		rows = 1
	default:
		return nil
	}
	inner := x.typ.Shape.Size() / rows
	flags := slices.Clone(n.extra.attrs)
	for i := range flags {
		switch flags[i].Key {
		case "transpose_a":
			flags[i] = attr.B("transpose_a", ta)
		case "transpose_b":
			flags[i] = attr.B("transpose_b", tb)
		}
	}
	product := b.Graph.Apply(n.op, []*Node{Reshape(b.Of(x), b.Size*rows, inner), y}, flags)
	return Reshape(product, b.Shape(n)...)
}
