package viz

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/vm"
)

// lifetimeKind says what lies in a piece of memory.
type lifetimeKind uint8

const (
	valueLifetime lifetimeKind = iota
	inputLifetime
	constantLifetime
	outputLifetime
)

// lifetime is a value in the bytes [lo, hi) of the arena during the steps [from, to]. Inputs and constants live from
// step −1, and they and outputs to the number of steps.
type lifetime struct {
	lo, hi   int64
	from, to int
	kind     lifetimeKind
	replaced bool // the step `to` overwrites it with its own result
	name     string
	variable bool // the name is one of the user's, not that of an operator
	source   string
}

// memoryMap is when a program uses which bytes of its arena.
type memoryMap struct {
	program *vm.Program
	code    *vm.Code // of the program
	// expanded is set where a step is a micro-instruction: the program is all scalar code. Else a step is an instruction.
	expanded bool
	steps    []string // what each does
	values   []lifetime
	live     []int64 // bytes in use during each step
	peak     int     // the first step with the most; −1 if there are none

	held []int // live pieces of the arena by address, as indices into values
}

// lifetimes finds the live ranges of a verified program.
func lifetimes(p *vm.Program) *memoryMap {
	code := p.Code()
	m := &memoryMap{program: p, code: code, expanded: true, peak: -1}
	for i := range code.Instrs {
		m.expanded = m.expanded && code.Instrs[i].Op == vm.OpStraight
	}
	if len(code.Const) > 0 {
		m.write(code.ConstOffset, int64(len(code.Const)), lifetime{from: -1, kind: constantLifetime, name: "constants"})
	}
	for i := range code.Inputs {
		if s := &code.Inputs[i]; s.Space == 0 {
			m.write(s.Offset, typeBytes(s.Type), lifetime{from: -1, kind: inputLifetime, name: s.Name, variable: true})
		}
	}
	for i := range code.Instrs {
		in := &code.Instrs[i]
		if in.Straight != nil {
			m.straight(in)
			continue
		}
		what, _ := in.Describe()
		m.steps = append(m.steps, what)
		if at := len(m.steps) - 1; in.Call != nil {
			m.write(in.Call.Frame, code.FrameBytes(in.Call), lifetime{from: at, to: at, name: "frame"})
		}
		m.operands(in)
	}
	for i := range code.Outputs {
		if s := &code.Outputs[i]; s.Space == 0 {
			for _, k := range m.overlapping(s.Offset, s.Offset+typeBytes(s.Type)) {
				v := &m.values[m.held[k]]
				if v.kind == valueLifetime {
					v.kind = outputLifetime
					if s.Name != "" {
						v.name, v.variable = s.Name, true
					}
				}
			}
		}
	}
	for i := range m.values {
		if m.values[i].kind != valueLifetime {
			m.values[i].to = len(m.steps)
		}
	}
	m.merge()
	m.count()
	return m
}

func typeBytes(t vm.Type) int64 { return int64(t.Size()) * int64(t.DType.Size()) }

// nodeAt returns what an instruction says of its k-th node, −1 for nothing.
func nodeAt(in *vm.Instr, k int) int32 {
	if k < 0 || k >= len(in.Nodes) {
		return -1
	}
	return in.Nodes[k]
}

// resultNode returns the node of an instruction's result k.
func resultNode(in *vm.Instr, k int) int32 {
	if parts := in.Parts(); len(parts) > 1 && k > 0 {
		in, k = &parts[1], k-1
	}
	l := in.Loop
	if l == nil || in.Kernel != "" {
		return nodeAt(in, 0)
	}
	if l.Reduce != micro.NoReduce && k == len(l.Out)-1 {
		return nodeAt(in, len(l.Code))
	}
	for c := len(l.Code) - 1; c >= 0; c-- {
		if l.Code[c].Dst == l.OutRegs[k] {
			return nodeAt(in, c)
		}
	}
	return -1
}

// label names a value after a node of the user's graph.
func (m *memoryMap) label(v *lifetime, node int32) {
	d := &m.code.Debug
	if node < 0 || int(node) >= len(d.Nodes) {
		return
	}
	text := func(i int32) string {
		if i < 0 || int(i) >= len(d.Strings) {
			return ""
		}
		return d.Strings[i]
	}
	n := d.Nodes[node]
	if v.name, v.variable = text(n.Name), true; v.name == "" {
		v.name, v.variable = text(n.Op), false
	}
	if file := text(n.File); file != "" {
		v.source = fmt.Sprintf("%s:%d", file, n.Line)
	}
}

// operands records what an instruction reads and then writes during the last step.
func (m *memoryMap) operands(in *vm.Instr) {
	at := len(m.steps) - 1
	for _, o := range in.In {
		if o.Space == 0 {
			m.read(o.Offset, typeBytes(o.Type), at)
		}
	}
	for k, o := range in.Out {
		v := lifetime{from: at, to: at, name: m.steps[at]}
		m.label(&v, resultNode(in, k))
		m.write(o.Offset, typeBytes(o.Type), v)
	}
}

