package viz

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// constantText returns how a constant is drawn: its value, or its type where it
// is large.
func constantText(n *Node) string {
	if n.Constant != nil && n.Constant.IsScalar() {
		return FormatNumber(n.Constant.Data[0])
	}
	if n.Constant != nil && len(n.Constant.Data) <= 3 {
		return n.Constant.summary()
	}
	if n.Type != "" {
		return n.Type
	}
	return "const"
}

// valueRuns returns valueText as runs, which a walk through the execution shows late where they are a value.
func (b *builder) valueRuns(n *Node) []scene.Run {
	runs := numberRuns(b.valueText(n))
	if n.Value.summary() != "" && b.shows("value") {
		runs = shownLate(scene.ValuePart, runs)
	}
	return runs
}

// valueText returns what is known of a node's value: the value itself, or the
// type where it tells something.
func (b *builder) valueText(n *Node) string {
	if v := n.Value.summary(); v != "" && b.shows("value") {
		return v
	}
	if b.typed(n) {
		return n.Type
	}
	return ""
}

// second returns the second line of an operator.
func (b *builder) second(i int) []scene.Run {
	n := &b.model.Nodes[i]
	if n.results > 1 {
		return nil // the edges that leave say what they carry
	}
	name := b.names[i]
	value := n.Value.summary()
	typed := b.typed(n)
	named := n.Name != "" && !b.isOutput[i] || b.referenced[i]
	if !b.shows("name") {
		name, named = nil, false
	}
	if !b.shows("value") {
		value = ""
	}
	switch {
	case n.Gradient && value == "":
		if short := b.expression(i); short != nil {
			return short
		}
		if typed {
			return upright(n.Type)
		}
		return name
	case value != "" && (n.Value.IsScalar() || len(n.Value.Data) <= 4):
		known := shownLate(scene.ValuePart, numberRuns(value))
		if name == nil {
			return known
		}
		return joinRuns(name, shownLate(scene.ValuePart, upright(" = ")), known)
	case typed && named:
		return joinRuns(name, upright(" : "+n.Type))
	case typed:
		return upright(n.Type)
	}
	return name
}

// expression returns the formula of a small gradient node in terms of forward
// values, or nil where it is long.
func (b *builder) expression(i int) []scene.Run {
	if k, found := b.derivative[i]; found {
		return barred(b.set.name(b.model.Outputs[k].By))
	}
	n := &b.model.Nodes[i]
	if isProduct(n.operator()) && len(n.Inputs) == 2 {
		left, right := &b.model.Nodes[n.Inputs[0]], &b.model.Nodes[n.Inputs[1]]
		known := func(n *Node) bool { return !n.Gradient || n.Op == "const" }
		if known(left) && known(right) && right.Op == "const" && left.Op != "const" {
			return joinRuns(b.names[n.Inputs[1]], b.names[n.Inputs[0]])
		}
		if known(left) && known(right) && right.Op != "const" {
			space := upright("\u2009")
			if left.Op == "const" {
				space = nil
			}
			return joinRuns(b.names[n.Inputs[0]], space, b.names[n.Inputs[1]])
		}
	}
	return nil
}

// adjoint returns the line of a node's adjoint.
func (b *builder) adjoint(name []scene.Run, value *Value) scene.TextLine {
	runs := barred(name)
	if text := value.summary(); text != "" && len(value.Data) <= 4 {
		runs = joinRuns(runs, shownLate(scene.AdjointPart, joinRuns(upright(" = "), numberRuns(text))))
	}
	return scene.TextLine{Runs: runs, Size: scene.ValueSize, Colour: scene.AdjointText}
}

// powerRule returns the derivative of a power with a constant exponent by its
// base.
func (b *builder) powerRule(i int) ([]scene.Run, bool) {
	n := &b.model.Nodes[i]
	if n.symbol() != powerSymbol || len(n.Inputs) != 2 {
		return nil, false
	}
	c := b.model.Nodes[n.Inputs[1]].Constant
	if b.model.Nodes[n.Inputs[1]].Op != "const" || c == nil || !c.IsScalar() {
		return nil, false
	}
	return mathRuns(powerPartial(c.Data[0]), map[string][]scene.Run{"a": b.operandName(use{i, 0})}), true
}

