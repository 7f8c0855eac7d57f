package vm

import "testing"

// TestOperations checks that every opcode has a row, with names of its own.
func TestOperations(t *testing.T) {
	names, words := map[string]Opcode{}, map[string]Opcode{}
	for o := OpInvalid + 1; o < opcodeCount; o++ {
		op := o.known()
		if op == nil {
			t.Errorf("opcode %d has no row", o)
			continue
		}
		if other, ok := names[op.name()]; ok || op.name() == "" || op.name() == OpInvalid.String() {
			t.Errorf("opcodes %d and %d are named %q", other, o, op.name())
		}
		names[op.name()] = o
		for _, word := range op.keywords() {
			if other, ok := words[word]; ok {
				t.Errorf("lines of opcodes %d and %d begin with %q", other, o, word)
			}
			words[word] = o
		}
	}
	if len(names) < 4 || len(words) < 6 {
		t.Errorf("%d opcodes with %d words", len(names), len(words))
	}
	for _, o := range []Opcode{OpInvalid, opcodeCount, 255} {
		if o.known() != nil || o.String() != "INVALID" {
			t.Errorf("opcode %d is %v", o, o)
		}
	}
}
