package graph

import (
	"fmt"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// The operators of this file; init fills them in because their derivatives refer to one another.
var opLayerNorm, opUnitRMS, opRMSNorm, opBatchNorm, opCrossEntropy, opSoftmaxCrossEntropy, opSigmoidCrossEntropy, opMSE, opHuber, opAttention *Op

var epsilonAttr = AttrSpec{Key: "epsilon", Kind: attr.Float, Doc: "added to the variance, > 0"}

// composite describes an operator that is differentiated through its expansion.
func composite(op Op) *Op {
	op.Family, op.ThroughExpand = FamilyNormal, true
	return &op
}

func init() {
	normAttrs := func() []AttrSpec {
		return []AttrSpec{{Key: "axes", Kind: attr.Ints, Doc: "the dimensions, ascending"}, epsilonAttr}
	}
	affine := Sample{Attrs: attr.Make(attr.L("axes", []int{1, 2}), attr.F("epsilon", 1e-3)), In: []SampleInput{
		{Type: Type{Float64, Shape{2, 3, 2}}}, {Type: Type{Float64, Shape{3, 2}}}, {Type: Type{Float64, Shape{2}}}}}
	opLayerNorm = Register(composite(Op{
		Name: "layer_norm", OperandNames: []string{"x", "scale", "bias"}, MinArity: 3, MaxArity: 3, Attrs: normAttrs(),
		Doc: "(x − mean)/√(variance + ε)·scale + bias over dimensions: operands x, scale, bias, the latter two broadcast to x.", Formula: "through the definition",
		Source: "Ba, Kiros and Hinton, Layer normalization, arXiv:1607.06450",
		Infer:  func(in []*Node, a attr.List) (Type, error) { return normType(in, a) },
		Expand: func(n *Node) *Node {
			x, axes := n.Input(0), n.extra.attrs.Ints("axes")
			c := Sub(x, reduce(opReduceMean, x, axes, true))
			return Add(Mul(unitRMS(n, c), n.Input(1)), n.Input(2))
		},
		Samples: []Sample{affine},
	}))
	// The Jacobian ρ·(1 − y·yᵀ/count) is symmetric.
	unitRMSDerivative := func(n *Node, v []*Node) []*Node {
		u := Mul(v[0], inverseRMS(n, n.Input(0)))
		return []*Node{Sub(u, Mul(n, reduce(opReduceMean, Mul(u, n), n.extra.attrs.Ints("axes"), true)))}
	}
	opUnitRMS = Register(&Op{
		Name: "unit_rms", Pattern: mixedAlong(func(n *Node) []int { return n.extra.attrs.Ints("axes") }), AlongAxis: true, Family: FamilyNormal, MinArity: 1, MaxArity: 1, Attrs: normAttrs(),
		Doc: "y = x/√(mean of x² + ε) over dimensions, also where the squares overflow.", Formula: "ρ·(adjoint − y·mean(y·adjoint)), ρ = 1/√(mean of x² + ε)",
		Infer: func(in []*Node, a attr.List) (Type, error) { return normType(in, a) },
		VJP:   unitRMSDerivative, JVP: unitRMSDerivative,
		Expand:  func(n *Node) *Node { return Mul(n.Input(0), inverseRMS(n, n.Input(0))) },
		Samples: []Sample{{Attrs: affine.Attrs, In: affine.In[:1]}},
	})
	opRMSNorm = Register(composite(Op{
		Name: "rms_norm", OperandNames: []string{"x", "scale"}, MinArity: 2, MaxArity: 2, Attrs: normAttrs(),
		Doc: "x/√(mean of x² + ε)·scale over dimensions: operands x, scale, the latter broadcast to x.", Formula: "through the definition",
		Source: "Zhang and Sennrich, Root mean square layer normalization, NeurIPS 2019",
		Infer:  func(in []*Node, a attr.List) (Type, error) { return normType(in, a) },
		Expand: func(n *Node) *Node {
			x := n.Input(0)
			return Mul(unitRMS(n, x), n.Input(1))
		},
		Samples: []Sample{{Attrs: affine.Attrs, In: affine.In[:2]}},
	}))
	vector := func(lo, hi float64) SampleInput { return SampleInput{Type: Type{Float64, Shape{3}}, Lo: lo, Hi: hi} }
	opBatchNorm = Register(composite(Op{
		Name: "batch_norm", OperandNames: []string{"x", "scale", "bias", "mean", "variance"}, MinArity: 5, MaxArity: 5, Attrs: []AttrSpec{axisAttr, epsilonAttr},
		Doc: "(x − mean)/√(variance + ε)·scale + bias: operands x, scale, bias, mean, variance, all but x vectors along an axis of x. " +
			"With the statistics of a whole training set it is inference; see BatchNormTraining.",
		Formula: "through the definition", Source: "Ioffe and Szegedy, Batch normalization, ICML 2015",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			t, err := numberAlongAxis(Floats, in, a)
			if err != nil {
				return Type{}, err
			}
			want := Type{t.DType, Shape{t.Shape[a.Int("axis")]}}
			for i, v := range in[1:] {
				if !v.typ.Equal(want) {
					return Type{}, fmt.Errorf("operand %d is %v: needs %v", i+1, v.typ, want)
				}
			}
			return t, checkEpsilon(a)
		},
		Expand: func(n *Node) *Node {
			s := make(Shape, n.typ.Shape.Rank())
			for i := range s {
				s[i] = 1
			}
			s[n.extra.attrs.Int("axis")] = -1
			wide := func(i int) *Node { return Reshape(n.Input(i), s...) }
			factor := Mul(wide(1), Rsqrt(Add(wide(4), Like(n.Input(4), n.extra.attrs.Float("epsilon")))))
			return Add(Mul(Sub(n.Input(0), wide(3)), factor), wide(2))
		},
		Samples: []Sample{{Attrs: attr.Make(attr.I("axis", 1), attr.F("epsilon", 1e-5)), In: []SampleInput{
			{Type: Type{Float64, Shape{2, 3, 2}}}, vector(-2, 2), vector(-2, 2), vector(-1, 1), vector(0.5, 2)}}},
	}))
	opCrossEntropy = Register(&Op{
		Name: "cross_entropy", Pattern: AsExpansion, Family: FamilyNormal, OperandNames: []string{"logits", "labels"}, MinArity: 2, MaxArity: 2, Attrs: []AttrSpec{axisAttr},
		Doc: "−log_softmax(logits) at the labels: operands logits and labels (int32 or int64 of the logits' shape without the axis of the classes). One loss for each label; " +
			"a label below 0 or out of range is a runtime error.",
		Formula: "softmax(logits) − one_hot(labels); –",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			t, err := numberAlongAxis(Floats, in, a)
			if err != nil {
				return Type{}, err
			}
			axis := a.Int("axis")
			want := shape.Replaced(t.Shape, axis)
			if l := in[1].typ; !l.DType.IsInt() || !l.Shape.Equal(want) {
				return Type{}, fmt.Errorf("the labels are %v: need int32 or int64 of shape %v", l, want)
			}
			return Type{t.DType, want}, nil
		},
		VJP: func(n *Node, ct []*Node) []*Node {
			d := crossEntropyDerivative(n)
			return []*Node{MulNoNan(d, ExpandDims(ct[0], n.extra.attrs.Int("axis"))), nil}
		},
		JVP: func(n *Node, dot []*Node) []*Node {
			if dot[0] == nil {
				return []*Node{nil}
			}
			return []*Node{ReduceSum(MulNoNan(crossEntropyDerivative(n), dot[0]), []int{n.extra.attrs.Int("axis")})}
		},
		Expand: func(n *Node) *Node {
			_, _, _, odds := otherClasses(n)
			return Reshape(Softplus(odds), n.typ.Shape...)
		},
		Samples: []Sample{{Attrs: attr.Make(attr.I("axis", 1)), In: []SampleInput{
			{Type: Type{Float64, Shape{4, 3}}}, {Type: Type{Int64, Shape{4}}, Values: []float64{0, 2, 1, 2}, Constant: true}}}},
	})
	opSoftmaxCrossEntropy = Register(composite(Op{
		Name: "softmax_cross_entropy", OperandNames: []string{"logits", "p"}, MinArity: 2, MaxArity: 2, Attrs: []AttrSpec{axisAttr},
		Doc: "−Σ p·log_softmax(logits) along an axis: operands logits and probabilities p of the same type. A class of probability 0 counts for nothing, " +
			"even where its logit is −Inf.",
		Formula: "softmax(logits)·Σp − p; −log_softmax(logits)",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			if !in[0].typ.Equal(*in[1].typ) {
				return Type{}, fmt.Errorf("operands are %v and %v: need the same type", in[0].typ, in[1].typ)
			}
			t, err := numberAlongAxis(Floats, in, a)
			if err != nil {
				return Type{}, err
			}
			axis := a.Int("axis")
			return Type{t.DType, shape.Replaced(t.Shape, axis)}, nil
		},
		Expand: func(n *Node) *Node {
			axis := n.extra.attrs.Int("axis")
			return Neg(ReduceSum(MulNoNan(LogSoftmax(n.Input(0), axis), n.Input(1)), []int{axis}))
		},
		Samples: []Sample{{Attrs: attr.Make(attr.I("axis", 0)), In: []SampleInput{
			{Type: Type{Float64, Shape{3, 4}}}, {Type: Type{Float64, Shape{3, 4}}, Lo: 0.1, Hi: 1}}}},
	}))
	opSigmoidCrossEntropy = Register(&Op{
		Name: "sigmoid_cross_entropy", OperandNames: []string{"logits", "p"}, Partials: []string{"σ(a) − b", "−a"}, Family: FamilyNormal, MinArity: 2, MaxArity: 2, Elementwise: true, DTypes: Floats,
		Doc:     "−p·ln σ(x) − (1 − p)·ln(1 − σ(x)), without overflow or cancellation for p in [0, 1]: operands logits x and probabilities p.",
		Formula: "(1 − p)·σ(x) − p·σ(−x) = σ(x) − p, −x",
		Partial: func(n *Node, i int) *Node {
			if i == 0 {
				x, p := n.Input(0), n.Input(1)
				return Sub(Mul(Sub(Like(p, 1), p), Sigmoid(x)), Mul(p, Sigmoid(Neg(x))))
			}
			return Neg(n.Input(0))
		},
		Expand: func(n *Node) *Node {
			x, p := n.Input(0), n.Input(1)
			return Add(MulNoNan(Softplus(Neg(x)), p), MulNoNan(Softplus(x), Sub(Like(p, 1), p)))
		},
		Samples: []Sample{pair(-4, 4, 0, 1)},
	})
	opMSE = Register(composite(Op{
		Name: "mse", Commutative: true, MinArity: 2, MaxArity: 2,
		Doc: "The mean of (x − y)² over all elements, broadcast.", Formula: "2(x − y)/count, −2(x − y)/count",
		Infer: func(in []*Node, _ attr.List) (Type, error) {
			d, err := floatOperands(in, nil)
			if err == nil {
				_, err = BroadcastShapes(in[0].typ.Shape, in[1].typ.Shape)
			}
			return Type{d, Shape{}}, err
		},
		Expand:  func(n *Node) *Node { return Mean(Square(Sub(n.Input(0), n.Input(1)))) },
		Samples: []Sample{pair(-2, 2, -2, 2)},
	}))
	opHuber = Register(&Op{
		Name: "huber", Commutative: true, Family: FamilyNormal, MinArity: 2, MaxArity: 2, Elementwise: true,
		Operands: func(in []*Node, a attr.List) (DType, error) {
			if delta := a.Float("delta"); !(delta > 0) {
				return 0, fmt.Errorf("delta %v is not above 0", delta)
			}
			return floatOperands(in, a)
		},
		Attrs: []AttrSpec{{Key: "delta", Kind: attr.Float, Doc: "δ > 0"}},
		Doc:   "(x − y)²/2 where |x − y| ≤ δ, else δ·(|x − y| − δ/2).", Formula: "x − y limited to [−δ, δ], and its negative",
		Source: "Huber, Robust estimation of a location parameter, Annals of Mathematical Statistics 35, 1964",
		Partial: func(n *Node, i int) *Node {
			d := Sub(n.Input(i), n.Input(1-i))
			delta := n.extra.attrs.Float("delta")
			return Clip(d, Like(d, -delta), Like(d, delta))
		},
		Expand: func(n *Node) *Node {
			d, delta := Abs(Sub(n.Input(0), n.Input(1))), Like(n.Input(0), n.extra.attrs.Float("delta"))
			half := Like(d, 0.5)
			return Where(LessEqual(d, delta), Mul(half, Square(d)), Mul(delta, Sub(d, Mul(half, delta))))
		},
		Samples: []Sample{with(pair(-2, 2, -1, 1), attr.F("delta", 0.7))},
	})
	qkv := []SampleInput{{Type: Type{Float64, Shape{2, 3, 4}}}, {Type: Type{Float64, Shape{2, 5, 4}}}, {Type: Type{Float64, Shape{2, 5, 2}}}}
	mask := SampleInput{Type: Type{Bool, Shape{3, 5}}, Values: []float64{1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}, Constant: true}
	opAttention = Register(composite(Op{
		Name: "attention", OperandNames: []string{"q", "k", "v", "mask"}, MinArity: 3, MaxArity: 4,
		Attrs: []AttrSpec{{Key: "causal", Kind: attr.Bool, Doc: "query i sees the keys up to i + (keys − queries) only"}, {Key: "scale", Kind: attr.Float, Doc: "factor of q·kᵀ"}},
		Doc: "softmax(scale·q·kᵀ)·v over the last two dimensions: operands q […, L, D], k […, S, D], v […, S, E], whose leading dimensions broadcast, and a mask that broadcasts to […, L, S]: bool, of which " +
			"a query sees the keys where it is true, or of q's dtype, which is added to scale·q·kᵀ, and a query sees the keys where it is not −Inf. A query that sees no key gives 0 with derivative 0; keys that it does not see count for nothing, even if their k or v is infinite or NaN.",
		Formula: "through the definition", Source: "Vaswani et al., Attention is all you need, NeurIPS 2017, eq. 1",
		Infer:  attentionType,
		Expand: expandAttention,
		Samples: []Sample{
			{Attrs: attr.Make(attr.B("causal", false), attr.F("scale", 0.5)), In: qkv},
			{Attrs: attr.Make(attr.B("causal", true), attr.F("scale", 0.5)), In: qkv},
			{Attrs: attr.Make(attr.B("causal", false), attr.F("scale", 0.5)), In: append(append([]SampleInput{}, qkv...), mask)},
			{Attrs: attr.Make(attr.B("causal", true), attr.F("scale", 0.5)), In: []SampleInput{{Type: Type{Float64, Shape{3, 2, 3, 4}}}, {Type: Type{Float64, Shape{1, 4, 4}}}, {Type: Type{Float64, Shape{3, 1, 4, 2}}}, {Type: Type{Float64, Shape{2, 1, 4}}}}},
			{NoDifferences: "keys that are not seen", Attrs: attr.Make(attr.B("causal", false), attr.F("scale", 0.5)), In: append(append([]SampleInput{}, qkv...), SampleInput{Type: Type{Float64, Shape{3, 5}}, Values: []float64{1, -1, -posInf, 0, 0.5, -posInf, -posInf, -posInf, -posInf, -posInf, 0, 1, 2, -posInf, 3}})},
		},
	}))
}

