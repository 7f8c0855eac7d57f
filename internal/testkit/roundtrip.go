package testkit

import (
	"bytes"
	"fmt"

	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/vm"
)

// TextRoundTrip prints the outputs, reads the text back and prints that: the texts must be the same, byte for byte.
func TextRoundTrip(_ *graph.Graph, outputs []*graph.Node) error {
	var first, second bytes.Buffer
	if err := graph.Format(&first, outputs...); err != nil {
		return err
	}
	_, again, err := graph.Parse(first.Bytes(), "roundtrip.cg")
	if err != nil {
		return fmt.Errorf("reading back: %w", err)
	}
	if len(again) != len(outputs) {
		return fmt.Errorf("%d outputs read back of %d", len(again), len(outputs))
	}
	for i, o := range outputs {
		if !o.Type().Equal(again[i].Type()) {
			return fmt.Errorf("output %d is %v, read back %v", i, o.Type(), again[i].Type())
		}
	}
	if err := graph.Format(&second, again...); err != nil {
		return err
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		return fmt.Errorf("the text read back prints as\n%s, not as\n%s", second.Bytes(), first.Bytes())
	}
	return nil
}

// BinaryRoundTrip encodes the program, decodes it and encodes that: bytes and listings must be the same.
func BinaryRoundTrip(p *vm.Program) error {
	data, err := p.MarshalBinary()
	if err != nil {
		return err
	}
	q, err := vm.Decode(data)
	if err != nil {
		return fmt.Errorf("decoding: %w", err)
	}
	again, err := q.MarshalBinary()
	if err != nil {
		return err
	}
	if !bytes.Equal(again, data) {
		return fmt.Errorf("the program read back encodes to other bytes")
	}
	if p.String() != q.String() {
		return fmt.Errorf("the program read back is\n%v, not\n%v", q, p)
	}
	return nil
}
