package nn

import (
	"math"

	"github.com/adjoint-go/adjoint/graph"
)

// Losses that package graph has: MSE, Huber, CrossEntropy, SoftmaxCrossEntropy, SigmoidCrossEntropy. Those here are means over the batch, scalars.

// Classification returns the mean of graph.CrossEntropy of logits [N, …, classes] at the labels [N, …] (int32 or int64), with the given part of the probability spread evenly over all classes (label smoothing, Szegedy et al. 2016; 0 for none).
func Classification(logits, labels *graph.Node, smoothing float64) *graph.Node {
	if !logits.Valid() || !labels.Valid() {
		return graph.CrossEntropy(logits, labels, 0)
	}
	axis := logits.Shape().Rank() - 1
	loss := graph.Mean(graph.CrossEntropy(logits, labels, axis))
	if smoothing == 0 || !loss.Valid() {
		return loss
	}
	even := graph.Sub(graph.Mean(graph.LogSumExp(logits, []int{axis})), graph.Mean(logits))
	return graph.Lerp(loss, even, graph.Like(loss, smoothing))
}

// Accuracy returns the part of the rows of logits [N, …, classes] whose largest element is at the label, as a scalar of the logits' dtype.
func Accuracy(logits, labels *graph.Node) *graph.Node {
	if !logits.Valid() || !labels.Valid() {
		return graph.Equal(logits, labels)
	}
	right := graph.Equal(graph.Argmax(logits, logits.Shape().Rank()-1), graph.Cast(labels, graph.Int64))
	return graph.Mean(graph.Cast(right, logits.DType()))
}

// L1 returns the mean of |x − y|.
func L1(x, y *graph.Node) *graph.Node { return graph.Mean(graph.Abs(graph.Sub(x, y))) }

// KLDivergence returns the divergence Σ p·(ln p − ln q) along the last axis of distributions p from logarithms of probabilities q (0·ln 0 is 0), as the mean over the others.
func KLDivergence(logQ, p *graph.Node) *graph.Node {
	if !logQ.Valid() || logQ.Shape().Rank() == 0 {
		return graph.ReduceSum(graph.Sub(logQ, p), []int{0}) // whose mistake it is
	}
	return graph.Mean(graph.ReduceSum(graph.Sub(graph.Xlogy(p, p), graph.Mul(p, logQ)), []int{logQ.Shape().Rank() - 1}))
}

// GaussianKL returns the divergence of normal distributions with the given means and logarithms of variances from the standard one, −½·Σ(1 + l − m² − eˡ) along the last axis, as the mean over the others: the regulariser
// of a variational autoencoder (Kingma and Welling 2014, appendix B).
func GaussianKL(mean, logVariance *graph.Node) *graph.Node {
	if !mean.Valid() || mean.Shape().Rank() == 0 {
		return graph.ReduceSum(graph.Sub(mean, logVariance), []int{0}) // whose mistake it is
	}
	inner := graph.Sub(graph.Sub(graph.Exp(logVariance), logVariance), graph.Like(mean, 1))
	inner = graph.Add(inner, graph.Square(mean))
	return graph.Mul(graph.Like(mean, 0.5), graph.Mean(graph.ReduceSum(inner, []int{mean.Shape().Rank() - 1})))
}

// GaussianNLL returns the mean of ½·(ln(2π·variance) + (x − mean)²/variance).
func GaussianNLL(x, mean, variance *graph.Node) *graph.Node {
	terms := graph.Add(graph.Log(variance), graph.Div(graph.Square(graph.Sub(x, mean)), variance))
	return graph.Mul(graph.Like(terms, 0.5), graph.Add(graph.Mean(terms), graph.Like(terms, math.Log(2*math.Pi))))
}

// Hinge returns the mean of max(0, 1 − x·y) for labels y of −1 and 1.
func Hinge(x, y *graph.Node) *graph.Node {
	return graph.Mean(graph.Relu(graph.Sub(graph.Like(x, 1), graph.Mul(x, y))))
}