// otherClasses has, for a cross entropy, 1 − p of each label's class without the difference: which elements are those of the labels, which rows are −Inf throughout, the softmax of the other classes
// among themselves, 0 at the labels, and the logarithm of the odds against the label. The loss is softplus(odds).
func otherClasses(n *Node) (own, none, share, odds *Node) {
	x, axis := n.Input(0), n.extra.attrs.Int("axis")
	classes, labels := x.typ.Shape[axis], ExpandDims(n.Input(1), axis)
	logit := applyAll(opTakeAlongAxis, []*Node{x, labels}, attr.I("axis", axis), attr.B("from_start", true))
	if classes <= 1<<24 { // exact in each float dtype, in whose lanes the comparison is cheap
		labels = Cast(labels, x.typ.DType)
	}
	extent := slices.Repeat([]int{1}, x.typ.Shape.Rank())
	extent[axis] = classes
	own = Equal(Iota(x.g, labels.typ.DType, axis, extent...), labels)
	top := StopGradient(ReduceMax(x, []int{axis}, KeepDims))
	none = Equal(top, Like(top, -posInf))
	top = Where(none, Like(top, 0), top)
	e := Where(own, Like(x, 0), Exp(Sub(x, top)))
	sum := sumKept(e, axis)
	return own, none, Div(e, Where(Equal(sum, Like(sum, 0)), Like(sum, 1), sum)), Add(Log(Where(none, Like(sum, 1), sum)), Sub(top, logit))
}