// partial returns the label of a reverse edge: the local derivative as a
// formula, its value, or both.
func (b *builder) partial(user int, x operand) scene.TextLine {
	const longest = 16
	number := b.gain[x.at.node] * b.local(x.at)
	known := !math.IsNaN(number)
	n := &b.model.Nodes[user]
	operands := b.operands[user]
	var formula []scene.Run
	if power, ok := b.powerRule(user); ok {
		formula = power
	} else if len(operands) == len(n.Inputs) && x.at.node == user {
		var names [][]scene.Run
		for k := range n.Inputs {
			names = append(names, b.operandName(use{user, k}))
		}
		formula = partialRuns(n, x.at.operand, names, b.names[user])
	} else if isSum(n.operator()) {
		formula = upright("1")
	} else if len(operands) <= longest {
		// A folded product: the other operands, repeated ones as powers.
		skipped := false
		var others []int
		times := map[int]int{}
		for _, o := range operands {
			if !skipped && o == x {
				skipped = true
				continue
			}
			if times[o.node]++; times[o.node] == 1 {
				others = append(others, o.node)
			}
		}
		for k, o := range others {
			if k > 0 {
				formula = append(formula, upright("\u2009")...)
			}
			formula = append(formula, b.names[o]...)
			if times[o] > 1 {
				formula = append(formula, scene.Run{Text: strconv.Itoa(times[o]), Script: scene.Super})
			}
		}
	}
	line := scene.TextLine{Runs: formula, Size: scene.LabelSize, Colour: scene.AdjointText}
	if len([]rune(line.Plain())) > longest {
		line.Runs = nil
	}
	if forms := n.operator().Partials; len(line.Runs) > 0 && len(forms) > 0 && strings.Contains(forms[0], "H(") {
		b.stepDrawn = true
	}
	plain := line.Plain()
	if known {
		text := FormatNumber(number)
		switch {
		case plain == text:
		case len(line.Runs) == 0:
			line.Runs = numberRuns(text)
		default:
			line.Runs = joinRuns(line.Runs, upright(" = "), numberRuns(text))
		}
	}
	if len(line.Runs) == 0 {
		line = scene.TextLine{}
	}
	return line
}

// outputName returns what a primal output is called: by its own name, or an automatic one.
func (b *builder) outputName(k int) []scene.Run {
	o := &b.model.Outputs[k]
	if o.Name != "" {
		return b.set.name(o.Name)
	}
	if name := b.model.result(o).Name; name != "" {
		return b.set.name(name)
	}
	return nameRuns(o.Auto)
}

// describe composes the description of the drawing.
func (b *builder) describe() string {
	var inputs, outputs []string
	operators := 0
	for i := range b.model.Nodes {
		n := &b.model.Nodes[i]
		text := n.Name
		if v := n.Value.summary(); v != "" {
			text += " = " + v
		}
		switch {
		case n.Cut:
		case n.Op == "input":
			inputs = append(inputs, text)
		case n.Op != "const" && n.port == nil && !b.folded[i]:
			operators++
		}
	}
	for k, o := range b.model.Outputs {
		text := scene.TextLine{Runs: b.outputName(k)}.Plain()
		if o.Of != "" {
			text = "∂" + o.Of + "/∂" + o.By
		}
		if v := b.model.result(&o).Value.summary(); v != "" {
			text += " = " + v
		}
		outputs = append(outputs, text)
	}
	d := fmt.Sprintf("Computational graph with inputs %s; %d operators; outputs %s.",
		listing(inputs), operators, listing(outputs))
	switch b.settings.gradients {
	case Overlay:
		d += " Dashed reverse edges carry local partial derivatives, bars mark adjoints."
	case Split:
		d += " The gradient is drawn as a graph of its own."
	}
	return d
}

// listing joins names, cutting long lists.
func listing(names []string) string {
	const most = 12
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// identifier keeps what may stand in a class name.
func identifier(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, s)
}

// tooltip lists what is known of a node, one fact a line.
func tooltip(n *Node) string {
	var lines []string
	head := n.Op
	if n.Name != "" {
		head = n.Name + " = " + n.Op
		if n.Op == "input" {
			head = "input " + n.Name
		}
	}
	if n.Attributes != "" {
		head += " " + n.Attributes
	}
	lines = append(lines, head)
	add := func(key, value string) {
		if value != "" {
			lines = append(lines, key+": "+value)
		}
	}
	add("type", n.Type)
	add("value", n.Value.summary())
	add("adjoint", n.Adjoint.summary())
	add("change", n.Change.String())
	add("derivative", n.Formula)
	add("scope", n.Scope)
	add("source", n.Source)
	for _, note := range n.Notes {
		add(note.Key, note.Text)
	}
	if n.Collapsed > 0 {
		add("stands for", strconv.Itoa(n.Collapsed)+" nodes")
	}
	return strings.Join(lines, "\n")
}
