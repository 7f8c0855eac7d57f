package def

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// Builder makes a Func. Equal nodes are made once.
type Builder struct {
	f    Func
	seen map[Node]Ref
}

// NewBuilder starts the definition of op for Float64 or Float32 lanes.
func NewBuilder(name string, op micro.Op, t dtype.DType, args int) *Builder {
	return &Builder{f: Func{Name: name, Op: op, Type: t, Args: args, Guard: None}, seen: map[Node]Ref{}}
}

func (b *Builder) wide() bool { return b.f.Type == dtype.Float64 }

func (b *Builder) node(k Kind, imm uint64, operands ...Ref) Ref {
	n := Node{Kind: k, A: None, B: None, C: None, Imm: imm}
	for i, r := range operands {
		switch i {
		case 0:
			n.A = r
		case 1:
			n.B = r
		case 2:
			n.C = r
		}
	}
	if r, ok := b.seen[n]; ok {
		return r
	}
	if u, ok := b.fold(n); ok {
		return b.node(Const, u)
	}
	r := Ref(len(b.f.Nodes))
	b.f.Nodes = append(b.f.Nodes, n)
	b.seen[n] = r
	return r
}

// fold evaluates an operation on constants.
func (b *Builder) fold(n Node) (uint64, bool) {
	info := n.Kind.Info()
	if info.Arity == 0 || info.Mask || n.Kind == Gather || n.Kind == Select {
		return 0, false
	}
	var v [3]uint64
	for k, r := range n.Operands() {
		if r == None {
			continue
		}
		if b.f.Nodes[r].Kind != Const {
			return 0, false
		}
		v[k] = b.f.Nodes[r].Imm
	}
	if b.wide() {
		return eval64(n.Kind, n.Imm, v[0], v[1], v[2]), true
	}
	return eval32(n.Kind, n.Imm, v[0], v[1], v[2]), true
}

// Arg returns argument i.
func (b *Builder) Arg(i int) Ref { return b.node(Arg, uint64(i)) }

// Bits returns the constant lane with the given bits, cut to the lane's width.
func (b *Builder) Bits(u uint64) Ref {
	if !b.wide() {
		u &= 0xffffffff
	}
	return b.node(Const, u)
}

// K returns the constant v, rounded to the lane's format.
func (b *Builder) K(v float64) Ref {
	if b.wide() {
		return b.Bits(math.Float64bits(v))
	}
	return b.Bits(uint64(math.Float32bits(float32(v))))
}

// K2 returns the constant w for float64 lanes and n for float32 lanes.
func (b *Builder) K2(w float64, n float32) Ref {
	if b.wide() {
		return b.K(w)
	}
	return b.K(float64(n))
}

// Float and bit operations, as Kind defines them.

