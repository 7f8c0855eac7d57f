package viz

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
	"github.com/adjoint-go/adjoint/viz/internal/verify"
)

// shapesOf lists what a drawing shows and where, without names and details that no one sees.
func shapesOf(d *draw.Drawing) string {
	var list []string
	for i := range d.Groups {
		g := &d.Groups[i]
		for _, s := range g.Shapes {
			list = append(list, fmt.Sprintf("%d %v %.1f %v %v %v %v", s.Kind, s.Rect, s.Radius, s.Path, s.Points, s.Fill, s.Stroke))
		}
		for _, t := range g.Texts {
			list = append(list, fmt.Sprintf("%q %.1f %.1f %.1f %v", t.Text, t.At.X, t.At.Y, t.Size, t.Colour))
		}
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// formulaPair is a formula and the same with two operands of one operator exchanged.
type formulaPair struct {
	name       string
	one, other []*graph.Node
}

// formulaPairs lists such pairs for every operator in which the order of operands matters: with inputs, different functions of two inputs
// and expressions of shared inputs as operands, alone and inside of a sum.
func formulaPairs() []formulaPair {
	var pairs []formulaPair
	for _, op := range graph.Ops() {
		if op.Commutative || op.MaxArity >= 0 && op.MaxArity < 2 || len(op.Samples) == 0 || op.Family == graph.FamilyUser {
			continue
		}
		for number, s := range op.Samples {
			if s.Build != nil || len(s.In) < 2 || number > 0 && !op.Elementwise {
				continue
			}
			for i := range s.In {
				for j := range i {
					for style := range 4 {
						make := func(exchanged bool) []*graph.Node {
							g := graph.New()
							in := make([]*graph.Node, len(s.In))
							x := make([]*graph.Node, len(s.In))
							for k := range s.In {
								t := s.In[k].Type
								if op.Elementwise {
									t.Shape = nil
								}
								in[k] = g.Input(string(rune('p'+k)), t.DType, t.Shape...)
							}
							for k := range in {
								x[k] = in[k]
								float := in[k].DType() == graph.Float64
								switch {
								case style == 1 && float:
									x[k] = []func(*graph.Node) *graph.Node{graph.Sin, graph.Exp, graph.Square, graph.Tanh, graph.Abs}[k](in[k])
								case style == 2 && float:
									x[k] = graph.Square(in[k])
								case style == 3 && float && in[0].Type().Equal(in[k].Type()) && k > 0:
									x[k] = graph.Mul(in[0], in[k])
								}
							}
							if exchanged {
								x[i], x[j] = x[j], x[i]
							}
							y := g.Apply(op, x, s.Attrs)
							if g.Err() != nil {
								return nil
							}
							if style >= 2 && y.DType() == graph.Float64 && y.Valid() && op.InferMany == nil {
								y = graph.Mul(y, y) // the operator is not the last one
							}
							return []*graph.Node{y}
						}
						one, other := make(false), make(true)
						if one != nil && other != nil {
							pairs = append(pairs, formulaPair{fmt.Sprintf("%s/%d: operands %d and %d, style %d", op.Name, number, j, i, style), one, other})
						}
					}
				}
			}
		}
	}
	return pairs
}

func sortedLines(text []byte) string {
	lines := strings.Split(string(text), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// Formulas that differ in the order of two operands have different pictures: in the drawing itself, and in formats that others lay out
// whatever the order of their lines.
func TestOrderOfOperandsIsDrawn(t *testing.T) {
	pairs := formulaPairs()
	operators := map[string]bool{}
	for _, p := range pairs {
		operators[strings.SplitN(p.name, "/", 2)[0]] = true
		var pictures [2]*Picture
		for k, outputs := range [][]*graph.Node{p.one, p.other} {
			var err error
			if pictures[k], err = New(outputs); err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
		}
		var shapes [2]string
		for k, q := range pictures {
			d, err := q.laid()
			if err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
			shapes[k] = shapesOf(d)
			for _, flaw := range verify.Check(d) {
				t.Errorf("%s: %s", p.name, flaw)
			}
		}
		if shapes[0] == shapes[1] {
			t.Errorf("%s: one picture", p.name)
		}
		for format, write := range map[string]func(*Picture, io.Writer) error{
			"DOT": (*Picture).DOT, "Mermaid": (*Picture).Mermaid, "text": (*Picture).Text, "JSON": (*Picture).JSON} {
			var texts [2]string
			for k, q := range pictures {
				var b bytes.Buffer
				if err := write(q, &b); err != nil {
					t.Fatalf("%s: %v", p.name, err)
				}
				texts[k] = sortedLines(b.Bytes())
			}
			if texts[0] == texts[1] {
				t.Errorf("%s: one %s", p.name, format)
			}
		}
	}
	t.Logf("%d pairs of formulas over %d operators", len(pairs), len(operators))
	if len(pairs) < 150 || len(operators) < 30 {
		t.Errorf("only %d pairs of formulas over %d operators", len(pairs), len(operators))
	}
}

// At every operator in which the order matters, edges end in the order of the operands, or each one is marked.
func TestOperandsStandInOrderOrAreMarked(t *testing.T) {
	inOrder, marked := 0, 0
	check := func(name string, p *Picture) {
		d, err := p.laid()
		if err != nil {
			t.Fatal(err)
		}
		ends := map[int][]float64{}
		last := map[int]int{}
		for i := range d.Scene.Edges {
			e := &d.Scene.Edges[i]
			if e.Operand == 0 {
				continue
			}
			if e.Operand <= last[e.To] {
				t.Fatalf("%s: operand %d of %s comes after %d", name, e.Operand, d.Scene.Nodes[e.To].ID, last[e.To])
			}
			last[e.To] = e.Operand
			path := d.Layout.Edges[i].Path
			end := path[len(path)-1][3]
			at := end.Y
			if !d.Scene.Direction.Horizontal() {
				at = end.X
			}
			ends[e.To] = append(ends[e.To], at)
			if d.Layout.Marked[e.To] && e.Mark.Empty() {
				t.Errorf("%s: edge %s has no mark", name, e.ID)
			}
		}
		for n, list := range ends {
			switch {
			case d.Layout.Marked[n]:
				marked++
				texts := len(d.Scene.Nodes[n].Lines)
				for _, g := range d.Groups {
					if g.Kind == draw.NodeGroup && g.Index == n && g.Texts[len(g.Texts)-1].Line+1 != texts+len(list) {
						t.Errorf("%s: node %s shows %d marks of %d", name, d.Scene.Nodes[n].ID, g.Texts[len(g.Texts)-1].Line+1-texts, len(list))
					}
				}
			case slices.IsSorted(list) || sameSource(d.Scene, n):
				inOrder++
			default:
				t.Errorf("%s: the operands of %s end at %v and are not marked", name, d.Scene.Nodes[n].ID, list)
			}
		}
	}
	for _, c := range corpus() {
		for direction := LeftToRight; direction <= BottomToTop; direction++ {
			p, err := c.picture(WithDirection(direction))
			if err != nil {
				t.Fatal(err)
			}
			check(c.name, p)
		}
	}
	for k, pair := range formulaPairs() {
		p, err := New(pair.other, WithDirection(Direction(k%4)), WithGradients(Overlay))
		if err != nil {
			t.Fatal(err)
		}
		check(pair.name, p)
	}
	t.Logf("%d operators have their operands in order, %d are marked", inOrder, marked)
	if inOrder < 300 || marked < 50 {
		t.Errorf("only %d operators with operands in order and %d with marks", inOrder, marked)
	}
}

// sameSource reports whether all operands of a node are one value.
func sameSource(s *scene.Scene, node int) bool {
	from := -1
	for i := range s.Edges {
		if e := &s.Edges[i]; e.To == node && e.Operand > 0 {
			if from >= 0 && from != e.From {
				return false
			}
			from = e.From
		}
	}
	return true
}

// The pictures of formulas that were once drawn alike, and powers.
func TestFormulasOfOneShape(t *testing.T) {
	g := graph.New()
	x, y, w := g.Input("x", graph.Float64), g.Input("y", graph.Float64), g.Input("w", graph.Float64)
	for k, pair := range [][2]*graph.Node{
		{graph.Sub(graph.Square(x), graph.Square(y)), graph.Sub(graph.Square(y), graph.Square(x))},
		{graph.Div(x, y), graph.Div(y, x)},
		{graph.Pow(x, y), graph.Pow(y, x)},
		{graph.Pow(g.Const(2), x), graph.Pow(x, g.Const(2))},
		{graph.Sub(x, graph.Like(x, 1)), graph.Sub(graph.Like(x, 1), x)},
		{graph.Atan2(graph.Sin(x), y), graph.Atan2(y, graph.Sin(x))},
		{graph.Where(graph.Less(x, graph.Like(x, 0)), graph.Mul(w, x), graph.Max(x, w)),
			graph.Where(graph.Less(x, graph.Like(x, 0)), graph.Max(x, w), graph.Mul(w, x))},
	} {
		var shapes [2]string
		for i, n := range pair {
			p, err := New([]*graph.Node{n})
			if err != nil {
				t.Fatal(err)
			}
			d, err := p.laid()
			if err != nil {
				t.Fatal(err)
			}
			shapes[i] = shapesOf(d)
		}
		if shapes[0] == shapes[1] {
			t.Errorf("pair %d has one picture", k)
		}
	}
	for want, n := range map[string]*graph.Node{"2^x": graph.Pow(g.Const(2), x), "x^2": graph.Pow(x, g.Const(2)), "x^y": graph.Pow(x, y), "x < y": graph.Less(x, y), "√x": graph.Sqrt(x)} {
		var b bytes.Buffer
		if err := Text(&b, []*graph.Node{n}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "= "+want) {
			t.Errorf("%s is not in\n%s", want, b.String())
		}
	}
}
