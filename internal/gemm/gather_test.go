package gemm

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
)

// TestGather packs panels of any number of taps and runs from sources between guard pages, which lanes that no run has would touch.
func TestGather(t *testing.T) {
	r := rand.New(rand.NewPCG(51, 52))
	ran := false
	for _, d := range floats {
		for _, level := range cpu.Levels() {
			x := NewPlan(Product{DType: d, M: 1, N: 1, K: 1, Block: true}, level)
			scratch := unsafe.Slice((*byte)(newArray(d, x.Each()).p), x.Each())
			for n := 1; n <= 300 && x.MostRuns() > 0; n++ {
				ran = true
				taps, ofVector, sources := 1+r.IntN(12), 1+r.IntN(x.MostRuns()), 1+r.IntN(5)
				size, away := 1+r.IntN(60), 60+r.IntN(9)
				var pages guards
				from := pages.array(t, d, (sources-1)*away+size, n%2 == 0)
				from.fill(r)
				p := Gathering{From: from.p, Next: away, OfVector: ofVector, First: r.IntN(taps)}
				p.K = 1 + r.IntN(sources*taps-p.First)
				where := make([]int, taps*x.Width()) // of a source, −1 where there is no run
				for v := range 2 * taps {
					for lane := range x.lanes {
						where[v*x.lanes+lane] = -1
					}
					for range ofVector {
						at, mask := r.IntN(size+x.lanes)-x.lanes, uint64(0)
						for lane := range x.lanes {
							if i := at + lane; i >= 0 && i < size && r.IntN(3) > 0 {
								mask |= 1 << lane
								where[v*x.lanes+lane] = i // that of the last run
							}
						}
						p.Runs = append(p.Runs, Run{From: int64(at * d.Size()), Mask: mask})
					}
				}
				to := pages.array(t, d, p.K*x.Width(), n%2 == 0)
				p.To = to.p
				for i := range to.n {
					to.set(i, math.Inf(1))
				}
				x.Gather(scratch, &p)
				for k := range p.K {
					source, tap := (p.First+k)/taps, (p.First+k)%taps
					for i := range x.Width() {
						want := 0.0
						if at := where[tap*x.Width()+i]; at >= 0 {
							want = from.at(source*away + at)
						}
						if got := to.at(k*x.Width() + i); got != want {
							t.Fatalf("%v, %v, %d taps of %d runs: element %d of term %d is %v, want %v", d, level, taps, ofVector, i, k, got, want)
						}
					}
				}
				pages.free()
			}
		}
	}
	if !ran && cpu.Best() == cpu.AVX512 {
		t.Error("nothing is packed with AVX-512")
	}
}

// TestFetching has pieces of all sizes fetch more, fewer and no sources, also where there is no memory: their results are as without, and all sources are asked for.
func TestFetching(t *testing.T) {
	r := rand.New(rand.NewPCG(53, 54))
	for _, d := range floats {
		for _, level := range cpu.Levels() {
			x := NewPlan(Product{DType: d, M: 1, N: 1, K: 1, Block: true}, level)
			scratch := unsafe.Slice((*byte)(newArray(d, x.Each()).p), x.Each())
			for n := range 60 {
				p := Piece{M: 1 + r.IntN(40), N: 1 + r.IntN(2*x.Width()), K: 1 + r.IntN(100)}
				p.ARow, p.BRow, p.CRow = p.K, p.N, p.N
				a, b, c, want := newArray(d, p.M*p.K), newArray(d, p.K*p.N), newArray(d, p.M*p.N), newArray(d, p.M*p.N)
				a.fill(r)
				b.fill(r)
				p.A, p.B, p.C = a.p, b.p, want.p
				x.Piece(scratch, &p)
				p.C, p.Fetch = c.p, &Fetching{From: a.p, Away: r.IntN(1 << 20), Next: r.IntN(1 << 20), N: n}
				x.Piece(scratch, &p)
				for i := range c.n {
					if c.at(i) != want.at(i) {
						t.Fatalf("%v, %v, %d×%d×%d: element %d is %v, want %v", d, level, p.M, p.N, p.K, i, c.at(i), want.at(i))
					}
				}
				w, _ := workerIn(scratch)
				if end := add(uintptr(a.p), p.Fetch.Away+n*p.Fetch.Next*d.Size()); x.kernels.fetch != nil && w.gather.From != end {
					t.Fatalf("%v, %v, %d×%d×%d: %d of %d bytes are fetched", d, level, p.M, p.N, p.K, w.gather.From-uintptr(a.p), end-uintptr(a.p))
				}
			}
		}
	}
}
