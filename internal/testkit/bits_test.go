package testkit

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/internal/ref"
	"github.com/adjoint-go/adjoint/vm"
)

var (
	updateBits = flag.Bool("update-bits", false, "rewrite testdata/bits.txt")
	allBits    = flag.Bool("all-bits", false, "compare all programs of testdata/bits.txt, not the operators' and a quarter of the random ones")
)

const bitsFile = "testdata/bits.txt"

// bitsFamilies are the random programs of TestSameBits, which have gradients and Hessians times directions among their outputs. A line of the table is
// bitsSeeds of them; with -short one line of each family is compared.
var bitsFamilies = []struct {
	name    string
	lines   int
	program func(seed uint64) (at Point, outputs []*graph.Node, err error)
}{
	{"tensors", 40, randomBits(RandomConfig{DType: graph.Float64, Operators: 12, MaxSize: 600, Order: 1})},
	{"second order", 30, randomBits(RandomConfig{DType: graph.Float64, Operators: 8, MaxSize: 60, Order: 2})},
	{"scalars", 60, randomBits(RandomConfig{DType: graph.Float64, Operators: 30, Scalars: true, MaxSize: 10, Order: 2})},
	{"float32 scalars", 60, randomBits(RandomConfig{DType: graph.Float32, Operators: 30, Scalars: true, MaxSize: 10, Order: 1})},
	{"float32", 40, randomBits(RandomConfig{DType: graph.Float32, Operators: 8, MaxSize: 600, Order: 1})},
	{"loops", 20, randomBits(RandomConfig{DType: graph.Float64, Operators: 6, MaxSize: 300, Order: 1, Control: true})},
	{"loops of scalars", 20, randomBits(RandomConfig{DType: graph.Float64, Operators: 8, Scalars: true, MaxSize: 10, Order: 2, Control: true})},
	{"float32 second order", 20, randomBits(RandomConfig{DType: graph.Float32, Operators: 8, MaxSize: 60, Order: 2})},
	{"float32 loops", 20, randomBits(RandomConfig{DType: graph.Float32, Operators: 6, MaxSize: 300, Order: 1, Control: true})},
	{"batches", 20, batchBits(RandomConfig{DType: graph.Float64, Operators: 8, MaxSize: 60, Order: 1})},
	{"float32 batches", 20, batchBits(RandomConfig{DType: graph.Float32, Operators: 8, MaxSize: 60, Order: 1})},
	{"int64", 50, integerBits(graph.Int64)},
	{"int32", 50, integerBits(graph.Int32)},
}

const bitsSeeds = 20

func randomBits(c RandomConfig) func(seed uint64) (Point, []*graph.Node, error) {
	return func(seed uint64) (Point, []*graph.Node, error) {
		rc, err := Random(seed, c)
		if err != nil {
			return nil, nil, err
		}
		return rc.At, rc.Outputs, nil
	}
}

// batchBits makes random programs with their gradients for several arguments at once.
func batchBits(c RandomConfig) func(seed uint64) (Point, []*graph.Node, error) {
	return func(seed uint64) (Point, []*graph.Node, error) {
		rc, err := Random(seed, c)
		if err != nil {
			return nil, nil, err
		}
		var to []*graph.Node
		for k, x := range rc.Wrt {
			t := graph.Type{DType: x.DType(), Shape: slices.Concat(graph.Shape{3}, x.Shape())}
			to = append(to, rc.Graph.Input(fmt.Sprintf("batch%d", k), t.DType, t.Shape...))
			rc.At[to[k]] = Spread(t, -1.5, 1.5, int(seed)+k)
		}
		outputs, err := compile.Batch(rc.Outputs, rc.Wrt, to)
		return rc.At, outputs, err
	}
}

// integerBits makes random programs on integers, some of them at the ends of their range, with comparisons, sums and conversions.
func integerBits(d graph.DType) func(seed uint64) (Point, []*graph.Node, error) {
	return func(seed uint64) (Point, []*graph.Node, error) {
		r := rand.New(rand.NewPCG(seed, 0x2545f4914f6cdd1d))
		g, at := graph.New(), Point{}
		n := []int{1, 3, 8, 70}[r.IntN(4)]
		var pool []*graph.Node
		for k := range 3 {
			x := g.Input(fmt.Sprintf("x%d", k), d, n)
			v := ref.New(x.Type())
			for i := range v.I {
				v.I[i] = int64(r.Uint64()) >> r.IntN(64)
				if d == graph.Int32 {
					v.I[i] = int64(int32(v.I[i]))
				}
			}
			at[x] = v
			pool = append(pool, x)
		}
		pick := func() *graph.Node { return pool[r.IntN(len(pool))] }
		compare := []func(x, y *graph.Node) *graph.Node{graph.Less, graph.LessEqual, graph.Equal, graph.NotEqual, graph.Greater}
		binary := []func(x, y *graph.Node) *graph.Node{graph.Add, graph.Sub, graph.Mul, graph.Min, graph.Max}
		unary := []func(x *graph.Node) *graph.Node{graph.Neg, graph.Abs, graph.Sign}
		truth := func() *graph.Node { return compare[r.IntN(len(compare))](pick(), pick()) }
		var outputs []*graph.Node
		for range 12 {
			var y *graph.Node
			switch r.IntN(8) {
			case 0:
				y = unary[r.IntN(len(unary))](pick())
			case 1:
				y = graph.Where(graph.LogicalXor(truth(), truth()), pick(), pick())
			case 2:
				y = graph.Cast(graph.LogicalAnd(truth(), graph.LogicalNot(truth())), d)
			case 3:
				f := []graph.DType{graph.Float64, graph.Float32}[r.IntN(2)]
				x := graph.Cast(pick(), f)
				outputs = append(outputs, x)
				y = graph.Cast(x, d)
			case 4:
				y = graph.Cast(graph.Cast(pick(), []graph.DType{graph.Int32, graph.Int64}[r.IntN(2)]), d)
			case 5:
				y = graph.Add(pick(), []*graph.Node{graph.Sum(pick()), graph.ReduceMax(pick(), nil), graph.ReduceMin(pick(), nil)}[r.IntN(3)])
			default:
				y = binary[r.IntN(len(binary))](pick(), pick())
			}
			pool = append(pool, y)
		}
		return at, append(outputs, pool[len(pool)-4:]...), g.Err()
	}
}

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
// samples with derivatives of both modes and of second order, elementwise operators on special values, and random programs
// of floats and integers with gradients, Hessians times directions, loops and batches.
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
	for _, f := range bitsFamilies {
		rows := f.lines
		switch {
		case *updateBits || *allBits:
		case testing.Short():
			rows = 1
		default:
			rows = (rows + 3) / 4
		}
		for row := range rows {
			check(fmt.Sprintf("%s %d", f.name, row), func(h *bitsHash) error {
				for seed := row * bitsSeeds; seed < (row+1)*bitsSeeds; seed++ {
					at, outputs, err := f.program(uint64(seed))
					if err != nil {
						return fmt.Errorf("%s, seed %d: %w", f.name, seed, err)
					}
					if err := h.add(fmt.Sprintf("%s, seed %d", f.name, seed), at, outputs); err != nil {
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
	floor := 3000
	switch {
	case *updateBits || *allBits:
		floor = 10000
	case testing.Short():
		floor = 1200
	}
	atLeast(t, floor, programs, "programs with the bits of the table")
}
