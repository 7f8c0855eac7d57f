package viz_test

import (
	"bytes"
	"html"
	"io"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
)

// Arrays without elements are drawn, with their shapes, their values and the gradients by them, by every painter.
func TestDrawingsOfNothing(t *testing.T) {
	g := graph.New()
	x, w := g.Input("x", graph.Float64, 0, 3), g.Input("w", graph.Float64, 3, 2)
	loss := graph.Sum(graph.Tanh(graph.MatMul(x, w))).Named("loss")
	d, err := compile.Gradient(loss, x, w)
	if err != nil {
		t.Fatal(err)
	}
	outputs := append([]*graph.Node{loss}, d...)
	values := map[*graph.Node]*viz.Value{x: {Shape: []int{0, 3}}, w: {Shape: []int{3, 2}, Data: make([]float64, 6)}, d[0]: {Shape: []int{0, 3}}, loss: viz.Scalar(0)}
	for name, paint := range map[string]func(w io.Writer, outputs []*graph.Node, options ...viz.Option) error{
		"SVG": viz.SVG, "PNG": viz.PNG, "HTML": viz.HTML, "JSON": viz.JSON, "DOT": viz.DOT,
	} {
		for _, options := range [][]viz.Option{nil, {viz.WithValues(values), viz.WithGradientOutputs(d...)}} {
			var b bytes.Buffer
			if err := paint(&b, outputs, options...); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			text := html.UnescapeString(b.String())
			if name != "PNG" && !strings.Contains(text, "0×3") && !strings.Contains(strings.Join(strings.Fields(text), ""), "[0,3]") {
				t.Errorf("%s shows no shape 0×3", name)
			}
		}
	}
}
