package layout

import (
	"errors"
	"math"
	"math/rand"
	"testing"
)

func randomGraph(r *rand.Rand, n, m int) Graph {
	g := Graph{}
	for i := 0; i < n; i++ {
		g.Nodes = append(g.Nodes, Node{W: 20 + 60*r.Float64(), H: 20 + 20*r.Float64(), Cluster: -1})
	}
	for len(g.Edges) < m {
		a, b := r.Intn(n), r.Intn(n)
		if a == b {
			continue
		}
		g.Edges = append(g.Edges, Edge{From: min(a, b), To: max(a, b), Weight: 1 + r.Intn(3)})
	}
	return g
}

// The ranks of the network simplex have the least weighted length of all, as
// found by trying every assignment.
func TestRanksAreOptimal(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for round := 0; round < 60; round++ {
		n := 3 + r.Intn(4)
		p := newPlan(randomGraph(r, n, n+r.Intn(n)), Options{})
		if err := p.rank(); err != nil {
			t.Fatal(err)
		}
		length := func(ranks []int) int {
			total := 0
			for i := range p.bundles {
				b := &p.bundles[i]
				d := ranks[b.high] - ranks[b.low]
				if d < b.length {
					return math.MaxInt
				}
				total += d * b.weight
			}
			return total
		}
		best := math.MaxInt
		ranks := make([]int, n)
		for {
			best = min(best, length(ranks))
			k := 0
			for k < n {
				if ranks[k]++; ranks[k] < n {
					break
				}
				ranks[k] = 0
				k++
			}
			if k == n {
				break
			}
		}
		if got := length(p.ranks); got != best {
			t.Fatalf("round %d: length %d, the best is %d", round, got, best)
		}
	}
}

func TestCrossingsAreCounted(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	for round := 0; round < 20; round++ {
		p := newPlan(randomGraph(r, 12, 24), Options{})
		if err := p.rank(); err != nil {
			t.Fatal(err)
		}
		p.expand()
		o := newOrderer(p)
		o.initial(false)
		want := 0
		for a := range p.items {
			for b := range p.items[:a] {
				if p.items[a].layer != p.items[b].layer {
					continue
				}
				for _, x := range p.down[a] {
					for _, y := range p.down[b] {
						if (p.items[a].pos-p.items[b].pos)*(p.items[x.to].pos-p.items[y.to].pos) < 0 {
							want++
						}
					}
				}
			}
		}
		if got := o.crossings(); got != want {
			t.Fatalf("round %d: %d crossings, want %d", round, got, want)
		}
		before := want
		o.sift(false)
		if after := o.crossings(); after > before {
			t.Fatalf("round %d: sifting raised the crossings from %d to %d", round, before, after)
		}
	}
}

// Positions of a layer are the best that keep the distances: no small feasible
// change brings them closer to where they want to be.
func TestPullIsOptimal(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	for round := 0; round < 50; round++ {
		p := newPlan(randomGraph(r, 14, 20), Options{})
		if err := p.rank(); err != nil {
			t.Fatal(err)
		}
		p.expand()
		p.order()
		p.packLayers()
		c := &coordinates{plan: p, desired: make([]float64, len(p.items)), weight: make([]float64, len(p.items))}
		for l, layer := range p.layers {
			c.pull(l, true, true, false)
			for k := 1; k < len(layer); k++ {
				if gap := p.items[layer[k]].v - p.items[layer[k-1]].v; gap < p.apart(layer[k-1], layer[k])-1e-9 {
					t.Fatalf("round %d: neighbours stand %v apart", round, gap)
				}
			}
			// Moving any run of items must not help.
			cost := func(from, to int, d float64) float64 {
				sum := 0.0
				for k, i := range layer {
					v := p.items[i].v
					if k >= from && k < to {
						v += d
					}
					sum += c.weight[i] * (v - c.desired[i]) * (v - c.desired[i])
				}
				return sum
			}
			const step = 1e-3
			for from := range layer {
				for to := from + 1; to <= len(layer); to++ {
					free := func(a, b int) bool {
						return a < 0 || b >= len(layer) || p.items[layer[b]].v-p.items[layer[a]].v-p.apart(layer[a], layer[b]) > step
					}
					now := cost(0, 0, 0)
					if free(from-1, from) && cost(from, to, -step) < now-1e-9 {
						t.Fatalf("round %d: items %d to %d of layer %d want to go down", round, from, to, l)
					}
					if free(to-1, to) && cost(from, to, step) < now-1e-9 {
						t.Fatalf("round %d: items %d to %d of layer %d want to go up", round, from, to, l)
					}
				}
			}
		}
	}
}