func (b *Builder) Add(x, y Ref) Ref            { return b.node(Add, 0, x, y) }
func (b *Builder) Sub(x, y Ref) Ref            { return b.node(Sub, 0, x, y) }
func (b *Builder) Mul(x, y Ref) Ref            { return b.node(Mul, 0, x, y) }
func (b *Builder) Div(x, y Ref) Ref            { return b.node(Div, 0, x, y) }
func (b *Builder) FMA(x, y, z Ref) Ref         { return b.node(FMA, 0, x, y, z) }
func (b *Builder) FMS(x, y, z Ref) Ref         { return b.node(FMS, 0, x, y, z) }
func (b *Builder) FNMA(x, y, z Ref) Ref        { return b.node(FNMA, 0, x, y, z) }
func (b *Builder) Sqrt(x Ref) Ref              { return b.node(Sqrt, 0, x) }
func (b *Builder) Min(x, y Ref) Ref            { return b.node(Min, 0, x, y) }
func (b *Builder) Max(x, y Ref) Ref            { return b.node(Max, 0, x, y) }
func (b *Builder) RoundEven(x Ref) Ref         { return b.node(RoundEven, 0, x) }
func (b *Builder) Floor(x Ref) Ref             { return b.node(Floor, 0, x) }
func (b *Builder) Ceil(x Ref) Ref              { return b.node(Ceil, 0, x) }
func (b *Builder) Trunc(x Ref) Ref             { return b.node(Trunc, 0, x) }
func (b *Builder) Scale(x, k Ref) Ref          { return b.node(Scale, 0, x, k) }
func (b *Builder) And(x, y Ref) Ref            { return b.node(And, 0, x, y) }
func (b *Builder) Or(x, y Ref) Ref             { return b.node(Or, 0, x, y) }
func (b *Builder) Xor(x, y Ref) Ref            { return b.node(Xor, 0, x, y) }
func (b *Builder) AndNot(x, y Ref) Ref         { return b.node(AndNot, 0, x, y) }
func (b *Builder) IAdd(x, y Ref) Ref           { return b.node(IAdd, 0, x, y) }
func (b *Builder) ISub(x, y Ref) Ref           { return b.node(ISub, 0, x, y) }
func (b *Builder) IMul(x, y Ref) Ref           { return b.node(IMul, 0, x, y) }
func (b *Builder) MulU32(x, y Ref) Ref         { return b.node(MulU32, 0, x, y) }
func (b *Builder) Shl(x Ref, n int) Ref        { return b.node(Shl, uint64(n), x) }
func (b *Builder) Shr(x Ref, n int) Ref        { return b.node(Shr, uint64(n), x) }
func (b *Builder) Eq(x, y Ref) Ref             { return b.node(CmpEq, 0, x, y) }
func (b *Builder) Ne(x, y Ref) Ref             { return b.node(CmpNe, 0, x, y) }
func (b *Builder) Lt(x, y Ref) Ref             { return b.node(CmpLt, 0, x, y) }
func (b *Builder) Le(x, y Ref) Ref             { return b.node(CmpLe, 0, x, y) }
func (b *Builder) Bit(x Ref, n int) Ref        { return b.node(Bit, uint64(n), x) }
func (b *Builder) MaskAnd(x, y Ref) Ref        { return b.node(MaskAnd, 0, x, y) }
func (b *Builder) MaskOr(x, y Ref) Ref         { return b.node(MaskOr, 0, x, y) }
func (b *Builder) MaskXor(x, y Ref) Ref        { return b.node(MaskXor, 0, x, y) }
func (b *Builder) MaskNot(x Ref) Ref           { return b.node(MaskNot, 0, x) }
func (b *Builder) Select(m, x, y Ref) Ref      { return b.node(Select, 0, m, x, y) }
func (b *Builder) Gather(table int, i Ref) Ref { return b.node(Gather, uint64(table), i) }

// Table adds a constant table and returns its number.
func (b *Builder) Table(name string, data []uint64) int {
	b.f.Tables = append(b.f.Tables, Table{name, data})
	return len(b.f.Tables) - 1
}

// Rare marks a mask as almost never true and returns it.
func (b *Builder) Rare(m Ref) Ref {
	b.f.Rare = append(b.f.Rare, m)
	return m
}

// Underflow marks a mask as one that only saves time and returns it.
func (b *Builder) Underflow(m Ref) Ref {
	b.f.Underflow = append(b.f.Underflow, m)
	return m
}

// Sign bit helpers.

func (b *Builder) signMask() Ref {
	if b.wide() {
		return b.Bits(1 << 63)
	}
	return b.Bits(1 << 31)
}

// Abs clears the sign bit.
func (b *Builder) Abs(x Ref) Ref { return b.AndNot(b.signMask(), x) }

// Neg flips the sign bit.
func (b *Builder) Neg(x Ref) Ref { return b.Xor(x, b.signMask()) }

// SignOf returns the sign bit of x, all other bits zero.
func (b *Builder) SignOf(x Ref) Ref { return b.And(x, b.signMask()) }

// BitsOf returns the bits of v, rounded to the lane's format.
func (b *Builder) BitsOf(v float64) uint64 { return b.f.Nodes[b.K(v)].Imm }

// Within is the mask of lanes whose bits lie from lo to hi, those of positive floats of which hi − lo is less than the bits of the infinity without those of the
// least normal number. It takes one comparison of floats: from hi on, moved to −Inf, there are only NaN.
func (b *Builder) Within(x Ref, lo, hi uint64) Ref {
	offset := b.BitsOf(math.Inf(-1)) - hi
	return b.Le(b.IAdd(x, b.Bits(offset)), b.Bits(offset+lo))
}

