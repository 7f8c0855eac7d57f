package command

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/evaluate"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/point"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/programview"
	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
	"github.com/adjoint-go/adjoint/vm"
)

// fact is what a node costs; NaN where it is not known.
type fact struct{ flops, bytes, seconds float64 }

// profileRuns is the number of runs that times are the median of.
const profileRuns = 21

// costs shares the program's flops, and with timed its measured time, among the parts of its instructions.
func costs(ctx context.Context, p *vm.Program, at point.Point, timed bool) (shares []vm.Share, seconds []float64, err error) {
	shares = p.Shares()
	if !timed {
		return shares, nil, nil
	}
	m := vm.NewMachine(p, vm.WithNativeAhead(), vm.WithMemoryLimit(evaluate.MemoryLimit))
	if err := evaluate.Fill(m, at); err != nil {
		return nil, nil, err
	}
	profile, err := m.Profile(ctx, profileRuns)
	if err != nil {
		return nil, nil, fmt.Errorf("timing: %w", err)
	}
	flops, parts := make([]float64, p.Len()), make([]float64, p.Len())
	for _, s := range shares {
		flops[s.Instr] += float64(s.Flops)
		parts[s.Instr]++
	}
	seconds = make([]float64, len(shares))
	for k, s := range shares {
		share := 1 / parts[s.Instr]
		if flops[s.Instr] > 0 {
			share = float64(s.Flops) / flops[s.Instr]
		}
		seconds[k] = profile.Rows[s.Instr].Time.Seconds() * share
	}
	return shares, seconds, nil
}

// annotateGraph adds the facts that the flags ask for to the model of a graph. Costs and times are those of the compiled
// program's instructions that were made for a node; a node for which the compiler left none costs nothing.
func (d *draw) annotateGraph(ctx context.Context, m *viz.Model, results []*graph.Node, at point.Point) error {
	wantsCost, wantsTime := d.view.wants("cost", byCost), d.view.wants("time", byTime)
	facts := make([]fact, len(m.Nodes))
	if wantsCost || wantsTime {
		p, err := compile.Compile(results...)
		if err != nil {
			return err
		}
		shares, seconds, err := costs(ctx, p, at, wantsTime)
		if err != nil {
			return err
		}
		index := make(map[int]int, len(m.Nodes))
		for i := range m.Nodes {
			index[m.Nodes[i].ID] = i
		}
		d.order(m, p, shares, index)
		for k, s := range shares {
			if s.Node < 0 {
				continue
			}
			if i, ok := index[int(p.Node(s.Node).ID)]; ok {
				facts[i].flops += float64(s.Flops)
				if seconds != nil {
					facts[i].seconds += seconds[k]
				}
			}
		}
	}
	d.annotate(m, facts)
	return nil
}

// order gives the nodes the order of the program, for the walk through a page, and says which instruction computes them.
// Nodes for which the compiler left no instruction follow their operands.
func (d *draw) order(m *viz.Model, p *vm.Program, shares []vm.Share, index map[int]int) {
	if !d.view.hovering {
		return
	}
	for k, s := range shares {
		if s.Node < 0 {
			continue
		}
		if i, ok := index[int(p.Node(s.Node).ID)]; ok && m.Nodes[i].Step == 0 {
			n := &m.Nodes[i]
			n.Step = k + 1
			n.Notes = append(n.Notes, viz.Note{Key: "instruction", Text: strconv.Itoa(s.Instr)})
		}
	}
	for i := range m.Nodes {
		for _, in := range m.Nodes[i].Inputs {
			m.Nodes[i].Step = max(m.Nodes[i].Step, m.Nodes[in].Step)
		}
	}
}

// annotateProgram adds the facts that the flags ask for to the model of a program.
func (d *draw) annotateProgram(ctx context.Context, m *viz.Model, p *vm.Program, places []programview.Place, at point.Point) error {
	facts := make([]fact, len(m.Nodes))
	shares, seconds, err := costs(ctx, p, at, d.view.wants("time", byTime))
	if err != nil {
		return err
	}
	of := make(map[programview.Place]int, len(shares))
	for k, s := range shares {
		of[programview.Place{Instr: s.Instr, Index: s.Index}] = k
	}
	for i, place := range places {
		if k, ok := of[place]; ok {
			facts[i].flops = float64(shares[k].Flops)
			if seconds != nil {
				facts[i].seconds = seconds[k]
			}
		}
	}
	d.annotate(m, facts)
	return nil
}

// annotate writes the facts into the model.
func (d *draw) annotate(m *viz.Model, facts []fact) {
	v := &d.view
	for i := range m.Nodes {
		n, f := &m.Nodes[i], &facts[i]
		f.bytes = valueBytes(n)
		operator := n.Op != "input" && n.Op != "const"
		if v.wants("cost", byCost) && operator {
			n.Notes = append(n.Notes, viz.Note{Key: "cost", Text: quantity(f.flops, "flop")})
		}
		if v.wants("memory", byMemory) {
			n.Notes = append(n.Notes, viz.Note{Key: "memory", Text: quantity(f.bytes, "B")})
		}
		if v.wants("time", byTime) && operator {
			n.Notes = append(n.Notes, viz.Note{Key: "time", Text: duration(f.seconds)})
		}
		switch v.colours {
		case byOp:
			n.Category = n.Op
		case byScope:
			if n.Category = n.Scope; n.Category == "" {
				n.Category = "no scope"
			}
		case byCost:
			n.Heat = f.flops
		case byMemory:
			n.Heat = f.bytes
		case byTime:
			n.Heat = f.seconds * 1e6
		}
	}
	titles := map[colouring]string{byCost: "flops", byMemory: "bytes", byTime: "µs"}
	m.HeatTitle = titles[v.colours]
	switch v.colours {
	case byOp:
		m.CategoryTitle = "operator"
	case byScope:
		m.CategoryTitle = "scope"
	}
}

// valueBytes is the size of the node's value.
func valueBytes(n *viz.Node) float64 {
	size := map[string]float64{"float64": 8, "int64": 8, "float32": 4, "int32": 4, "bool": 1}[n.DType]
	for _, e := range n.Shape {
		size *= float64(e)
	}
	return size
}

// quantity is a number with a unit and, above a thousand, a prefix.
func quantity(x float64, unit string) string {
	for _, prefix := range []string{"", "k", "M", "G", "T"} {
		if x < 1000 || prefix == "T" {
			return fmt.Sprintf("%s %s%s", viz.FormatNumber(math.Round(x*10)/10), prefix, unit)
		}
		x /= 1000
	}
	panic("BUG: a quantity without prefix")
}

// duration is a time to three digits.
func duration(seconds float64) string {
	if seconds < 1e-6 {
		return viz.FormatNumber(math.Round(seconds*1e10)/10) + " ns"
	}
	d := time.Duration(seconds * 1e9)
	return d.Round(max(1, d/1000)).String()
}