// The separation keeps all of its constraints, and its multipliers say that the
// result is optimal: it equals what projections in turn converge to.
func TestSeparationIsOptimal(t *testing.T) {
	r := rand.New(rand.NewSource(4))
	for round := 0; round < 40; round++ {
		n := 3 + r.Intn(6)
		s := &separation{items: n, desired: make([]float64, n), weight: make([]float64, n), at: make([]float64, n),
			in: make([][]int32, n), out: make([][]int32, n), blockOf: make([]int32, n), offset: make([]float64, n),
			slope: make([]float64, n), seen: make([]bool, n)}
		for v := 0; v < n; v++ {
			s.order = append(s.order, int32(v))
			s.desired[v], s.weight[v] = 100*r.Float64(), 0.5+r.Float64()
		}
		for a := 0; a < n; a++ {
			for b := a + 1; b < n; b++ {
				if r.Intn(2) == 0 {
					s.out[a] = append(s.out[a], int32(len(s.constraints)))
					s.in[b] = append(s.in[b], int32(len(s.constraints)))
					s.constraints = append(s.constraints, constraint{left: int32(a), right: int32(b), gap: 5 + 20*r.Float64()})
				}
			}
		}
		s.solve()
		// Hildreth's method: one multiplier after the other, to convergence.
		x := append([]float64(nil), s.desired...)
		multipliers := make([]float64, len(s.constraints))
		for sweep := 0; sweep < 20000; sweep++ {
			for k, c := range s.constraints {
				violation := x[c.left] + c.gap - x[c.right]
				step := violation / (1/s.weight[c.left] + 1/s.weight[c.right])
				step = math.Max(step, -multipliers[k])
				multipliers[k] += step
				x[c.left] -= step / s.weight[c.left]
				x[c.right] += step / s.weight[c.right]
			}
		}
		for v := range x {
			if math.Abs(x[v]-s.at[v]) > 1e-3 {
				t.Fatalf("round %d: variable %d is at %v, want %v", round, v, s.at[v], x[v])
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	node := Node{W: 1, H: 1, Cluster: -1}
	cycle := Graph{Nodes: []Node{node, node}, Edges: []Edge{{From: 0, To: 1}, {From: 1, To: 0}}}
	if _, err := Layout(cycle, Options{}); !errors.Is(err, ErrCycle) {
		t.Errorf("a cycle gave %v", err)
	}
	cycle.Edges[1].Reverse = true
	if _, err := Layout(cycle, Options{}); err != nil {
		t.Errorf("a reverse edge gave %v", err)
	}
	loop := Graph{Nodes: []Node{node}, Edges: []Edge{{}}}
	if _, err := Layout(loop, Options{}); !errors.Is(err, ErrCycle) {
		t.Errorf("a loop gave %v", err)
	}
	for name, g := range map[string]Graph{
		"edge":    {Nodes: []Node{node}, Edges: []Edge{{From: 0, To: 1}}},
		"cluster": {Nodes: []Node{{W: 1, H: 1, Cluster: 0}}},
		"parent":  {Clusters: []Cluster{{Parent: 0}}},
		"size":    {Nodes: []Node{{W: math.NaN(), H: 1, Cluster: -1}}},
	} {
		if _, err := Layout(g, Options{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if r, err := Layout(Graph{}, Options{}); err != nil || len(r.Nodes) != 0 {
		t.Errorf("an empty graph gave %v, %v", r, err)
	}
}

// Long bundles of large graphs run along lanes, beside all nodes.
func TestLanes(t *testing.T) {
	g := Graph{}
	const n = 3000
	for i := 0; i < n; i++ {
		g.Nodes = append(g.Nodes, Node{W: 20, H: 20, Cluster: -1})
		if i > 0 {
			g.Edges = append(g.Edges, Edge{From: i - 1, To: i})
		}
		if i >= n/2 {
			g.Edges = append(g.Edges, Edge{From: i - n/2, To: i})
		}
	}
	r, err := Layout(g, Options{})
	if err != nil {
		t.Fatal(err)
	}
	lowest := 0.0
	for _, c := range r.Nodes {
		lowest = math.Max(lowest, c.Y+10)
	}
	lanes := 0
	for i, e := range g.Edges {
		if r.Edges[i].Path.Bounds().Max.Y > lowest+20 {
			lanes++
			if e.To-e.From < n/2 {
				t.Errorf("the short edge %d takes a lane", i)
			}
		}
	}
	if lanes == 0 {
		t.Error("no edge takes a lane")
	}
}
