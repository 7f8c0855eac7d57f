package graph

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opOuter, opKron, opTrace, opMatrixNorm, opLstSq, opDotGeneral *Op

func init() {
	opOuter = Register(&Op{
		Name: "outer", Symbol: "⊗", Infix: true, Family: FamilyLinalg, MinArity: 2, MaxArity: 2,
		Doc:     "The products xᵢ·yⱼ [… m×n] of vectors x [… m] and y [… n]; leading dimensions broadcast.",
		Formula: "ct·y, ctᵀ·x", ThroughExpand: true,
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			x, y := in[0].typ, in[1].typ
			if err := sameNumbers(x, y); err != nil {
				return Type{}, err
			}
			if len(x.Shape) < 1 || len(y.Shape) < 1 {
				return Type{}, fmt.Errorf("operands are %v and %v: need rank 1 or more", x, y)
			}
			rx, ry := len(x.Shape)-1, len(y.Shape)-1
			batch, err := BroadcastShapes(x.Shape[:rx], y.Shape[:ry])
			return Type{x.DType, append(append(Shape{}, batch...), x.Shape[rx], y.Shape[ry])}, err
		},
		Expand:  func(n *Node) *Node { return Mul(ExpandDims(n.Input(0), -1), ExpandDims(n.Input(1), -2)) },
		Samples: []Sample{operands(Shape{3}, Shape{5}), operands(Shape{2, 1, 3}, Shape{3, 2})},
	})
	opKron = Register(&Op{
		Name: "kron", Symbol: "⊗", Infix: true, Family: FamilyLinalg, MinArity: 2, MaxArity: 2,
		Doc:     "The Kronecker product [… m·p × n·q] of matrices [… m×n] and [… p×q]: blocks aᵢⱼ·B. Leading dimensions broadcast.",
		Formula: "the adjoint's blocks contracted with the other operand", ThroughExpand: true,
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			x, y := in[0].typ, in[1].typ
			if err := sameNumbers(x, y); err != nil {
				return Type{}, err
			}
			if len(x.Shape) < 2 || len(y.Shape) < 2 {
				return Type{}, fmt.Errorf("operands are %v and %v: need rank 2 or more", x, y)
			}
			rx, ry := len(x.Shape)-2, len(y.Shape)-2
			batch, err := BroadcastShapes(x.Shape[:rx], y.Shape[:ry])
			if err != nil {
				return Type{}, err
			}
			m, n := lastTwo(x.Shape, false)
			p, q := lastTwo(y.Shape, false)
			if m > MaxElements/max(p, 1) || n > MaxElements/max(q, 1) {
				return Type{}, fmt.Errorf("the product of %v and %v is too large", x, y)
			}
			return Type{x.DType, append(append(Shape{}, batch...), m*p, n*q)}, nil
		},
		Expand: func(n *Node) *Node {
			a, b := n.Input(0), n.Input(1)
			a = ExpandDims(ExpandDims(a, -1), -3) // m×1×n×1
			b = ExpandDims(ExpandDims(b, -2), -4) // 1×p×1×q
			return Reshape(Mul(a, b), n.typ.Shape...)
		},
		Samples: []Sample{operands(Shape{2, 3}, Shape{3, 2}), operands(Shape{2, 1, 2}, Shape{2, 3})},
	})
	opTrace = Register(&Op{
		Name: "trace", Symbol: "tr", Family: FamilyLinalg, MinArity: 1, MaxArity: 1,
		Doc:     "The sum of the main diagonal of matrices." + batching,
		Formula: "ct on the diagonal", ThroughExpand: true,
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			t := in[0].typ
			if !Numbers.Has(t.DType) || len(t.Shape) < 2 {
				return Type{}, fmt.Errorf("the operand is %v: needs rank 2 or more and one of %v", t, Numbers)
			}
			return Type{t.DType, t.Shape[:len(t.Shape)-2]}, nil
		},
		Expand:  func(n *Node) *Node { return ReduceSum(diagonalOf(n.Input(0)), []int{-1}) },
		Samples: []Sample{operands(Shape{3, 3}), operands(Shape{2, 2, 4}), operands(Shape{4, 1})},
	})
	opMatrixNorm = Register(&Op{
		Name: "matrix_norm", Symbol: "‖·‖", Family: FamilyLinalg, MinArity: 1, MaxArity: 1,
		Attrs: []AttrSpec{{Key: "ord", Kind: attr.String, Doc: "fro (root of the sum of squares), nuc (sum of the singular values), 2 and -2 (the largest and the smallest of them), 1 and -1 (largest and smallest sum of absolute values in a column), inf and -inf (in a row)"}},
		Doc: "A norm of matrices. fro at 0 has the derivative 0; equal largest (smallest) elements share the adjoint. 2 and -2 are made of singular values, and their " +
			"second derivative has the limits of svd." + batching,
		Formula: "A/‖A‖ for fro, U·Vᵀ for nuc, u₁·v₁ᵀ for 2", ThroughExpand: true,
		Infer: func(in []*Node, a attr.List) (Type, error) {
			if matrixNorms[a.Str("ord")] == nil {
				return Type{}, fmt.Errorf("no matrix norm is called %q", a.Str("ord"))
			}
			batch, _, _, err := matrices("the operand", in[0].typ)
			return Type{in[0].typ.DType, batch}, err
		},
		Expand:  func(n *Node) *Node { return matrixNorms[n.extra.attrs.Str("ord")](n.Input(0)) },
		Samples: matrixNormSamples(),
	})
	opLstSq = Register(&Op{
		Name: "lstsq", OperandNames: []string{"A", "B"}, Family: FamilyLinalg, MinArity: 2, MaxArity: 2,
		Doc:     "The X of least norm that makes ‖A·X − B‖ least, for A [m×n] of full rank and B [m×k], by QR decomposition. A zero on the diagonal of R is a runtime error." + batching,
		Formula: "X = R⁻¹·Qᵀ·B for m ≥ n, Q·R⁻ᵀ·B with Aᵀ = Q·R else",
		Source:  "Golub & Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate (1973)", ThroughExpand: true,
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			batch, m, n, err := matrices("the matrix", in[0].typ)
			if err != nil {
				return Type{}, err
			}
			right, rows, k, err := matrices("the right-hand side", in[1].typ)
			if err != nil {
				return Type{}, err
			}
			if rows != m || !right.Equal(batch) || in[0].typ.DType != in[1].typ.DType {
				return Type{}, fmt.Errorf("the right-hand side %v does not suit the matrices %v", in[1].typ, in[0].typ)
			}
			return Type{in[0].typ.DType, append(append(Shape{}, batch...), n, k)}, nil
		},
		Expand: func(n *Node) *Node {
			a, b := n.Input(0), n.Input(1)
			if rows, cols := lastTwo(a.typ.Shape, false); rows >= cols {
				q, r := QR(a)
				return triangularSolve(r, matmul(q, b, true, false), false, false, false)
			}
			q, r := QR(swapLast(a))
			return matmul(q, triangularSolve(r, b, false, true, false), false, false)
		},
		Samples: []Sample{
			{In: []SampleInput{dominant(Shape{4, 2}), {Type: Type{Float64, Shape{4, 2}}}}}, {In: []SampleInput{dominant(Shape{2, 2, 2}), {Type: Type{Float64, Shape{2, 2, 1}}}}},
			{In: []SampleInput{dominant(Shape{2, 4}), {Type: Type{Float64, Shape{2, 3}}}}},
		},
	})
	opDotGeneral = Register(&Op{
		Name: "dot_general", Family: FamilyLinalg, MinArity: 2, MaxArity: 2,
		Attrs: []AttrSpec{
			{Key: "batch_a", Kind: attr.Ints, Doc: "dimensions of the first operand that go along with batch_b"},
			{Key: "batch_b", Kind: attr.Ints, Doc: "dimensions of the second operand that go along with batch_a"},
			{Key: "contract_a", Kind: attr.Ints, Doc: "dimensions of the first operand that are summed over with contract_b"},
			{Key: "contract_b", Kind: attr.Ints, Doc: "dimensions of the second operand that are summed over with contract_a"},
		},
		Doc: "Sums of products over pairs of dimensions. The result has the batch dimensions, then the other dimensions of the first operand, then those of the " +
			"second (XLA's DotGeneral).",
		Formula: "the adjoint contracted with the other operand", ThroughExpand: true,
		Infer:  inferDotGeneral,
		Expand: expandDotGeneral,
		Samples: []Sample{
			dotSample(Shape{2, 3, 4}, Shape{4, 2, 5}, []int{0}, []int{1}, []int{2}, []int{0}), dotSample(Shape{2, 3}, Shape{3, 2}, nil, nil, []int{0, 1}, []int{1, 0}),
			dotSample(Shape{2}, Shape{3}, nil, nil, nil, nil), dotSample(Shape{3, 2, 2}, Shape{2, 3}, []int{0, 2}, []int{1, 0}, nil, nil),
		},
	})
}

