package compile_test

import (
	"slices"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
)

// stages of y = Σ (a·b + a)·1 over vectors, with what each pass decides.
func TestStages(t *testing.T) {
	g := graph.New()
	a, b := g.Input("a", graph.Float64, 100), g.Input("b", graph.Float64, 100)
	y := graph.Sum(graph.Mul(graph.Add(graph.Mul(a, b), a), g.Const(1))).Named("y")
	stages, err := compile.Config{}.Stages(y)
	if err != nil {
		t.Fatal(err)
	}
	passes := compile.Passes()
	if len(stages) != len(passes)+1 || stages[0].Pass != "" {
		t.Fatalf("%d stages for %d passes", len(stages), len(passes))
	}
	operators := func(s *compile.Stage) (list []string) {
		for _, n := range s.Nodes {
			if !n.Node.IsInput() && !n.Node.IsConst() {
				list = append(list, n.Operator)
			}
		}
		return list
	}
	find := func(pass string) *compile.Stage {
		i := slices.IndexFunc(stages, func(s compile.Stage) bool { return s.Pass == pass })
		if i < 0 {
			t.Fatalf("no stage for %s", pass)
		}
		return &stages[i]
	}
	for i := range stages {
		s := &stages[i]
		if i > 0 && (s.Pass != passes[i-1].Name || s.Doc == "") {
			t.Errorf("stage %d is %q", i, s.Pass)
		}
		for k, n := range s.Nodes {
			for _, in := range n.Operands {
				if in >= k {
					t.Errorf("after %q, node %d stands before its operand %d", s.Pass, k, in)
				}
			}
		}
		if n := s.Nodes[s.Outputs[0]].Node; n.Op().Name != "reduce_sum" && i > 0 {
			t.Errorf("after %q the output is %v", s.Pass, n.Op().Name)
		}
	}
	if got := operators(&stages[0]); !slices.Contains(got, "mul") || len(got) < 4 {
		t.Errorf("given: %v", got)
	}
	rewritten := find("rewrite")
	if got := operators(rewritten); len(got) != 3 || len(rewritten.Rewrites) == 0 {
		t.Errorf("rewritten: %v by %v", got, rewritten.Rewrites)
	}
	contracted := find("contract")
	if got := operators(contracted); !slices.Equal(got, []string{"fma", "reduce_sum"}) || contracted.Rewrites[0] != (compile.RewriteCount{Name: "contract", Count: 1}) {
		t.Errorf("contracted: %v by %v", got, contracted.Rewrites)
	}
	if n := contracted.Nodes[len(contracted.Nodes)-2]; len(n.Operands) != 3 || n.Class != "loop" || n.Instruction != -1 {
		t.Errorf("the joined product: %+v", n)
	}
	for _, n := range find("memory").Nodes {
		if (n.Instruction == 0) != (n.Class != "") {
			t.Errorf("one instruction computes all: %+v", n)
		}
		if n.Operator == "reduce_sum" && n.Place == "" {
			t.Error("the output has no place")
		}
	}
	if find("memory").Program != nil || find("emit").Program == nil {
		t.Error("the last pass makes the program")
	}
}

// A deep graph of scalars is recorded without recursion, in the order of its program.
func TestStagesOfScalarCodeStandInTheProgramsOrder(t *testing.T) {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	y := x
	for range 20000 {
		y = graph.Sin(y)
	}
	z := graph.Add(y, graph.Exp(x))
	stages, err := compile.Config{}.Stages(z)
	if err != nil {
		t.Fatal(err)
	}
	last := stages[len(stages)-1]
	var names []string
	for _, n := range last.Nodes {
		if !n.Node.IsInput() {
			names = append(names, n.Operator)
		}
	}
	code := last.Program.Code().Instrs[0].Straight.Code
	if len(code) != len(names) {
		t.Fatalf("%d micro-instructions, %d nodes", len(code), len(names))
	}
	for i, c := range code {
		if c.Op.String() != names[i] {
			t.Fatalf("micro-instruction %d is %v, node %s", i, c.Op, names[i])
		}
	}
}