// crossEntropyDerivative is softmax(x) − one_hot(labels).
func crossEntropyDerivative(n *Node) *Node {
	own, none, share, odds := otherClasses(n)
	p := Where(none, Like(odds, 0), Sigmoid(odds))
	return Where(own, Neg(p), Mul(share, p))
}

// unitRMS is x/√(mean of x² + ε) along the axes of a normalisation.
func unitRMS(n, x *Node) *Node {
	return applyAll(opUnitRMS, []*Node{x}, attr.L("axes", n.extra.attrs.Ints("axes")), attr.F("epsilon", n.extra.attrs.Float("epsilon")))
}

// inverseRMS is 1/√(mean of x² + ε) along the axes of a normalisation, with extents of 1.
func inverseRMS(n, x *Node) *Node {
	return applyAll(opReduceInverseRMS, []*Node{x}, attr.L("axes", n.extra.attrs.Ints("axes")), attr.B("keepdims", true), attr.F("epsilon", n.extra.attrs.Float("epsilon")))
}

func checkEpsilon(a attr.List) error {
	if e := a.Float("epsilon"); !(e > 0) || math.IsInf(e, 1) {
		return fmt.Errorf("epsilon %v is not above 0", e)
	}
	return nil
}

// normType checks a normalisation over axes whose further operands broadcast to the first.
func normType(in []*Node, a attr.List) (Type, error) {
	x := in[0].typ
	if _, err := floatOperands(in, nil); err != nil {
		return Type{}, err
	}
	if len(a.Ints("axes")) == 0 {
		return Type{}, fmt.Errorf("no axes are given")
	}
	if err := normalAxes(a.Ints("axes"), x.Shape.Rank()); err != nil {
		return Type{}, err
	}
	for i, v := range in[1:] {
		if s, err := BroadcastShapes(x.Shape, v.typ.Shape); err != nil || !s.Equal(x.Shape) {
			return Type{}, fmt.Errorf("operand %d is %v: does not broadcast to %v", i+1, v.typ, x.Shape)
		}
	}
	return *x, checkEpsilon(a)
}

