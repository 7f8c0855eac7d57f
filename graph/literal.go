package graph

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

// Literal is the value of a constant: elements in row-major order, little-endian.
type Literal struct {
	typ  Type
	data []byte
	// number is set for constants that rules of derivatives make: equal ones of the user are other nodes, so that a further derivative by one of these is
	// not one by a 2 of a rule.
	number bool
}

// NewLiteral makes a literal from little-endian row-major bytes, which are not copied.
func NewLiteral(t Type, data []byte) (*Literal, error) {
	if !t.DType.Valid() {
		return nil, fmt.Errorf("a constant needs a dtype")
	}
	if err := t.Shape.check(); err != nil {
		return nil, err
	}
	if len(data) != t.Shape.Size()*t.DType.Size() {
		return nil, fmt.Errorf("a constant of type %v needs %d bytes, not %d", t, t.Shape.Size()*t.DType.Size(), len(data))
	}
	if t.DType == Bool {
		for _, b := range data {
			if b > 1 {
				return nil, fmt.Errorf("a bool constant holds the byte %d", b)
			}
		}
	}
	return &Literal{typ: t, data: data}, nil
}

// Type returns the literal's dtype and shape.
func (l *Literal) Type() Type {
	if l == nil {
		return Type{}
	}
	return l.typ
}

// Bytes returns the elements, row-major and little-endian. They are not to be modified.
func (l *Literal) Bytes() []byte {
	if l == nil {
		return nil
	}
	return l.data
}

