package native

import (
	"encoding/binary"
	"flag"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem/def"
)

var updateFunctions = flag.Bool("update", false, "rewrite testdata/functions.txt")

const functionsFile = "testdata/functions.txt"

// functionArgument draws from all numbers, and from where functions have their ends, by operations whose results are the same on all platforms.
func functionArgument(r *rand.Rand, kind int, d dtype.DType) float64 {
	least := 760.0
	if d == dtype.Float32 {
		least = 106
	}
	switch kind {
	case 0:
		return math.Float64frombits(r.Uint64())
	case 1:
		return float64(math.Float32frombits(r.Uint32()))
	case 2:
		return (r.Float64() - 0.5) * 8
	case 3:
		return (r.Float64() - 1) * least
	case 4:
		return (r.Float64() - 0.5) * least
	case 5:
		return r.Float64()
	case 6:
		return math.Ldexp(r.Float64(), r.IntN(120)-60)
	}
	return float64(r.IntN(201) - 100)
}

// TestFunctionsHaveTheSameBits compares what machine code gives for some two million arguments with a table of hashes that every
// processor must reproduce.
func TestFunctionsHaveTheSameBits(t *testing.T) {
	needLoops(t)
	const n, rounds = 1025, 32
	table := func(options LoopOptions) string {
		var lines strings.Builder
		for _, d := range []dtype.DType{dtype.Float64, dtype.Float32} {
			for _, op := range def.Ops() {
				l := oneOpLoop(op, d)
				code, err := CompileLoop(l, options)
				if err != nil {
					t.Fatal(err)
				}
				r, h := rand.New(rand.NewPCG(7, 1)), fnv.New64a()
				buffers, pointers := make([][]byte, len(l.In)+1), make([]unsafe.Pointer, len(l.In)+1)
				for k := range buffers {
					buffers[k] = make([]byte, n*d.Size())
					pointers[k] = base(buffers[k])
				}
				work := code.NewWork()
				for round := range rounds {
					for k := range l.In {
						for i := range n {
							putElement(buffers[k], d, i, fromFloat(d, functionArgument(r, (round+2*k*(round/8))%8, d)))
						}
					}
					code.Run(n, pointers, work)
					out := buffers[len(l.In)]
					for i := range n {
						if d == dtype.Float64 {
							if v := math.Float64frombits(binary.LittleEndian.Uint64(out[8*i:])); v != v {
								binary.LittleEndian.PutUint64(out[8*i:], math.Float64bits(math.NaN()))
							}
						} else if v := math.Float32frombits(binary.LittleEndian.Uint32(out[4*i:])); v != v {
							binary.LittleEndian.PutUint32(out[4*i:], 0x7FC00000)
						}
					}
					h.Write(out)
				}
				fmt.Fprintf(&lines, "%s %s\t%016x\n", op, d, h.Sum64())
			}
		}
		return lines.String()
	}
	if *updateFunctions {
		if err := os.WriteFile(functionsFile, []byte(table(LoopOptions{})), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(functionsFile)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(string(golden), "\n")
	for _, level := range levels(t) {
		got := strings.Split(table(LoopOptions{Level: level}), "\n")
		if len(got) != len(want) || len(got) < 60 {
			t.Fatalf("%s: %d functions, %d in %s", level, len(got), len(want), functionsFile)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: %s, want %s (where definitions were meant to change bits: -update)", level, got[i], want[i])
			}
		}
	}
}
