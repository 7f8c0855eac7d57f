package vm_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/native"
	"github.com/adjoint-go/adjoint/vm"
)

// Random functions with loops and branches in one another: what programs of blocks compute is compared with the functions' definition. A function is a list of
// operations on numbered values, the first of which are its inputs; a value is a scalar (0) or an array of so many elements.

type function struct {
	inputs  []int // lengths
	ops     []operation
	outputs []int // values
}

type operation struct {
	op      micro.Op // elementwise of two values of one length, if there is no call; of an element of a longer one and a scalar
	element int
	call    *callOf
	in      []int // values
	out     []int // their lengths
}

type callOf struct {
	kind              string
	body              *function // of loops
	branches          []*function
	length            int
	captured, carries int
	reverse, counted  bool // counted: operand 0 is the number of steps
	x, y              int  // inputs that the condition of a While compares
}

var errLimit = errors.New("limit")

func (f *function) length(v int) int {
	if v < len(f.inputs) {
		return f.inputs[v]
	}
	v -= len(f.inputs)
	for i := range f.ops {
		if v < len(f.ops[i].out) {
			return f.ops[i].out[v]
		}
		v -= len(f.ops[i].out)
	}
	panic("no such value")
}

// of returns the function's outputs for the inputs, by definition.
func (f *function) of(in [][]float64) ([][]float64, error) {
	values := append([][]float64(nil), in...)
	for _, o := range f.ops {
		operands := make([][]float64, len(o.in))
		for i, v := range o.in {
			operands[i] = values[v]
		}
		if o.call != nil {
			out, err := o.call.of(operands)
			if err != nil {
				return nil, err
			}
			values = append(values, out...)
			continue
		}
		y := make([]float64, len(operands[1]))
		for i := range y {
			a, b := operands[0][o.element+i], operands[1][i]
			switch o.op {
			case micro.Add:
				y[i] = a + b
			case micro.Sub:
				y[i] = a - b
			case micro.Max:
				y[i] = max(a, b)
			}
		}
		values = append(values, y)
	}
	out := make([][]float64, len(f.outputs))
	for i, v := range f.outputs {
		out[i] = values[v]
	}
	return out, nil
}

func (c *callOf) of(in [][]float64) ([][]float64, error) {
	if c.kind == "cond" {
		k := max(0, min(int(in[0][0]), len(c.branches)-1))
		return c.branches[k].of(in[1:])
	}
	steps := c.length
	if c.counted {
		steps, in = max(0, min(int(in[0][0]), c.length)), in[1:]
	}
	first := c.captured + c.carries
	carries := in[c.captured:first]
	element := func(x []float64, t int) []float64 { return x[t*len(x)/c.length : (t+1)*len(x)/c.length] }
	ys := make([][]float64, len(c.body.outputs)-c.carries)
	for k := range ys {
		ys[k] = make([]float64, c.length*max(1, c.body.length(c.body.outputs[c.carries+k])))
	}
	step := 0
	for ; ; step++ {
		t := step
		inputs := append(append([][]float64(nil), in[:c.captured]...), carries...)
		if c.kind == "while" {
			if !(inputs[c.x][0] < inputs[c.y][0]) {
				break
			}
			if step == c.length {
				return nil, errLimit
			}
		} else {
			if step == steps {
				break
			}
			if c.reverse {
				t = steps - 1 - step
			}
			for _, x := range in[first:] {
				inputs = append(inputs, element(x, t))
			}
		}
		out, err := c.body.of(inputs)
		if err != nil {
			return nil, err
		}
		carries = out[:c.carries]
		for k := range ys {
			copy(element(ys[k], t), out[c.carries+k])
		}
	}
	out := append([][]float64(nil), carries...)
	if c.kind == "while" {
		out = append(out, []float64{float64(step)})
	}
	return append(out, ys...), nil
}

// generator makes random functions.
type generator struct{ *rand.Rand }

func (g generator) lengths(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = []int{0, 0, 0, 3, 70, 70}[g.IntN(6)]
	}
	return list
}

