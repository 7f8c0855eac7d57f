package elem

import (
	"sync"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

var (
	portableMu    sync.Mutex
	portableCache = map[blockKey]Block{}
)

// portableBlock returns the Go loop of an operation, nil if it is not defined.
func portableBlock(op micro.Op, t, to dtype.DType) Block {
	info := op.Info()
	if info.Name == "" || !t.Valid() {
		return nil
	}
	if t.IsFloat() && !info.Float || t.IsInt() && !info.Int || t == dtype.Bool && !info.Logic {
		return nil
	}
	portableMu.Lock()
	defer portableMu.Unlock()
	k := blockKey{op, t, to}
	if b, ok := portableCache[k]; ok {
		return b
	}
	b := makePortable(op, t, to)
	portableCache[k] = b
	return b
}

func makePortable(op micro.Op, t, to dtype.DType) Block {
	if op == micro.Cast {
		return castBlock(t, to)
	}
	switch t {
	case dtype.Bool:
		return logicBlock(op)
	case dtype.Int32:
		return intBlock[int32](op)
	case dtype.Int64:
		return intBlock[int64](op)
	case dtype.Float32:
		if b := floatBlock[float32](op); b != nil {
			return b
		}
		if f := Unary32(op); f != nil {
			return map1(f)
		}
		if f := Binary32(op); f != nil {
			return map2(f)
		}
		if f := Ternary32(op); f != nil {
			return map3(f)
		}
	case dtype.Float64:
		if b := floatBlock[float64](op); b != nil {
			return b
		}
		if f := Unary64(op); f != nil {
			return map1(f)
		}
		if f := Binary64(op); f != nil {
			return map2(f)
		}
		if f := Ternary64(op); f != nil {
			return map3(f)
		}
	}
	panic("BUG: no portable kernel for " + op.String() + " on " + t.String())
}

func slice[T any](p unsafe.Pointer, n int) []T { return unsafe.Slice((*T)(p), n) }

func map1[T, R any](f func(T) R) Block {
	return func(dst, a, _, _ unsafe.Pointer, n int) {
		d, x := slice[R](dst, n), slice[T](a, n)
		for i := range d {
			d[i] = f(x[i])
		}
	}
}

func map2[T, R any](f func(x, y T) R) Block {
	return func(dst, a, b, _ unsafe.Pointer, n int) {
		d, x, y := slice[R](dst, n), slice[T](a, n), slice[T](b, n)
		for i := range d {
			d[i] = f(x[i], y[i])
		}
	}
}

func map3[T any](f func(x, y, z T) T) Block {
	return func(dst, a, b, c unsafe.Pointer, n int) {
		d, x, y, z := slice[T](dst, n), slice[T](a, n), slice[T](b, n), slice[T](c, n)
		for i := range d {
			d[i] = f(x[i], y[i], z[i])
		}
	}
}

func movBlock[T any](dst, a, _, _ unsafe.Pointer, n int) { copy(slice[T](dst, n), slice[T](a, n)) }

func selectBlock[T any](dst, a, b, c unsafe.Pointer, n int) {
	d, m, x, y := slice[T](dst, n), slice[uint8](a, n), slice[T](b, n), slice[T](c, n)
	for i := range d {
		v := y[i]
		if m[i] != 0 {
			v = x[i]
		}
		d[i] = v
	}
}

func addBlock[T Number](dst, a, b, _ unsafe.Pointer, n int) {
	d, x, y := slice[T](dst, n), slice[T](a, n), slice[T](b, n)
	for i := range d {
		d[i] = x[i] + y[i]
	}
}

func subBlock[T Number](dst, a, b, _ unsafe.Pointer, n int) {
	d, x, y := slice[T](dst, n), slice[T](a, n), slice[T](b, n)
	for i := range d {
		d[i] = x[i] - y[i]
	}
}

func mulBlock[T Number](dst, a, b, _ unsafe.Pointer, n int) {
	d, x, y := slice[T](dst, n), slice[T](a, n), slice[T](b, n)
	for i := range d {
		d[i] = x[i] * y[i]
	}
}

func divBlock[T Float](dst, a, b, _ unsafe.Pointer, n int) {
	d, x, y := slice[T](dst, n), slice[T](a, n), slice[T](b, n)
	for i := range d {
		d[i] = x[i] / y[i]
	}
}

func negBlock[T Number](dst, a, _, _ unsafe.Pointer, n int) {
	d, x := slice[T](dst, n), slice[T](a, n)
	for i := range d {
		d[i] = -x[i]
	}
}

func minBlock[T Number](dst, a, b, _ unsafe.Pointer, n int) {
	d, x, y := slice[T](dst, n), slice[T](a, n), slice[T](b, n)
	for i := range d {
		d[i] = min(x[i], y[i])
	}
}

func maxBlock[T Number](dst, a, b, _ unsafe.Pointer, n int) {
	d, x, y := slice[T](dst, n), slice[T](a, n), slice[T](b, n)
	for i := range d {
		d[i] = max(x[i], y[i])
	}
}

func andBlock[T Integer](dst, a, b, _ unsafe.Pointer, n int) {
	d, x, y := slice[T](dst, n), slice[T](a, n), slice[T](b, n)
	for i := range d {
		d[i] = x[i] & y[i]
	}
}

func orBlock[T Integer](dst, a, b, _ unsafe.Pointer, n int) {
	d, x, y := slice[T](dst, n), slice[T](a, n), slice[T](b, n)
	for i := range d {
		d[i] = x[i] | y[i]
	}
}

func xorBlock[T Integer](dst, a, b, _ unsafe.Pointer, n int) {
	d, x, y := slice[T](dst, n), slice[T](a, n), slice[T](b, n)
	for i := range d {
		d[i] = x[i] ^ y[i]
	}
}

func bit(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

func eqBlock[T comparable](dst, a, b, _ unsafe.Pointer, n int) {
	d, x, y := slice[uint8](dst, n), slice[T](a, n), slice[T](b, n)
	for i := range d {
		d[i] = bit(x[i] == y[i])
	}
}

func neBlock[T comparable](dst, a, b, _ unsafe.Pointer, n int) {
	d, x, y := slice[uint8](dst, n), slice[T](a, n), slice[T](b, n)
	for i := range d {
		d[i] = bit(x[i] != y[i])
	}
}

func ltBlock[T Number](dst, a, b, _ unsafe.Pointer, n int) {
	d, x, y := slice[uint8](dst, n), slice[T](a, n), slice[T](b, n)
	for i := range d {
		d[i] = bit(x[i] < y[i])
	}
}

func leBlock[T Number](dst, a, b, _ unsafe.Pointer, n int) {
	d, x, y := slice[uint8](dst, n), slice[T](a, n), slice[T](b, n)
	for i := range d {
		d[i] = bit(x[i] <= y[i])
	}
}

func gtBlock[T Number](dst, a, b, c unsafe.Pointer, n int) { ltBlock[T](dst, b, a, c, n) }
func geBlock[T Number](dst, a, b, c unsafe.Pointer, n int) { leBlock[T](dst, b, a, c, n) }

// numberBlock returns the loops that floats and integers share.
func numberBlock[T Number](op micro.Op) Block {
	switch op {
	case micro.Mov:
		return movBlock[T]
	case micro.Add:
		return addBlock[T]
	case micro.Sub:
		return subBlock[T]
	case micro.Mul:
		return mulBlock[T]
	case micro.Neg:
		return negBlock[T]
	case micro.Min:
		return minBlock[T]
	case micro.Max:
		return maxBlock[T]
	case micro.Sign:
		return map1(sign[T])
	case micro.Eq:
		return eqBlock[T]
	case micro.Ne:
		return neBlock[T]
	case micro.Lt:
		return ltBlock[T]
	case micro.Le:
		return leBlock[T]
	case micro.Gt:
		return gtBlock[T]
	case micro.Ge:
		return geBlock[T]
	case micro.Select:
		return selectBlock[T]
	}
	return nil
}

func floatBlock[T Float](op micro.Op) Block {
	switch op {
	case micro.Div:
		return divBlock[T]
	case micro.IsNaN:
		return map1(func(x T) uint8 { return bit(x != x) })
	case micro.IsFinite:
		return map1(func(x T) uint8 { return bit(isFinite(x)) })
	}
	return numberBlock[T](op)
}

func intBlock[T Integer](op micro.Op) Block {
	switch op {
	case micro.Div:
		return map2(divInt[T])
	case micro.Mod:
		return map2(modInt[T])
	case micro.Rem:
		return map2(remInt[T])
	case micro.Abs:
		return map1(absInt[T])
	case micro.Pow:
		return map2(powInt[T])
	case micro.BitwiseAnd:
		return andBlock[T]
	case micro.BitwiseOr:
		return orBlock[T]
	case micro.BitwiseXor:
		return xorBlock[T]
	case micro.ShiftLeft:
		return map2(shiftLeft[T])
	case micro.ShiftRight:
		return map2(shiftRight[T])
	case micro.Gcd:
		return map2(gcd[T])
	}
	if b := numberBlock[T](op); b != nil {
		return b
	}
	panic("BUG: no integer kernel for " + op.String())
}

func logicBlock(op micro.Op) Block {
	switch op {
	case micro.Mov:
		return movBlock[uint8]
	case micro.Eq:
		return eqBlock[uint8]
	case micro.Ne, micro.Xor:
		return neBlock[uint8]
	case micro.And:
		return map2(func(x, y uint8) uint8 { return x & y })
	case micro.Or:
		return map2(func(x, y uint8) uint8 { return x | y })
	case micro.Not:
		return map1(func(x uint8) uint8 { return x ^ 1 })
	case micro.Select:
		return selectBlock[uint8]
	}
	panic("BUG: no logic kernel for " + op.String())
}
