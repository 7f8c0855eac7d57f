package kernel

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/micro"
)

func init() {
	for _, s := range []struct {
		name, doc string
		kind      micro.ReduceKind
	}{
		{"cumsum", "Running sums; exclusive starts with 0. Integers wrap.", micro.ReduceSum},
		{"cumprod", "Running products; exclusive starts with 1. Integers wrap.", micro.ReduceProd},
		{"cummax", "Running largest elements, NaN from the first NaN on; exclusive starts with −Inf or the smallest integer.", micro.ReduceMax},
		{"cummin", "Running smallest elements, NaN from the first NaN on; exclusive starts with +Inf or the largest integer.", micro.ReduceMin},
	} {
		Register(&Kernel{
			Name: s.name,
			Doc: s.doc + " Along axis, from its end if reverse; element i covers the elements up to i, those before i if exclusive. " +
				"One element after another. Numeric dtypes.",
			Check:   func(in, out []Type, a attr.List) error { return checkScan(in, out, a, numericSet) },
			Prepare: func(in, out []Type, a attr.List) any { return s.kind },
			Run: func(c *Call) error {
				return pickNumeric(c.Out[0].DType, scan[float64], scan[float32], scan[int64], scan[int32])(c)
			},
		})
	}
	Register(&Kernel{
		Name: "cumlogsumexp",
		Doc: "Running log Σ exp, shifted by the running largest element, so without overflow; all −Inf gives −Inf, a first +Inf gives +Inf. " +
			"Along axis, from its end if reverse; exclusive starts with −Inf. Computed in float64. Float dtypes.",
		Check: func(in, out []Type, a attr.List) error { return checkScan(in, out, a, floatSet) },
		Run: func(c *Call) error {
			return pickFloat(c.Out[0].DType, scanLogSumExp[float64], scanLogSumExp[float32])(c)
		},
	})
}

func checkScan(in, out []Type, a attr.List, set dtypeSet) error {
	if err := checkCall(in, out, a, 1, 1, need("axis", attr.Int), option("reverse", attr.Bool), option("exclusive", attr.Bool)); err != nil {
		return err
	}
	return firstOf(checkAmong(set, in[0]), checkDType(in[0].DType, out[0]), wantShape("result", out[0].Shape, in[0].Shape),
		checkAxis(a.Int("axis"), len(in[0].Shape)))
}

func scan[T number](c *Call) error {
	kind, reverse, exclusive := c.State.(micro.ReduceKind), c.Attrs.Bool("reverse"), c.Attrs.Bool("exclusive")
	src, dst := data[T](&c.In[0]), data[T](&c.Out[0])
	outer, n, inner := outerAxisInner(c.In[0].Shape, c.Attrs.Int("axis"))
	id := identityOf[T](kind)
	if inner == 1 {
		for o := range outer {
			c.Poll(len(dst) / outer)
			scanLine(kind, dst[o*n:(o+1)*n], src[o*n:(o+1)*n], id, reverse, exclusive)
		}
		return nil
	}
	for o := range outer {
		c.Poll(len(dst) / outer)
		base := o * n * inner
		for s := range n {
			at, before := s, s-1
			if reverse {
				at, before = n-1-s, n-s
			}
			to := dst[base+at*inner : base+(at+1)*inner]
			add := src[base+at*inner : base+(at+1)*inner]
			if s == 0 {
				if exclusive {
					for j := range to {
						to[j] = id
					}
				} else {
					copy(to, add)
				}
				continue
			}
			if exclusive {
				add = src[base+before*inner : base+(before+1)*inner]
			}
			prev := dst[base+before*inner : base+(before+1)*inner]
			for j, v := range add {
				to[j] = combine(kind, prev[j], v)
			}
		}
	}
	return nil
}

// scanLine scans one contiguous line.
func scanLine[T number](kind micro.ReduceKind, dst, src []T, id T, reverse, exclusive bool) {
	at, step := 0, 1
	if reverse {
		at, step = len(src)-1, -1
	}
	acc := id
	for i := range src {
		x := src[at]
		if exclusive {
			dst[at] = acc
		}
		if i == 0 && !exclusive {
			acc = x // not id + x, so that a first −0 stays
		} else {
			acc = combine(kind, acc, x)
		}
		if !exclusive {
			dst[at] = acc
		}
		at += step
	}
}

func scanLogSumExp[T float](c *Call) error {
	reverse, exclusive := c.Attrs.Bool("reverse"), c.Attrs.Bool("exclusive")
	exp, log := Unary64(micro.Exp), Unary64(micro.Log)
	src, dst := data[T](&c.In[0]), data[T](&c.Out[0])
	outer, n, inner := outerAxisInner(c.In[0].Shape, c.Attrs.Int("axis"))
	for o := range outer {
		c.Poll(len(dst) / outer)
		for j := range inner {
			largest, sum := math.Inf(-1), 0.0 // the result so far is largest + log(sum)
			for s := range n {
				at := s
				if reverse {
					at = n - 1 - s
				}
				e := (o*n+at)*inner + j
				if exclusive {
					dst[e] = T(logSumExp(log, largest, sum))
				}
				switch x := float64(src[e]); {
				case x != x || largest != largest:
					largest, sum = math.NaN(), 1
				case x > largest:
					if math.IsInf(largest, -1) || math.IsInf(x, 1) {
						sum = 1
					} else {
						sum = float64(sum*exp(largest-x)) + 1
					}
					largest = x
				case !math.IsInf(x, -1) && !math.IsInf(largest, 1):
					sum += exp(x - largest)
				}
				if !exclusive {
					dst[e] = T(logSumExp(log, largest, sum))
				}
			}
		}
	}
	return nil
}

func logSumExp(log func(float64) float64, largest, sum float64) float64 {
	if math.IsInf(largest, 0) || sum == 1 {
		return largest
	}
	return largest + log(sum)
}
