package kernel

import (
	"math"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/elem"
	"github.com/adjoint-go/adjoint/internal/micro"
	"github.com/adjoint-go/adjoint/internal/shape"
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
				"One element after another; sums in blocks of 256, each from its own beginning, to which the sum of the blocks before is added. float32 is computed in float64. Numeric dtypes.",
			Check: func(in, out []Type, a attr.List) error { return checkScan(in, out, a, numericSet) },
			Workspace: func(in, out []Type, a attr.List) int {
				_, _, inner := shape.Split(in[0].Shape, a.Int("axis"))
				return 2 * scratchSize(inner, 8)
			},
			Prepare: func(in, out []Type, a attr.List) any { return s.kind },
			Run: func(c *Call) error {
				return pickNumeric(c.Out[0].DType, scan[float64, float64], scan[float32, float64], scan[int64, int64], scan[int32, int32])(c)
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

// scanBlock is the number of terms of a running sum that are added one after another; the sums of the blocks before are added to that. So
// rounding errors of float64 grow with n/scanBlock, and those of float32, of which the sums are float64 numbers, with neither.
const scanBlock = 256

// scan works with numbers of type A.
func scan[T, A number](c *Call) error {
	kind, reverse, exclusive := c.State.(micro.ReduceKind), c.Attrs.Bool("reverse"), c.Attrs.Bool("exclusive")
	src, dst := data[T](&c.In[0]), data[T](&c.Out[0])
	outer, n, inner := shape.Split(c.In[0].Shape, c.Attrs.Int("axis"))
	id := elem.Identity[T](kind)
	if inner == 1 {
		for o := range outer {
			c.Poll(len(dst) / outer)
			scanLine[T, A](kind, dst[o*n:(o+1)*n], src[o*n:(o+1)*n], id, reverse, exclusive)
		}
		return nil
	}
	work := c.Work
	acc, base := take[A](&work, inner), take[A](&work, inner)
	for o := range outer {
		c.Poll(len(dst) / outer)
		for s := range n {
			at := s
			if reverse {
				at = n - 1 - s
			}
			at = (o*n + at) * inner
			to, add := dst[at:at+inner], src[at:at+inner]
			blocked := kind == micro.ReduceSum && s >= scanBlock
			if exclusive {
				writeScan(to, acc, base, s == 0, s > scanBlock && blocked, id)
			}
			switch {
			case s == 0: // not id + x, so that a first −0 stays
				for j, v := range add {
					acc[j] = A(v)
				}
			case blocked && s%scanBlock == 0:
				for j, v := range add {
					if s == scanBlock {
						base[j] = acc[j]
					} else {
						base[j] += acc[j]
					}
					acc[j] = A(v)
				}
			case kind == micro.ReduceSum && !exclusive:
				addScan(to, add, acc, base, blocked)
				continue
			case kind == micro.ReduceSum:
				for j, v := range add {
					acc[j] += A(v)
				}
			default:
				for j, v := range add {
					acc[j] = elem.Combine(kind, acc[j], A(v))
				}
			}
			if !exclusive {
				writeScan(to, acc, base, false, blocked, id)
			}
		}
	}
	return nil
}

// addScan adds a row to the sums and writes the results.
func addScan[T, A number](to, add []T, acc, base []A, blocked bool) {
	to, acc, base = to[:len(add)], acc[:len(add)], base[:len(add)]
	if !blocked {
		for j, v := range add {
			a := acc[j] + A(v)
			acc[j], to[j] = a, T(a)
		}
		return
	}
	for j, v := range add {
		a := acc[j] + A(v)
		acc[j], to[j] = a, T(base[j]+a)
	}
}

// writeScan writes the results so far: id at the beginning, else acc, with the sum of the blocks before if blocked.
func writeScan[T, A number](to []T, acc, base []A, first, blocked bool, id T) {
	switch acc, base = acc[:len(to)], base[:len(to)]; {
	case first:
		for j := range to {
			to[j] = id
		}
	case blocked:
		for j := range to {
			to[j] = T(base[j] + acc[j])
		}
	default:
		for j := range to {
			to[j] = T(acc[j])
		}
	}
}

// scanLine scans one contiguous line.
func scanLine[T, A number](kind micro.ReduceKind, dst, src []T, id T, reverse, exclusive bool) {
	at, step := 0, 1
	if reverse {
		at, step = len(src)-1, -1
	}
	block := len(src)
	if kind == micro.ReduceSum {
		block = min(block, scanBlock)
	}
	var acc, base A
	result := id // before the element
	for i := 0; i < len(src); i += block {
		if i == block {
			base = acc
		} else if i > 0 {
			base += acc
		}
		end := at + step*min(block, len(src)-i)
		if kind == micro.ReduceSum && !exclusive {
			acc = sumLine(dst, src, at, end, step, base, i > 0)
			at = end
			continue
		}
		for first := true; at != end; at, first = at+step, false {
			if exclusive {
				dst[at] = result
			}
			switch x := A(src[at]); {
			case first:
				acc = x // not id + x, so that a first −0 stays
			case kind == micro.ReduceProd:
				acc *= x
			default:
				acc = elem.Combine(kind, acc, x)
			}
			if i == 0 {
				result = T(acc)
			} else {
				result = T(base + acc)
			}
			if !exclusive {
				dst[at] = result
			}
		}
	}
}

// sumLine writes the running sums of one block, added to base if blocked, and returns the last one without base.
func sumLine[T, A number](dst, src []T, at, end, step int, base A, blocked bool) A {
	acc := A(src[at])
	if dst[at] = T(acc); blocked {
		dst[at] = T(base + acc)
		for at += step; at != end; at += step {
			acc += A(src[at])
			dst[at] = T(base + acc)
		}
		return acc
	}
	for at += step; at != end; at += step {
		acc += A(src[at])
		dst[at] = T(acc)
	}
	return acc
}

func scanLogSumExp[T float](c *Call) error {
	reverse, exclusive := c.Attrs.Bool("reverse"), c.Attrs.Bool("exclusive")
	exp, log := elem.Unary64(micro.Exp), elem.Unary64(micro.Log)
	src, dst := data[T](&c.In[0]), data[T](&c.Out[0])
	outer, n, inner := shape.Split(c.In[0].Shape, c.Attrs.Int("axis"))
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