func attentionType(in []*Node, a attr.List) (Type, error) {
	if s := a.Float("scale"); s-s != 0 {
		return Type{}, fmt.Errorf("the scale is %v: needs a finite number", s)
	}
	q, k, v := in[0].typ, in[1].typ, in[2].typ
	if _, err := floatOperands(in[:3], nil); err != nil {
		return Type{}, err
	}
	if len(q.Shape) < 2 || len(k.Shape) < 2 || len(v.Shape) < 2 {
		return Type{}, fmt.Errorf("operands are %v, %v and %v: need […, L, D], […, S, D] and […, S, E]", q, k, v)
	}
	queries, d := lastTwo(q.Shape, false)
	keys, dk := lastTwo(k.Shape, false)
	values, e := lastTwo(v.Shape, false)
	batch, err := BroadcastShapes(leading(q), leading(k), leading(v))
	if d != dk || keys != values || err != nil {
		return Type{}, fmt.Errorf("operands are %v, %v and %v: need […, L, D], […, S, D] and […, S, E]", q, k, v)
	}
	scores := append(slices.Clone(batch), queries, keys)
	if len(in) == 4 {
		if m := in[3].typ; m.DType != Bool && m.DType != q.DType {
			return Type{}, fmt.Errorf("the mask is %v: needs bool or %v", m, q.DType)
		} else if s, err := BroadcastShapes(scores, m.Shape); err != nil || !s.Equal(scores) {
			return Type{}, fmt.Errorf("the mask is %v: does not broadcast to %v", m, scores)
		}
	}
	return Type{q.DType, append(slices.Clone(batch), queries, e)}, nil
}

