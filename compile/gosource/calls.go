package gosource

import (
	"fmt"
	"strings"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/vm"
)

// planOf returns the plan of a block that is called.
func (g *generator) planOf(number int) (*plan, error) {
	if p := g.plans[number]; p != nil {
		return p, nil
	}
	p, err := newPlan(&g.code.Blocks[number])
	if err == nil {
		g.plans[number] = p
	}
	return p, err
}

// call writes a loop or a branch.
func (g *generator) call(x *instance, in *vm.Instr, st *step) error {
	switch c := in.Call; {
	case c.Scan != nil && c.Scan.Snapshots == nil:
		return g.scan(x, in, st, c.Scan)
	case c.While != nil && c.While.Snapshots == nil:
		return g.while(x, in, st, c.While)
	case c.Cond != nil:
		return g.cond(x, in, st, c.Cond)
	}
	return fmt.Errorf("a reverse sweep with checkpoints has no form in Go source: compile with Config.Checkpoints that keep all states")
}

// alias returns the storage of a value of the caller as an input of a block has it: scalars are made variables that nothing changes.
func (g *generator) alias(p *plan, input int, from *instance, r ref) *storage {
	s, _, e := from.at(r)
	v := &p.values[p.inputs[input]]
	if v.slice && !s.array {
		to := g.extra(v.typ, 1)
		g.put("%s[0] = %s", to.variable, from.read(r).text)
		return to
	}
	if s.array && (v.slice || v.elements() != 1) {
		return &storage{array: true, variable: s.variable, offset: e, length: s.length}
	}
	if s.array {
		n := g.fresh("t")
		g.put("%s := %s[%d]", n, s.variable, e)
		return &storage{value: name(n)}
	}
	return &storage{value: s.value}
}

// captured binds the inputs of a block that are captured, from the operands behind first.
func (g *generator) captured(p *plan, bound map[int32]*storage, x *instance, operands []ref) {
	for i, r := range operands {
		if p.inputs[i] != none {
			bound[p.inputs[i]] = g.alias(p, i, x, r)
		}
	}
}

// carry is a value that each step of a loop gives the next one.
type carry struct {
	typ    dtype.DType
	n      int
	s      *storage // nil if nobody reads it
	result ref
}

// carries makes the carries of a loop, with their initial values, and binds them as the inputs of blocks from first on.
func (g *generator) carries(x *instance, operands []vm.Operand, initial, results []ref, first int, plans []*plan, bound []map[int32]*storage) []carry {
	list := make([]carry, len(initial))
	for c := range list {
		o := &operands[c]
		list[c] = carry{typ: o.DType, n: o.Size(), result: results[c]}
		result, v, _ := x.at(results[c])
		slice, used := o.Size() != 1, v.uses > 0 || result.declared || result.array
		for _, p := range plans {
			if k := p.inputs[first+c]; k != none {
				slice, used = slice || p.values[k].slice, true
			}
		}
		if !used {
			continue
		}
		var s *storage
		if slice {
			s = g.extra(o.DType, o.Size())
			g.copyTo(s, x, initial[c], o.Size())
		} else {
			s = &storage{variable: g.fresh("t"), declared: true}
			g.put("%s := %s", s.variable, x.read(initial[c]).typed(o.DType))
			s.value = name(s.variable)
		}
		list[c].s = s
		for k, p := range plans {
			if v := p.inputs[first+c]; v != none {
				bound[k][v] = s
			}
		}
	}
	return list
}

// copyTo writes a copy of n elements at a ref to the beginning of an array.
func (g *generator) copyTo(to *storage, x *instance, from ref, n int) {
	s, _, e := x.at(from)
	switch {
	case !s.array:
		g.put("%s[%d] = %s", to.variable, to.offset, x.read(from).text)
	case n == 1:
		g.put("%s[%d] = %s[%d]", to.variable, to.offset, s.variable, e)
	case s.variable == to.variable && e == to.offset:
	default:
		g.put("copy(%s, %s)", (&instance{}).whole(to, n), x.part(from, n))
	}
}

