package vm_test

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/vm"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestTextRoundTrip(t *testing.T) {
	list := programs()
	list = append(list, namedProgram{"golden", textSample()})
	for _, p := range list {
		for _, q := range []*vm.Program{p.Program, p.WithoutDebug()} {
			text := q.Text()
			back, err := vm.ParseText(text)
			if err != nil {
				t.Errorf("%s: %v\n%.3000s", p.name, err, text)
				continue
			}
			if d := difference(q, back); d != "" {
				t.Errorf("%s: %s", p.name, d)
			}
			if again := back.Text(); again != text {
				t.Errorf("%s: text, parsed and as text again differs:\n%.3000s\n%.3000s", p.name, text, again)
			}
		}
	}
}

// textSample returns a program with everything that the text form has.
func textSample() *vm.Program {
	p := reduced()
	l := p.Instrs[0].Loop
	l.Consts = append(l.Consts, micro.Const{Type: dtype.Float64, Bits: 0xfff8000000000000}, micro.Const{Type: dtype.Bool, Bits: 1},
		micro.Const{Type: dtype.Float32, Bits: uint64(math.Float32bits(0.1))})
	for i := range l.Code {
		l.Code[i].Dst = 5
	}
	l.Code[1].A, l.OutRegs[0] = 5, 5
	p.Inputs = append(p.Inputs, vm.Slot{Name: "w\n#\"", Type: typed(dtype.Int32, 2, 2), Ref: vm.Ref{Space: 2}, Used: true},
		vm.Slot{Name: "none", Type: typed(dtype.Bool), Ref: vm.Ref{Offset: 56}})
	p.Const, p.ConstOffset = []byte{0, 0, 0, 0, 0, 0, 4, 64}, 48
	p.Instrs = append(p.Instrs,
		vm.Instr{Op: vm.OpKernel, Kernel: "transpose", Attrs: attr.Make(attr.L("perm", []int{1, 0})), Nodes: []int32{1},
			In: []vm.Operand{{Type: typed(dtype.Int32, 2, 2), Ref: vm.Ref{Space: 2}}}, Out: []vm.Operand{operand(typed(dtype.Int32, 2, 2), 128)}},
		vm.Instr{Op: vm.OpStraight, Nodes: []int32{0, -1}, Straight: &micro.Straight{TempLo: 40, TempHi: 42, Code: []micro.Instr{
			{Op: micro.Cast, Type: dtype.Float64, To: dtype.Float32, Dst: 40, A: 12}, mov(dtype.Float32, 36, 40)}}})
	p.Instrs[0].Nodes = []int32{0, 1, -1}
	p.Blocks = sampleBlocks()
	p.Outputs = append(p.Outputs, slot("calls", f64(), 152))
	for _, call := range []*vm.Call{
		{Frame: 192, Scan: &vm.Scan{Body: 1, Length: 6, Carries: 1, Captured: 1, Reverse: true}},
		{Frame: 192, While: &vm.While{Cond: 0, Body: 1, Limit: 6, Captured: 1, Carries: 1}},
		{Frame: 192, Cond: &vm.Cond{Blocks: []int{2, 2}}},
	} {
		in := vm.Instr{Op: vm.OpCall, Call: call, In: []vm.Operand{operand(f64(), 48), operand(f64(), 0)}, Out: []vm.Operand{operand(f64(), 152)}, Nodes: []int32{1}}
		switch {
		case call.Scan != nil:
			in.In = append(in.In, operand(f64(6), 0))
		case call.While != nil:
			in.Out = append(in.Out, operand(typed(dtype.Int64), 160))
			in.In = []vm.Operand{operand(f64(), 48), operand(f64(), 152)}
			in.Out[0].Offset = 168
			in.Call.While.Body = 3
		default:
			in.In = []vm.Operand{operand(typed(dtype.Bool), 176), operand(f64(), 168)}
			p.Instrs = append(p.Instrs, vm.Instr{Op: vm.OpStraight, Straight: &micro.Straight{Code: []micro.Instr{{Op: micro.Eq, Type: dtype.Float64, Dst: 44, A: 12, B: 42}}}})
		}
		p.Instrs = append(p.Instrs, in)
	}
	p.ArenaBytes = 192 + 128
	p.Outputs = append(p.Outputs, slot("", typed(dtype.Float32), 144))
	p.Debug = vm.Debug{Strings: []string{"", "cast", "a \"file\".go", "name"},
		Nodes: []vm.NodeInfo{{ID: 7, Op: 1, File: 2, Line: 12}, {ID: 9, Op: 1, Name: 3}}}
	return must(vm.NewProgram(p))
}