// operands makes a sample of float operands with the given shapes.
func operands(shapes ...Shape) Sample {
	var s Sample
	for _, t := range shapes {
		s.In = append(s.In, SampleInput{Type: Type{Float64, t}})
	}
	return s
}

func sameNumbers(x, y *Type) error {
	if x.DType != y.DType || !Numbers.Has(x.DType) {
		return fmt.Errorf("operands are %v and %v: need the same of %v", x.DType, y.DType, Numbers)
	}
	return nil
}

var matrixNorms map[string]func(x *Node) *Node

func init() {
	both, rows, cols, last := []int{-2, -1}, []int{-2}, []int{-1}, []int{-1}
	values := func(x *Node) *Node {
		_, s, _ := SVD(x)
		return s
	}
	matrixNorms = map[string]func(x *Node) *Node{
		"fro":  func(x *Node) *Node { return ReduceL2(x, both) },
		"nuc":  func(x *Node) *Node { return apply1(opNuclearNorm, x) },
		"2":    func(x *Node) *Node { return ReduceMax(values(x), last) },
		"-2":   func(x *Node) *Node { return ReduceMin(values(x), last) },
		"1":    func(x *Node) *Node { return ReduceMax(ReduceSum(Abs(x), rows), last) },
		"-1":   func(x *Node) *Node { return ReduceMin(ReduceSum(Abs(x), rows), last) },
		"inf":  func(x *Node) *Node { return ReduceMax(ReduceSum(Abs(x), cols), last) },
		"-inf": func(x *Node) *Node { return ReduceMin(ReduceSum(Abs(x), cols), last) },
	}
}

