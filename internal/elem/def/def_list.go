package def

import (
	"math/big"
	"sync"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

type recipe struct {
	args  int
	build func(*Builder) *Func
}

var recipes = map[micro.Op]recipe{}

func register(op micro.Op, args int, build func(*Builder) *Func) {
	if _, ok := recipes[op]; ok {
		panic("BUG: micro operation " + op.String() + " defined twice")
	}
	recipes[op] = recipe{args, build}
}

type key struct {
	op micro.Op // Invalid: sincos
	t  dtype.DType
}

var (
	mu    sync.Mutex
	built = map[key]*Func{}
)

// Lookup returns the definition of op for Float64 or Float32, or nil if op has none
// (it is a machine operation, or a function without a vector form). The result is
// shared and must not be changed.
func Lookup(op micro.Op, t dtype.DType) *Func {
	if _, ok := recipes[op]; !ok || !t.IsFloat() {
		return nil
	}
	return cached(key{op, t})
}

// SinCos returns the function with the two results sine and cosine of its argument,
// with the bits of the separate definitions.
func SinCos(t dtype.DType) *Func { return cached(key{micro.Invalid, t}) }

func cached(k key) *Func {
	mu.Lock()
	defer mu.Unlock()
	if f := built[k]; f != nil {
		return f
	}
	var f *Func
	if k.op == micro.Invalid {
		f = buildSinCos(NewBuilder("sincos", micro.Invalid, k.t, 1), true, true)
	} else {
		r := recipes[k.op]
		f = r.build(NewBuilder(k.op.String(), k.op, k.t, r.args))
	}
	built[k] = f
	return f
}

// Ops returns the micro operations that have a definition, in ascending order.
func Ops() []micro.Op {
	var ops []micro.Op
	for op := micro.Op(1); int(op) < micro.Count; op++ {
		if _, ok := recipes[op]; ok {
			ops = append(ops, op)
		}
	}
	return ops
}

// bigPi returns π by Machin's formula 16·atan(1/5) − 4·atan(1/239).
func bigPi(prec uint) *big.Float {
	atanInv := func(n int64) *big.Float {
		one := new(big.Int).Lsh(big.NewInt(1), prec+32)
		term := new(big.Int).Quo(one, big.NewInt(n))
		sum := new(big.Int).Set(term)
		square := big.NewInt(n * n)
		for k := int64(3); term.Sign() != 0; k += 2 {
			term.Quo(term, square)
			part := new(big.Int).Quo(term, big.NewInt(k))
			if k%4 == 3 {
				sum.Sub(sum, part)
			} else {
				sum.Add(sum, part)
			}
		}
		f := new(big.Float).SetPrec(prec + 32).SetInt(sum)
		return f.SetMantExp(f, -int(prec+32))
	}
	a := atanInv(5)
	a.Mul(a, big.NewFloat(16))
	c := atanInv(239)
	c.Mul(c, big.NewFloat(4))
	return new(big.Float).SetPrec(prec).Sub(a, c)
}
