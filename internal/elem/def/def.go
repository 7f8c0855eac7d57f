// Package def defines every transcendental micro operation once, as a straight-line
// graph over a small set of lane operations that portable Go, AVX2, AVX-512 and a
// run-time code generator carry out with the same bits.
//
// A value is one lane: 64 bits wide for float64 functions and 32 bits wide for
// float32 functions, read as a float or as an integer by the operation that
// consumes it, or a mask (true or false). Float operations follow IEEE 754 with
// round to nearest even and gradual underflow. The bits of a NaN result (sign and
// payload) are not defined; everything else is.
//
// A mask that is almost never true (huge arguments, subnormals, infinities) is
// marked rare. An executor may run Func.Fast as long as its guard is false and Func
// itself otherwise: both give the same bits.
package def

import (
	"fmt"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// Kind is a lane operation.
type Kind uint8

// The lane operations. F is a float operand, I an integer operand of the lane's
// width, M a mask, L any lane (float or integer). Comparisons of floats are false
// on NaN, except CmpNe.
const (
	Invalid Kind = iota

	Arg   // argument number Imm
	Const // the bits Imm

	// Floats.
	Add       // A + B
	Sub       // A − B
	Mul       // A · B
	Div       // A / B
	FMA       // A·B + C, rounded once
	FMS       // A·B − C, rounded once
	FNMA      // C − A·B, rounded once
	Sqrt      // √A
	Min       // A if A < B, else B (as MINPD A, B: B when either is NaN or both are zero)
	Max       // A if A > B, else B
	RoundEven // to a whole number, ties to even
	Floor
	Ceil
	Trunc
	// Scale is A·2^B rounded once. B is a whole number, |B| ≤ 2044 (float64) or 252
	// (float32); A is 0, infinite, NaN, or within 2^±200 (float64), 2^±20 (float32).
	// With a NaN in A, B may be anything. AVX-512 has VSCALEF; elsewhere, with
	// h = ⌊B/2⌋, it is (A·2^h)·2^(B−h), see ExpandScale.
	Scale

	// Bits.
	And    // A & B
	Or     // A | B
	Xor    // A ^ B
	AndNot // ^A & B (as ANDNPD)
	IAdd   // A + B, wrapping
	ISub   // A − B, wrapping
	IMul   // A · B, wrapping; lanes of 32 bits only
	MulU32 // product of the low 32 bits of A and B, unsigned; lanes of 64 bits only
	Shl    // A << Imm
	Shr    // A >> Imm, logical

	// Masks.
	CmpEq // A = B
	CmpNe // A ≠ B, true if either is NaN
	CmpLt // A < B
	CmpLe // A ≤ B
	Bit   // bit number Imm of A is set
	MaskAnd
	MaskOr
	MaskXor
	MaskNot

	Select // B where the mask A is true, else C
	Gather // Tables[Imm][A]; A is below the table's length in every lane

	kindCount
)

// KindCount is the number of lane operations, Invalid included.
const KindCount = int(kindCount)

// Ref is the number of a node within Func.Nodes.
type Ref int32

// None is the Ref that refers to nothing.
const None Ref = -1

// Node is one lane operation. Operands refer to earlier nodes.
type Node struct {
	Kind    Kind
	A, B, C Ref    // None where the operation has no such operand
	Imm     uint64 // see Kind
}

// Table is a constant table: the bits of its elements, in the lane's width.
type Table struct {
	Name string
	Data []uint64
}

// Func is the definition of a function of Args lanes.
type Func struct {
	Name    string      // the micro operation's name, or sincos
	Op      micro.Op    // Invalid for sincos
	Type    dtype.DType // Float64 or Float32: the lanes' width
	Args    int
	Nodes   []Node // in execution order: operands come first, no node is dead
	Results []Ref  // one, two for sincos (sine, cosine)
	Tables  []Table

	// Rare lists masks that are almost never true. Only the complete definition has it.
	Rare []Ref
	// Underflow lists masks of lanes whose result is 0 and would be so without them, after an operation that underflows, for
	// which processors of amd64 take ten times as long. Only the complete definition has it.
	Underflow []Ref
	// Guard, in the result of Fast, is the mask under which the fast form must not
	// be used; None if it may always be used.
	Guard Ref
}

// Info describes a lane operation.
type Info struct {
	Name  string
	Arity int
	Mask  bool // the result is a mask
	Float bool // the operands are floats
	Masks bool // all operands are masks
}

var infos = [kindCount]Info{
	Arg: {"arg", 0, false, false, false}, Const: {"const", 0, false, false, false},
	Add: {"add", 2, false, true, false}, Sub: {"sub", 2, false, true, false},
	Mul: {"mul", 2, false, true, false}, Div: {"div", 2, false, true, false},
	FMA: {"fma", 3, false, true, false}, FMS: {"fms", 3, false, true, false},
	FNMA: {"fnma", 3, false, true, false}, Sqrt: {"sqrt", 1, false, true, false},
	Min: {"min", 2, false, true, false}, Max: {"max", 2, false, true, false},
	RoundEven: {"round", 1, false, true, false}, Floor: {"floor", 1, false, true, false},
	Ceil: {"ceil", 1, false, true, false}, Trunc: {"trunc", 1, false, true, false},
	Scale: {"scale", 2, false, true, false},
	And:   {"and", 2, false, false, false}, Or: {"or", 2, false, false, false},
	Xor: {"xor", 2, false, false, false}, AndNot: {"andnot", 2, false, false, false},
	IAdd: {"iadd", 2, false, false, false}, ISub: {"isub", 2, false, false, false},
	IMul: {"imul", 2, false, false, false}, MulU32: {"mulu32", 2, false, false, false},
	Shl: {"shl", 1, false, false, false}, Shr: {"shr", 1, false, false, false},
	CmpEq: {"eq", 2, true, true, false}, CmpNe: {"ne", 2, true, true, false},
	CmpLt: {"lt", 2, true, true, false}, CmpLe: {"le", 2, true, true, false},
	Bit:     {"bit", 1, true, false, false},
	MaskAnd: {"mask_and", 2, true, false, true}, MaskOr: {"mask_or", 2, true, false, true},
	MaskXor: {"mask_xor", 2, true, false, true}, MaskNot: {"mask_not", 1, true, false, true},
	Select: {"select", 3, false, false, false}, Gather: {"gather", 1, false, false, false},
}

// Info returns the operation's description, the zero Info for an unknown one.
func (k Kind) Info() Info {
	if k >= kindCount {
		return Info{}
	}
	return infos[k]
}

// String returns the operation's name.
func (k Kind) String() string {
	if n := k.Info().Name; n != "" {
		return n
	}
	return "invalid"
}

// IsFloat reports whether the operation's result is a float.
func (k Kind) IsFloat() bool { return k >= Add && k <= Scale }

// Operands returns A, B and C as an array; only the first Info().Arity mean something.
func (n Node) Operands() [3]Ref { return [3]Ref{n.A, n.B, n.C} }

// Width returns the bits of a lane: 64 or 32.
func (f *Func) Width() int { return 8 * f.Type.Size() }

// Check reports the first violation of Func's rules: order, operand classes, bounds.
func (f *Func) Check() error {
	width := uint64(f.Width())
	mask := func(r Ref) bool { return f.Nodes[r].Kind.Info().Mask }
	for i, n := range f.Nodes {
		info := n.Kind.Info()
		if info.Name == "" {
			return fmt.Errorf("%s: node %d: kind %d", f.Name, i, n.Kind)
		}
		for k, r := range n.Operands() {
			if (k < info.Arity) != (r != None) || r >= Ref(i) || r < None {
				return fmt.Errorf("%s: node %d: operand %d is %d", f.Name, i, k, r)
			}
			if r != None && mask(r) != (info.Masks || n.Kind == Select && k == 0) {
				return fmt.Errorf("%s: node %d: operand %d: mask where a lane is wanted, or the reverse", f.Name, i, k)
			}
		}
		switch {
		case n.Kind == Arg && n.Imm >= uint64(f.Args),
			(n.Kind == Shl || n.Kind == Shr || n.Kind == Bit) && n.Imm >= width,
			n.Kind == Gather && n.Imm >= uint64(len(f.Tables)),
			n.Kind == Const && width == 32 && n.Imm>>32 != 0:
			return fmt.Errorf("%s: node %d: %s has immediate %#x", f.Name, i, n.Kind, n.Imm)
		}
	}
	for _, r := range f.Results {
		if r < 0 || int(r) >= len(f.Nodes) || mask(r) {
			return fmt.Errorf("%s: result %d", f.Name, r)
		}
	}
	return nil
}