// sampleBlocks returns a condition and three bodies: of a scan, of a branch, and of a While.
func sampleBlocks() []vm.Block {
	d := dtype.Float64
	body := vm.Block{Inputs: []vm.Slot{slot("k", f64(), 0), slot("c", f64(), 8), slot("x", f64(), 16)}, Outputs: []vm.Slot{slot("next", f64(), 24)}, ArenaBytes: 40,
		Instrs: []vm.Instr{straight(32, 40, op2(micro.Mul, d, 8, 0, 2), op2(micro.Add, d, 6, 8, 4))}}
	body.Instrs[0].Nodes = []int32{1, 0}
	branch := vm.Block{Inputs: []vm.Slot{slot("", f64(), 0)}, Outputs: []vm.Slot{slot("", f64(), 8)}, Const: []byte{0, 0, 0, 0, 0, 0, 4, 64}, ConstOffset: 8, ArenaBytes: 16}
	branch.Inputs[0].Used = false
	again := vm.Block{Inputs: []vm.Slot{slot("k", f64(), 0), slot("c", f64(), 8)}, Outputs: []vm.Slot{slot("next", f64(), 16)}, ArenaBytes: 24,
		Instrs: []vm.Instr{straight(0, 0, op2(micro.Add, d, 4, 0, 2))}}
	cond := vm.Block{Inputs: []vm.Slot{slot("k", f64(), 0), slot("c", f64(), 8)}, Outputs: []vm.Slot{slot("", typed(dtype.Bool), 16)}, ArenaBytes: 24,
		Instrs: []vm.Instr{straight(0, 0, op2(micro.Lt, d, 4, 2, 0))}}
	return []vm.Block{cond, body, branch, again}
}

func TestTextGolden(t *testing.T) {
	for name, text := range map[string]string{"sample.text": textSample().Text(), "sample.listing": textSample().String()} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if text != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, text, want)
		}
	}
}

func TestParseTextErrors(t *testing.T) {
	valid := textSample().Text()
	edit := func(from, to string) string {
		if !strings.Contains(valid, from) {
			t.Fatalf("no %q in\n%s", from, valid)
		}
		return strings.Replace(valid, from, to, 1)
	}
	for _, c := range []struct{ text, want string }{
		{"", "the text is empty"},
		{"adjoint program 1\nblock 0\n", "the last block has no end"},
		{"adjoint program 2\nend\n", "there is nothing to end"},
		{"adjoint program 2\nblock 1\n", "block 1 comes where 0 is due"},
		{"adjoint program 2\nblock 0\nblock 1\n", "a block within a block"},
		{edit("scan 1 length", "scan 1 lenght"), "expected length"},
		{edit("while 0 do 3", "while 0 do"), "expected a number"},
		{edit("cond 2 2 frame", "cond 2 2"), "expected frame"},
		{edit("cond 2 2 frame", "cond 2 7 frame"), "calls block 7"},
		{edit("length 6", "length 99999999999999999999"), "is above"},
		{"arena 5\n", "line 1, column 1: not the text form of a program"},
		{"adjoint program 4\n", "version 4 of the format is not known, only 1 to 3"},
		{edit("arena 24", "arena x"), "line 3, column 9: expected the size"},
		{edit("arena 320", "arena 99999999999999999999999"), "the size is above"},
		{edit("arena 320", "arena 320 1"), "column 11: expected the end of the line"},
		{edit("data 00", "data 0"), "not hexadecimal"},
		{edit("f64[6] @0", "f64[6]"), `expected "in", found the end of the line`},
		{edit("f64[6] @0", "f64[6] in9+0"), `input "x" lies in a space that is not its own`},
		{edit("f64[6] @0", "f65[6] @0"), `no dtype is named "f65"`},
		{edit("mul.f64", "mlu.f64"), `no micro-operation is named "mlu"`},
		{edit("r5 = mul", "r99 = mul"), "writes register 99"},
		{edit("r5 = mul", "c5 = mul"), `expected r with a number, found "c5"`},
		{edit("r5 = mul", "r05 = mul"), `expected r with a number`},
		{edit("r1 = const", "r7 = const"), "constants take the registers behind the inputs"},
		{edit("r0 = load", "r1 = load"), "inputs are loaded into r0"},
		{edit("sum 1", "summ 1"), `no reduction is named "summ"`},
		{edit("c40 ; -1\nend\n", "c40 ; -1\n"), `expected c with a number, found "scan"`},
		{edit("  end\nend\nblock 1", "  end\nblock 1"), "a block within a block"},
		{valid + "loop [1]\n", "the last instruction has no end"},
		{valid + "frob\n", `no statement is named "frob"`},
		{edit("\"transpose\"", "\"transpos\""), "unknown kernel"},
		{edit("perm=[1 0]", "perm=[1 1]"), "transpose:"},
		{edit("string 1", "string 2"), "string 2 comes where 1 is due"},
		{edit("node 1", "node 0"), "node 0 comes where 1 is due"},
		{edit("; -1", "; 99"), "debug node 99 of 2"},
		{edit("; -1", "; 99999999999"), "out of range"},
	} {
		if p, err := vm.ParseText(c.text); err == nil || !strings.Contains(err.Error(), c.want) || p != nil {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func FuzzParseText(f *testing.F) {
	f.Add(textSample().Text())
	for i, p := range programs() {
		if i%4 == 0 {
			f.Add(p.Text())
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := vm.ParseText(text)
		if err != nil {
			if strings.Contains(err.Error(), "internal error") {
				t.Fatal(err)
			}
			return
		}
		q, err := vm.ParseText(p.Text())
		if err != nil {
			t.Fatal(err)
		}
		if d := difference(p, q); d != "" {
			t.Fatal(d)
		}
	})
}