// straight records scalar code: as one step with its temporaries as one piece of memory, or by micro-instruction.
func (m *memoryMap) straight(in *vm.Instr) {
	s := in.Straight
	if !m.expanded {
		what, _ := in.Describe()
		m.steps = append(m.steps, what)
		if lo, hi := int64(s.TempLo)*4, int64(s.TempHi)*4; lo < hi {
			at := len(m.steps) - 1
			m.write(lo, hi-lo, lifetime{from: at, to: at, name: "temporaries"})
		}
	}
	for k, c := range s.Code {
		if m.expanded {
			m.steps = append(m.steps, c.Op.String())
		}
		at := len(m.steps) - 1
		cells := c.Operands()
		for o := range c.Op.Arity() {
			m.read(int64(cells[o])*4, int64(c.OperandType(o).Size()), at)
		}
		if !m.expanded && c.Dst >= s.TempLo && c.Dst < s.TempHi {
			continue
		}
		v := lifetime{from: at, to: at}
		m.label(&v, nodeAt(in, k))
		m.write(int64(c.Dst)*4, int64(c.Result().Size()), v)
	}
}

// overlapping returns the positions in held of the pieces that meet [lo, hi).
func (m *memoryMap) overlapping(lo, hi int64) []int {
	var list []int
	first := sort.Search(len(m.held), func(k int) bool { return m.values[m.held[k]].hi > lo })
	for k := first; k < len(m.held) && m.values[m.held[k]].lo < hi; k++ {
		list = append(list, k)
	}
	return list
}

func (m *memoryMap) read(lo, n int64, at int) {
	for _, k := range m.overlapping(lo, lo+n) {
		v := &m.values[m.held[k]]
		v.to = max(v.to, at)
	}
}

// write puts a value in the place of what the bytes held. Of pieces that are overwritten in part the rest remains.
func (m *memoryMap) write(lo, n int64, v lifetime) {
	if n <= 0 {
		return
	}
	v.lo, v.hi = lo, lo+n
	old := m.overlapping(v.lo, v.hi)
	first := sort.Search(len(m.held), func(k int) bool { return m.values[m.held[k]].hi > lo })
	fresh := make([]int, 0, 3)
	keep := func(piece lifetime) {
		m.values = append(m.values, piece)
		fresh = append(fresh, len(m.values)-1)
	}
	var after []lifetime
	for _, k := range old {
		at := m.held[k]
		whole := m.values[at]
		if whole.lo < v.lo {
			left := whole
			left.hi = v.lo
			keep(left)
		}
		if whole.hi > v.hi {
			right := whole
			right.lo = v.hi
			after = append(after, right)
		}
		piece := &m.values[at]
		piece.lo, piece.hi = max(piece.lo, v.lo), min(piece.hi, v.hi)
		piece.replaced = piece.to == v.from
	}
	keep(v)
	for _, right := range after {
		keep(right)
	}
	m.held = slices.Replace(m.held, first, first+len(old), fresh...)
}

// merge joins neighbours that live equally long, such as the elements that scalar code stores into an array.
func (m *memoryMap) merge() {
	slices.SortStableFunc(m.values, func(a, b lifetime) int {
		if a.from != b.from {
			return a.from - b.from
		}
		switch {
		case a.lo < b.lo:
			return -1
		case a.lo > b.lo:
			return 1
		}
		return 0
	})
	out := m.values[:0]
	for _, v := range m.values {
		if n := len(out); n > 0 && v.kind == valueLifetime {
			if l := &out[n-1]; l.kind == v.kind && l.from == v.from && l.to == v.to && l.hi == v.lo && l.replaced == v.replaced && l.name == v.name {
				l.hi = v.hi
				continue
			}
		}
		out = append(out, v)
	}
	m.values = out
}

// count adds up the bytes in use during each step. A result in the place of an operand counts once.
func (m *memoryMap) count() {
	change := make([]int64, len(m.steps)+2)
	for _, v := range m.values {
		end := v.to
		if v.replaced {
			end--
		}
		if from := max(v.from, 0); end >= from {
			change[from] += v.hi - v.lo
			change[min(end, len(m.steps))+1] -= v.hi - v.lo
		}
	}
	m.live = make([]int64, len(m.steps))
	sum := int64(0)
	for i := range m.live {
		sum += change[i]
		m.live[i] = sum
		if m.peak < 0 || sum > m.live[m.peak] {
			m.peak = i
		}
	}
}

// atPeak reports whether a value is in use when most bytes are.
func (m *memoryMap) atPeak(v *lifetime) bool {
	return v.from <= m.peak && (m.peak < v.to || m.peak == v.to && !v.replaced)
}

// formatBytes returns 1.5 KiB and the like, with three significant digits.
func formatBytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	x, unit := float64(n), 0
	for x >= 1024 && unit < 4 {
		x /= 1024
		unit++
	}
	text := fmt.Sprintf("%.0f", x)
	if x < 99.95 {
		text = fmt.Sprintf("%.1f", x)
	}
	return strings.TrimSuffix(text, ".0") + " " + [...]string{"B", "KiB", "MiB", "GiB", "TiB"}[unit]
}