// function returns one with the given lengths of inputs and outputs; a value of a length that there is not is made from a scalar by a scan.
func (g generator) function(inputs, outputs []int, depth int) *function {
	f := &function{inputs: inputs}
	values := append([]int(nil), inputs...)
	pick := func(length int) int {
		var fit []int
		for v, n := range values {
			if n == length {
				fit = append(fit, v)
			}
		}
		if len(fit) == 0 {
			return -1
		}
		return fit[g.IntN(len(fit))]
	}
	add := func(o operation) {
		f.ops = append(f.ops, o)
		values = append(values, o.out...)
	}
	for range 1 + g.IntN(5) {
		if depth > 0 && g.IntN(3) == 0 {
			if o, ok := g.call(f, pick, depth); ok {
				add(o)
			}
			continue
		}
		n := values[g.IntN(len(values))]
		if n > 0 && g.IntN(2) == 0 {
			if v := pick(0); v >= 0 {
				from := pick(n)
				if k := slices.Index(inputs, n); k >= 0 && g.IntN(2) == 0 {
					from = k
				}
				add(operation{op: []micro.Op{micro.Add, micro.Sub}[g.IntN(2)], element: g.IntN(n), in: []int{from, v}, out: []int{0}})
				continue
			}
		}
		add(operation{op: []micro.Op{micro.Add, micro.Sub, micro.Max}[g.IntN(3)], in: []int{pick(n), pick(n)}, out: []int{n}})
	}
	for _, n := range outputs {
		v := pick(n)
		if from := g.IntN(len(inputs)); g.IntN(3) == 0 { // an input
			if k := slices.Index(inputs[from:], n); k >= 0 {
				v = from + k
			}
		}
		if v < 0 {
			// ys of a scan over scalars.
			add(operation{call: &callOf{kind: "scan", length: n, captured: 1, body: &function{inputs: []int{0}, outputs: []int{0}}}, in: []int{pick(0)}, out: []int{n}})
			v = len(values) - 1
		}
		f.outputs = append(f.outputs, v)
	}
	return f
}

// call returns a call whose operands are picked among the values; the body of a While counts its first carry, by adding a captured scalar.
func (g generator) call(f *function, pick func(int) int, depth int) (operation, bool) {
	c := &callOf{kind: []string{"scan", "while", "cond"}[g.IntN(3)], length: []int{1, 2, 3, 5, 70}[g.IntN(5)], reverse: g.IntN(2) == 0, counted: g.IntN(3) == 0}
	o := operation{call: c}
	ok := true
	use := func(n int) {
		v := pick(n)
		ok = ok && v >= 0
		o.in = append(o.in, v)
	}
	if c.kind == "cond" {
		in, out := append([]int{0}, g.lengths(1+g.IntN(3))...), g.lengths(1+g.IntN(3))
		use(0)
		for _, n := range in {
			use(n)
		}
		for range 1 + g.IntN(3) {
			c.branches = append(c.branches, g.function(in, out, depth-1))
		}
		o.out = out
		return o, ok
	}
	if c.counted = c.counted && c.kind == "scan"; c.counted {
		use(0)
	}
	captured, carries, ys := append([]int{0}, g.lengths(g.IntN(3))...), append([]int{0}, g.lengths(g.IntN(4))...), g.lengths(g.IntN(3))
	c.captured, c.carries = len(captured), len(carries)
	inputs := append(append([]int(nil), captured...), carries...)
	for _, n := range inputs {
		use(n)
	}
	o.out = append(o.out, carries...)
	if c.kind == "while" {
		o.out = append(o.out, 0)
		c.x, c.y = c.captured, g.IntN(len(inputs))
		if g.IntN(3) == 0 {
			c.x, c.y = c.y, c.x
		}
		c.body = g.function(inputs, append(append([]int(nil), carries...), ys...), depth-1)
		// The first carry goes up by the first captured value.
		c.body.ops = append(c.body.ops, operation{op: micro.Add, in: []int{0, c.captured}, out: []int{0}})
		last := len(c.body.inputs) - 1
		for i := range c.body.ops {
			last += len(c.body.ops[i].out)
		}
		c.body.outputs[0] = last
	} else {
		for range g.IntN(4) {
			if n := g.lengths(1)[0]; pick(c.length*max(1, n)) >= 0 {
				use(c.length * max(1, n))
				inputs = append(inputs, n)
			}
		}
		c.body = g.function(inputs, append(append([]int(nil), carries...), ys...), depth-1)
	}
	for _, n := range ys {
		o.out = append(o.out, c.length*max(1, n))
	}
	return o, ok
}

// lowering makes blocks of functions, with places chosen at random.
type lowering struct {
	generator
	blocks  []vm.Block
	spaces  int // inputs in spaces of their own
	shared  int // outputs that lie where an input or another output lies
	unused  int
	counted int
	inPlace int
}

func lengthType(n int) vm.Type {
	if n == 0 {
		return f64()
	}
	return f64(n)
}