// leading are the extents in front of those of matrices.
func leading(t *Type) Shape { return t.Shape[:len(t.Shape)-2] }

// Attention goes through blocks of so many keys if there are more scores than attentionScores, of two blocks of keys at least.
const (
	attentionKeys   = 512
	attentionScores = 1 << 20
)

func expandAttention(n *Node) *Node {
	q, k, v := n.Input(0), n.Input(1), n.Input(2)
	if l, s := q.typ.Shape[q.typ.Shape.Rank()-2], k.typ.Shape[k.typ.Shape.Rank()-2]; s >= 2*attentionKeys && l*s > attentionScores {
		return attentionByBlocks(n)
	}
	scores := Mul(matmul(q, k, false, true), Like(q, n.extra.attrs.Float("scale")))
	var mask *Node
	if len(n.Inputs()) == 4 {
		scores, mask = masked(scores, n.Input(3))
	}
	r := scores.typ.Shape.Rank()
	l, s := scores.typ.Shape[r-2], scores.typ.Shape[r-1]
	if n.extra.attrs.Bool("causal") {
		seen := LessEqual(Iota(n.g, Int64, 0, s), lastKeys(n.g, l, s))
		if mask == nil {
			mask = seen
		} else {
			mask = LogicalAnd(mask, seen)
		}
	}
	if mask == nil {
		return matmul(Softmax(scores, r-1), v, false, false)
	}
	scores = Where(mask, scores, Like(scores, -posInf))
	top := StopGradient(finiteOrZero(ReduceMax(scores, []int{r - 1}, KeepDims)))
	e := Exp(Sub(scores, top))
	sum := sumKept(e, r-1)
	var rows Shape // of the mask, which is not repeated for what it is the same for
	if n := mask.typ.Shape.Rank(); n > 0 {
		rows = mask.typ.Shape[:n-1]
	}
	rows = append(slices.Clone(rows), s)
	none := LogicalNot(ReduceAny(BroadcastTo(mask, rows...), []int{len(rows) - 1}, KeepDims))
	// Keys that are not seen weigh nothing, whatever their v holds.
	weights := Where(mask, Div(e, Where(none, Like(sum, 1), sum)), Like(e, 0))
	return applyAll(opMatMul, []*Node{weights, v}, attr.B("no_nan", true), attr.B("transpose_a", false), attr.B("transpose_b", false))
}

// masked is what a mask makes of scores, and where keys are seen.
func masked(scores, mask *Node) (*Node, *Node) {
	if mask.typ.DType == Bool {
		return scores, mask
	}
	return Add(scores, mask), NotEqual(mask, Like(mask, -posInf))
}

// lastKeys is the last key that each query sees if attention is causal, a column.
func lastKeys(g *Graph, queries, keys int) *Node {
	return Add(Iota(g, Int64, 0, queries, 1), g.Scalar(Int64, float64(keys-queries)))
}

