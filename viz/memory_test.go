package viz

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/png"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

func compiled(t *testing.T, outputs ...*graph.Node) *vm.Program {
	t.Helper()
	p, err := compile.Compile(outputs...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sample returns package vm's sample, which calls blocks.
func sample(t *testing.T) *vm.Program {
	t.Helper()
	text, err := os.ReadFile("../vm/testdata/sample.text")
	if err != nil {
		t.Fatal(err)
	}
	p, err := vm.ParseText(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// programs returns programs of every kind of instruction.
func programs(t *testing.T) map[string]*vm.Program {
	t.Helper()
	loss := perceptron()[0]
	gradient, err := compile.Gradient(loss, loss.Graph().Inputs()...)
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	x := g.Input("x", graph.Float64, 40)
	var pieces []*graph.Node
	for i := range 40 {
		pieces = append(pieces, graph.Sin(graph.Mul(graph.Index(x, i), graph.Index(x, (i+1)%40))))
	}
	h := graph.New()
	y := h.Input("y", graph.Float32, 7)
	return map[string]*vm.Program{
		"perceptron": compiled(t, append(gradient, loss)...),
		"lstm":       compiled(t, lstm()...),
		"scalars":    compiled(t, scalars(300)...),
		"pieces":     compiled(t, graph.Stack(0, pieces...), graph.Sum(graph.Stack(0, pieces...))),
		"calls":      sample(t),
		"copy":       compiled(t, y),
		"constant":   compiled(t, graph.New().Const(2)),
	}
}

// A call is a step, in which its frame holds memory and no longer.
func TestLifetimeOfAFrame(t *testing.T) {
	m := lifetimes(sample(t))
	frames := map[string]int64{}
	for _, v := range m.values {
		if v.name == "frame" {
			if v.from != v.to || v.lo%64 != 0 {
				t.Errorf("a frame at %d in the steps %d to %d", v.lo, v.from, v.to)
			}
			frames[m.steps[v.from]] = v.hi - v.lo
		}
	}
	if len(frames) != 3 || frames["scan"] != 40 || frames["while"] != 128 || frames["cond"] != 16 {
		t.Errorf("frames %v", frames)
	}
}

// No two values hold the same byte at the same time, and the curve counts the bytes that values hold.
func TestLifetimesAreDisjoint(t *testing.T) {
	for name, p := range programs(t) {
		m := lifetimes(p)
		if len(m.live) != len(m.steps) {
			t.Fatalf("%s: %d steps and %d counts", name, len(m.steps), len(m.live))
		}
		for step := range m.steps {
			sum := int64(0)
			var held []lifetime
			for _, v := range m.values {
				if v.lo < 0 || v.hi > p.ArenaBytes() || v.lo >= v.hi {
					t.Fatalf("%s: %q holds bytes %d to %d of %d", name, v.name, v.lo, v.hi, p.ArenaBytes())
				}
				if v.from <= step && (step < v.to || step == v.to && !v.replaced) {
					for _, other := range held {
						if v.lo < other.hi && other.lo < v.hi {
							t.Fatalf("%s, step %d: %q and %q hold bytes %d to %d", name, step, v.name, other.name, max(v.lo, other.lo), min(v.hi, other.hi))
						}
					}
					held = append(held, v)
					sum += v.hi - v.lo
				}
			}
			if sum != m.live[step] || sum > m.live[m.peak] {
				t.Errorf("%s, step %d: %d bytes are held, counted are %d, the peak is %d", name, step, sum, m.live[step], m.live[m.peak])
			}
		}
	}
}

// A chain of products of 8 KiB each: by hand, two are in use at once beside the result of the first.
func TestLifetimesOfAChain(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64, 32, 32)
	a := graph.MatMul(x, x)
	b := graph.MatMul(a, x)
	c := graph.MatMul(b, b)
	p := compiled(t, graph.MatMul(c, a).Named("d"))
	m := lifetimes(p)
	var got []string
	for _, v := range m.values {
		if v.kind == valueLifetime || v.kind == outputLifetime {
			got = append(got, fmt.Sprintf("%s %d %d–%d", v.name, v.hi-v.lo, v.from, v.to))
		}
	}
	const want = "matmul 8192 0–3, matmul 8192 1–2, matmul 8192 2–3, d 8192 3–4"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if fmt.Sprint(m.live) != "[8192 16384 24576 24576]" || m.peak != 2 {
		t.Errorf("live %v, peak at %d", m.live, m.peak)
	}
}

func TestMemoryChart(t *testing.T) {
	for name, p := range programs(t) {
		var b, again bytes.Buffer
		if err := Memory(&b, p, WithTitle("a<b")); err != nil {
			t.Fatal(err)
		}
		if err := Memory(&again, p, WithTitle("a<b")); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Errorf("%s: the chart differs from run to run, or %v", name, err)
		}
		for d := xml.NewDecoder(&b); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		c, err := NewMemoryChart(p, WithScale(0.5))
		if err != nil {
			t.Fatal(err)
		}
		b.Reset()
		if err := c.PNG(&b); err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(&b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, g := range c.drawing.Groups {
			for _, text := range g.Texts {
				if text.At.X < 0 || text.At.Y < 0 || text.At.X+text.Width > c.drawing.W || text.At.Y > c.drawing.H {
					t.Errorf("%s: %q stands outside of the chart", name, text.Text)
				}
				if g.Class == "value" && (text.At.X < g.Box.Min.X || text.At.X+text.Width > g.Box.Max.X || text.At.Y > g.Box.Max.Y) {
					t.Errorf("%s: %q stands outside of its box", name, text.Text)
				}
			}
		}
	}
	if _, err := NewMemoryChart(nil); err == nil {
		t.Error("a chart of nothing")
	}
}

func TestFormatBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 102300: "99.9 KiB", 102400: "100 KiB", 3 << 30: "3 GiB"} {
		if got := formatBytes(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}
