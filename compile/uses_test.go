package compile

import (
	"fmt"
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// A product has the bits of its transpose, whatever kernels suit its shape: few rows, few columns, long sums, zeros that win, batches.
func TestTransposedProductHasTheSameBits(t *testing.T) {
	for _, s := range [][3]int{{2, 2, 2}, {3, 700, 2}, {2, 300, 65}, {65, 300, 2}, {33, 17, 129}, {130, 600, 70}, {7, 5, 640}, {64, 20000, 2}} {
		for _, d := range []graph.DType{graph.Float64, graph.Float32} {
			for kind := range 3 {
				g := graph.New()
				m, k, n := s[0], s[1], s[2]
				a, b := g.Input("a", d, m, k), g.Input("b", d, k, n)
				var c *graph.Node
				perm := []int{1, 0}
				switch kind {
				case 0:
					c = graph.MatMul(a, b)
				case 1: // the adjoint of a product behind a mask
					flags := graph.Attributes(graph.BoolAttr("no_nan", true), graph.BoolAttr("transpose_a", false), graph.BoolAttr("transpose_b", false))
					c = g.Apply(graph.LookupOp("matmul"), []*graph.Node{a, b}, flags)
				case 2:
					if m*k*n > 1e6 {
						continue
					}
					c, perm = graph.MatMul(graph.Stack(0, a, graph.Neg(a), graph.Square(a)), b), []int{0, 2, 1}
				}
				y := graph.Transpose(c, perm...)
				run := func(disable ...string) []uint64 {
					p, err := Config{Disable: disable, Verify: true}.Compile(y)
					if err != nil {
						t.Fatal(err)
					}
					machine := vm.NewMachine(p)
					for _, name := range []string{"a", "b"} {
						value := func(i int) float64 {
							if i%7 == 3 {
								return 0
							}
							return math.Sin(float64(i*i%1009) + float64(len(name)))
						}
						if d == graph.Float32 {
							for i := range machine.Float32(name) {
								machine.Float32(name)[i] = float32(value(i))
							}
							continue
						}
						for i := range machine.Float64(name) {
							machine.Float64(name)[i] = value(i)
						}
					}
					out, err := machine.Run()
					if err != nil {
						t.Fatal(err)
					}
					var bits []uint64
					switch data := out[0].Data().(type) {
					case []float64:
						for _, v := range data {
							bits = append(bits, math.Float64bits(v))
						}
					case []float32:
						for _, v := range data {
							bits = append(bits, uint64(math.Float32bits(v)))
						}
					}
					return bits
				}
				on, off := run(), run("transpose-matmul")
				if len(on) < m*n {
					t.Fatalf("%d elements", len(on))
				}
				for i := range off {
					if on[i] != off[i] {
						t.Errorf("%v, %v, kind %d: element %d differs", s, d, kind, i)
						break
					}
				}
			}
		}
	}
}

// Results of a branch that nobody reads cost nothing: neither what computes them within nor operands that they alone need.
func TestUnreadResultsAreNotComputed(t *testing.T) {
	build := func(g *graph.Graph) (read []*graph.Node) {
		x, i := g.Input("x", graph.Float64, 50), g.Input("i", graph.Int64)
		var branches []func(args []*graph.Node) []*graph.Node
		for k := range 3 {
			branches = append(branches, func(args []*graph.Node) []*graph.Node {
				scale := graph.Like(args[0], float64(k+1))
				return []*graph.Node{graph.Sort(graph.Mul(args[0], scale), 0), graph.Mul(args[1], scale), graph.Sum(graph.Mul(args[2], scale))}
			})
		}
		return graph.Switch(i, []*graph.Node{graph.Cumsum(x, 0), graph.Exp(x), graph.Flip(x, 0)}, branches...)
	}
	for which := range 3 {
		g := graph.New()
		y := build(g)[which]
		programs := map[bool]*vm.Program{}
		values := map[bool]string{}
		for _, on := range []bool{true, false} {
			c := Config{Verify: true}
			if !on {
				c.Disable = []string{"unread-results"}
			}
			p, err := c.Compile(y)
			if err != nil {
				t.Fatal(err)
			}
			m := vm.NewMachine(p)
			for i := range m.Float64("x") {
				m.Float64("x")[i] = math.Sin(float64(i))
			}
			for i := range 3 {
				m.Int64("i")[0] = int64(i)
				out, err := m.Run()
				if err != nil {
					t.Fatal(err)
				}
				values[on] += fmt.Sprint(out[0].Data())
			}
			programs[on] = p
		}
		if values[true] != values[false] {
			t.Errorf("result %d is %s, and %s with all results", which, values[true], values[false])
		}
		if with, without := programs[false].ArenaBytes(), programs[true].ArenaBytes(); without >= with {
			t.Errorf("result %d alone takes %d bytes, all take %d", which, without, with)
		}
	}
}