// Bits returns element i's bits in the low bytes. It panics if i is out of range, as an index of a slice does.
func (l *Literal) Bits(i int) uint64 {
	data := l.Bytes()
	switch l.Type().DType.Size() {
	case 8:
		return binary.LittleEndian.Uint64(data[8*i:])
	case 4:
		return uint64(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return uint64(data[i])
}

// Float returns element i converted to float64; a bool is 0 or 1. It panics if i is out of range, as an index of a slice does.
func (l *Literal) Float(i int) float64 { return FloatOfBits(l.Type().DType, l.Bits(i)) }

// Uniform returns the first element if all elements have the same bits.
func (l *Literal) Uniform() (bits uint64, ok bool) {
	if l == nil || len(l.data) == 0 {
		return 0, false
	}
	s := l.typ.DType.Size()
	for i := s; i < len(l.data); i += s {
		if !bytes.Equal(l.data[:s], l.data[i:i+s]) {
			return 0, false
		}
	}
	return l.Bits(0), true
}

// FiniteNonzero reports whether every element is a finite number other than 0.
func (l *Literal) FiniteNonzero() bool {
	if l == nil || len(l.data) == 0 {
		return false
	}
	for i := range l.typ.Shape.Size() {
		if v := l.Float(i); v == 0 || v-v != 0 {
			return false
		}
	}
	return true
}

func (l *Literal) equal(m *Literal) bool {
	if l == nil || m == nil {
		return l == m
	}
	return l == m || l.number == m.number && l.typ.Equal(m.typ) && bytes.Equal(l.data, m.data)
}

// FloatOfBits returns the value with the given bits of a dtype as float64.
func FloatOfBits(d DType, bits uint64) float64 {
	switch d {
	case Float64:
		return math.Float64frombits(bits)
	case Float32:
		return float64(math.Float32frombits(uint32(bits)))
	case Int64:
		return float64(int64(bits))
	case Int32:
		return float64(int32(bits))
	}
	return float64(bits & 1)
}

// BitsOfFloat returns the bits of v converted to the dtype (rounded to nearest for Float32, truncated
// and saturated for integers, v ≠ 0 for Bool).
func BitsOfFloat(d DType, v float64) uint64 {
	switch d {
	case Float64:
		return math.Float64bits(v)
	case Float32:
		return uint64(math.Float32bits(float32(v)))
	case Int64:
		return uint64(dtype.FloatToInt64(v))
	case Int32:
		return uint64(uint32(dtype.FloatToInt32(v)))
	}
	if v != 0 {
		return 1
	}
	return 0
}

func appendBits(data []byte, d DType, bits uint64) []byte {
	switch d.Size() {
	case 8:
		return binary.LittleEndian.AppendUint64(data, bits)
	case 4:
		return binary.LittleEndian.AppendUint32(data, uint32(bits))
	}
	return append(data, byte(bits&1))
}

// Element is a Go type that constants are made from.
type Element interface {
	~float64 | ~float32 | ~int64 | ~int32 | ~int | ~bool
}

func elementBits[T Element](v T) (DType, uint64) {
	switch x := any(v).(type) {
	case float64:
		return Float64, math.Float64bits(x)
	case float32:
		return Float32, uint64(math.Float32bits(x))
	case int64:
		return Int64, uint64(x)
	case int:
		return Int64, uint64(x)
	case int32:
		return Int32, uint64(uint32(x))
	case bool:
		if x {
			return Bool, 1
		}
		return Bool, 0
	}
	return 0, 0
}

var opConst *Op

func init() {
	opConst = Register(&Op{
		Name: "const", Family: FamilySource, Builtin: true,
		Doc:          "A value that is part of the graph. Equal constants are shared (by bits: 0 and −0 differ).",
		NoDerivative: "a constant depends on nothing",
	})
}

var opInput *Op

func init() {
	opInput = Register(&Op{
		Name: "input", Family: FamilySource, Builtin: true,
		Doc:          "A value that each run supplies.",
		NoDerivative: "an input depends on nothing",
	})
}

// Constant adds a constant of the given shape with the elements in row-major order; no extents
// mean a scalar. The dtype follows from the Go type, int being Int64. It is an error if the number of elements is not the shape's.
func Constant[T Element](g *Graph, values []T, shape ...int) *Node {
	g = g.ready()
	s := append(Shape(nil), shape...)
	if err := s.check(); err != nil {
		return g.Fail("const", err)
	}
	if len(values) != s.Size() {
		return g.Fail("const", fmt.Errorf("%d values for the shape %v, which holds %d", len(values), s, s.Size()))
	}
	var zero T
	d, _ := elementBits(zero)
	if d == 0 {
		return g.Fail("const", fmt.Errorf("constants are made from float64, float32, int64, int32, int or bool"))
	}
	data := make([]byte, 0, len(values)*d.Size())
	for _, v := range values {
		_, bits := elementBits(v)
		data = appendBits(data, d, bits)
	}
	return g.Literal(&Literal{typ: Type{d, s}, data: data})
}

// Const adds a float64 scalar constant.
func (g *Graph) Const(v float64) *Node { return g.Scalar(Float64, v) }

// Scalar adds a scalar constant of the dtype; v is converted (see BitsOfFloat).
func (g *Graph) Scalar(d DType, v float64) *Node {
	g = g.ready()
	if !d.Valid() {
		return g.Fail("const", fmt.Errorf("a constant needs a dtype"))
	}
	bits := BitsOfFloat(d, v)
	slot := &g.scalars[(bits>>40^bits>>23^bits^uint64(d))%uint64(len(g.scalars))]
	if n := *slot; n == nil || n.typ.DType != d || n.extra.lit.Bits(0) != bits || n.extra.lit.number != g.deriving {
		*slot = g.Literal(&Literal{typ: Type{DType: d}, data: appendBits(nil, d, bits)})
	}
	return *slot
}

// Literal adds a constant with the given value, or returns the equal one that the graph has. In rules of derivatives it is a number of theirs (see IsNumber).
func (g *Graph) Literal(l *Literal) *Node {
	g = g.ready()
	if l == nil || l.data == nil && !l.typ.Shape.Empty() {
		return g.Fail("const", errors.New("the literal is nil or not made by NewLiteral"))
	}
	return g.literal(l.as(g.deriving))
}

// as returns the literal as a number of rules of derivatives, or as a constant of the user.
func (l *Literal) as(number bool) *Literal {
	if l.number == number {
		return l
	}
	return &Literal{typ: l.typ, data: l.data, number: number}
}

// literal is Literal that leaves the literal what it is.
func (g *Graph) literal(l *Literal) *Node {
	if n := g.find(opConst, nil, nil, l); n != nil {
		return n
	}
	n := g.newNode(g.kindOf(opConst, shareType(l.typ, nil)).with(extra{lit: l}), nil)
	if n.op != nil {
		g.remember(n)
	}
	return n
}

// Like returns a scalar constant with n's dtype, in n's graph.
func Like(n *Node, v float64) *Node {
	if !n.Valid() {
		return n
	}
	return n.g.Scalar(n.typ.DType, v)
}

// FullLike returns an array of n's type whose elements are all v (numpy.full_like).
func FullLike(n *Node, v float64) *Node {
	if !n.Valid() {
		return n
	}
	return BroadcastTo(Like(n, v), n.typ.Shape...)
}
