package graph_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

func TestListing(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float32, 3)
	g.Scope("loop", func() {
		final, _ := graph.Scan(4, []*graph.Node{x}, nil, func(c, _ []*graph.Node) (next, ys []*graph.Node) {
			return []*graph.Node{graph.Sin(c[0])}, nil
		})
		graph.Add(final[0], graph.Constant(g, []float32{1, 2, 3}, 3)).Named("end").Named("y")
	})
	graph.Constant(g, make([]int64, 10), 10)
	graph.MatMul(x, graph.Zeros(g, graph.Float32, 2))
	got := regexp.MustCompile(`\S*listing_test\.go:\d+`).ReplaceAllString(g.String(), "HERE")
	want := `%0 "x" = input : f32[3]  HERE
%1 = scan %0(x) {bodies=functions[1], captured=0, carries=1, length=4, reverse=false} : (f32[3]) in "loop"  HERE
  body 0
    %0 "@0" = input : f32[3]  HERE
    %1 = sin %0(@0) : f32[3]  HERE
%2 = result %1 {index=0} : f32[3] in "loop"  HERE
%3 = const [1 2 3] : f32[3] in "loop"  HERE
%4 "end" "y" = add %2, %3 : f32[3] in "loop"  HERE
%5 = const […] : i64[10]  HERE
%6 = const 0 : f32  HERE
%7 = broadcast_to %6 {shape=[2]} : f32[2]  HERE
%8 = reshape %0(x) {shape=[1 3]} : f32[1,3]  HERE
%9 = reshape %7 {shape=[2 1]} : f32[2,1]  HERE
`
	if !strings.HasPrefix(got, want) || !strings.Contains(got[len(want):], "matmul: ") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	long := graph.New()
	for y, i := long.Input("x", graph.Float64), 0; i < 700; i++ {
		y = graph.Sin(y)
	}
	if s := long.String(); strings.Count(s, "\n") != 501 || !strings.HasSuffix(s, "… 201 more\n") {
		t.Errorf("of 701 nodes: %s", s[max(0, len(s)-200):])
	}
	if s := (*graph.Graph)(nil).String(); s != "nil" {
		t.Error(s)
	}
}
