package testkit

import (
	"flag"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
)

// unsampled operators have no values of their own to check.
var unsampled = map[string]string{
	"input": "a value from outside", "const": "covered by every literal operand", "result": "covered by operators with several results", "each_step": "covered by loops", "snapshots": "covered by checkpoints", "reverse_sweep": "covered by checkpoints", "batched_call": "covered by the tests of loops without a limit", "placeholder": "no program contains one",
}

// atLeast fails a test that did less than it should, unless only some of its subtests were asked for.
func atLeast(t *testing.T, least, did int, what string) {
	t.Helper()
	t.Logf("%d %s", did, what)
	if did < least && !strings.Contains(flag.Lookup("test.run").Value.String(), "/") {
		t.Errorf("only %d %s", did, what)
	}
}

func TestOperators(t *testing.T) {
	checked := 0
	for _, op := range graph.Ops() {
		if unsampled[op.Name] != "" {
			continue
		}
		if !ref.Defined(op.Name) && op.Expand == nil {
			t.Errorf("internal/ref has no definition of %s", op.Name)
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			for _, s := range op.Samples {
				for _, d := range []graph.DType{graph.Float64, graph.Float32} {
					CheckOp(t, op, s, d)
					checked++
				}
			}
		})
	}
	atLeast(t, 900, checked, "(operator, sample, dtype) checked")
}

func TestSpecialOperands(t *testing.T) {
	checked := 0
	for _, op := range graph.Ops() {
		if !op.Elementwise || op.DTypes != 0 && op.DTypes&graph.Floats == 0 {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			seen := map[string]bool{}
			for _, s := range op.Samples {
				if key := s.Attrs.String(); seen[key] {
					continue
				} else {
					seen[key] = true
				}
				for _, d := range []graph.DType{graph.Float64, graph.Float32} {
					CheckSpecials(t, op, s, d)
					checked++
				}
			}
		})
	}
	atLeast(t, 180, checked, "(operator, dtype) checked")
}

func TestIntegerOperands(t *testing.T) {
	checked := 0
	for _, op := range graph.Ops() {
		if op.Elementwise && op.DTypes&graph.Integers != 0 && op.Name != "identity" {
			t.Run(op.Name, func(t *testing.T) {
				CheckIntegers(t, op, op.Samples[0], graph.Int32)
				CheckIntegers(t, op, op.Samples[0], graph.Int64)
				checked++
			})
		}
	}
	atLeast(t, 20, checked, "operators checked")
}

// What the type rule of an operator accepts compiles and runs, in every dtype.
func TestEveryAcceptedDTypeRuns(t *testing.T) {
	checked := 0
	for _, op := range graph.Ops() {
		if unsampled[op.Name] != "" {
			continue
		}
		accepted := 0
		for _, s := range op.Samples {
			for d := graph.Bool; d <= graph.Float64; d++ {
				if s.Build != nil && !d.IsFloat() {
					continue // what it builds around the operator is for floats
				}
				g, at := graph.New(), Point{}
				var in []*graph.Node
				for i, si := range s.In {
					v := SampleValue(si, i, d)
					x := g.Input(fmt.Sprintf("x%d", i), v.Type.DType, v.Type.Shape...)
					at[x] = v
					in = append(in, x)
				}
				y := Build(g, op, s, in)
				if g.Err() != nil {
					continue
				}
				accepted++
				outs := []*graph.Node{y}
				if rs := y.Results(); rs != nil {
					outs = nil
					for i := range rs {
						outs = append(outs, graph.Result(y, i))
					}
				}
				want, err := ref.Eval(at, outs...)
				if err != nil {
					if !strings.Contains(err.Error(), "division by zero") {
						t.Errorf("%s: %v", describe(op, s, d), err)
					}
					continue
				}
				got, err := CompileAndRun(compile.Config{}, at, outs...)
				if err != nil {
					t.Errorf("%s: %v", describe(op, s, d), err)
					continue
				}
				for i := range outs {
					if err := Close(got[i], want[i], bound32); err != nil {
						t.Errorf("%s: result %d: %v", describe(op, s, d), i, err)
					}
				}
				checked++
			}
		}
		if accepted == 0 && len(op.Samples) > 0 {
			t.Errorf("%s accepts none of its samples", op.Name)
		}
	}
	atLeast(t, 1000, checked, "(operator, sample, dtype) ran")
}

// Operators that reduce, scan, move and normalise elements, on operands that hold NaN, infinities, signed zeros and denormals: what the interpreter
// gives. Those of the other families may make NaN of infinities that their definitions leave, such as 0·Inf in the padding of a convolution.
func TestSpecialArrays(t *testing.T) {
	inf := math.Inf(1)
	lists := [][]float64{
		{math.NaN(), 1, -1, 2, 0.5}, {inf, 1, -1, 2, 0.5}, {-inf, 1, inf, 2, -0.5, 3}, {-inf}, {0, math.Copysign(0, -1), 1, 5e-324, -5e-324},
	}
	families := []graph.Family{graph.FamilyReduce, graph.FamilyScan, graph.FamilyShape, graph.FamilyIndex, graph.FamilyNormal, graph.FamilyRandom, graph.FamilyCompare}
	checked := 0
	for _, op := range graph.Ops() {
		if unsampled[op.Name] != "" || op.Elementwise || !slices.Contains(families, op.Family) {
			continue
		}
		switch op.Name {
		case "interp", "bspline", "bspline_coefficients": // abscissae are in ascending order; sums of differences
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			for _, s := range op.Samples {
				for k, list := range lists {
					sg, err := buildSample(op, s, graph.Float64, false)
					if err != nil {
						t.Fatal(err)
					}
					for i, in := range s.In {
						x := sg.g.Node(i)
						if v, ok := sg.at[x]; ok && v.F != nil && !in.Constant {
							for j := range v.F {
								v.F[j] = list[j%len(list)]
							}
						}
					}
					want, errWant := ref.Eval(sg.at, sg.ys...)
					got, errGot := CompileAndRun(compile.Config{}, sg.at, sg.ys...)
					if errGot != nil || errWant != nil {
						if errGot != nil && strings.Contains(errGot.Error(), "BUG") {
							t.Errorf("%s: %v", describe(op, s, graph.Float64), errGot)
						}
						if (errGot == nil) != (errWant == nil) {
							t.Errorf("%s, list %d: error %v, interpreted %v", describe(op, s, graph.Float64), k, errGot, errWant)
						}
						continue
					}
					for i := range got {
						bound := 1e-12
						if want[i].Type.DType == graph.Float32 {
							bound = bound32
						}
						if err := Close(got[i], want[i], bound); err != nil {
							t.Errorf("%s, list %d: %v", describe(op, s, graph.Float64), k, err)
						}
					}
					checked++
				}
			}
		})
	}
	atLeast(t, 800, checked, "(operator, sample, list) checked")
}
