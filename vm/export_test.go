package vm

import (
	"cmp"
	"encoding/binary"
	"hash/crc32"
	"math"
	"os"
	"slices"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/elem"
)

// guardBytes lie before and behind each piece of a guarded machine's memory.
const guardBytes = 4096

// GuardedMachine is a machine whose memory lies between guards and is filled with a pattern, apart from constants and inputs, which
// are 0.
type GuardedMachine struct {
	*Machine
	pattern byte
	blocks  [][]byte
}

// NewGuardedMachine makes a machine whose inputs hold zeros.
func NewGuardedMachine(p *Program, pattern byte, opts ...Option) *GuardedMachine {
	g := &GuardedMachine{pattern: pattern}
	g.Machine = NewMachine(p, append(opts, func(m *Machine) { m.allocate = g.block })...)
	m := g.Machine
	for i := range p.code.Inputs {
		s := &p.code.Inputs[i]
		if s.Space == 0 {
			clear(unsafe.Slice((*byte)(unsafe.Add(m.entry.base, s.Offset)), bytesOf(s.Type)))
			m.set[i] = true
		} else if s.Used {
			b := g.block(bytesOf(s.Type))
			clear(b)
			m.bind(i, unsafe.Pointer(unsafe.SliceData(b)), nil)
		}
	}
	return g
}

// block returns n bytes at a multiple of 64 between guards, all filled with the pattern.
func (g *GuardedMachine) block(n int64) []byte {
	whole := alignedBytes(n + 2*guardBytes)
	for i := range whole {
		whole[i] = g.pattern
	}
	g.blocks = append(g.blocks, whole)
	return whole[guardBytes : guardBytes+n : guardBytes+n]
}

// Touched reports whether each page of the arena has a byte at its beginning that is not the pattern.
func (g *GuardedMachine) Touched() bool {
	arena := g.blocks[0][guardBytes : len(g.blocks[0])-guardBytes]
	for i := 0; i < len(arena); i += os.Getpagesize() {
		if arena[i] == g.pattern {
			return false
		}
	}
	return true
}

// Intact reports whether nothing has written to the guards.
func (g *GuardedMachine) Intact() bool {
	for _, b := range g.blocks {
		for _, side := range [2][]byte{b[:guardBytes], b[len(b)-guardBytes:]} {
			for _, v := range side {
				if v != g.pattern {
					return false
				}
			}
		}
	}
	return true
}

// Output returns the bytes of output i, with the bits of every NaN made equal: they are not part of the promise that
// executors give the same bits.
func (g *GuardedMachine) Output(i int) []byte {
	s := &g.p.code.Outputs[i]
	b := append([]byte(nil), unsafe.Slice((*byte)(unsafe.Add(g.entry.base, s.Offset)), bytesOf(s.Type))...)
	switch s.DType {
	case dtype.Float64:
		for k := 0; k < len(b); k += 8 {
			if new(Machine).isNaN(unsafe.Pointer(&b[k]), dtype.Float64, 1) {
				binary.LittleEndian.PutUint64(b[k:], 0x7ff8000000000000)
			}
		}
	case dtype.Float32:
		for k := 0; k < len(b); k += 4 {
			if new(Machine).isNaN(unsafe.Pointer(&b[k]), dtype.Float32, 1) {
				binary.LittleEndian.PutUint32(b[k:], 0x7fc00000)
			}
		}
	}
	return b
}

// Sealed returns encoded data with the checksum that its other bytes ask for.
func Sealed(data []byte) []byte {
	if len(data) < 4 {
		return data
	}
	body := data[: len(data)-4 : len(data)-4]
	return binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, castagnoli))
}

// WithLinesFrom makes machines, while f runs, run the innermost dimension of loops line by line from this length on.
func WithLinesFrom(length int, f func()) {
	defer func(before int) { flatBelow = before }(flatBelow)
	flatBelow = length
	f()
}

// FlatLoops counts the machine's loops that walk more than the innermost dimension at once, and their inputs that are copied.
func FlatLoops(m *Machine) (loops, copied int) {
	for _, e := range m.entry.exec {
		if x, ok := e.(*loop); ok && x.flat {
			loops++
			for k := range x.inputs {
				if x.inputs[k].form == inputStrided {
					copied++
				}
			}
		}
	}
	return loops, copied
}

// RowsInPlace counts the machine's loops that reduce rows where they lie.
func RowsInPlace(m *Machine) (n int) {
	for _, e := range m.entry.exec {
		if x, ok := e.(*loop); ok && x.rowsInPlace() >= 0 {
			n++
		}
	}
	return n
}