// whole returns n elements of an array from its offset on as a slice.
func (*instance) whole(s *storage, n int) string {
	if s.offset == 0 && n == s.length {
		return s.variable + "[:]"
	}
	return fmt.Sprintf("%s[%d:%d]", s.variable, s.offset, s.offset+n)
}

// advance writes the assignments that give the carries their next values.
func (g *generator) advance(list []carry, body *instance) {
	var to, from []string
	type move struct {
		s    *storage
		from *storage
		e, n int
	}
	var moves []move
	for c := range list {
		if list[c].s == nil {
			continue
		}
		r := body.outputs[c]
		if s := list[c].s; !s.array {
			e := body.read(r)
			if e.text != s.variable {
				to, from = append(to, s.variable), append(from, e.text)
			}
			continue
		}
		s, v, e := body.at(r)
		switch {
		case !s.array:
			// Arrays of one element have no other place.
			to, from = append(to, fmt.Sprintf("%s[%d]", list[c].s.variable, list[c].s.offset)), append(from, s.value.text)
		case s == list[c].s && e == s.offset:
		case v.kind == input:
			// It may be another carry, which is about to change.
			t := g.extra(list[c].typ, list[c].n)
			g.copyTo(t, body, r, list[c].n)
			moves = append(moves, move{list[c].s, t, 0, list[c].n})
		default:
			moves = append(moves, move{list[c].s, s, e, list[c].n})
		}
	}
	if len(to) > 0 {
		g.put("%s = %s", strings.Join(to, ", "), strings.Join(from, ", "))
	}
	for _, m := range moves {
		from := &storage{variable: m.from.variable, offset: m.e, length: m.from.length}
		g.put("copy(%s, %s)", (&instance{}).whole(m.s, m.n), (&instance{}).whole(from, m.n))
	}
}

// results writes the assignments of the last carries to the results of a loop.
func (g *generator) results(x *instance, list []carry) {
	for c := range list {
		if list[c].s != nil {
			g.set(x, list[c].result, list[c].s, list[c].n)
		}
	}
}

// set writes an assignment of n elements of a storage, from its offset on, to the place at a ref.
func (g *generator) set(x *instance, to ref, from *storage, n int) {
	s, v, e := x.at(to)
	switch {
	case !from.array:
		g.assign(x, to, from.value, "")
	case !s.array && v.uses == 0 && !s.declared:
	case !s.array:
		g.assign(x, to, name(fmt.Sprintf("%s[%d]", from.variable, from.offset)), "")
	case n == 1:
		g.put("%s[%d] = %s[%d]", s.variable, e, from.variable, from.offset)
	default:
		g.put("copy(%s, %s)", x.part(to, n), (&instance{}).whole(from, n))
	}
}

// stack writes the elements of ys of a step, which the index names.
func (g *generator) stack(x *instance, body *instance, outputs []ref, results []ref, operands []vm.Operand, index string) {
	for k, r := range outputs {
		n := 1
		for _, d := range operands[k].Shape[1:] {
			n *= d
		}
		to, v, e := x.at(results[k])
		if v.uses == 0 && !to.declared || n == 0 {
			continue
		}
		from, _, at := body.at(r)
		switch {
		case !to.array: // of one step
			g.put("%s = %s", to.variable, body.read(r).text)
		case !from.array:
			g.put("%s[%s] = %s", to.variable, linear(e, []int{1}, []string{index}), from.value.text)
		case n == 1:
			g.put("%s[%s] = %s[%d]", to.variable, linear(e, []int{1}, []string{index}), from.variable, at)
		default:
			g.put("copy(%s[%s:%s], %s)", to.variable, linear(e, []int{n}, []string{index}), linear(e+n, []int{n}, []string{index}), body.part(r, n))
		}
	}
}

// stacked makes the results that are stacked ready: scalars, of a loop of one step, are declared.
func (g *generator) stacked(x *instance, results []ref) {
	for _, r := range results {
		g.declare(x, r)
	}
}

