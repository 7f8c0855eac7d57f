package compile

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// Trace holds the value of every node that outputs depend on, for given inputs: what to look at when a result is wrong, NaN, or an error.
type Trace struct {
	nodes  []*graph.Node
	values map[*graph.Node]vm.Array
}

// Trace computes every node that the outputs depend on, as the graph states it: without rewrites and fusion, so that all values are there, in memory at once. inputs are values by name, as
// vm.Machine.Call takes them. Nodes of several results have no value, but their results have; values within loops are not kept.
//
// If a node fails when it runs (a singular matrix), the trace holds the nodes before the first one that fails, and the error is returned too. Mistakes made on the graph or in the inputs are errors without a trace.
func (c Config) Trace(ctx context.Context, inputs map[string]any, outputs ...*graph.Node) (*Trace, error) {
	g, leave, err := commonGraph("trace", &outputs)
	if err != nil {
		return nil, err
	}
	defer leave()
	if ctx == nil {
		ctx = context.Background()
	}
	c.Unoptimized, c.Names, c.Updates = true, nil, nil
	t := &Trace{values: map[*graph.Node]vm.Array{}}
	for i, needed := range g.Needed(outputs...) {
		if n := g.Node(i); needed && n.Results() == nil {
			t.nodes = append(t.nodes, n)
		}
	}
	if len(t.nodes) == 0 {
		return nil, errors.New("compile: nothing to trace")
	}
	run := func(nodes []*graph.Node) (values []vm.Array, ran bool, err error) {
		p, err := c.Compile(nodes...)
		if err != nil {
			return nil, false, err
		}
		m := vm.NewMachine(p)
		values, err = m.CallContext(ctx, inputs)
		var failed *vm.RuntimeError
		return values, errors.As(err, &failed), err
	}
	values, ran, err := run(t.nodes)
	if err != nil && (!ran || ctx.Err() != nil) {
		return nil, err
	}
	if err != nil {
		// The first nodes are those that can be computed: all but the last of the least prefix that fails.
		k := sort.Search(len(t.nodes), func(k int) bool {
			_, _, err := run(t.nodes[:k+1])
			return err != nil
		})
		if t.nodes = t.nodes[:k]; k > 0 {
			var again error
			if values, _, again = run(t.nodes); again != nil {
				return nil, again
			}
		}
	}
	for i, n := range t.nodes {
		t.values[n] = values[i]
	}
	return t, err
}

// TraceValues is Config.Trace without a configuration.
func TraceValues(inputs map[string]any, outputs ...*graph.Node) (*Trace, error) {
	return Config{}.Trace(context.Background(), inputs, outputs...)
}

// Nodes returns the nodes that have values, in the order in which they were made.
func (t *Trace) Nodes() []*graph.Node {
	if t == nil {
		return nil
	}
	return t.nodes
}

// Value returns a node's value; not ok if the outputs do not depend on it, or it comes after one that fails. The value is the trace's own memory.
func (t *Trace) Value(n *graph.Node) (value vm.Array, ok bool) {
	if t == nil {
		return vm.Array{}, false
	}
	value, ok = t.values[n]
	return value, ok
}

// NonFinite returns the nodes whose values have a NaN or an infinity while those of their operands have none: where it begins.
func (t *Trace) NonFinite() []*graph.Node {
	if t == nil {
		return nil
	}
	bad := map[*graph.Node]bool{}
	var first []*graph.Node
	for _, n := range t.nodes {
		if bad[n] = !finite(t.values[n]); !bad[n] {
			continue
		}
		begins := true
		for _, in := range n.Inputs() {
			begins = begins && !bad[in]
		}
		if begins {
			first = append(first, n)
		}
	}
	return first
}

func finite(a vm.Array) bool {
	return !slices.ContainsFunc(a.Float64s(), func(v float64) bool { return v-v != 0 })
}

// String lists the nodes with their operators, lines and values, of arrays the least and greatest element and how many are NaN or infinite.
func (t *Trace) String() string {
	var b strings.Builder
	for _, n := range t.Nodes() {
		fmt.Fprintf(&b, "%-12v %-16s %-14v %s", n, n.Op().Name, n.Type(), summary(t.values[n]))
		if p := n.Position(); p.File != "" {
			fmt.Fprintf(&b, "  %v", p)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// summary is a value in a few words.
func summary(a vm.Array) string {
	v := a.Float64s()
	if len(v) <= 4 {
		return strings.ReplaceAll(a.String(), "\n", "")
	}
	low, high, nan, infinite := math.Inf(1), math.Inf(-1), 0, 0
	for _, x := range v {
		switch {
		case math.IsNaN(x):
			nan++
		case math.IsInf(x, 0):
			infinite++
		default:
			low, high = min(low, x), max(high, x)
		}
	}
	text := fmt.Sprintf("%.6g … %.6g", low, high)
	if nan+infinite == len(v) {
		text = "no finite element"
	}
	if nan > 0 {
		text += fmt.Sprintf(", %d NaN", nan)
	}
	if infinite > 0 {
		text += fmt.Sprintf(", %d infinite", infinite)
	}
	return text
}