// attentionByBlocks never has all scores in memory: a scan over blocks of keys keeps the largest score of each query, the sum of exponentials above it, and the sum of
// values that they weigh; both are scaled down when a block has a larger score (Milakov and Gimelshein 2018; Rabe and Staats 2021; Dao et al. 2022). The reverse sweep keeps
// these sums of each block and computes its scores once more.
func attentionByBlocks(n *Node) *Node {
	r := n.typ.Shape.Rank()
	wide := func(x *Node) *Node {
		return BroadcastTo(x, append(slices.Clone(n.typ.Shape[:r-2]), x.typ.Shape[x.typ.Shape.Rank()-2:]...)...)
	}
	q, k, v := wide(n.Input(0)), wide(n.Input(1)), wide(n.Input(2))
	l, s := q.typ.Shape[r-2], k.typ.Shape[r-2]
	var mask *Node
	if len(n.Inputs()) == 4 {
		mask = n.Input(3)
	}
	ofKeys := mask != nil && mask.typ.Shape.Rank() > 0 && mask.typ.Shape[mask.typ.Shape.Rank()-1] == s
	causal := n.extra.attrs.Bool("causal")
	scale := n.extra.attrs.Float("scale")
	// step goes on with keys, their values, the mask of them, and their first number.
	step := func(carry []*Node, k, v, mask, first *Node) []*Node {
		top, sum, out := carry[0], carry[1], carry[2]
		keys := k.typ.Shape[r-2]
		scores := Mul(matmul(q, k, false, true), Like(q, scale))
		if mask != nil {
			scores, mask = masked(scores, mask)
		}
		if causal {
			seen := LessEqual(Add(Iota(k.g, Int64, 0, keys), first), lastKeys(k.g, l, s))
			if mask == nil {
				mask = seen
			} else {
				mask = LogicalAnd(mask, seen)
			}
		}
		if mask != nil {
			scores = Where(mask, scores, Like(scores, -posInf))
		}
		next := StopGradient(Max(top, ReduceMax(scores, []int{r - 1}, KeepDims)))
		shift := finiteOrZero(next)
		old, e := Exp(Sub(StopGradient(top), shift)), Exp(Sub(scores, shift))
		if mask == nil {
			return []*Node{next, Add(Mul(sum, old), sumKept(e, r-1)), Add(Mul(out, old), matmul(e, v, false, false))}
		}
		// Keys that are not seen weigh nothing, whatever their v holds.
		e = Where(mask, e, Like(e, 0))
		weighed := applyAll(opMatMul, []*Node{e, v}, attr.B("no_nan", true), attr.B("transpose_a", false), attr.B("transpose_b", false))
		return []*Node{next, Add(Mul(sum, old), sumKept(e, r-1)), Add(Mul(out, old), weighed)}
	}
	// blocks cuts an axis into blocks, along a new first axis, and returns the rest.
	count := s / attentionKeys
	blocks := func(x *Node, axis int) (whole, rest *Node) {
		shape := x.typ.Shape
		ranges := make([]Range, len(shape))
		for d, extent := range shape {
			ranges[d] = Range{Limit: extent}
		}
		ranges[axis].Limit = count * attentionKeys
		cut := append(append(append(Shape{}, shape[:axis]...), count, attentionKeys), shape[axis+1:]...)
		perm := []int{axis}
		for d := range cut {
			if d != axis {
				perm = append(perm, d)
			}
		}
		whole = Transpose(Reshape(Slice(x, ranges...), cut...), perm...)
		if count*attentionKeys < s {
			ranges[axis] = Range{Start: count * attentionKeys, Limit: s}
			rest = Slice(x, ranges...)
		}
		return whole, rest
	}
	kept := append(append(Shape{}, q.typ.Shape[:r-1]...), 1)
	carry := []*Node{BroadcastTo(Like(q, -posInf), kept...), BroadcastTo(Like(q, 0), kept...), BroadcastTo(Like(q, 0), n.typ.Shape...)}
	wholeK, restK := blocks(k, r-2)
	wholeV, restV := blocks(v, r-2)
	xs := []*Node{wholeK, wholeV, Mul(Iota(n.g, Int64, 0, count), n.g.Scalar(Int64, attentionKeys))}
	restMask := mask
	if ofKeys {
		var wholeMask *Node
		wholeMask, restMask = blocks(mask, mask.typ.Shape.Rank()-1)
		xs = append(xs, wholeMask)
	}
	carry, _ = Scan(count, carry, xs, func(carry, x []*Node) (next, ys []*Node) {
		m := mask
		if ofKeys {
			m = x[3]
		}
		return step(carry, x[0], x[1], m, x[2]), nil
	})
	if restK != nil {
		carry = step(carry, restK, restV, restMask, n.g.Scalar(Int64, float64(count*attentionKeys)))
	}
	none := Equal(carry[1], Like(carry[1], 0))
	return Where(none, Like(carry[2], 0), Div(carry[2], Where(none, Like(carry[1], 1), carry[1])))
}