// declare declares the scalar at a ref, if it is one that is yet to be declared and that is read.
func (g *generator) declare(x *instance, r ref) {
	if s, v, _ := x.at(r); !s.array && !s.declared && v.uses > 0 {
		s.variable = g.fresh("t")
		g.put("var %s %s", s.variable, goType(v.typ))
		s.value, s.declared = name(s.variable), true
	}
}

// rest writes that the elements of ys from a step on are 0.
func (g *generator) rest(x *instance, results []ref, operands []vm.Operand, steps string, limit int) {
	for k, r := range results {
		to, _, e := x.at(r)
		n := operands[k].Size() / limit
		if !to.array {
			g.put("if %s == 0 {", steps)
			g.put("%s = %s", to.variable, map[bool]string{true: "false", false: "0"}[operands[k].DType == dtype.Bool])
			g.put("}")
			continue
		}
		g.put("clear(%s[%s:%d])", to.variable, linear(e, []int{n}, []string{steps}), e+n*limit)
	}
}

func (g *generator) scan(x *instance, in *vm.Instr, st *step, s *vm.Scan) error {
	p, err := g.planOf(s.Body)
	if err != nil {
		return err
	}
	operands, refs := in.In, st.in
	steps := fmt.Sprint(s.Length)
	comment := g.comment(in, 0)
	if s.Counted {
		steps = g.fresh("steps")
		g.put("%s := int(max(0, min(%s, %d)))%s", steps, x.read(refs[0]).text, int64(s.Length), comment)
		comment = ""
		operands, refs = operands[1:], refs[1:]
	}
	bound := map[int32]*storage{}
	g.captured(p, bound, x, refs[:s.Captured])
	inner := s.Captured + s.Carries
	list := g.carries(x, operands[s.Captured:inner], refs[s.Captured:inner], st.out[:s.Carries], s.Captured, []*plan{p}, []map[int32]*storage{bound})
	ys, yTypes := st.out[s.Carries:], in.Out[s.Carries:]
	g.stacked(x, ys)
	if s.Counted && !s.Unread && len(ys) > 0 {
		g.rest(x, ys, yTypes, steps, s.Length)
	}
	i := g.index(g.depth)
	if s.Reverse {
		last := fmt.Sprint(s.Length - 1)
		if s.Counted {
			last = steps + " - 1"
		}
		g.put("for %[1]s := %[2]s; %[1]s >= 0; %[1]s-- {%[3]s", i, last, comment)
	} else {
		g.put("for %s := range %s {%s", i, steps, comment)
	}
	indexed := len(ys) > 0
	g.depth++
	at := len(g.lines) - 1
	for k := inner; k < len(operands); k++ {
		v := p.inputs[k]
		if v == none {
			continue
		}
		indexed = true
		bound[v] = g.elementOf(x, refs[k], &p.values[v], i)
	}
	if !indexed && !s.Reverse {
		g.lines[at] = fmt.Sprintf("for range %s {%s", steps, comment)
	}
	body, err := g.instance(p, bound)
	if err != nil {
		return err
	}
	if err := g.block(body); err != nil {
		return err
	}
	g.stack(x, body, body.outputs[s.Carries:], ys, yTypes, i)
	g.advance(list, body)
	g.put("}")
	g.depth--
	g.results(x, list)
	return nil
}

// elementOf returns the storage of element i of xs as the input of a body.
func (g *generator) elementOf(x *instance, r ref, v *value, i string) *storage {
	s, _, e := x.at(r)
	n := v.elements()
	t := g.fresh("t")
	switch {
	case !s.array && v.slice:
		to := g.extra(v.typ, 1)
		g.put("%s[0] = %s", to.variable, x.read(r).text)
		return to
	case !s.array:
		return &storage{value: s.value}
	case !v.slice && n == 1:
		g.put("%s := %s[%s]", t, s.variable, linear(e, []int{1}, []string{i}))
		return &storage{value: name(t)}
	}
	g.put("%s := (*[%d]%s)(%s[%s:])", t, n, goType(v.typ), s.variable, linear(e, []int{n}, []string{i}))
	return &storage{array: true, variable: t, length: n}
}

