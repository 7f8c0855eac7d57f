package testkit

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/vm"
)

var updateBits = flag.Bool("update-bits", false, "rewrite testdata/bits.txt")

const bitsFile = "testdata/bits.txt"

// bitsFamilies are the random programs of TestSameBits, which have gradients and Hessians times directions among their outputs.
var bitsFamilies = []struct {
	name   string
	config RandomConfig
}{
	{"tensors", RandomConfig{DType: graph.Float64, Operators: 12, MaxSize: 600, Order: 1}},
	{"second order", RandomConfig{DType: graph.Float64, Operators: 8, MaxSize: 60, Order: 2}},
	{"scalars", RandomConfig{DType: graph.Float64, Operators: 30, Scalars: true, MaxSize: 10, Order: 2}},
	{"float32 scalars", RandomConfig{DType: graph.Float32, Operators: 30, Scalars: true, MaxSize: 10, Order: 1}},
	{"float32", RandomConfig{DType: graph.Float32, Operators: 8, MaxSize: 600, Order: 1}},
	{"loops", RandomConfig{DType: graph.Float64, Operators: 6, MaxSize: 300, Order: 1, Control: true}},
	{"loops of scalars", RandomConfig{DType: graph.Float64, Operators: 8, Scalars: true, MaxSize: 10, Order: 2, Control: true}},
}

// A line of the table is bitsSeeds random programs of a family, of which it has bitsLines lines; with -short one is compared.
const (
	bitsSeeds = 20
	bitsLines = 10
)

// processorDependent are operators to which other processors give other bits: gonum's transforms, whose products the compiler fuses on some.
var processorDependent = map[string]bool{"fft": true, "ifft": true, "rfft": true, "irfft": true}

// bitsHash hashes all bits of the outputs of programs but those of NaN.
type bitsHash struct {
	programs int
	sum      uint64
}

// add runs a program in machine code, where that is made, and without, and joins their common bits to the hash.
func (h *bitsHash) add(what string, at Point, outputs []*graph.Node) error {
	p, err := Compile(compile.Config{}, outputs...)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	var sums [2]uint64
	for k, o := range []vm.Option{vm.WithNativeAhead(), vm.WithoutNative()} {
		values, err := Run(vm.NewMachine(p, o), at)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		sums[k] = bitsOf(values)
	}
	if sums[0] != sums[1] {
		return fmt.Errorf("%s: machine code and the portable loop differ", what)
	}
	h.programs++
	h.sum = h.sum*0x100000001b3 ^ sums[0]
	return nil
}

func bitsOf(values []ref.Value) uint64 {
	h := fnv.New64a()
	for _, v := range values {
		for _, x := range v.F {
			if x != x {
				x = math.NaN()
			}
			fmt.Fprintf(h, "%x ", math.Float64bits(x))
		}
		fmt.Fprint(h, v.I, v.B)
	}
	return h.Sum64()
}

// TestSameBits compares results with a table of their hashes, which every platform must reproduce, with machine code and without: every operator on its
// samples with derivatives of both modes and of second order, elementwise operators on special values, and random programs with gradients.
func TestSameBits(t *testing.T) {
	golden := map[string]string{}
	if !*updateBits {
		data, err := os.ReadFile(bitsFile)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			name, rest, _ := strings.Cut(strings.TrimSpace(line), "\t")
			golden[name] = rest
		}
	}
	var lines []string
	programs := 0
	check := func(name string, fill func(h *bitsHash) error) {
		var h bitsHash
		if err := fill(&h); err != nil {
			t.Error(err)
			return
		}
		if h.programs == 0 {
			return
		}
		programs += h.programs
		got := fmt.Sprintf("%d\t%016x", h.programs, h.sum)
		lines = append(lines, name+"\t"+got)
		if want := golden[name]; want != got && !*updateBits {
			t.Errorf("%s: %s, want %s (where operators or rewrites were meant to change bits: -update-bits)", name, got, want)
		}
	}
	dtypes := []graph.DType{graph.Float64, graph.Float32}
	for _, op := range graph.Ops() {
		if unsampled[op.Name] != "" || processorDependent[op.Name] {
			continue
		}
		check("operator "+op.Name, func(h *bitsHash) error {
			for _, s := range op.Samples {
				for _, d := range dtypes {
					sg, err := buildSample(op, s, d, false)
					if err != nil {
						return err
					}
					outputs := slices.Concat(sg.ys, sg.vjp, sg.jvp, sg.vjpvjp, sg.jvpvjp)
					if err := h.add(describe(op, s, d), sg.at, outputs); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if op.Elementwise && (op.DTypes == 0 || op.DTypes&graph.Floats != 0) && len(op.Samples) > 0 {
			check("special values "+op.Name, func(h *bitsHash) error {
				for _, d := range dtypes {
					g, at := graph.New(), Point{}
					combos, bools := specialOperands(op, op.Samples[0], d)
					var in []*graph.Node
					for k := range bools {
						dtype := d
						if bools[k] {
							dtype = graph.Bool
						}
						x := g.Input(fmt.Sprintf("x%d", k), dtype, len(combos))
						v := ref.New(x.Type())
						for i, c := range combos {
							if v.F != nil {
								v.F[i] = c[k]
							} else {
								v.B[i] = c[k] != 0
							}
						}
						at[x] = v
						in = append(in, x)
					}
					if err := h.add(describe(op, op.Samples[0], d), at, []*graph.Node{g.Apply(op, in, op.Samples[0].Attrs)}); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	rows := bitsLines
	if testing.Short() && !*updateBits {
		rows = 1
	}
	for _, f := range bitsFamilies {
		for row := range rows {
			check(fmt.Sprintf("%s %d", f.name, row), func(h *bitsHash) error {
				for seed := row * bitsSeeds; seed < (row+1)*bitsSeeds; seed++ {
					c, err := Random(uint64(seed), f.config)
					if err != nil {
						return err
					}
					if err := h.add(fmt.Sprintf("%s, seed %d", f.name, seed), c.At, c.Outputs); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	if *updateBits {
		if err := os.WriteFile(bitsFile, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	atLeast(t, 1000, programs, "programs with the bits of the table")
}
