package viz

import (
	"slices"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// operator returns what the graph's table of operators says of the node's; of others, nothing is known but the name.
func (n *Node) operator() *graph.Op {
	if op := graph.LookupOp(n.Op); op != nil {
		return op
	}
	return &graph.Op{Name: n.Op, Symbol: micro.ByName(n.Op).Symbol()}
}

// symbol returns how the operator is drawn, with · for an operand.
func (n *Node) symbol() string {
	if n.Symbol != "" {
		return n.Symbol
	}
	if s := n.operator().Symbol; s != "" {
		return s
	}
	return n.Op
}

// ordered reports whether the order of the node's operands matters.
func (n *Node) ordered() bool {
	return len(n.Inputs) > 1 && n.Collapsed == 0 && !n.operator().Commutative
}

// powerSymbol is the symbol of the operator that is drawn as a power of its operands.
const powerSymbol = "^"

// operandName returns what an ordered operator calls an operand: a name or its number.
func (n *Node) operandName(k int) []scene.Run {
	if n.exit != nil && k < len(n.exit.operands) {
		return upright(n.exit.operands[k])
	}
	if names := n.operator().OperandNames; len(names) >= len(n.Inputs) {
		return []scene.Run{{Text: names[k], Italic: len([]rune(names[k])) == 1}}
	}
	return upright(strconv.Itoa(k + 1))
}

// powerOfNames reports whether the operator is drawn as aᵇ with the names of its operands.
func (n *Node) powerOfNames() bool {
	return n.symbol() == powerSymbol && len(n.operator().OperandNames) == 2
}

// symbolRuns returns the first line of an operator.
func symbolRuns(n *Node) []scene.Run {
	if n.powerOfNames() {
		op := n.operator()
		return []scene.Run{{Text: op.OperandNames[0], Italic: true}, {Text: op.OperandNames[1], Italic: true, Script: scene.Super}}
	}
	return plainSymbol(n.symbol())
}

// plainSymbol sets a symbol upright, with raised and lowered characters as such.
func plainSymbol(text string) []scene.Run {
	var runs []scene.Run
	for _, r := range text {
		script := scene.Base
		if d, found := raised[r]; found {
			r, script = d, scene.Super
		} else if d, found := lowered[r]; found {
			r, script = d, scene.Sub
		} else if r == 'ᵀ' {
			r, script = 'T', scene.Super
		}
		if last := len(runs) - 1; last >= 0 && runs[last].Script == script {
			runs[last].Text += string(r)
			continue
		}
		runs = append(runs, scene.Run{Text: string(r), Script: script})
	}
	return runs
}

// applied returns a symbol with · as an operand's name: √x for √( · ).
func applied(symbol, name string) (string, bool) {
	for _, hole := range []string{"( · )", " · ", "·"} {
		if strings.Contains(symbol, hole) {
			return strings.Replace(symbol, hole, name, 1), true
		}
	}
	return "", false
}

// A sum has the partials 1 and 1, a product those of its other operand.
func isSum(op *graph.Op) bool     { return slices.Equal(op.Partials, []string{"1", "1"}) }
func isProduct(op *graph.Op) bool { return slices.Equal(op.Partials, []string{"b", "a"}) }

// powerPartial returns the derivative of a^c by a, in the notation of graph.Op.Partials.
func powerPartial(c float64) string {
	switch c {
	case 0, 1:
		return FormatNumber(c)
	case 2:
		return "2a"
	}
	return FormatNumber(c) + "a^(" + FormatNumber(c-1) + ")"
}

// partialRuns returns the symbolic partial derivative of a node by an operand,
// nil when there is no short form.
func partialRuns(n *Node, operand int, names [][]scene.Run, result []scene.Run) []scene.Run {
	forms := n.operator().Partials
	if operand >= len(forms) || forms[operand] == "" {
		return nil
	}
	replace := map[string][]scene.Run{"v": result}
	for i, letter := range []string{"a", "b", "c"} {
		if i < len(names) {
			replace[letter] = names[i]
		}
	}
	return mathRuns(forms[operand], replace)
}
