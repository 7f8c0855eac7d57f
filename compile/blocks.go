package compile

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// blocks are those of a program, which the bodies of its loops and branches have become.
type blocks struct {
	list []vm.Block
	by   map[string]int // by body and the values that are read from it
}

// call is how a node with bodies is run.
type call struct {
	code       vm.Call
	frameBytes int64
}

// compileBodies is the pass that compiles the bodies of loops and branches, each by all passes, and fills calls.
func compileBodies(l *lowering) error {
	for _, k := range l.order {
		id := l.groups[k].nodes[0]
		n := l.g.Node(int(id))
		bodies := graph.Bodies(n)
		if len(bodies) == 0 {
			continue
		}
		if l.calls == nil {
			l.calls = map[int32]*call{}
		}
		c := &call{}
		numbers, snapshots := make([]int, len(bodies)), 0
		for i, b := range bodies {
			results := b.Results()
			if n.Op() == opReverseSweep && i == 0 {
				numbers[0] = l.calls[int32(snapshotsOf(n)[0].Input(0).ID())].code.Scan.Body // the same code gives the same bits
				continue
			}
			if n.Op() != opSwitch && i == len(bodies)-1 {
				results = results[:n.Attrs().Int("carries"):n.Attrs().Int("carries")]
				for _, step := range l.steps[id] {
					if l.g.Node(int(step)).Op() == opSnapshots {
						snapshots++
						continue
					}
					results = append(results, b.Graph().Node(l.g.Node(int(step)).Attrs().Int("value")))
				}
			}
			var err error
			if numbers[i], err = l.compileBody(n, b, results); err != nil {
				return err
			}
		}
		a := n.Attrs()
		switch n.Op() {
		case opScan:
			c.code.Scan = &vm.Scan{Body: numbers[0], Length: a.Int("length"), Captured: a.Int("captured"), Carries: a.Int("carries"),
				Reverse: a.Bool("reverse"), Counted: a.Bool("counted")}
			if snapshots > 0 {
				of := l.g.Node(int(l.steps[id][len(l.steps[id])-1])).Attrs()
				c.code.Scan.Snapshots = &vm.Schedule{Slots: of.Int("slots"), Every: of.Int("every")}
			}
		case opWhile:
			c.code.While = &vm.While{Cond: numbers[0], Body: numbers[1], Limit: a.Int("limit"), Captured: a.Int("captured"), Carries: a.Int("carries")}
		case opSwitch:
			c.code.Cond = &vm.Cond{Blocks: numbers}
		case opReverseSweep:
			c.code.Sweep = &vm.Sweep{Forward: numbers[0], Body: numbers[1], Length: a.Int("length"), ForwardCaptured: a.Int("forward"), States: a.Int("states"),
				Captured: a.Int("captured"), Carries: a.Int("carries"), Sources: slices.Clone(a.Ints("sources")), Reverse: a.Bool("reverse"),
				Schedule: vm.Schedule{Slots: a.Int("slots"), Every: a.Int("every")}}
		default:
			panic("BUG: bodies of " + n.Op().Name)
		}
		c.frameBytes = (&vm.Code{Blocks: l.blocks.list}).FrameBytes(&c.code)
		l.calls[id] = c
	}
	return nil
}

// compileBody returns the number of the block that computes values of a body of n.
func (l *lowering) compileBody(n *graph.Node, b *graph.Body, values []*graph.Node) (int, error) {
	hash := b.Hash()
	key := hash[:]
	for _, v := range values {
		key = binary.AppendUvarint(key, uint64(v.ID()))
	}
	if k, ok := l.blocks.by[string(key)]; ok {
		return k, nil
	}
	site := l.site
	if site < 0 {
		if site = int32(n.Origin()); site < 0 {
			site = int32(n.ID())
		}
	}
	u := &unit{config: l.config, user: b.Graph(), g: b.Graph(), outputs: values, names: make([][]string, len(values)), fired: l.fired,
		blocks: l.blocks, labels: l.labels, site: site}
	for i := range u.names {
		u.names[i] = []string{""}
	}
	current := ""
	if err := runPasses(u, &current, nil); err != nil {
		return 0, fmt.Errorf("the body of the %s made at %v: %w", n.Op().Name, n.Position(), err)
	}
	if l.blocks.by == nil {
		l.blocks.by = map[string]int{}
	}
	l.blocks.list = append(l.blocks.list, u.block)
	l.blocks.by[string(key)] = len(l.blocks.list) - 1
	return len(l.blocks.list) - 1, nil
}
