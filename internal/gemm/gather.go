package gemm

import (
	"runtime"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

// Run says which lanes of a vector are read from where it would begin, as a distance in bytes from a source. Lanes that no Run of a vector has are 0.
type Run = asm.Run

// Gathering describes a panel of what terms read: K terms of two vectors each, which go through the taps of one source after another.
type Gathering struct {
	To, From unsafe.Pointer // From is the first source
	Next     int            // elements from source to source
	Runs     []Run          // by tap and vector
	OfVector int            // Runs of a vector, from 1 to MostRuns
	First, K int            // the tap of the first term, and at least 1 term
}

// MostRuns is the most runs of a vector that Gather takes; 0 where it takes none.
func (x *Plan) MostRuns() int { return max(0, len(x.kernels.gathers)-1) }

// Gather packs a panel of the plan's dtype, of Width elements a term, with scratch of Each bytes. Runs must not lie on the stack.
func (x *Plan) Gather(scratch []byte, p *Gathering) {
	w, _ := workerIn(scratch)
	const size = int(unsafe.Sizeof(Run{}))
	g, taps := &w.gather, uintptr(unsafe.Pointer(unsafe.SliceData(p.Runs)))
	g.To, g.From, g.Next, g.K = uintptr(p.To), uintptr(p.From), uintptr(p.Next*x.size), p.K
	g.Taps, g.First, g.End = taps, add(taps, 2*p.First*p.OfVector*size), add(taps, len(p.Runs)*size)
	x.kernels.gathers[p.OfVector](g)
	runtime.KeepAlive(p)
}

// Fetching describes what is fetched while a Piece is computed: 128 bytes of each of some sources, which lie so many bytes behind From and Next elements apart.
type Fetching struct {
	From    unsafe.Pointer
	Away    int
	Next, N int
}