func normalised(op *Op, x *Node, axes []int, epsilon float64, more ...*Node) *Node {
	if !x.Valid() {
		return apply1(opIdentity, x)
	}
	norm, err := axesOf(axes, x.typ.Shape.Rank())
	if err != nil {
		return x.g.Fail(op.Name, err)
	}
	return applyAll(op, append([]*Node{x}, more...), attr.L("axes", norm), attr.F("epsilon", epsilon))
}

// LayerNorm returns (x − mean)/√(variance + epsilon)·scale + bias over the axes, all if there are none.
func LayerNorm(x, scale, bias *Node, axes []int, epsilon float64) *Node {
	return normalised(opLayerNorm, x, axes, epsilon, scale, bias)
}

// RMSNorm returns x/√(mean of x² + epsilon)·scale over the axes, all if there are none.
func RMSNorm(x, scale *Node, axes []int, epsilon float64) *Node {
	return normalised(opRMSNorm, x, axes, epsilon, scale)
}

// BatchNorm returns (x − mean)/√(variance + epsilon)·scale + bias with vectors along the axis: batch normalisation at inference.
func BatchNorm(x, scale, bias, mean, variance *Node, axis int, epsilon float64) *Node {
	if x.Valid() {
		a, err := axisOf(axis, x.typ.Shape.Rank())
		if err != nil {
			return x.g.Fail("batch_norm", err)
		}
		axis = a
	}
	return applyAll(opBatchNorm, []*Node{x, scale, bias, mean, variance}, attr.I("axis", axis), attr.F("epsilon", epsilon))
}

// BatchNormTraining normalises x by its own mean and variance over all dimensions but the axis and returns both too, for running
// averages. Gradients pass through the statistics.
func BatchNormTraining(x, scale, bias *Node, axis int, epsilon float64) (y, mean, variance *Node) {
	if !x.Valid() {
		return x, x, x
	}
	a, err := axisOf(axis, x.typ.Shape.Rank())
	if err != nil {
		bad := x.g.Fail("batch_norm", err)
		return bad, bad, bad
	}
	var others []int
	for d := range x.typ.Shape {
		if d != a {
			others = append(others, d)
		}
	}
	if len(others) == 0 {
		bad := x.g.Fail("batch_norm", fmt.Errorf("the operand is %v: needs rank 2 or more", x.typ))
		return bad, bad, bad
	}
	want, wide := Type{x.typ.DType, Shape{x.typ.Shape[a]}}, slices.Repeat([]int{1}, x.typ.Shape.Rank())
	for _, v := range []*Node{scale, bias} {
		if v.Valid() && !v.typ.Equal(want) {
			bad := x.g.Fail("batch_norm", fmt.Errorf("scale and bias are %v and %v: need %v", scale.Type(), bias.Type(), want))
			return bad, bad, bad
		}
	}
	wide[a] = -1
	// Not by the variance, which may overflow.
	y = LayerNorm(x, Reshape(scale, wide...), Reshape(bias, wide...), others, epsilon)
	m := ReduceMean(x, others, KeepDims)
	v := ReduceMean(Square(Sub(x, m)), others, KeepDims)
	return y, Reshape(m, want.Shape...), Reshape(v, want.Shape...)
}

// CrossEntropy returns −log_softmax(logits) at the labels (int32 or int64), one loss for each label; the axis is that of the classes. A label that is no class is an error of the run; see
// CrossEntropyWith for labels to ignore, weights and smoothing, and SoftmaxCrossEntropy for probabilities of all classes.
func CrossEntropy(logits, labels *Node, axis int) *Node {
	return withAxis(opCrossEntropy, logits, []*Node{logits, labels}, axis)
}

// CrossEntropyOptions change CrossEntropyWith.
type CrossEntropyOptions struct {
	Ignore    []int64 // labels whose losses are 0, such as −1 or −100
	FromEnd   bool    // negative labels that are not ignored count from the end
	Weights   *Node   // by which losses of each class are multiplied, a vector; nil means ones
	Smoothing float64 // part of the probability that is spread evenly over all classes (Szegedy et al. 2016), each with its weight, from 0 to 1
}

