package vm_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/vm"
)

func encode(t testing.TB, p *vm.Program) []byte {
	t.Helper()
	data, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEncodeRoundTrip(t *testing.T) {
	for _, p := range programs() {
		data := encode(t, p.Program)
		q, err := vm.Decode(data)
		if err != nil {
			t.Errorf("%s: %v", p.name, err)
			continue
		}
		if d := difference(p.Program, q); d != "" {
			t.Errorf("%s: %s", p.name, d)
		}
		if again := encode(t, q); !bytes.Equal(again, data) {
			t.Errorf("%s: encoded, decoded and encoded again gives other bytes", p.name)
		}
	}
	var file bytes.Buffer
	p := programs()[0]
	n, err := p.WriteTo(&file)
	if err != nil || n != int64(file.Len()) {
		t.Fatalf("%d of %d bytes, %v", n, file.Len(), err)
	}
	q, err := vm.Read(&file)
	if err != nil || difference(p.Program, q) != "" {
		t.Errorf("read back: %v", err)
	}
}

// TestGuardedRuns checks that every program computes the same whatever its memory held before, on all executors, and
// writes only to its arena: what FuzzDecode checks of hostile programs.
func TestGuardedRuns(t *testing.T) {
	for _, p := range programs() {
		if d := runGuarded(p.Program); d != "" {
			t.Errorf("%s: %s", p.name, d)
		}
	}
}

// runGuarded runs the program twice on zeros on machines with different garbage in memory, and with machine code, and reports what
// goes wrong.
func runGuarded(p *vm.Program) string {
	machines := []*vm.GuardedMachine{
		vm.NewGuardedMachine(p, 0xaa, vm.WithoutNative()),
		vm.NewGuardedMachine(p, 0x55, vm.WithoutNative()),
		vm.NewGuardedMachine(p, 0x33, vm.WithNativeAhead()),
	}
	for round := range 2 {
		var first error
		for k, m := range machines {
			err := m.Step()
			if err != nil && strings.Contains(err.Error(), "internal error") {
				return err.Error()
			}
			if !m.Intact() {
				return "a write outside of the arena"
			}
			if k == 0 {
				first = err
			} else if (err == nil) != (first == nil) {
				return "runs end differently: " + errorText(first) + " and " + errorText(err)
			}
		}
		if first != nil {
			return ""
		}
		for i := range p.Outputs() {
			for k, m := range machines[1:] {
				if !bytes.Equal(m.Output(i), machines[0].Output(i)) {
					return "output " + string(rune('0'+i)) + " depends on what the memory held or on the executor: machine " +
						string(rune('1'+k)) + ", round " + string(rune('0'+round))
				}
			}
		}
	}
	return ""
}

func errorText(err error) string {
	if err == nil {
		return "without error"
	}
	return err.Error()
}

func TestDecodeErrors(t *testing.T) {
	data := encode(t, programs()[0].Program)
	for n := range data {
		if _, err := vm.Decode(data[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes decode", n, len(data))
		}
		if n >= 9 {
			if _, err := vm.Decode(vm.Sealed(bytes.Clone(data[:n]))); err == nil {
				t.Fatalf("the first %d of %d bytes decode with a checksum", n, len(data))
			}
		}
	}
	broken := bytes.Clone(data)
	broken[len(broken)/2] ^= 1
	if _, err := vm.Decode(broken); !errors.Is(err, vm.ErrChecksum) {
		t.Errorf("a flipped bit gives %v", err)
	}
	edit := func(from, to string) []byte {
		if !bytes.Contains(data, []byte(from)) {
			t.Fatalf("no %q in the data", from)
		}
		return vm.Sealed(bytes.Replace(bytes.Clone(data), []byte(from), []byte(to), 1))
	}
	for _, c := range []struct {
		data []byte
		want string
	}{
		{nil, "not a program"},
		{[]byte("adjoint program 1\n"), "not a program"},
		{edit("ADJP\x03", "ADJP\x04"), "format version 4 is not known"},
		{edit("float64", "float46"), `does not know the dtype "float46"`},
		{edit("\x03mul", "\x03mlu"), `does not know the micro-operation "mlu"`},
		{edit("LOOP", "LOOK"), `does not know the opcode "LOOK"`},
		{vm.Sealed(append(bytes.Clone(data), 0)), "behind the last section"},
	} {
		if _, err := vm.Decode(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
}

// TestDecodeTrustsNoCount checks that sizes which data states do not become allocations.
func TestDecodeTrustsNoCount(t *testing.T) {
	valid := encode(t, programs()[0].Program)
	var before, after runtime.MemStats
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		data := bytes.Clone(valid)
		// A number of ten bytes somewhere: 2⁶³ or so.
		at := 5 + r.IntN(len(data)-20)
		copy(data[at:], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"[r.IntN(9):])
		data = vm.Sealed(data)
		runtime.ReadMemStats(&before)
		vm.Decode(data)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20+uint64(200*len(data)) {
			t.Fatalf("decoding %d bytes allocates %d", len(data), got)
		}
	}
}

// TestDecodeMutations decodes programs with random changes; what decodes must run within its memory.
func TestDecodeMutations(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	ran := 0
	for round := range 3 {
		for _, p := range programs() {
			data := encode(t, p.Program)
			for range 1 + r.IntN(3) {
				switch at := 5 + r.IntN(len(data)-9); r.IntN(3) {
				case 0:
					data[at] ^= 1 << r.IntN(8)
				case 1:
					data[at] = byte(r.IntN(256))
				case 2:
					data[at] += byte(r.IntN(3)) - 1
				}
			}
			q, err := vm.Decode(vm.Sealed(data))
			if err != nil || !runnable(q) {
				continue
			}
			ran++
			if d := runGuarded(q); d != "" {
				t.Errorf("round %d: %s mutated: %s\n%v", round, p.name, d, q)
			}
		}
	}
	t.Logf("%d mutated programs ran", ran)
	if ran < 50 {
		t.Errorf("only %d mutated programs ran", ran)
	}
}

// runnable reports whether a program is small enough to be run by a fuzz test.
func runnable(program *vm.Program) bool {
	p := program.Code()
	const maxMemory, maxWork, maxKernelOperand = 1 << 20, 1 << 22, 1 << 12
	total := p.ArenaBytes
	for i := range p.Inputs {
		if p.Inputs[i].Space != 0 {
			if p.Inputs[i].Size() > maxMemory/8 {
				return false
			}
			total += int64(8 * p.Inputs[i].Size())
		}
	}
	work := 0
	if program.Work() > maxWork || program.MemoryBytes(vm.WithoutNative(), vm.WithThreads(1)) > 8*maxMemory {
		return false
	}
	instrs := slices.Clone(p.Instrs)
	for k := range p.Blocks {
		instrs = append(instrs, p.Blocks[k].Instrs...)
	}
	for i := range instrs {
		in := &instrs[i]
		switch in.Op {
		case vm.OpStraight:
			work += len(in.Straight.Code)
		case vm.OpLoop:
			n := 1 + len(in.Loop.Code)
			if in.Loop.Reduce != micro.NoReduce {
				n++
			}
			for _, d := range in.Loop.Dims {
				if n *= d; n > maxWork {
					return false
				}
			}
			work += n
			total += int64(len(in.Loop.In)+len(in.Loop.Consts)+in.Loop.Temps) * 4096
		case vm.OpKernel, vm.OpEpilogue:
			for _, list := range [][]vm.Operand{in.In, in.Out} {
				for _, o := range list {
					if o.Size() > maxKernelOperand {
						return false
					}
				}
			}
			work += 1 << 16
		}
	}
	return total <= maxMemory && work <= maxWork
}

func FuzzDecode(f *testing.F) {
	for _, p := range programs() {
		f.Add(encode(f, p.Program))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		q, err := vm.Decode(data)
		if errors.Is(err, vm.ErrChecksum) {
			q, err = vm.Decode(vm.Sealed(bytes.Clone(data)))
		}
		if err != nil {
			if strings.Contains(err.Error(), "internal error") {
				t.Fatal(err)
			}
			return
		}
		if d := difference(q, must(vm.Decode(encode(t, q)))); d != "" {
			t.Fatal(d)
		}
		if runnable(q) {
			if d := runGuarded(q); d != "" {
				t.Fatalf("%s\n%v", d, q)
			}
		}
	})
}

func must(p *vm.Program, err error) *vm.Program {
	if err != nil {
		panic(err)
	}
	return p
}

// TestDecodeVersion1 reads a file that was written before there were blocks.
func TestDecodeVersion1(t *testing.T) {
	data, err := os.ReadFile("testdata/version1.adjp")
	if err != nil {
		t.Fatal(err)
	}
	p, err := vm.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	want := textSample().Code()
	want.Blocks, want.Instrs, want.ArenaBytes = nil, want.Instrs[:3], 192
	want.Outputs = append(want.Outputs[:1:1], want.Outputs[2])
	if d := difference(must(vm.NewProgram(want)), p); d != "" {
		t.Error(d)
	}
	// A file of that version has no section of blocks.
	file := encode(t, p)
	file[len("ADJP")] = 1
	if _, err := vm.Decode(vm.Sealed(file)); err == nil {
		t.Error("sections of version 2 in a file of version 1")
	}
}
