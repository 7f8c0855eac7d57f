package kernel

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
)

// BenchmarkTensorKernels runs kernels that are bound by memory on a million float64 elements.
func BenchmarkTensorKernels(b *testing.B) {
	square, line := sh(1024, 1024), sh(1<<20)
	for _, bench := range []struct {
		name, kernel string
		in, out      []int
		attrs        attr.List
	}{
		{"sum of rows", "reduce_sum", square, sh(1024), attrs(attr.L("axes", sh(1)))},
		{"sum of columns", "reduce_sum", square, sh(1024), attrs(attr.L("axes", sh(0)))},
		{"sum of all", "reduce_sum", line, sh(), attrs(attr.L("axes", sh(0)))},
		{"sum of short runs", "reduce_sum", sh(1<<18, 4), sh(1 << 18), attrs(attr.L("axes", sh(1)))},
		{"transpose", "transpose", square, square, attrs(attr.L("perm", sh(1, 0)))},
		{"broadcast", "broadcast_to", sh(1024, 1), square, attrs(attr.L("shape", square))},
		{"cumsum of rows", "cumsum", square, square, attrs(attr.I("axis", 1))},
		{"cumsum of columns", "cumsum", square, square, attrs(attr.I("axis", 0))},
		{"sort", "sort", square, square, attrs(attr.I("axis", 1))},
		{"fft", "fft", sh(512, 1024, 2), sh(512, 1024, 2), attrs(attr.L("axes", sh(1)))},
	} {
		b.Run(bench.name, func(b *testing.B) {
			x, z := newTensor(Type{dtype.Float64, bench.in}), newTensor(Type{dtype.Float64, bench.out})
			for i := range x.F64 {
				x.F64[i] = float64(i * 7919 % 10007)
			}
			k := Lookup(bench.kernel)
			c := prepareCall(k, []Tensor{x}, []Tensor{z}, bench.attrs)
			b.SetBytes(int64(8 * (x.Size() + z.Size())))
			for b.Loop() {
				if err := k.Run(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkChannelSums sums over all but the second dimension of float32 arrays, as normalizations of batches do. They are larger than caches together.
func BenchmarkChannelSums(b *testing.B) {
	for _, in := range [][]int{{32, 32, 32, 32}, {16, 64, 32, 32}, {32, 64, 16, 16}, {32, 128, 8, 8}, {32, 512, 4, 4}, {8, 64, 56, 56}, {4, 3, 224, 224}, {32, 512, 7, 7}} {
		b.Run(fmt.Sprint(in), func(b *testing.B) {
			k := Lookup("reduce_sum")
			var calls []*Call
			for size := 0; size < 1<<27; {
				x, z := newTensor(Type{dtype.Float32, in}), newTensor(Type{dtype.Float32, in[1:2]})
				for i := range x.F32 {
					x.F32[i] = float32(i * 7919 % 10007)
				}
				calls = append(calls, prepareCall(k, []Tensor{x}, []Tensor{z}, attrs(attr.L("axes", sh(0, 2, 3)))))
				b.SetBytes(int64(4 * x.Size()))
				size += 4 * x.Size()
			}
			for i := 0; b.Loop(); i++ {
				if err := k.Run(calls[i%len(calls)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLongSums runs the kernels that add one element after another, or chains of products.
func BenchmarkLongSums(b *testing.B) {
	for _, bench := range []struct {
		name, kernel string
		in           [][]int // integers of the extent index below where it is negative
		out          []int
		index        int
		attrs        attr.List
	}{
		{"matmul 64", "matmul", [][]int{{64, 64}, {64, 64}}, sh(64, 64), 0, nil},
		{"matmul 256", "matmul", [][]int{{256, 256}, {256, 256}}, sh(256, 256), 0, nil},
		{"matmul 256x4096x64", "matmul", [][]int{{256, 4096}, {4096, 64}}, sh(256, 64), 0, nil},
		{"dot 1e6", "matmul", [][]int{{1, 1 << 20}, {1 << 20, 1}}, sh(1, 1), 0, nil},
		{"cumsum of a line", "cumsum", [][]int{{1 << 20}}, sh(1 << 20), 0, attrs(attr.I("axis", 0))},
		{"cumsum of columns", "cumsum", [][]int{{1024, 1024}}, sh(1024, 1024), 0, attrs(attr.I("axis", 0))},
		{"cumsum of short lines", "cumsum", [][]int{{1 << 16, 16}}, sh(1<<16, 16), 0, attrs(attr.I("axis", 1))},
		{"cumprod of a line", "cumprod", [][]int{{1 << 20}}, sh(1 << 20), 0, attrs(attr.I("axis", 0))},
		{"recurrence of a line", "linear_recurrence", [][]int{{1 << 20}, {1 << 20}}, sh(1 << 20), 0, attrs(attr.I("axis", 0))},
		{"recurrence of columns", "linear_recurrence", [][]int{{1024, 256}, {1024, 256}}, sh(1024, 256), 0, attrs(attr.I("axis", 0))},
		{"scatter of few scalars", "scatter_add", [][]int{{-200}, {200}}, sh(1000), 1000, attrs(attr.I("axis", 0), attr.L("shape", sh(1000)))},
		{"scatter of scalars", "scatter_add", [][]int{{-1 << 18}, {1 << 18}}, sh(10000), 10000, attrs(attr.I("axis", 0), attr.L("shape", sh(10000)))},
		{"scatter of rows", "scatter_add", [][]int{{-4096}, {4096, 64}}, sh(30000, 64), 30000, attrs(attr.I("axis", 0), attr.L("shape", sh(30000, 64)))},
		{"scatter of rows that repeat", "scatter_add", [][]int{{-30000}, {30000, 64}}, sh(5000, 64), 5000, attrs(attr.I("axis", 0), attr.L("shape", sh(5000, 64)))},
		{"scatter of short rows", "scatter_add", [][]int{{-1 << 16}, {1 << 16, 3}}, sh(5000, 3), 5000, attrs(attr.I("axis", 0), attr.L("shape", sh(5000, 3)))},
		{"scatter along lines", "scatter_along_axis_add", [][]int{{-512, 512}, {512, 512}}, sh(512, 512), 512, attrs(attr.I("axis", 1), attr.L("shape", sh(512, 512)))},
		{"filters", "conv_filter_grad", [][]int{{8, 16, 32, 32}, {8, 16, 32, 32}}, sh(16, 16, 3, 3), 0,
			attrs(attr.L("shape", sh(16, 16, 3, 3)), attr.L("strides", sh(1, 1)), attr.L("dilation", sh(1, 1)), attr.L("padding", sh(1, 1, 1, 1)), attr.I("groups", 1))},
		{"mean of windows", "avg_pool", [][]int{{8, 16, 64, 64}}, sh(8, 16, 32, 32), 0, attrs(attr.L("window", sh(2, 2)), attr.L("strides", sh(2, 2)), attr.L("padding", sh(0, 0, 0, 0)))},
	} {
		for _, d := range []dtype.DType{dtype.Float64, dtype.Float32} {
			b.Run(bench.name+"/"+d.Short(), func(b *testing.B) {
				var in []Tensor
				for _, s := range bench.in {
					t := Type{d, append([]int{}, s...)}
					if s[0] < 0 {
						t.DType, t.Shape[0] = dtype.Int64, -s[0]
					}
					x := newTensor(t)
					for i := range x.Size() {
						if s[0] < 0 {
							x.I64[i] = int64(i * 7919 % bench.index)
						} else {
							x.setValue(i, 0.5+float64(i*7919%1009)/1e6)
						}
					}
					in = append(in, x)
				}
				k := Lookup(bench.kernel)
				c := prepareCall(k, in, []Tensor{newTensor(Type{d, bench.out})}, bench.attrs)
				for b.Loop() {
					if err := k.Run(c); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkFilterGradients runs gradients of filters from few channels to many, on one goroutine.
func BenchmarkFilterGradients(b *testing.B) {
	for _, c := range []struct {
		images, in, out, extent, window, groups int
	}{{64, 1, 6, 28, 5, 1}, {64, 6, 16, 10, 5, 1}, {16, 3, 32, 32, 3, 1}, {16, 3, 64, 32, 3, 1}, {8, 8, 8, 32, 3, 1}, {8, 16, 16, 32, 3, 1}, {8, 32, 32, 32, 3, 1}, {8, 64, 64, 32, 3, 1}, {8, 64, 64, 56, 3, 1}, {8, 32, 32, 30, 5, 1}, {8, 12, 12, 32, 3, 1}, {8, 12, 64, 56, 3, 1}, {8, 32, 4, 32, 3, 1}, {8, 64, 64, 14, 3, 1}, {8, 64, 64, 8, 3, 1}, {8, 64, 64, 56, 3, 64}, {8, 128, 128, 14, 3, 128}, {8, 64, 128, 7, 1, 1}, {8, 256, 256, 7, 3, 1}, {1, 256, 256, 14, 3, 1}, {1, 32, 64, 14, 3, 1}, {1, 256, 1024, 14, 1, 1}, {8, 64, 64, 4, 3, 1}, {1, 16, 96, 112, 1, 1}, {8, 13, 29, 17, 1, 1}} {
		for _, d := range []dtype.DType{dtype.Float32, dtype.Float64} {
			b.Run(fmt.Sprintf("%dx%d,%dx%d,%d,groups%d/%s", c.images, c.in, c.out, c.extent, c.window, c.groups, d.Short()), func(b *testing.B) {
				pad := c.window / 2
				x, gy := newTensor(Type{d, sh(c.images, c.in, c.extent, c.extent)}), newTensor(Type{d, sh(c.images, c.out, c.extent, c.extent)})
				gw := newTensor(Type{d, sh(c.out, c.in/c.groups, c.window, c.window)})
				k := Lookup("conv_filter_grad")
				call := prepareCall(k, []Tensor{x, gy}, []Tensor{gw}, attrs(attr.L("shape", gw.Shape), attr.L("strides", sh(1, 1)), attr.L("dilation", sh(1, 1)), attr.L("padding", sh(pad, pad, pad, pad)), attr.I("groups", c.groups)))
				for b.Loop() {
					if err := k.Run(call); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(2*float64(gw.Size()*c.images*c.extent*c.extent)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gflop/s")
			})
		}
	}
}

// BenchmarkConvolutions runs convolutions of float32, and their gradients, on one goroutine: the layers of networks of few and of many images, and odd ones.
func BenchmarkConvolutions(b *testing.B) {
	for _, c := range []struct {
		images, in, out, extent, window, stride, groups int
	}{{1, 3, 64, 224, 7, 2, 1}, {1, 64, 64, 56, 3, 1, 1}, {1, 64, 128, 56, 3, 2, 1}, {1, 64, 128, 56, 1, 2, 1}, {1, 128, 128, 28, 3, 1, 1}, {1, 128, 256, 28, 3, 2, 1}, {1, 128, 256, 28, 1, 2, 1}, {1, 256, 256, 14, 3, 1, 1},
		{1, 256, 512, 14, 3, 2, 1}, {1, 256, 512, 14, 1, 2, 1}, {1, 512, 512, 7, 3, 1, 1}, {8, 64, 64, 56, 3, 1, 1}, {8, 128, 128, 28, 3, 1, 1}, {8, 256, 256, 14, 3, 1, 1}, {8, 512, 512, 7, 3, 1, 1}, {8, 256, 512, 14, 3, 2, 1},
		{1, 256, 64, 56, 1, 1, 1}, {1, 512, 2048, 7, 1, 1, 1}, {1, 1, 32, 28, 3, 1, 1}, {1, 32, 64, 14, 3, 1, 1}, {64, 1, 32, 28, 3, 1, 1}, {64, 32, 64, 14, 3, 1, 1}, {64, 1, 6, 28, 5, 1, 1}, {64, 6, 16, 10, 5, 1, 1},
		{1, 64, 64, 56, 3, 1, 64}, {1, 128, 128, 28, 3, 2, 128}, {2, 13, 17, 19, 3, 1, 1}, {2, 13, 17, 19, 3, 2, 1}, {1, 7, 5, 33, 5, 3, 1}, {3, 24, 40, 5, 3, 1, 2},
		{8, 13, 29, 17, 1, 1, 1}, {8, 24, 48, 15, 1, 2, 1}, {1, 1024, 256, 14, 1, 1, 1}, {1, 16, 96, 112, 1, 1, 1}, {8, 1, 16, 64, 5, 1, 1}, {8, 16, 3, 64, 3, 1, 1}, {1, 3, 32, 224, 3, 2, 1}, {8, 96, 96, 14, 5, 1, 96}, {8, 128, 128, 14, 3, 1, 32}, {1, 512, 512, 3, 3, 1, 1},
		{1, 64, 64, 112, 3, 2, 64}, {8, 96, 96, 56, 3, 2, 96}, {1, 72, 72, 56, 5, 2, 72}, {1, 128, 128, 7, 3, 1, 128}, {8, 512, 512, 4, 3, 1, 1}, {8, 512, 512, 2, 3, 1, 1}, {1, 256, 512, 16, 4, 2, 1}, {8, 256, 512, 16, 4, 2, 1}, {8, 256, 128, 32, 2, 2, 1}, {1, 256, 128, 32, 2, 2, 1}, {1, 1024, 512, 16, 2, 2, 1}} {
		for _, kernel := range []string{"conv", "conv_input_grad", "conv_filter_grad"} {
			b.Run(fmt.Sprintf("%s/%dx%d,%dx%d,%d,stride%d,groups%d", kernel, c.images, c.in, c.out, c.extent, c.window, c.stride, c.groups), func(b *testing.B) {
				pad := c.window / 2
				n := (c.extent+2*pad-c.window)/c.stride + 1
				x, y := newTensor(Type{dtype.Float32, sh(c.images, c.in, c.extent, c.extent)}), newTensor(Type{dtype.Float32, sh(c.images, c.out, n, n)})
				w := newTensor(Type{dtype.Float32, sh(c.out, c.in/c.groups, c.window, c.window)})
				list := []attr.Named{attr.L("strides", sh(c.stride, c.stride)), attr.L("dilation", sh(1, 1)), attr.L("padding", sh(pad, pad, pad, pad)), attr.I("groups", c.groups)}
				in, out := []Tensor{x, w}, y
				switch kernel {
				case "conv_input_grad":
					in, out = []Tensor{y, w}, x
					list = append(list, attr.L("shape", x.Shape))
				case "conv_filter_grad":
					in, out = []Tensor{x, y}, w
					list = append(list, attr.L("shape", w.Shape))
				}
				for i := range in[0].F32 {
					in[0].F32[i] = float32(i%7) - 3
				}
				for i := range in[1].F32 {
					in[1].F32[i] = float32(i%5) - 2
				}
				k := Lookup(kernel)
				call := prepareCall(k, in, []Tensor{out}, attrs(list...))
				best := time.Duration(math.MaxInt64)
				for b.Loop() {
					start := time.Now()
					if err := k.Run(call); err != nil {
						b.Fatal(err)
					}
					best = min(best, time.Since(start))
				}
				b.ReportMetric(float64(best.Nanoseconds()), "ns/best")
				b.ReportMetric(2*float64(w.Size()*c.images*n*n)/best.Seconds()/1e9, "Gflop/s")
			})
		}
	}
}

// BenchmarkRandom draws a million uniform numbers on one goroutine.
func BenchmarkRandom(b *testing.B) {
	for _, d := range []dtype.DType{dtype.Float32, dtype.Float64} {
		b.Run(d.Short(), func(b *testing.B) {
			key, z := newTensor(Type{dtype.Int64, sh(2)}), newTensor(Type{d, sh(1 << 20)})
			c := prepareCall(Lookup("random_uniform"), []Tensor{key}, []Tensor{z}, attrs(attr.L("shape", z.Shape)))
			b.SetBytes(int64(z.Size() * d.Size()))
			for b.Loop() {
				if err := Lookup("random_uniform").Run(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