// block lowers a function. Each operation is a loop, or scalar code that joins that of the operation before.
func (l *lowering) block(f *function, entry bool, captured int) vm.Block {
	b := vm.Block{}
	reserve := func(n int) vm.Ref {
		at := b.ArenaBytes
		b.ArenaBytes += int64(8*max(1, n)+8*l.IntN(2)+7) &^ 7
		return arena(at)
	}
	read := map[int]bool{}
	for _, o := range f.ops {
		for _, v := range o.in {
			read[v] = true
		}
	}
	output := map[int]bool{}
	for _, v := range f.outputs {
		output[v] = true
	}
	var places []vm.Ref
	for i, n := range f.inputs {
		s := vm.Slot{Type: lengthType(n), Used: read[i] || output[i]}
		if entry {
			s.Name = fmt.Sprint("in", i)
		}
		if l.IntN(3) == 0 {
			s.Ref = vm.Ref{Space: uint32(i + 1)}
			l.spaces++
		} else {
			s.Ref = reserve(n)
		}
		if !s.Used {
			l.unused++
		}
		b.Inputs = append(b.Inputs, s)
		places = append(places, s.Ref)
	}
	at := func(v int) vm.Operand { return vm.Operand{Type: lengthType(f.length(v)), Ref: places[v]} }
	compute := func(op micro.Op, x, y vm.Operand, to vm.Ref) {
		if len(x.Shape) == 0 && x.Space == 0 && y.Space == 0 && l.IntN(4) > 0 {
			c := op2(op, dtype.Float64, uint32(to.Offset/4), uint32(x.Offset/4), uint32(y.Offset/4))
			if k := len(b.Instrs) - 1; k >= 0 && b.Instrs[k].Straight != nil && l.IntN(4) > 0 {
				b.Instrs[k].Straight.Code = append(b.Instrs[k].Straight.Code, c)
			} else {
				b.Instrs = append(b.Instrs, straight(0, 0, c))
			}
			return
		}
		in := elementwise(op, max(1, x.Size()), x.Ref, y.Ref, to)
		in.In[0].Type, in.In[1].Type, in.Out[0].Type = x.Type, y.Type, x.Type
		b.Instrs = append(b.Instrs, in)
	}
	for i, o := range f.ops {
		var out []vm.Operand
		if v := o.in[0]; !entry && o.call == nil && v >= captured && v < len(f.inputs) && f.inputs[v] > 0 && o.out[0] > 0 && places[v].Space == 0 && !output[v] && l.IntN(4) > 0 &&
			!slices.ContainsFunc(f.ops[i+1:], func(later operation) bool { return slices.Contains(later.in, v) }) {
			// In the place of an input that nothing reads any more.
			compute(o.op, at(v), at(o.in[1]), places[v])
			places = append(places, places[v])
			l.inPlace++
			continue
		}
		for _, n := range o.out {
			places = append(places, reserve(n))
			out = append(out, vm.Operand{Type: lengthType(n), Ref: places[len(places)-1]})
		}
		if o.call == nil {
			x := at(o.in[0])
			if o.out[0] == 0 && len(x.Shape) > 0 {
				x.Type = f64()
				x.Offset += int64(8 * o.element)
			}
			compute(o.op, x, at(o.in[1]), out[0].Ref)
			continue
		}
		in := vm.Instr{Op: vm.OpCall, Out: out}
		for _, v := range o.in {
			in.In = append(in.In, at(v))
		}
		after := l.call(&b, &in, o.call, reserve)
		b.Instrs = append(append(b.Instrs, in), after...)
	}
	taken := map[vm.Ref]bool{}
	for i, v := range f.outputs {
		o := at(v)
		if isInput := v < len(f.inputs); o.Space != 0 || entry && (isInput || taken[o.Ref]) || !isInput && l.IntN(8) == 0 {
			to := reserve(f.length(v))
			compute(micro.Max, o, o, to)
			o.Ref = to
		} else if isInput || taken[o.Ref] {
			l.shared++
		}
		taken[o.Ref] = true
		s := vm.Slot{Type: o.Type, Ref: o.Ref, Used: true}
		if entry {
			s.Name = fmt.Sprint("out", i)
		}
		b.Outputs = append(b.Outputs, s)
	}
	b.ArenaBytes = (b.ArenaBytes + 63) &^ 63
	return b
}