func matrixNormSamples() []Sample {
	var all []Sample
	for _, ord := range []string{"fro", "nuc", "2", "-2", "1", "-1", "inf", "-inf"} {
		all = append(all, Sample{Attrs: attr.Make(attr.S("ord", ord)), In: []SampleInput{dominant(Shape{2, 3, 2})}})
	}
	return append(all, Sample{NoDifferences: "kink at 0", Attrs: attr.Make(attr.S("ord", "fro")), In: []SampleInput{{Type: Type{Float64, Shape{2, 2}}, Values: make([]float64, 4)}}})
}

func dotSample(a, b Shape, batchA, batchB, contractA, contractB []int) Sample {
	s := operands(a, b)
	s.Attrs = attr.Make(attr.L("batch_a", batchA), attr.L("batch_b", batchB), attr.L("contract_a", contractA), attr.L("contract_b", contractB))
	return s
}

// dotLabels gives each dimension of dot_general's operands a label and lists those of the result.
func dotLabels(rankA, rankB int, a attr.List) (la, lb, out []int, err error) {
	la, lb = make([]int, rankA), make([]int, rankB)
	next := 1
	for _, pair := range []string{"batch", "contract"} {
		da, db := a.Ints(pair+"_a"), a.Ints(pair+"_b")
		if len(da) != len(db) {
			return nil, nil, nil, fmt.Errorf("%s_a has %d dimensions, %s_b %d", pair, len(da), pair, len(db))
		}
		for k := range da {
			i, j := da[k], db[k]
			if i < 0 || i >= rankA || j < 0 || j >= rankB {
				return nil, nil, nil, fmt.Errorf("dimensions %d and %d are out of range for ranks %d and %d", i, j, rankA, rankB)
			}
			if la[i] != 0 || lb[j] != 0 {
				return nil, nil, nil, fmt.Errorf("dimension %d of the first operand or %d of the second is given twice", i, j)
			}
			la[i], lb[j] = next, next
			if pair == "batch" {
				out = append(out, next)
			}
			next++
		}
	}
	for _, l := range [][]int{la, lb} {
		for i := range l {
			if l[i] == 0 {
				l[i] = next
				out = append(out, next)
				next++
			}
		}
	}
	return la, lb, out, nil
}

