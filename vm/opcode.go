package vm

// Opcode is the kind of a machine instruction. The comments are the reference; docs/BYTECODE.md is generated from them.
type Opcode uint8

// The machine instructions.
const (
	// OpInvalid is no instruction.
	OpInvalid Opcode = iota
	// OpStraight runs straight-line micro-code once over scalar cells of the arena.
	OpStraight
	// OpLoop applies micro-code to every element of an iteration space, optionally ending in a reduction:
	// In and Out are the arrays in the order of the loop's accesses.
	OpLoop
	// OpKernel calls the whole-tensor kernel that Kernel names with the attributes Attrs.
	OpKernel
	// OpCall runs blocks of the program as Call says: a loop or a branch.
	OpCall
	opcodeCount
)

var opcodeNames = [opcodeCount]string{"INVALID", "STRAIGHT", "LOOP", "KERNEL", "CALL"}

// String returns the name in listings.
func (o Opcode) String() string {
	if o >= opcodeCount {
		return "INVALID"
	}
	return opcodeNames[o]
}