// call lowers a call, whose instruction has operands and results, and returns instructions that go after it.
func (l *lowering) call(b *vm.Block, in *vm.Instr, c *callOf, reserve func(int) vm.Ref) (after []vm.Instr) {
	add := func(f *function) int {
		block := l.block(f, false, c.captured)
		l.blocks = append(l.blocks, block)
		return len(l.blocks) - 1
	}
	stacked := func(list []vm.Operand, values func(k int) int) {
		for k := range list {
			if n := values(k); n > 0 {
				list[k].Type = f64(c.length, n)
			} else {
				list[k].Type = f64(c.length)
			}
		}
	}
	switch c.kind {
	case "scan":
		first := c.captured + c.carries
		if c.counted {
			first++
		}
		stacked(in.In[first:], func(k int) int { return c.body.inputs[c.captured+c.carries+k] })
		stacked(in.Out[c.carries:], func(k int) int { return c.body.length(c.body.outputs[c.carries+k]) })
		in.Call = &vm.Call{Scan: &vm.Scan{Body: add(c.body), Length: c.length, Captured: c.captured, Carries: c.carries, Reverse: c.reverse, Counted: c.counted}}
		if c.counted {
			l.counted++
			l.integer(b, &in.In[0], dtype.Int64, reserve)
		}
	case "while":
		// The condition compares the first elements of two of its inputs, in the arena or in spaces of their own.
		cond := vm.Block{ArenaBytes: 64, Outputs: []vm.Slot{slot("", typed(dtype.Bool), 0)}}
		places := []vm.Operand{{}, {}}
		for i, n := range c.body.inputs {
			s := vm.Slot{Type: lengthType(n), Ref: vm.Ref{Space: uint32(i + 1)}}
			if l.IntN(2) == 0 {
				s.Ref = arena(cond.ArenaBytes)
				cond.ArenaBytes += int64(8 * max(1, n))
			}
			for k, v := range []int{c.x, c.y} {
				if v == i {
					s.Used, places[k] = true, vm.Operand{Type: s.Type, Ref: s.Ref}
				}
			}
			cond.Inputs = append(cond.Inputs, s)
		}
		access := micro.Access{Type: dtype.Float64, Strides: []int{1}}
		cond.Instrs = []vm.Instr{{Op: vm.OpLoop, In: places, Out: []vm.Operand{operand(typed(dtype.Bool), 0)}, Loop: &micro.Loop{Dims: []int{1}, In: []micro.Access{access, access}, Temps: 1,
			Code: []micro.Instr{op2(micro.Lt, dtype.Float64, 2, 0, 1)}, Out: []micro.Access{{Type: dtype.Bool, Strides: []int{1}}}, OutRegs: []uint32{2}}}}
		stacked(in.Out[c.carries+1:], func(k int) int { return c.body.length(c.body.outputs[c.carries+k]) })
		body := add(c.body)
		l.blocks = append(l.blocks, cond)
		in.Call = &vm.Call{While: &vm.While{Cond: len(l.blocks) - 1, Body: body, Limit: c.length, Captured: c.captured, Carries: c.carries}}
		steps := reserve(0)
		after = []vm.Instr{cast(dtype.Int64, dtype.Float64, in.Out[c.carries].Ref, steps)}
		in.Out[c.carries] = vm.Operand{Type: typed(dtype.Int64), Ref: steps}
	case "cond":
		in.Call = &vm.Call{Cond: &vm.Cond{}}
		for _, f := range c.branches {
			in.Call.Cond.Blocks = append(in.Call.Cond.Blocks, add(f))
		}
		l.integer(b, &in.In[0], []dtype.DType{dtype.Int64, dtype.Int32}[l.IntN(2)], reserve)
	}
	b.ArenaBytes = (b.ArenaBytes + 63) &^ 63
	in.Call.Frame = b.ArenaBytes
	b.ArenaBytes += (&vm.Code{Blocks: l.blocks}).FrameBytes(in.Call)
	return after
}

func cast(from, to dtype.DType, dst, src vm.Ref) vm.Instr {
	return straight(0, 0, micro.Instr{Op: micro.Cast, Type: from, To: to, Dst: uint32(dst.Offset / 4), A: uint32(src.Offset / 4)})
}

// integer replaces a scalar operand by its value as an integer.
func (l *lowering) integer(b *vm.Block, o *vm.Operand, d dtype.DType, reserve func(int) vm.Ref) {
	whole, copied := reserve(0), reserve(0)
	scalar := elementwise(micro.Max, 1, o.Ref, o.Ref, copied)
	scalar.In[0].Type, scalar.In[1].Type, scalar.Out[0].Type = f64(), f64(), f64()
	b.Instrs = append(b.Instrs, scalar, cast(dtype.Float64, d, whole, copied))
	*o = vm.Operand{Type: typed(d), Ref: whole}
}

