package compile

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/switches"
	"github.com/adjoint-go/adjoint/vm"
)

// Config changes compilation. The zero Config is what Compile uses.
type Config struct {
	// FastMath allows rewrites that change values beyond rounding where operands are infinite, NaN or −0, or
	// that reassociate: x·0 → 0, x/x → 1, (x+a)+b → x+(a+b). Matrix products, and loops of nothing but sums, products, quotients and
	// exponentials (exp, tanh, sigmoid), take subnormal numbers, with which processors are slow, for 0, and give 0 instead of them.
	FastMath bool
	// Unoptimized leaves out all rewrites and fusion.
	Unoptimized bool
	// Disable lists passes and rewrites, by name, that are left out. Passes that programs need cannot be.
	Disable []string
	// MemoryLimit bounds the bytes of a machine for the program with one thread and without machine code (vm.Program.MemoryBytes); 0 means no limit. Where a program would take more, values outside of loops that are
	// read late are computed once more instead of kept, with the same bits; if it still takes more, it is refused (vm.ErrMemoryLimit) with the bytes that were reached.
	MemoryLimit int64
	// Checkpoints bounds what reverse sweeps over loops keep of the forward run.
	Checkpoints Checkpoints
	// Verify checks the graph and the program after every pass; tests switch it on for all compilations.
	Verify bool
	// Names are those of the outputs, in their order: by them machines give views. An output without one here, or with "", has the name of
	// its node. A name belongs to one value.
	Names []string
	// Updates are inputs that each run of the program overwrites: what a machine has computed is what its next run begins with, as parameters in training, without a copy where memory allows.
	Updates []Update
	// NoDebug leaves out the mapping from instructions to the user's source.
	NoDebug bool
}

// Update says that an input has, after a run, a new value of its type. The values are outputs of the program, behind those that are given. After a run that fails, updated inputs hold anything.
type Update struct{ Input, Value *graph.Node }

// verifyAlways is set by tests.
var verifyAlways bool

// Compile compiles a program that computes the outputs in the given order. Its inputs are those of the graph in
// the order of their creation. The errors are all mistakes made on the graph.
func Compile(outputs ...*graph.Node) (*vm.Program, error) { return Config{}.Compile(outputs...) }

// Compile is the function Compile with the configuration applied.
func (c Config) Compile(outputs ...*graph.Node) (*vm.Program, error) {
	return c.compile(outputs, nil)
}

// Explain compiles and writes the graph after each pass that changed it, the rewrites that fired with their
// counts, the program's listing, the time that each pass took, and what is slow by construction: see Report.
func (c Config) Explain(w io.Writer, outputs ...*graph.Node) error {
	before := (*graph.Graph)(nil)
	var times strings.Builder
	report := newReporter()
	p, err := c.compile(outputs, func(u *unit, _ *lowering, after *pass, took time.Duration) error {
		report.observe(u, after)
		if after != nil {
			fmt.Fprintf(&times, "%-9s %v\n", after.name, took)
		}
		changed := after != nil && u.g != before
		if before = u.g; !changed {
			return nil
		}
		return u.dump(w, after.name)
	})
	if err != nil {
		return err
	}
	var remarks strings.Builder
	for _, r := range report.remarks(p) {
		fmt.Fprintf(&remarks, "%v\n", r)
	}
	_, err = fmt.Fprintf(w, "== program\n%s== times\n%s== slow by construction\n%s", p, &times, cmp.Or(remarks.String(), "nothing\n"))
	return err
}

// Explain is Config.Explain with the zero Config.
func Explain(w io.Writer, outputs ...*graph.Node) error { return Config{}.Explain(w, outputs...) }

// unit is the state that passes work on. The graph is the unit's own.
type unit struct {
	config  Config
	user    *graph.Graph // the user's, which is not changed
	g       *graph.Graph
	outputs []*graph.Node
	names   [][]string     // of the outputs
	updates []int          // by input: 1 + the output whose value it has after a run, 0 for none; nil if there are none
	fired   map[string]int // how often each rewrite fired

	blocks *blocks // of the program
	labels *debugLabels
	// site is for a body the ID of the user's node that has it, or that has the body around it; −1 for the graph itself.
	site int32
	// carries are of a loop's body the inputs that are carries: the first and the one behind the last.
	carries [2]int
	inPlace bool // their next values may overwrite them

	arena int64 // what the arena should not exceed, 0 for no bound

	block   vm.Block // the last pass's result
	program *vm.Program
}

func newUnit(c Config, g *graph.Graph, outputs []*graph.Node) *unit {
	return &unit{config: c, user: g, g: g, outputs: outputs, fired: map[string]int{}, blocks: &blocks{}, labels: newDebugLabels(), site: -1}
}