// IsNaN is the mask of NaN lanes.
func (b *Builder) IsNaN(x Ref) Ref { return b.Ne(x, x) }

// Inf returns +∞.
func (b *Builder) Inf() Ref { return b.K(math.Inf(1)) }

// NaN returns a quiet NaN.
func (b *Builder) NaN() Ref {
	if b.wide() {
		return b.Bits(0x7ff8000000000000)
	}
	return b.Bits(0x7fc00000)
}

// Horner evaluates c[0] + c[1]·x + … by one chain.
func (b *Builder) Horner(x Ref, c []Ref) Ref {
	r := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		r = b.FMA(r, x, c[i])
	}
	return r
}

// Poly evaluates c[0] + c[1]·x + … : one chain when short, else the even and the odd
// powers apart, which halves the latency for one more multiplication.
func (b *Builder) Poly(x Ref, c []Ref) Ref {
	if len(c) <= 5 {
		return b.Horner(x, c)
	}
	var even, odd []Ref
	for i, r := range c {
		if i%2 == 0 {
			even = append(even, r)
		} else {
			odd = append(odd, r)
		}
	}
	z := b.Mul(x, x)
	return b.FMA(b.Horner(z, odd), x, b.Horner(z, even))
}

// Estrin evaluates c[0] + c[1]·x + … by pairs, pairs of pairs and so on down to three: the shortest latency, for one more multiplication at each level.
func (b *Builder) Estrin(x Ref, c []Ref) Ref {
	for len(c) > 3 {
		var pairs []Ref
		for i := 0; i+1 < len(c); i += 2 {
			pairs = append(pairs, b.FMA(c[i+1], x, c[i]))
		}
		if len(c)%2 == 1 {
			pairs = append(pairs, c[len(c)-1])
		}
		x, c = b.Mul(x, x), pairs
	}
	return b.Horner(x, c)
}

// Coefficients returns the constants of the table for the lane's format.
func (b *Builder) Coefficients(wide []float64, narrow []float32) []Ref {
	var c []Ref
	if b.wide() {
		for _, v := range wide {
			c = append(c, b.K(v))
		}
		return c
	}
	for _, v := range narrow {
		c = append(c, b.K(float64(v)))
	}
	return c
}

// Finish returns the function with the given results, without dead nodes.
func (b *Builder) Finish(results ...Ref) *Func {
	f := b.f
	f.Results = results
	f.prune()
	if err := f.Check(); err != nil {
		panic("BUG: " + err.Error())
	}
	return &f
}

// prune removes the nodes that no result (and no guard) needs, and marks of masks that died.
func (f *Func) prune() {
	live := make([]bool, len(f.Nodes))
	for _, r := range f.Results {
		live[r] = true
	}
	if f.Guard != None {
		live[f.Guard] = true
	}
	for i := len(f.Nodes) - 1; i >= 0; i-- {
		if !live[i] {
			continue
		}
		for _, r := range f.Nodes[i].Operands() {
			if r != None {
				live[r] = true
			}
		}
	}
	to := make([]Ref, len(f.Nodes))
	var nodes []Node
	move := func(r Ref) Ref {
		if r == None {
			return None
		}
		return to[r]
	}
	for i, n := range f.Nodes {
		to[i] = None
		if live[i] {
			n.A, n.B, n.C = move(n.A), move(n.B), move(n.C)
			to[i] = Ref(len(nodes))
			nodes = append(nodes, n)
		}
	}
	f.Nodes = nodes
	results := make([]Ref, len(f.Results))
	for i, r := range f.Results {
		results[i] = to[r]
	}
	f.Results = results
	for _, masks := range []*[]Ref{&f.Rare, &f.Underflow} {
		var kept []Ref
		for _, r := range *masks {
			if to[r] != None {
				kept = append(kept, to[r])
			}
		}
		*masks = kept
	}
	f.Guard = move(f.Guard)
}
