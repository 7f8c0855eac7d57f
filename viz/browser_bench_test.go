package viz

import (
	"bytes"
	"fmt"
	"math/rand"
	"strconv"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// layers builds a graph that is drawn with about n nodes: 70 wide, in scopes of 500.
func layers(n int) []*graph.Node {
	r := rand.New(rand.NewSource(3))
	g := graph.New()
	var nodes []*graph.Node
	for i := range 80 {
		nodes = append(nodes, g.Input("x"+strconv.Itoa(i), graph.Float64))
	}
	pick := func() *graph.Node { return nodes[len(nodes)-1-r.Intn(70)] }
	for len(nodes) < n {
		g.Scope("layer"+strconv.Itoa(len(nodes)/500), func() {
			switch r.Intn(4) {
			case 0:
				nodes = append(nodes, graph.Sin(pick()))
			case 1:
				nodes = append(nodes, graph.Mul(pick(), pick()))
			default:
				nodes = append(nodes, graph.Add(pick(), graph.Exp(pick())))
			}
		})
	}
	sum := nodes[len(nodes)-1]
	for _, m := range nodes[len(nodes)-60:] {
		sum = graph.Add(sum, m)
	}
	return []*graph.Node{sum.Named("y")}
}

// The time from frame to frame of a drawing of 5000 nodes in a real browser, while the mouse pans, zooms or moves over
// it, seen as a whole, as a part, and near by. A screen of 60 Hz allows no less than 16.7 ms.
func BenchmarkBrowserFrames(b *testing.B) {
	var page bytes.Buffer
	p, err := New(layers(4900), WithFolding(false))
	if err != nil {
		b.Fatal(err)
	}
	if err := p.HTML(&page); err != nil {
		b.Fatal(err)
	}
	w := open(b, page.Bytes())
	b.Logf("%d nodes, %d edges, page of %d bytes", len(p.scene.Nodes), len(p.scene.Edges), page.Len())
	actions := []struct{ name, script string }{
		{"pan", `send("pointerdown", 600, 400); send("pointermove", 600 + 200 * Math.sin(k / 7), 400 + 150 * Math.sin(k / 11))`},
		{"zoom", `view.dispatchEvent(new WheelEvent("wheel", {deltaY: k % 60 < 30 ? -40 : 40, clientX: 600, clientY: 400, bubbles: true, cancelable: true}))`},
		{"hover", `send("pointermove", 100 + k * 13 % 1000, 100 + k * 7 % 600)`},
	}
	for _, scale := range []struct {
		name string
		zoom int
	}{{"whole", 0}, {"part", 7}, {"near", 14}} {
		for _, a := range actions {
			b.Run(scale.name+"/"+a.name, func(b *testing.B) {
				w.do(w.page.Evaluate(w.ctx, fmt.Sprintf(`document.getElementById("fit").click(); for (let i = 0; i < %d; i++) document.getElementById("zoom-in").click()`, scale.zoom), nil))
				w.settle()
				var times []float64
				w.do(w.page.Evaluate(w.ctx, fmt.Sprintf(`new Promise(done => {
					const view = document.getElementById("view"), times = [];
					const send = (type, x, y) => view.dispatchEvent(new PointerEvent(type, {pointerId: 1, clientX: x, clientY: y, bubbles: true}));
					let last = performance.now(), k = 0;
					requestAnimationFrame(function frame(now) {
						times.push(now - last);
						last = now;
						if (times.length > %d) { send("pointercancel", 0, 0); done(times.slice(1).sort((a, b) => a - b)); return; }
						%s;
						k++;
						requestAnimationFrame(frame);
					});
				})`, b.N, a.script), &times))
				b.ReportMetric(times[len(times)/2], "ms/median-frame")
				b.ReportMetric(times[len(times)*95/100], "ms/95%-frame")
			})
		}
	}
}