func inferDotGeneral(in []*Node, a attr.List) (Type, error) {
	x, y := in[0].typ, in[1].typ
	if err := sameNumbers(x, y); err != nil {
		return Type{}, err
	}
	la, lb, out, err := dotLabels(len(x.Shape), len(y.Shape), a)
	if err != nil {
		return Type{}, err
	}
	extent := map[int]int{}
	for i, l := range la {
		extent[l] = x.Shape[i]
	}
	for i, l := range lb {
		if e, ok := extent[l]; ok && e != y.Shape[i] {
			return Type{}, fmt.Errorf("extents %d and %d of dimensions that belong together differ in %v and %v", e, y.Shape[i], x.Shape, y.Shape)
		}
		extent[l] = y.Shape[i]
	}
	s := Shape{}
	for _, l := range out {
		s = append(s, extent[l])
	}
	return Type{x.DType, s}, nil
}

func expandDotGeneral(n *Node) *Node {
	a, b := n.Input(0), n.Input(1)
	la, lb, out, err := dotLabels(a.typ.Shape.Rank(), b.typ.Shape.Rank(), n.extra.attrs)
	if err != nil {
		panic("BUG: dot_general: " + err.Error())
	}
	return arrange(contractPair(labelled{a, la}, labelled{b, lb}, func(l int) bool { return contains(out, l) }), out)
}

func contains(list []int, v int) bool { return position(list, v) >= 0 }

func position(list []int, v int) int {
	for i, w := range list {
		if w == v {
			return i
		}
	}
	return -1
}

// labelled is a value with a label for each dimension; dimensions with one label go along.
type labelled struct {
	x      *Node
	labels []int
}

// extent is the extent of the dimension with the label.
func (v labelled) extent(label int) int { return v.x.typ.Shape[position(v.labels, label)] }

// arrange permutes the dimensions to the order of the labels, of which v has the same.
func arrange(v labelled, labels []int) *Node {
	perm := make([]int, len(labels))
	for i, l := range labels {
		perm[i] = position(v.labels, l)
	}
	if len(perm) == 0 {
		return v.x
	}
	return Transpose(v.x, perm...)
}

// sumOut sums over the dimensions whose labels are not wanted.
func sumOut(v labelled, wanted func(label int) bool) labelled {
	var axes, labels []int
	for i, l := range v.labels {
		if wanted(l) {
			labels = append(labels, l)
		} else {
			axes = append(axes, i)
		}
	}
	if len(axes) == 0 {
		return v
	}
	return labelled{ReduceSum(v.x, axes), labels}
}