// outputNames returns the names of each output: the given one, and those of its node. A node that is several outputs shares its names out.
func outputNames(g *graph.Graph, outputs []*graph.Node, given []string) ([][]string, error) {
	if len(given) > len(outputs) {
		return nil, fmt.Errorf("%d names for %d outputs", len(given), len(outputs))
	}
	owner, taken := map[string]*graph.Node{}, map[string]bool{}
	for _, n := range append(g.Inputs()[:len(g.Inputs()):len(g.Inputs())], outputs...) {
		for _, name := range n.Names() {
			owner[name] = n
		}
	}
	names, left := make([][]string, len(outputs)), map[*graph.Node][]string{}
	for k, name := range given {
		if name == "" {
			continue
		}
		if err := graph.CheckName(name); err != nil {
			return nil, fmt.Errorf("output %d: %w", k, err)
		}
		if of := owner[name]; of != nil && of != outputs[k] {
			return nil, fmt.Errorf("output %d: the name %q is that of %v too", k, name, of)
		}
		owner[name], taken[name] = outputs[k], true
		names[k] = []string{name}
	}
	for _, o := range outputs {
		left[o] = slices.DeleteFunc(o.Names(), func(name string) bool { return taken[name] })
	}
	first := map[*graph.Node]int{}
	for k, o := range outputs {
		if _, ok := first[o]; !ok {
			first[o] = k
		}
		switch {
		case names[k] != nil:
		case len(left[o]) > 0:
			names[k], left[o] = left[o][:1:1], left[o][1:]
		default:
			names[k] = []string{o.Name()}
		}
	}
	for o, k := range first {
		names[k] = append(names[k], left[o]...)
	}
	return names, nil
}

// refusal is what a pass panics with, deep within, to refuse a user's request.
type refusal struct{ error }

// compile runs the passes. Where observe is not nil, it is called with nil before the first pass, and with every pass that ran and its time.
func (c Config) compile(outputs []*graph.Node, observe func(*unit, *lowering, *pass, time.Duration) error) (p *vm.Program, err error) {
	if len(outputs) == 0 {
		return nil, fmt.Errorf("compile: no outputs")
	}
	if err := switches.Err(); err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	if err := c.Checkpoints.check(); err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	if c.MemoryLimit < 0 {
		return nil, fmt.Errorf("compile: a memory limit of %d bytes", c.MemoryLimit)
	}
	for _, update := range c.Updates {
		outputs = append(outputs[:len(outputs):len(outputs)], update.Value)
	}
	g, leave, err := commonGraph("compile", &outputs)
	if err != nil {
		return nil, err
	}
	defer leave()
	updates, err := c.updated(g, len(outputs)-len(c.Updates))
	if err != nil {
		return nil, err
	}
	if g.InBody() {
		return nil, userError(outputs[0], "compile", fmt.Errorf("node %v belongs to the body of a loop or branch, which is compiled with the graph around it", outputs[0]))
	}
	for _, name := range c.Disable {
		if !known(name) {
			return nil, fmt.Errorf("compile: no pass or rewrite is named %q", name)
		}
	}
	names, err := outputNames(g, outputs, c.Names)
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	passes := func(arena int64, observe func(*unit, *lowering, *pass, time.Duration) error) (p *vm.Program, err error) {
		u := newUnit(c, g, slices.Clone(outputs))
		u.names, u.updates, u.arena = names, updates, arena
		current := ""
		defer func() {
			switch r := recover().(type) {
			case nil:
			case refusal:
				p, err = nil, fmt.Errorf("compile: %s: %w", current, r.error)
			default:
				p, err = nil, fmt.Errorf("compile: internal error in pass %s: %v", current, r)
			}
		}()
		if observe != nil {
			if err := observe(u, nil, nil, 0); err != nil {
				return nil, err
			}
		}
		if err := u.run(&current, observe); err != nil {
			return nil, err
		}
		return u.program, nil
	}
	if c.MemoryLimit == 0 {
		return passes(0, observe)
	}
	p, arena, err := c.withinMemory(func(arena int64) (*vm.Program, error) { return passes(arena, nil) })
	if err != nil || observe == nil {
		return p, err
	}
	return passes(arena, observe)
}

// updated returns unit.updates for the graph, where the first value is the output of the given number.
func (c Config) updated(g *graph.Graph, first int) ([]int, error) {
	if len(c.Updates) == 0 {
		return nil, nil
	}
	list := make([]int, len(g.Inputs()))
	for k, update := range c.Updates {
		i := slices.Index(g.Inputs(), update.Input)
		switch {
		case i < 0:
			return nil, fmt.Errorf("compile: update %d is not one of an input of the graph", k)
		case list[i] != 0:
			return nil, userError(update.Input, "compile", fmt.Errorf("input %v is updated twice", update.Input))
		case !update.Input.Type().Equal(update.Value.Type()):
			return nil, userError(update.Value, "compile", fmt.Errorf("input %v is %v, and is updated with %v", update.Input, update.Input.Type(), update.Value.Type()))
		}
		list[i] = first + k + 1
	}
	return list, nil
}

// runPasses is run; a variable because a pass, the one on bodies, calls it.
var runPasses func(u *unit, current *string, observe func(*unit, *lowering, *pass, time.Duration) error) error

func init() { runPasses = (*unit).run }

// run applies the passes, and keeps the name of the one under way in current.
func (u *unit) run(current *string, observe func(*unit, *lowering, *pass, time.Duration) error) error {
	var low *lowering
	for i := range passOrder {
		ps := &passOrder[i]
		if !ps.required && (u.config.Unoptimized || slices.Contains(u.config.Disable, ps.name)) {
			continue
		}
		*current = ps.name
		start := time.Now()
		var err error
		if low, err = ps.run(u, low); err != nil {
			return fmt.Errorf("compile: %s: %w", ps.name, err)
		}
		took := time.Since(start)
		if u.config.Verify || verifyAlways || switches.Get().Verify {
			if err := u.check(); err != nil {
				panic(fmt.Sprintf("BUG: %v", err))
			}
		}
		if observe != nil {
			if err := observe(u, low, ps, took); err != nil {
				return err
			}
		}
	}
	return nil
}
