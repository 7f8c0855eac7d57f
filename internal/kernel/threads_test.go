package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/pool"
)

// poolHost is a Host on the pool that counts what it ran.
type poolHost struct {
	job   pool.Job
	items int
}

func (h *poolHost) Reserve(int64) error { return nil }
func (h *poolHost) Cancelled() bool     { return false }
func (h *poolHost) Parallel(task pool.Task, items, workers int) error {
	h.items += items
	return h.job.Run(task, items, workers, true)
}

// TestThreads has kernels that add in an order of their own: the bits are those of one goroutine whatever the number of goroutines, and several have something to do.
func TestThreads(t *testing.T) {
	conv := func(w []int, strides, dilation, padding []int, groups int) attr.List {
		return attrs(attr.L("shape", w), attr.L("strides", strides), attr.L("dilation", dilation), attr.L("padding", padding), attr.I("groups", groups))
	}
	axes := func(a ...int) attr.List { return attrs(attr.L("axes", sh(a...))) }
	for _, c := range []struct {
		kernel string
		in     [][]int
		out    []int
		attrs  attr.List
	}{
		{"conv_filter_grad", [][]int{sh(9, 1, 28, 28), sh(9, 6, 28, 28)}, sh(6, 1, 5, 5), conv(sh(6, 1, 5, 5), sh(1, 1), sh(1, 1), sh(2, 2, 2, 2), 1)},
		{"conv_filter_grad", [][]int{sh(9, 6, 14, 14), sh(9, 16, 10, 10)}, sh(16, 6, 5, 5), conv(sh(16, 6, 5, 5), sh(1, 1), sh(1, 1), sh(0, 0, 0, 0), 1)},
		{"conv_filter_grad", [][]int{sh(5, 6, 20, 31), sh(5, 9, 18, 33)}, sh(9, 2, 2, 3), conv(sh(9, 2, 2, 3), sh(1, 1), sh(4, 2), sh(1, 1, 4, 2), 3)},
		{"conv_filter_grad", [][]int{sh(2, 3, 5000), sh(2, 2, 4990)}, sh(2, 3, 11), conv(sh(2, 3, 11), sh(1), sh(1), sh(0, 0), 1)},
		{"conv_filter_grad", [][]int{sh(3, 2, 4, 5, 23), sh(3, 3, 3, 4, 23)}, sh(3, 2, 2, 2, 3), conv(sh(3, 2, 2, 2, 3), sh(1, 1, 1), sh(1, 1, 1), sh(0, 0, 0, 0, 1, 1), 1)},
		{"conv_filter_grad", [][]int{sh(4, 3, 20, 20), sh(4, 5, 10, 10)}, sh(5, 3, 3, 3), conv(sh(5, 3, 3, 3), sh(2, 2), sh(1, 1), sh(1, 1, 1, 1), 1)},
		{"conv_filter_grad", [][]int{sh(40, 8, 9, 9), sh(40, 16, 9, 9)}, sh(16, 8, 3, 3), conv(sh(16, 8, 3, 3), sh(1, 1), sh(1, 1), sh(1, 1, 1, 1), 1)},
		{"conv_input_grad", [][]int{sh(40, 16, 7, 7), sh(16, 12, 3, 3)}, sh(40, 12, 7, 7), conv(sh(40, 12, 7, 7), sh(1, 1), sh(1, 1), sh(1, 1, 1, 1), 1)},
		{"reduce_sum", [][]int{sh(1 << 18)}, sh(), axes(0)},
		{"reduce_sum", [][]int{sh(3, 70001)}, sh(), axes(0, 1)},
		{"reduce_sum", [][]int{sh(1000, 501)}, sh(1000), axes(1)},
		{"reduce_sum", [][]int{sh(90, 3000)}, sh(90), axes(1)},
		{"reduce_sum", [][]int{sh(1000, 501)}, sh(501), axes(0)},
		{"reduce_sum", [][]int{sh(30000, 7)}, sh(7), axes(0)},
		{"reduce_sum", [][]int{sh(40, 30, 300)}, sh(30, 300), axes(0)},
		{"reduce_sum", [][]int{sh(25, 64, 300)}, sh(25, 300), axes(1)},
		{"reduce_sum", [][]int{sh(31, 40, 300)}, sh(40), axes(0, 2)},
		{"reduce_prod", [][]int{sh(1 << 18)}, sh(), axes(0)},
		{"reduce_max", [][]int{sh(1000, 501)}, sh(501), axes(0)},
		{"transpose", [][]int{sh(300, 501)}, sh(501, 300), attrs(attr.L("perm", sh(1, 0)))},
		{"transpose", [][]int{sh(4, 90, 5, 64)}, sh(4, 5, 90, 64), attrs(attr.L("perm", sh(0, 2, 1, 3)))},
		{"transpose", [][]int{sh(3, 100, 7, 65)}, sh(65, 3, 7, 100), attrs(attr.L("perm", sh(3, 0, 2, 1)))},
		{"index_transpose", [][]int{sh(3, 9000), sh(3, 9000), sh(3, 9000)}, sh(2, 2, 3, 9000), attrs(attr.L("shape", sh(2, 2, 3, 9000)), attr.L("indices", sh(1, 0, 0, 1, 1, 0)))},
		{"transpose", [][]int{sh(33, 17000)}, sh(17000, 33), attrs(attr.L("perm", sh(1, 0)))},
	} {
		for _, d := range floatDTypes {
			k := Lookup(c.kernel)
			r := rand.New(rand.NewPCG(21, 22))
			var in []Tensor
			for _, s := range c.in {
				x := newTensor(Type{d, s})
				for i := range x.Size() {
					x.setValue(i, 1+0.01*r.NormFloat64())
				}
				in = append(in, x)
			}
			var first []float64
			for workers := 1; workers <= 4; workers++ {
				out := newTensor(Type{d, c.out})
				poison(&out)
				call := prepareCall(k, in, []Tensor{out}, c.attrs)
				h := &poolHost{}
				if workers > 1 {
					call.Host = h
				}
				for range workers - 1 {
					call.Workers = append(call.Workers, alignedBytes(len(call.Workers[0])))
				}
				if err := k.Run(call); err != nil {
					t.Fatal(err)
				}
				got := valuesOf(&out)
				checkGuard(t, &out)
				if workers == 1 {
					first = got
					continue
				}
				if h.items < 2 {
					t.Errorf("%s of %v, %v: %d items", c.kernel, c.in, d, h.items)
				}
				for i, v := range got {
					if math.Float64bits(v) != math.Float64bits(first[i]) {
						t.Fatalf("%s of %v, %v: element %d is %v on %d goroutines and %v on one", c.kernel, c.in, d, i, v, workers, first[i])
					}
				}
			}
		}
	}
}
