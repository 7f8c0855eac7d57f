package def

import (
	"math"
	"math/rand"
	"testing"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

// TestFastAgrees holds that the fast form gives the same bits where its guard is
// false, and that the guard is not simply always true.
func TestFastAgrees(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	for _, typ := range []dtype.DType{dtype.Float64, dtype.Float32} {
		funcs := []*Func{SinCos(typ)}
		for _, op := range Ops() {
			funcs = append(funcs, Lookup(op, typ))
		}
		for _, f := range funcs {
			fast := f.Fast()
			all, contrary := fast.GuardAll()
			used := 0
			for i := 0; i < 300; i++ {
				args := make([]uint64, f.Args)
				for k := range args {
					v := rng.NormFloat64() * math.Exp(rng.NormFloat64()*3)
					switch {
					case i%4 == 0:
						args[k] = rng.Uint64() & (1<<f.Width() - 1)
					case typ == dtype.Float64:
						args[k] = math.Float64bits(v)
					default:
						args[k] = uint64(math.Float32bits(float32(v)))
					}
				}
				want, _ := f.Eval(args...)
				got, guard := fast.Eval(args...)
				if _, ok := all.Eval(args...); contrary && ok == guard {
					t.Fatalf("%s %s(%#x): the guard is %v, and so is its contrary", f.Name, typ, args, guard)
				}
				if guard {
					continue
				}
				used++
				for k := range want {
					if want[k] != got[k] && !(isNaN(typ, want[k]) && isNaN(typ, got[k])) {
						t.Fatalf("%s %s(%#x): fast %#x, complete %#x", f.Name, typ, args, got[k], want[k])
					}
				}
			}
			if used < 30 {
				t.Errorf("%s %s: the fast form served %d of 300 arguments", f.Name, typ, used)
			}
		}
	}
}

// TestNormalArguments holds at the bits around every border that logarithms and powers take the fast form for positive normal arguments and no others, up to √½
// times the first power of two that is none, and log1p where that holds of 1 + x.
func TestNormalArguments(t *testing.T) {
	for _, typ := range []dtype.DType{dtype.Float64, dtype.Float32} {
		least, one, inf, sign := uint64(1)<<52, math.Float64bits(1), math.Float64bits(math.Inf(1)), uint64(1)<<63
		top := math.Float64bits(math.Sqrt2/2) + 1024<<52
		if typ == dtype.Float32 {
			least, one, inf, sign = 1<<23, uint64(math.Float32bits(1)), uint64(math.Float32bits(float32(math.Inf(1)))), 1<<31
			top = uint64(math.Float32bits(math.Sqrt2/2)) + 128<<23
		}
		for _, op := range []micro.Op{micro.Log, micro.Log2, micro.Log10, micro.Log1p, micro.Pow} {
			fast := Lookup(op, typ).Fast()
			for _, border := range []uint64{0, least, one, top, inf, sign - 1, sign, sign + least, sign + one, sign + one + 1, sign + top, sign + inf, 2*sign - 1} {
				for x := border - 3; x != border+4; x++ {
					x := x & (2*sign - 1)
					_, guard := fast.Eval(x, one)
					of := x
					if op == micro.Log1p {
						if of = eval64(Add, 0, one, x, 0); typ == dtype.Float32 {
							of = eval32(Add, 0, one, x, 0)
						}
					}
					if guard != (of < least || of > top) {
						t.Errorf("%s %s(%#x): the guard is %v", op, typ, x, guard)
					}
				}
			}
		}
	}
}

// TestWithin compares with integers, at the borders and where bits wrap around.
func TestWithin(t *testing.T) {
	rng := rand.New(rand.NewSource(2))
	for _, typ := range []dtype.DType{dtype.Float64, dtype.Float32} {
		b := NewBuilder("", micro.Invalid, typ, 1)
		inf, least, mask := b.BitsOf(math.Inf(1)), uint64(1)<<b.mantissaBits(), uint64(1)<<b.f.Width()-1
		for _, r := range [][2]uint64{{least, inf - 1}, {least + 1, inf}, {0, inf - least}, {b.BitsOf(1) + 1, b.BitsOf(3)}, {b.BitsOf(2), b.BitsOf(2)}} {
			b := NewBuilder("", micro.Invalid, typ, 1)
			f := b.Finish(b.Select(b.Within(b.Arg(0), r[0], r[1]), b.Bits(1), b.Bits(0)))
			for _, border := range []uint64{0, least, r[0], r[1], inf, mask/2 + 1, inf + mask/2 + 1, -r[0], -r[1], rng.Uint64(), rng.Uint64()} {
				for x := border - 3; x != border+4; x++ {
					x := x & mask
					out, _ := f.Eval(x)
					if want := truth(r[0] <= x && x <= r[1]); out[0] != want {
						t.Errorf("%s: %#x within %#x: %d", typ, x, r, out[0])
					}
				}
			}
		}
	}
}

func isNaN(t dtype.DType, bits uint64) bool {
	if t == dtype.Float64 {
		f := math.Float64frombits(bits)
		return f != f
	}
	f := math.Float32frombits(uint32(bits))
	return f != f
}

// TestEvalAgainstMath is a coarse check of every definition that Go's math has.
func TestEvalAgainstMath(t *testing.T) {
	unary := map[micro.Op]func(float64) float64{micro.Exp: math.Exp, micro.Sin: math.Sin, micro.Cos: math.Cos}
	for op, want := range unary {
		for _, x := range []float64{0, 1, -1, 0.5, -0.3, 3, 10, -20, 0.01, 100, 1e3, 12345.678, 1e8, 1e10, -1e22, math.Inf(1), math.Inf(-1), math.NaN()} {
			out, _ := Lookup(op, dtype.Float64).Eval(math.Float64bits(x))
			if got := math.Float64frombits(out[0]); !near(got, want(x), 1e-14) {
				t.Errorf("%s(%g) = %g, want %g", op, x, got, want(x))
			}
			x32 := float32(x)
			out, _ = Lookup(op, dtype.Float32).Eval(uint64(math.Float32bits(x32)))
			w32 := float64(float32(want(float64(x32))))
			if got := float64(math.Float32frombits(uint32(out[0]))); !near(got, w32, 3e-7) {
				t.Errorf("%s(float32 %g) = %g, want %g", op, x, got, w32)
			}
		}
	}
}

func near(got, want, rel float64) bool {
	switch {
	case want != want:
		return got != got
	case want == got:
		return true
	}
	return math.Abs(got-want) <= rel*math.Abs(want)
}