// CrossEntropyWith is CrossEntropy with options, as PyTorch has them. It returns the losses, and what each counts in a mean: the weight of its label's class, 0 where the label is ignored. PyTorch's mean is Σ losses / Σ counts, NaN where all are ignored.
func CrossEntropyWith(logits, labels *Node, axis int, o CrossEntropyOptions) (losses, counts *Node) {
	const op = "cross_entropy"
	fail := func(err error) (*Node, *Node) {
		bad := logits.g.Fail(op, err)
		return bad, bad
	}
	if !logits.Valid() || !labels.Valid() {
		losses = CrossEntropy(logits, labels, axis)
		return losses, losses
	}
	a, err := axisOf(axis, logits.typ.Shape.Rank())
	switch {
	case err != nil:
		return fail(err)
	case !labels.typ.DType.IsInt():
		return fail(fmt.Errorf("the labels are %v: need int32 or int64", labels.typ))
	case !(o.Smoothing >= 0 && o.Smoothing <= 1):
		return fail(fmt.Errorf("smoothing %v is outside of [0, 1]", o.Smoothing))
	}
	classes := logits.typ.Shape[a]
	if w := o.Weights; w != nil && (!w.Valid() || !w.typ.Equal(Type{logits.typ.DType, Shape{classes}})) {
		return fail(fmt.Errorf("the weights are %v: need %v", w.Type(), Type{logits.typ.DType, Shape{classes}}))
	}
	var ignored *Node
	for _, v := range o.Ignore {
		is := Equal(labels, Like(labels, float64(v)))
		if ignored != nil {
			is = LogicalOr(ignored, is)
		}
		ignored = is
	}
	if ignored != nil {
		labels = Where(ignored, Like(labels, 0), labels)
	}
	if o.FromEnd {
		labels = Where(Less(labels, Like(labels, 0)), Add(labels, Like(labels, float64(classes))), labels)
	}
	losses = CrossEntropy(logits, labels, a)
	counts = onesLike(losses)
	if o.Weights != nil {
		counts = Gather(o.Weights, labels, 0)
		losses = Mul(losses, counts)
	}
	if o.Smoothing > 0 {
		surprise := Neg(LogSoftmax(logits, a)) // of each class
		if o.Weights != nil {
			surprise = Mul(surprise, vectorAlong(o.Weights, a, logits))
		}
		losses = Lerp(losses, ReduceMean(surprise, []int{a}), Like(logits, o.Smoothing))
	}
	if ignored != nil {
		zero := Like(logits, 0)
		losses, counts = Where(ignored, zero, losses), Where(ignored, zero, counts)
	}
	return losses, counts
}

// SoftmaxCrossEntropy returns −Σ p·log_softmax(logits) along the axis of the classes; the operands broadcast.
func SoftmaxCrossEntropy(logits, p *Node, axis int) *Node {
	in, err := together(logits, p)
	if err != nil {
		return graphOf(logits, p).Fail(opSoftmaxCrossEntropy.Name, err)
	}
	return withAxis(opSoftmaxCrossEntropy, in[0], in, axis)
}

// SigmoidCrossEntropy returns −p·ln σ(logits) − (1 − p)·ln(1 − σ(logits)), elementwise and broadcast.
func SigmoidCrossEntropy(logits, p *Node) *Node { return apply2(opSigmoidCrossEntropy, logits, p) }

// MSE returns the mean of (x − y)² over all elements, a scalar.
func MSE(x, y *Node) *Node { return apply2(opMSE, x, y) }

// Huber returns (x − y)²/2 where |x − y| ≤ delta and delta·(|x − y| − delta/2) elsewhere, elementwise and broadcast.
func Huber(x, y *Node, delta float64) *Node {
	return applyAll(opHuber, []*Node{x, y}, attr.F("delta", delta))
}

// AttentionOptions change Attention.
type AttentionOptions struct {
	Mask   *Node   // broadcast to […, L, S]; bool: a query sees the keys where it is true; of q's dtype: added to scale·q·kᵀ, −Inf where a query does not see a key; nil means all
	Causal bool    // query i sees the keys up to i + (S − L) only
	Scale  float64 // factor of q·kᵀ; 0 means 1/√D
}

// Attention returns softmax(scale·q·kᵀ)·v for q […, L, D], k […, S, D] and v […, S, E], whose leading dimensions broadcast.
//
// With 1024 keys and more, and more than 2²⁰ scores L·S, it goes through 512 keys at a time, and so do its derivatives: memory grows with L·512 and not with L·S.
func Attention(q, k, v *Node, o AttentionOptions) *Node {
	if o.Scale == 0 && q.Valid() && q.typ.Shape.Rank() > 0 {
		o.Scale = 1 / math.Sqrt(float64(q.typ.Shape[q.typ.Shape.Rank()-1]))
	}
	in := []*Node{q, k, v}
	if o.Mask != nil {
		in = append(in, o.Mask)
	}
	return applyAll(opAttention, in, attr.B("causal", o.Causal), attr.F("scale", o.Scale))
}