// HingeEmbedding returns the mean of the distance x where the label y is 1, and of max(0, margin − x) where it is −1 (PyTorch's HingeEmbeddingLoss).
func HingeEmbedding(x, y *graph.Node, margin float64) *graph.Node {
	return graph.Mean(graph.Where(graph.Equal(y, graph.Like(y, 1)), x, graph.Relu(graph.Sub(graph.Like(x, margin), x))))
}

// MultiMargin returns the mean over the rows of scores [N, classes] of Σ max(0, margin − x_y + x_j)/classes over the classes j but the label y (int32 or int64, [N]; below 0 is an error): multi-class hinge loss (PyTorch's MultiMarginLoss).
func MultiMargin(scores, labels *graph.Node, margin float64) *graph.Node {
	if !scores.Valid() || !labels.Valid() || scores.Shape().Rank() != 2 {
		return graph.CrossEntropy(scores, labels, 1) // whose mistake it is
	}
	right := graph.TakeAlongAxis(scores, graph.ExpandDims(labels, 1), 1)
	right = graph.Require(right, graph.GreaterEqual(labels, graph.Like(labels, 0)), "a label is below 0", graph.Cast(labels, right.DType()))
	over := graph.Relu(graph.Add(graph.Sub(scores, right), graph.Like(scores, margin)))
	own := graph.Relu(graph.Like(scores, margin)) // the label's, which does not count
	classes := graph.Like(scores, float64(scores.Shape()[1]))
	return graph.Mean(graph.Div(graph.Sub(graph.ReduceSum(over, []int{1}), own), classes))
}

// CosineSimilarity returns x·y/(‖x‖·‖y‖) along an axis, with norms of epsilon at least.
func CosineSimilarity(x, y *graph.Node, axis int, epsilon float64) *graph.Node {
	if !x.Valid() || !y.Valid() {
		return graph.Mul(x, y)
	}
	unit := func(v *node) *node {
		return graph.Div(v, graph.Max(graph.ReduceL2(v, []int{axis}, graph.KeepDims), graph.Like(v, epsilon)))
	}
	return graph.ReduceSum(graph.Mul(unit(x), unit(y)), []int{axis})
}

// TripletMargin returns the mean of max(0, ‖a − p‖ − ‖a − n‖ + margin) over vectors along the last axis: anchors a are to lie nearer to p than to n. PyTorch adds 1e-6 to differences, this does not.
func TripletMargin(anchor, positive, negative *graph.Node, margin float64) *graph.Node {
	if !anchor.Valid() || anchor.Shape().Rank() == 0 {
		return graph.ReduceSum(anchor, []int{0}) // whose mistake it is
	}
	last := []int{anchor.Shape().Rank() - 1}
	distance := func(v *node) *node { return graph.ReduceL2(graph.Sub(anchor, v), last) }
	d := graph.Sub(distance(positive), distance(negative))
	return graph.Mean(graph.Relu(graph.Add(d, graph.Like(d, margin))))
}

// PoissonNLL returns the mean of eˣ − y·x for logarithms x of the expected counts and counts y, without the term ln y! that depends on y alone (PyTorch's PoissonNLLLoss).
func PoissonNLL(x, y *graph.Node) *graph.Node {
	return graph.Mean(graph.Sub(graph.Exp(x), graph.Mul(y, x)))
}

// CosineEmbedding returns the mean of 1 − cos(a, b) where the label is 1, and of max(0, cos(a, b) − margin) where it is −1, of vectors along the last axis.
func CosineEmbedding(a, b, label *graph.Node, margin float64) *graph.Node {
	c := CosineSimilarity(a, b, -1, 0x1p-40)
	one := graph.Like(c, 1)
	return graph.Mean(graph.Where(graph.Equal(label, graph.Like(label, 1)), graph.Sub(one, c), graph.Relu(graph.Sub(c, graph.Like(c, margin)))))
}

// MarginRanking returns the mean of max(0, −label·(a − b) + margin): the first is to be larger where the label is 1, the second where it is −1.
func MarginRanking(a, b, label *graph.Node, margin float64) *graph.Node {
	d := graph.Mul(label, graph.Sub(b, a))
	return graph.Mean(graph.Relu(graph.Add(d, graph.Like(d, margin))))
}