// Items returns the number of items of each of the machine's loops.
func Items(m *Machine) (items []int) {
	for _, e := range m.entry.exec {
		if x, ok := e.(*loop); ok {
			items = append(items, x.items)
		}
	}
	return items
}

// WorkersApart returns the bytes between what two workers of a loop write, at least.
func WorkersApart(m *Machine) int {
	least := math.MaxInt
	for _, e := range m.entry.exec {
		x, ok := e.(*loop)
		if !ok {
			continue
		}
		var ends [][2]uintptr
		for i := range x.workers {
			w := &x.workers[i]
			first, last := unsafe.Pointer(&w.inBase[0]), unsafe.Pointer(&w.buf[len(w.buf)-1])
			ends = append(ends, [2]uintptr{uintptr(first), uintptr(last) + 8}, [2]uintptr{uintptr(unsafe.Pointer(w)), uintptr(unsafe.Pointer(&w.flush)) + unsafe.Sizeof(w.flush)})
		}
		slices.SortFunc(ends, func(a, b [2]uintptr) int { return cmp.Compare(a[0], b[0]) })
		for i := range ends[1:] {
			least = min(least, int(ends[i+1][0]-ends[i][1]))
		}
	}
	return least
}

// CopyStrided copies n elements of size bytes from position lo of a walk.
func CopyStrided(dst, src unsafe.Pointer, size int, dims, strides []int, lo, n int, level cpu.Level) {
	in := loopInput{size: size, walk: newStrided(dims, strides), repeat: elem.Repeat(size, level)}
	in.copy(dst, src, lo, n)
}

// CodeBytes returns the size of the machine's machine code.
func (m *Machine) CodeBytes() int {
	n := 0
	for _, e := range m.entry.exec {
		n += e.codeBytes()
	}
	return n
}

// Tests exchange buffers of values that are not large.
func init() { leastBuffer = 512 }

// MirrorFrom sets the size of values of which loops copy the elements that scalar code reads, until the returned function is called.
func MirrorFrom(bytes int64) (restore func()) {
	before := leastMirrored
	leastMirrored = bytes
	return func() { leastMirrored = before }
}

// ChainFrom sets the number of steps from which on a scan moves pointers on between them, and the size of the values, until the returned function is called.
func ChainFrom(steps int, bytes int64) (restore func()) {
	beforeSteps, beforeBytes := leastChained, leastMoved
	leastChained, leastMoved = steps, bytes
	return func() { leastChained, leastMoved = beforeSteps, beforeBytes }
}

// Handed counts how machines hand large values of loops on without copies.
type Handed struct {
	Carried  int // carries that go with their buffers
	Shifted  int // of them those whose buffer goes on to another carry
	While    int // and those of while loops
	Mirrored int // carries and elements of which scalar code reads some elements
	Tested   int // and those that its condition reads in place from the body's arena
	Direct   int // elements of ys that are written in place
	Ahead    int // and that are there before their step, as carries
	Elements int // of xs that are read in place
	Chained  int // scans between whose steps pointers were moved on
}

// Add adds what the machine does.
func (h *Handed) Add(m *Machine) { h.add(m.entry) }

func (h *Handed) add(f *frame) {
	for _, e := range f.exec {
		var list []callee
		var hand *bufferRun
		while := 0
		switch x := e.(type) {
		case *scanCall:
			list, hand = x.callees, x.hand
			if x.chain != nil && x.chain.steps != nil {
				h.Chained++
			}
		case *whileCall:
			list, hand, while = x.callees, x.hand, 1
			if x.test != nil {
				h.Tested += len(x.test.active)
			}
		case *condCall:
			list = x.callees
		}
		if hand != nil {
			h.Mirrored += len(hand.mirrored)
			for _, k := range hand.active {
				w := &hand.windows[k]
				for _, c := range []struct {
					is bool
					n  *int
				}{{w.in >= 0, &h.Carried}, {w.in >= 0 && w.out >= 0 && w.in != w.out, &h.Shifted}, {w.direct >= 0, &h.Direct}, {w.ahead >= 0, &h.Ahead}, {w.x >= 0, &h.Elements}} {
					if c.is {
						*c.n++
					}
				}
				if w.in >= 0 {
					h.While += while
				}
			}
		}
		for i := range list {
			h.add(list[i].frame)
		}
	}
}