func (g *generator) while(x *instance, in *vm.Instr, st *step, w *vm.While) error {
	test, err := g.planOf(w.Cond)
	if err != nil {
		return err
	}
	p, err := g.planOf(w.Body)
	if err != nil {
		return err
	}
	ofTest, ofBody := map[int32]*storage{}, map[int32]*storage{}
	g.captured(test, ofTest, x, st.in[:w.Captured])
	g.captured(p, ofBody, x, st.in[:w.Captured])
	list := g.carries(x, in.In[w.Captured:], st.in[w.Captured:], st.out[:w.Carries], w.Captured, []*plan{test, p}, []map[int32]*storage{ofTest, ofBody})
	ys, yTypes := st.out[w.Carries+1:], in.Out[w.Carries+1:]
	g.stacked(x, ys)
	_, counted, _ := x.at(st.out[w.Carries])
	steps, limited := "", w.Limit < vm.NoLimit
	if count, _, _ := x.at(st.out[w.Carries]); counted.uses > 0 || limited || len(ys) > 0 || count.declared || count.array {
		steps = g.fresh("steps")
		g.put("%s := 0", steps)
	}
	g.put("for {%s", g.comment(in, 0))
	g.depth++
	condition, err := g.instance(test, ofTest)
	if err != nil {
		return err
	}
	if err := g.block(condition); err != nil {
		return err
	}
	g.put("if %s {", unary("!", condition.read(condition.outputs[0])).text)
	g.put("break")
	g.put("}")
	if limited {
		text := fmt.Sprintf("more steps than the limit: after %d the condition still holds", w.Limit)
		if at := g.where(in, 0); at != "" {
			text = at + ": " + text
		}
		g.put("if %s == %d {", steps, w.Limit)
		g.fail(text)
		g.put("}")
	}
	body, err := g.instance(p, ofBody)
	if err != nil {
		return err
	}
	if err := g.block(body); err != nil {
		return err
	}
	g.stack(x, body, body.outputs[w.Carries:], ys, yTypes, steps)
	g.advance(list, body)
	if steps != "" {
		g.put("%s++", steps)
	}
	g.put("}")
	g.depth--
	if !w.Unread && len(ys) > 0 {
		g.rest(x, ys, yTypes, steps, w.Limit)
	}
	g.results(x, list)
	if steps != "" {
		g.set(x, st.out[w.Carries], &storage{value: name("int64(" + steps + ")")}, 1)
	}
	return nil
}

func (g *generator) cond(x *instance, in *vm.Instr, st *step, c *vm.Cond) error {
	for _, r := range st.out {
		g.declare(x, r)
	}
	selector := x.read(st.in[0])
	branch := func(k int) error {
		p, err := g.planOf(c.Blocks[k])
		if err != nil {
			return err
		}
		bound := map[int32]*storage{}
		g.captured(p, bound, x, st.in[1:])
		b, err := g.instance(p, bound)
		if err != nil {
			return err
		}
		if err := g.block(b); err != nil {
			return err
		}
		g.line = ""
		for i, r := range b.outputs {
			to, v, _ := x.at(st.out[i])
			if v.uses == 0 && !to.declared && !to.array {
				continue
			}
			from, _, e := b.at(r)
			g.set(x, st.out[i], &storage{array: from.array, variable: from.variable, value: from.value, offset: e, length: from.length}, in.Out[i].Size())
		}
		return nil
	}
	comment := g.comment(in, 0)
	switch {
	case len(c.Blocks) == 1:
		g.put("{%s", comment)
		if err := branch(0); err != nil {
			return err
		}
		g.put("}")
		return nil
	case in.In[0].DType == dtype.Bool:
		g.put("if %s {%s", selector.text, comment)
		if err := branch(1); err != nil {
			return err
		}
		g.put("} else {")
		if err := branch(0); err != nil {
			return err
		}
		g.put("}")
		return nil
	}
	g.put("switch k := %s; {%s", selector.typed(in.In[0].DType), comment)
	for k := range c.Blocks {
		if k == len(c.Blocks)-1 {
			g.put("default:")
		} else {
			g.put("case k <= %d:", k)
		}
		if err := branch(k); err != nil {
			return err
		}
	}
	g.put("}")
	return nil
}