// contractPair multiplies two values and sums over the labels that are not kept. No label occurs twice in one of them.
// The result's labels are those of both, then the others of a, then the others of b.
func contractPair(a, b labelled, keep func(label int) bool) labelled {
	a = sumOut(a, func(l int) bool { return keep(l) || contains(b.labels, l) })
	b = sumOut(b, func(l int) bool { return keep(l) || contains(a.labels, l) })
	var batch, contracted, freeA, freeB []int
	for _, l := range a.labels {
		switch {
		case !contains(b.labels, l):
			freeA = append(freeA, l)
		case keep(l):
			batch = append(batch, l)
		default:
			contracted = append(contracted, l)
		}
	}
	for _, l := range b.labels {
		if !contains(a.labels, l) {
			freeB = append(freeB, l)
		}
	}
	shape := func(v labelled, labels []int) (s []int, size int) {
		size = 1
		for _, l := range labels {
			s = append(s, v.extent(l))
			size *= v.extent(l)
		}
		return s, size
	}
	sb, _ := shape(a, batch)
	_, k := shape(a, contracted)
	sa, m := shape(a, freeA)
	sn, n := shape(b, freeB)
	join := func(parts ...[]int) []int {
		out := []int{}
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	left := Reshape(arrange(a, join(batch, freeA, contracted)), join(sb, []int{m, k})...)
	right := Reshape(arrange(b, join(batch, contracted, freeB)), join(sb, []int{k, n})...)
	var c *Node
	if len(contracted) == 0 {
		c = Mul(left, right)
	} else {
		c = matmul(left, right, false, false)
	}
	return labelled{Reshape(c, join(sb, sa, sn)...), join(batch, freeA, freeB)}
}

// Outer returns the products xᵢ·yⱼ [… m×n] of vectors [… m] and [… n]; batches broadcast.
func Outer(x, y *Node) *Node { return apply2(opOuter, x, y) }

// Kron returns the Kronecker product [… m·p × n·q] of matrices [… m×n] and [… p×q]; batches broadcast. A vector is a row, a number a matrix of one element, and the result has as many dimensions as the operand with more (numpy.kron).
func Kron(a, b *Node) *Node {
	if !a.Valid() || !b.Valid() {
		return apply2(opKron, a, b)
	}
	rank := max(a.typ.Shape.Rank(), b.typ.Shape.Rank())
	matrix := func(x *Node) *Node {
		return Reshape(x, append(slices.Repeat([]int{1}, max(2-x.typ.Shape.Rank(), 0)), x.typ.Shape...)...)
	}
	n := apply2(opKron, matrix(a), matrix(b))
	if n.Valid() && rank < 2 {
		n = Reshape(n, n.typ.Shape[2-rank:]...)
	}
	return n
}

// Trace returns the sums of the main diagonals of matrices [… m×n]. Bools are added up as int64.
func Trace(x *Node) *Node { return apply1(opTrace, orCast(x, Numbers, Int64)) }

// MatrixNorm returns a norm of matrices [… m×n]: "fro", "nuc", "2", "-2", "1", "-1", "inf" or "-inf", as in NumPy.
func MatrixNorm(x *Node, ord string) *Node {
	return applyAll(opMatrixNorm, []*Node{x}, attr.S("ord", ord))
}

// LstSq returns the X [… n×k] of least norm that makes ‖A·X − B‖ least, for A [… m×n] of full rank and B [… m×k], or [m] for a
// vector; batches broadcast.
func LstSq(a, b *Node) *Node { return solveWith(opLstSq, a, b) }

// DotGeneral sums products over the pairs of dimensions contractA[i], contractB[i] and goes along the pairs batchA[i], batchB[i]. The
// result has the batch dimensions, then the others of a, then the others of b. Negative dimensions count from the end.
func DotGeneral(a, b *Node, contractA, contractB, batchA, batchB []int) *Node {
	if !a.Valid() || !b.Valid() {
		return apply2(opDotGeneral, a, b)
	}
	positive := func(x *Node, axes []int) []int {
		out := append([]int{}, axes...)
		for i := range out {
			if out[i] < 0 {
				out[i] += x.typ.Shape.Rank()
			}
		}
		return out
	}
	return applyAll(opDotGeneral, []*Node{a, b}, attr.L("contract_a", positive(a, contractA)), attr.L("contract_b", positive(b, contractB)),
		attr.L("batch_a", positive(a, batchA)), attr.L("batch_b", positive(b, batchB)))
}
