// Package work has Adjoint's side of the comparison: each workload of package
// definition as a program of ours.
package work

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/bench/inputs"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
	"github.com/adjoint-go/adjoint/vm"
)

var entries []protocol.Entry

// register adds a workload; the files of this package call it from init.
func register(work, dtype string, prepare func() (*protocol.Item, error)) {
	entries = append(entries, protocol.Entry{Row: protocol.Row{Work: work, DType: dtype}, Prepare: prepare})
}

// Entries returns all workloads that Adjoint runs.
func Entries() []protocol.Entry { return entries }

// ArrayEntries returns those whose time is that of loops over arrays, which run block by block without machine code.
func ArrayEntries() []protocol.Entry {
	var arrays []protocol.Entry
	for _, e := range entries {
		if slices.Contains([]string{"seed1e6", "chain", "add1e7", "mul1e7"}, e.Work) {
			arrays = append(arrays, e)
		}
	}
	return arrays
}

// dtypeOf returns the graph's dtype for T.
func dtypeOf[T inputs.Float]() graph.DType {
	if any(T(0)) == any(float64(0)) {
		return graph.Float64
	}
	return graph.Float32
}

// view returns the memory of an input or output of the machine.
func view[T inputs.Float](m *vm.Machine, name string) []T {
	var v any
	if dtypeOf[T]() == graph.Float64 {
		v = m.Float64(name)
	} else {
		v = m.Float32(name)
	}
	return v.([]T)
}

// fill copies values into an input.
func fill[T inputs.Float](m *vm.Machine, name string, values []T) error {
	if n := copy(view[T](m, name), values); n != len(values) {
		return fmt.Errorf("input %q takes %d of %d values", name, n, len(values))
	}
	return nil
}

// names of the outputs of a program made by valueAndGradient.
const valueName = "value"

func gradientName(input string) string { return "gradient_" + input }

// machine makes a machine for a program with the outputs, whose scalar code is
// machine code from the first run on. It adds the seconds to info.
func machine(info map[string]float64, outputs ...*graph.Node) (*vm.Machine, error) {
	return machineBy(compile.Config{}, info, outputs...)
}

// machineBy is machine with a configuration.
func machineBy(c compile.Config, info map[string]float64, outputs ...*graph.Node) (*vm.Machine, error) {
	start := time.Now()
	p, err := c.Compile(outputs...)
	if err != nil {
		return nil, err
	}
	m := vm.NewMachine(p, vm.WithNativeAhead())
	info["function"] = time.Since(start).Seconds()
	return m, nil
}

// valueAndGradient makes a machine with the outputs y ("value") and its gradients
// ("gradient_NAME") for the inputs. The time since start is what building took.
func valueAndGradient(start time.Time, y *graph.Node, wrt ...*graph.Node) (*vm.Machine, map[string]float64, error) {
	return valueAndGradientBy(compile.Config{}, start, y, wrt...)
}

// valueAndGradientBy is valueAndGradient with a configuration.
func valueAndGradientBy(c compile.Config, start time.Time, y *graph.Node, wrt ...*graph.Node) (*vm.Machine, map[string]float64, error) {
	info := map[string]float64{"build": time.Since(start).Seconds()}
	start = time.Now()
	gradients, err := compile.Gradient(y, wrt...)
	if err != nil {
		return nil, nil, err
	}
	outputs := []*graph.Node{y.Named(valueName)}
	for i, g := range gradients {
		outputs = append(outputs, g.Named(gradientName(wrt[i].Name())))
	}
	info["gradient"] = time.Since(start).Seconds()
	m, err := machineBy(c, info, outputs...)
	return m, info, err
}

// steps runs the machine.
func steps(m *vm.Machine) func(int) error {
	return func(n int) error {
		for range n {
			if err := m.Step(); err != nil {
				return err
			}
		}
		return nil
	}
}

// item runs the machine once for the checksum.
func item(m *vm.Machine, info map[string]float64, check func() []float64) (*protocol.Item, error) {
	if err := m.Step(); err != nil {
		return nil, err
	}
	return &protocol.Item{Run: steps(m), Check: check(), Info: info, Profile: func() ([]protocol.Cost, error) { return profile(m) }}, nil
}

// profile returns the costs of the machine's instructions, the most expensive first.
func profile(m *vm.Machine) ([]protocol.Cost, error) {
	start := time.Now()
	if err := m.Step(); err != nil {
		return nil, err
	}
	runs := int(max(5, min(1000, 300*time.Millisecond/max(1, time.Since(start)))))
	p, err := m.Profile(context.Background(), runs)
	if err != nil {
		return nil, err
	}
	var costs []protocol.Cost
	for _, r := range p.Rows {
		what := r.Op.String()
		switch {
		case r.Kernel != "":
			what = r.Kernel
		case r.Call != "":
			what = r.Call
		}
		if r.Block >= 0 {
			what = fmt.Sprintf("block %d: %s", r.Block, what)
		}
		costs = append(costs, protocol.Cost{What: what, Executor: string(r.Executor), Where: r.Where, Seconds: r.Time.Seconds(), Bytes: r.Bytes, Flops: r.Flops})
	}
	slices.SortStableFunc(costs, func(a, b protocol.Cost) int { return cmp.Compare(b.Seconds, a.Seconds) })
	return costs, nil
}
