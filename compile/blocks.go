package compile

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/vm"
)

// blocks are those of a program, which the bodies of its loops and branches have become.
type blocks struct {
	list []vm.Block
	by   map[string]int // by body and the values that are read from it

	calls map[[32]byte]int // of functions in the whole program, before any is put in the place of its calls
}

// call is how a node with bodies is run.
type call struct {
	code       vm.Call
	frameBytes int64
}

// compileBodies is the pass that compiles the bodies of loops and branches, each by all passes, and fills calls.
func compileBodies(l *lowering) error {
	var readers [][]*graph.Node
	for _, k := range l.order {
		id := l.groups[k].nodes[0]
		n := l.g.Node(int(id))
		bodies := graph.Bodies(n)
		if len(bodies) == 0 {
			continue
		}
		if l.calls == nil {
			l.calls, readers = map[int32]*call{}, l.readers()
		}
		c := &call{}
		numbers := make([]int, len(bodies))
		var snapshots *vm.Schedule
		var recorded []int
		for i, b := range bodies {
			results := b.Results()
			if n.Op() == opReverseSweep && i == 0 {
				of := &l.calls[int32(snapshotsOf(n)[0].Input(0).ID())].code // the same code gives the same bits
				if of.While != nil {
					numbers[0] = of.While.Body
				} else {
					numbers[0] = of.Scan.Body
				}
				continue
			}
			if n.Op() != opSwitch && i == len(bodies)-1 {
				results = results[:n.Attrs().Int("carries"):n.Attrs().Int("carries")]
				for _, step := range l.steps[id] {
					a := l.g.Node(int(step)).Attrs()
					if l.g.Node(int(step)).Op() == opSnapshots {
						recorded = a.Ints("recorded")
						snapshots = scheduleOf(a)
						continue
					}
					results = append(results, b.Graph().Node(a.Int("value")))
				}
				for _, v := range recorded {
					results = append(results, b.Graph().Node(v))
				}
			}
			var err error
			inPlace := n.Op() != opSwitch && i == len(bodies)-1 && snapshots == nil // with snapshots, steps compute them where they are stored
			if numbers[i], err = l.compileBody(n, b, results, inPlace); err != nil {
				return err
			}
		}
		a := n.Attrs()
		switch n.Op() {
		case opScan:
			c.code.Scan = &vm.Scan{Body: numbers[0], Length: stepsOf(a.Int("length")), Captured: a.Int("captured"), Carries: a.Int("carries"),
				Reverse: a.Bool("reverse"), Counted: a.Bool("counted"), Unread: a.Bool("counted") && l.unread(n, readers), Snapshots: snapshots}
		case opWhile:
			c.code.While = &vm.While{Cond: numbers[0], Body: numbers[1], Limit: stepsOf(a.Int("limit")), Captured: a.Int("captured"), Carries: a.Int("carries"), Unread: l.unread(n, readers), Snapshots: snapshots}
		case opSwitch:
			c.code.Cond = &vm.Cond{Blocks: numbers}
		case opReverseSweep:
			c.code.Sweep = &vm.Sweep{Forward: numbers[0], Body: numbers[1], Length: stepsOf(a.Int("length")), ForwardCaptured: a.Int("forward"), States: a.Int("states"),
				Captured: a.Int("captured"), Carries: a.Int("carries"), Sources: slices.Clone(a.Ints("sources")), Reverse: a.Bool("reverse"), Counted: a.Bool("counted"), Online: a.Bool("online"),
				Schedule: *scheduleOf(a)}
		default:
			panic("BUG: bodies of " + n.Op().Name)
		}
		c.frameBytes = (&vm.Code{Blocks: l.blocks.list}).FrameBytes(&c.code)
		l.calls[id] = c
	}
	return nil
}

// unread reports whether values at each step of a counted loop are read by loops alone that go through as many steps.
func (l *lowering) unread(n *graph.Node, readers [][]*graph.Node) (unread bool) {
	of := loopOf(n)
	for _, step := range l.steps[int32(n.ID())] {
		s := l.g.Node(int(step))
		if s.Op() != opEachStep {
			continue
		}
		if unread = true; slices.Contains(l.outputs, s) {
			return false
		}
		for _, r := range readers[s.ID()] {
			if r.Op() != opScan {
				return false
			}
			by := loopOf(r)
			other, k, _ := graph.ResultOf(by.count)
			if by.count == nil || by.count != of.count && (n.Op() != opWhile || other != n || k != of.carries) || slices.Contains(by.operands[:by.captured+by.carries], s) {
				return false
			}
		}
	}
	return unread
}

func scheduleOf(a attr.List) *vm.Schedule {
	return &vm.Schedule{Slots: a.Int("slots"), Every: a.Int("every"), Recorded: len(a.Ints("recorded"))}
}

// stepsOf returns a program's number for the most steps of a loop, of which 0 is none.
func stepsOf(most int) int {
	if most == 0 {
		return vm.NoLimit
	}
	return most
}

// compileBody returns the number of the block that computes values of a body of n; with inPlace, carries may be overwritten by their next values.
func (l *lowering) compileBody(n *graph.Node, b *graph.Body, values []*graph.Node, inPlace bool) (int, error) {
	var carries [2]int
	if n.Op() != opSwitch && n.Attrs().Int("carries") > 0 {
		first := n.Attrs().Int("captured")
		carries = [2]int{first, first + n.Attrs().Int("carries")}
	}
	hash := b.Hash()
	key := append(hash[:], 0)
	if inPlace {
		key[len(key)-1] = 1
		key = binary.AppendUvarint(binary.AppendUvarint(key, uint64(carries[0])), uint64(carries[1]))
	}
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
		blocks: l.blocks, labels: l.labels, site: site, carries: carries, inPlace: inPlace}
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
