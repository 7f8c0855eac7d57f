package stablehlo

import (
	"maps"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
)

// Support says whether an operation of StableHLO or CHLO is read, or an operator of graphs is written.
type Support struct {
	Name string
	OK   bool
	Note string // the reason why not, or how
}

// Operations lists the operations of StableHLO, CHLO and func that Build knows, those that it refuses among them, in ascending order.
func Operations() []Support {
	var all []Support
	for _, name := range slices.Sorted(maps.Keys(operations)) {
		all = append(all, Support{Name: name, OK: true})
	}
	for name, why := range refused {
		all = append(all, Support{Name: "stablehlo." + name, Note: why})
	}
	slices.SortFunc(all, func(a, b Support) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Operators lists the operators of graphs, as far as they are not registered by users, in ascending order. Write writes those without a rule of their own by their expansion.
func Operators() []Support {
	var all []Support
	for _, op := range graph.Ops() {
		if op.UserDefined() {
			continue
		}
		s := Support{Name: op.Name, OK: true}
		if why := unwritten[op.Name]; why != "" {
			s.OK, s.Note = false, why
		} else if writers[op.Name] == nil && op.Expand != nil {
			s.Note = "by its expansion"
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Support) int { return strings.Compare(a.Name, b.Name) })
	return all
}
