// Package attr holds the attributes of operators and kernels: a short list of
// named, typed values, ordered by key, comparable and printable.
package attr

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Kind is the type of a Value. The zero Kind is no value.
type Kind uint8

// The kinds.
const (
	None Kind = iota
	Int
	Float
	Bool
	String
	Ints
	Floats
	Functions
)

// Function is a function of values as an attribute, such as the body of a loop. It does not change.
type Function interface {
	// Hash is the same for functions that say the same.
	Hash() [32]byte
}

// Value is one attribute's value; the field that Kind names is set, Bool uses Int.
type Value struct {
	Kind   Kind
	Int    int64
	Float  float64
	String string
	Ints   []int
	Floats []float64
	Funcs  []Function
}

// Named is a key with its value. Keys are lower-case identifiers.
type Named struct {
	Key   string
	Value Value
}

// List is a set of attributes sorted by key. Lists are not modified once made.
type List []Named

// Make returns the list of the given attributes, sorted. A key given twice is a bug.
func Make(items ...Named) List {
	l := slices.Clone(items)
	slices.SortFunc(l, func(a, b Named) int { return strings.Compare(a.Key, b.Key) })
	for i := 1; i < len(l); i++ {
		if l[i].Key == l[i-1].Key {
			panic("BUG: attribute " + l[i].Key + " given twice")
		}
	}
	return l
}

// I makes an integer attribute.
func I(key string, v int) Named { return Named{key, Value{Kind: Int, Int: int64(v)}} }

// F makes a float attribute.
func F(key string, v float64) Named { return Named{key, Value{Kind: Float, Float: v}} }

// B makes a boolean attribute.
func B(key string, v bool) Named {
	n := Named{key, Value{Kind: Bool}}
	if v {
		n.Value.Int = 1
	}
	return n
}

// S makes a string attribute.
func S(key, v string) Named { return Named{key, Value{Kind: String, String: v}} }

// L makes an integer-list attribute; v is copied.
func L(key string, v []int) Named {
	return Named{key, Value{Kind: Ints, Ints: append([]int{}, v...)}}
}

// Fs makes a float-list attribute; v is copied.
func Fs(key string, v []float64) Named {
	return Named{key, Value{Kind: Floats, Floats: append([]float64{}, v...)}}
}

// Fn makes an attribute that is a list of functions; v is copied.
func Fn(key string, v ...Function) Named {
	return Named{key, Value{Kind: Functions, Funcs: append([]Function{}, v...)}}
}

// Clone returns a copy that shares no memory with l, functions aside.
func (l List) Clone() List {
	c := slices.Clone(l)
	for i := range c {
		v := &c[i].Value
		v.Ints, v.Floats = slices.Clone(v.Ints), slices.Clone(v.Floats)
	}
	return c
}

// Get returns the value for key; its Kind is None if absent.
func (l List) Get(key string) Value {
	for i := range l {
		if l[i].Key == key {
			return l[i].Value
		}
	}
	return Value{}
}

// Has reports whether key is present.
func (l List) Has(key string) bool { return l.Get(key).Kind != None }

// Int returns the integer for key, or 0.
func (l List) Int(key string) int { return int(l.Get(key).Int) }

// Float returns the float for key, or 0.
func (l List) Float(key string) float64 { return l.Get(key).Float }

// Bool returns the boolean for key, or false.
func (l List) Bool(key string) bool { return l.Get(key).Int != 0 }

// Str returns the string for key, or "".
func (l List) Str(key string) string { return l.Get(key).String }

// Ints returns the integer list for key, or nil. It is not to be modified.
func (l List) Ints(key string) []int { return l.Get(key).Ints }

// Floats returns the float list for key, or nil. It is not to be modified.
func (l List) Floats(key string) []float64 { return l.Get(key).Floats }

// Functions returns the list of functions for key, or nil. It is not to be modified.
func (l List) Functions(key string) []Function { return l.Get(key).Funcs }

// Equal reports whether both lists hold the same keys and values; floats are compared by bits.
func (l List) Equal(m List) bool {
	return slices.EqualFunc(l, m, func(a, b Named) bool { return a.Key == b.Key && a.Value.equal(b.Value) })
}

func (v Value) equal(w Value) bool {
	return v.Kind == w.Kind && v.Int == w.Int && math.Float64bits(v.Float) == math.Float64bits(w.Float) &&
		v.String == w.String && slices.Equal(v.Ints, w.Ints) &&
		slices.EqualFunc(v.Floats, w.Floats, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }) &&
		slices.EqualFunc(v.Funcs, w.Funcs, func(a, b Function) bool { return a == b || a.Hash() == b.Hash() })
}

// String returns the list as key=value pairs separated by ", ".
func (l List) String() string {
	s := make([]string, len(l))
	for i, n := range l {
		s[i] = fmt.Sprintf("%s=%s", n.Key, n.Value.Text())
	}
	return strings.Join(s, ", ")
}