func TestRandomCalls(t *testing.T) {
	defer vm.MirrorFrom(512)()
	randomCalls(t, 0, 900)
}

// Scans of few steps move pointers on, of all values that may be moved.
func TestRandomCallsInChains(t *testing.T) {
	defer vm.MirrorFrom(512)()
	defer vm.ChainFrom(2, 8)()
	handed := randomCalls(t, 900, 1800)
	if ok, _ := native.Available(); ok && handed.Chained < 50 {
		t.Error("too little is tested")
	}
}

func randomCalls(t *testing.T, from, to uint64) (handed vm.Handed) {
	ran, limited, kinds := 0, 0, map[string]int{}
	spaces, shared, unused, alone, counted, inPlace := 0, 0, 0, 0, 0, 0
	for seed := from; seed < to; seed++ {
		g := generator{rand.New(rand.NewPCG(seed, 11))}
		inputs := append([]int{0, 3, 70, 70, 210, 350}, g.lengths(2)...)
		f := g.function(inputs, nil, 3)
		last := len(inputs)
		for _, o := range f.ops {
			last += len(o.out)
		}
		for v := range last {
			f.outputs = append(f.outputs, v)
		}
		l := &lowering{generator: g}
		entry := l.block(f, true, 0)
		c := &vm.Code{Block: entry, Blocks: l.blocks}
		p, err := vm.NewProgram(c)
		if err != nil {
			t.Fatalf("seed %d: %v\n%v", seed, err, c)
		}
		spaces, shared, unused, counted = spaces+l.spaces, shared+l.shared, unused+l.unused, counted+l.counted
		inPlace += l.inPlace
		values := make([][]float64, len(inputs))
		for i, n := range inputs {
			values[i] = make([]float64, max(1, n))
			for k := range values[i] {
				values[i][k] = float64(g.IntN(9)-3) / 2
			}
		}
		want, limit := f.of(values)
		for name, options := range executorOptions {
			m := vm.NewMachine(p, options...)
			for i, v := range values {
				copy(m.Float64(fmt.Sprint("in", i)), v)
			}
			for range 2 {
				err := m.Step()
				if limit != nil {
					limited++
					if !errors.Is(err, vm.ErrStepLimit) {
						t.Fatalf("seed %d, %s: %v", seed, name, err)
					}
					continue
				}
				if err != nil {
					var nan *vm.NaNError
					if name == "watch" && errors.As(err, &nan) { // ∞ − ∞
						continue
					}
					t.Fatalf("seed %d, %s: %v", seed, name, err)
				}
				ran++
				for i := range want {
					for k, w := range want[i] {
						if got := m.OutputFloat64(i)[k]; math.Float64bits(got) != math.Float64bits(w) && !(got != got && w != w) {
							t.Fatalf("seed %d, %s: output %d, element %d is %v, want %v\n%v", seed, name, i, k, got, w, p)
						}
					}
				}
			}
			handed.Add(m)
		}
		if d := runGuarded(p); d != "" {
			t.Fatalf("seed %d: %s", seed, d)
		}
		for _, b := range append(p.Code().Blocks, p.Code().Block) {
			for _, in := range b.Instrs {
				if len(b.Instrs) == 1 && in.Straight != nil {
					alone++
				}
				if in.Call != nil {
					kinds[in.Call.Kind()]++
				}
			}
		}
	}
	t.Logf("%d runs, %d beyond a limit; calls %v; %d inputs in spaces, %d outputs in places of others, %d unused inputs, %d blocks of scalar code, %d counted scans, %d results in the place of an input, %+v", ran, limited, kinds, spaces, shared, unused, alone, counted, inPlace, handed)
	if ran < 2000 || limited < 100 || alone < 25 || counted < 50 || inPlace < 50 || handed.Carried < 50 || handed.Direct < 50 || handed.Ahead < 10 || handed.Elements < 50 || handed.Shifted < 10 || handed.While < 20 || handed.Mirrored < 20 || handed.Tested < 5 || kinds["scan"] < 300 || kinds["while"] < 100 || kinds["cond"] < 100 || spaces < 1000 || shared < 500 || unused < 300 {
		t.Error("too little is tested")
	}
	return handed
}
