package gemm

import (
	"encoding/binary"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
	"github.com/adjoint-go/adjoint/internal/native"
	"github.com/adjoint-go/adjoint/internal/native/isa/arm64"
)

// The micro-kernels of arm64 are machine code that is made when they are first wanted. Up to neonRows × neonVectors accumulators stay in registers; each step loads the
// vectors of a row of B and an element of each row of A.

const (
	neonRows    = 6
	neonVectors = 4
	neonBytes   = 16 // of a vector
)

// Registers: general ones, and the first of the vectors of B and of the elements of A, behind the accumulators.
const (
	neonOffset    = 0 // of the elements of A from where their rows begin
	neonK         = 1 // steps left
	neonB         = 2
	neonStep      = 3 // from row to row of B, or the table of terms
	neonC         = 4
	neonCRow      = 5
	neonAStep     = 6
	neonTile      = 7
	neonA         = 8 // and those that follow: the rows of A
	neonMode      = 14
	neonRow       = 16 // of B, if indexed, and of C
	neonVectorB   = neonRows * neonVectors
	neonElementsA = neonVectorB + neonVectors
)

// neonTiles is the machine code of the tiles of a dtype: by indexed or not, rows − 1, and vectors − 1 or, last, a single column.
type neonTiles struct {
	code   *native.Code
	starts [2][neonRows][neonVectors + 1]int
	lanes  int
	size   uintptr
}

// neonCode is the machine code of all tiles.
func neonCode(double bool) (code []byte, starts [2][neonRows][neonVectors + 1]int) {
	e := tileEmitter{double: double}
	for indexed := range 2 {
		for rows := range neonRows {
			for vectors := range neonVectors + 1 {
				starts[indexed][rows][vectors] = len(e.code)
				e.tile(rows+1, vectors+1, vectors == neonVectors, indexed == 1)
			}
		}
	}
	return e.code, starts
}

var neonOf = [2]func() *neonTiles{
	sync.OnceValue(func() *neonTiles { return newNEONTiles(dtype.Float32) }),
	sync.OnceValue(func() *neonTiles { return newNEONTiles(dtype.Float64) }),
}

// newNEONTiles returns nil where machine code cannot be had.
func newNEONTiles(d dtype.DType) *neonTiles {
	bytes, starts := neonCode(d == dtype.Float64)
	code, err := native.NewCode(bytes)
	if err != nil {
		return nil
	}
	return &neonTiles{code, starts, neonBytes / d.Size(), uintptr(d.Size())}
}

// useNEON replaces the tiles of the portable kernels.
func (k *kernels) useNEON(d dtype.DType) {
	x := neonOf[d.Size()/8]()
	if x == nil {
		return
	}
	k.rows, k.lanes = neonRows, neonVectors*x.lanes/2
	k.portableTile = func(t *asm.Tile, rows, cols int) { x.run(t, rows, cols, 0) }
	k.portableIndexed = func(t *asm.Tile, rows, cols int) { x.run(t, rows, cols, 1) }
}

// run computes a tile: its vectors, and then each column that remains.
func (x *neonTiles) run(t *asm.Tile, rows, cols, indexed int) {
	b, c := t.B, t.C
	for vectors := cols / x.lanes; vectors > 0; {
		n := min(vectors, neonVectors)
		x.code.Call(x.starts[indexed][rows-1][n-1], unsafe.Pointer(t))
		t.B, t.C = t.B+uintptr(n)*neonBytes, t.C+uintptr(n)*neonBytes
		vectors -= n
	}
	for range cols % x.lanes {
		x.code.Call(x.starts[indexed][rows-1][neonVectors], unsafe.Pointer(t))
		t.B, t.C = t.B+x.size, t.C+x.size
	}
	t.B, t.C = b, c
}

// tileEmitter appends machine code.
type tileEmitter struct {
	code   []byte
	double bool
}

func (e *tileEmitter) word(w uint32) { e.code = binary.LittleEndian.AppendUint32(e.code, w) }

func (e *tileEmitter) field(r uint8, offset uintptr) {
	e.word(arm64.LdrX.At(r, neonTile, int32(offset)))
}

// forward appends a jump to a place that it returns a function to set.
func (e *tileEmitter) forward(o arm64.Op, r uint8) (here func()) {
	at := len(e.code)
	e.word(o.To(r, 0))
	return func() { binary.LittleEndian.PutUint32(e.code[at:], o.To(r, len(e.code)-at)) }
}

// tile appends the code of a tile of so many rows and vectors, or of a single column: one element of a vector whose others are 0.
func (e *tileEmitter) tile(rows, vectors int, single, indexed bool) {
	var t asm.Tile
	shape, loadA, load, store := arm64.S4, arm64.LdrSO, arm64.LdrQ, arm64.StrQ
	if e.double {
		shape, loadA = arm64.D2, arm64.LdrDO
	}
	switch {
	case single && e.double:
		vectors, load, store = 1, arm64.LdrD, arm64.StrD
	case single:
		vectors, load, store = 1, arm64.LdrS, arm64.StrS
	}
	accumulator := func(i, j int) uint8 { return uint8(i*vectors + j) }
	// ofC does something with each vector of C.
	ofC := func(do func(r uint8, distance int32, row uint8)) {
		row := uint8(neonC)
		for i := range rows {
			for j := range vectors {
				do(accumulator(i, j), int32(neonBytes*j), row)
			}
			if i+1 < rows {
				e.word(arm64.AddX.R3(neonRow, row, neonCRow))
				row = neonRow
			}
		}
	}

	e.field(neonA, unsafe.Offsetof(t.A))
	e.field(neonRow, unsafe.Offsetof(t.ARow))
	for i := 1; i < rows; i++ {
		e.word(arm64.AddX.R3(uint8(neonA+i), uint8(neonA+i-1), neonRow))
	}
	e.field(neonB, unsafe.Offsetof(t.B))
	e.field(neonStep, unsafe.Offsetof(t.BStep))
	e.field(neonC, unsafe.Offsetof(t.C))
	e.field(neonCRow, unsafe.Offsetof(t.CRow))
	e.field(neonK, unsafe.Offsetof(t.K))
	e.field(neonMode, unsafe.Offsetof(t.Mode))
	if !indexed {
		e.field(neonAStep, unsafe.Offsetof(t.AStep))
		e.word(arm64.Movz.Wide(neonOffset, 0, 0))
	}

	e.word(arm64.CmpImm.At(0, neonMode, asm.Continue))
	fresh := e.forward(arm64.Bne, 0)
	ofC(func(r uint8, distance int32, row uint8) { e.word(load.At(r, row, distance)) })
	goOn := e.forward(arm64.B, 0)
	fresh()
	for r := range uint8(rows * vectors) {
		e.word(arm64.MoviD2.R2(r, 0))
	}
	goOn()
	e.word(arm64.CmpImm.At(0, neonK, 0))
	none := e.forward(arm64.Beq, 0)

	top := len(e.code)
	b := uint8(neonB)
	if indexed {
		e.word(arm64.LdrX.At(neonRow, neonStep, int32(unsafe.Offsetof(asm.Term{}.B))))
		e.word(arm64.LdrX.At(neonOffset, neonStep, int32(unsafe.Offsetof(asm.Term{}.A))))
		e.word(arm64.AddImm.At(neonStep, neonStep, int32(unsafe.Sizeof(asm.Term{}))))
		e.word(arm64.AddX.R3(neonRow, neonB, neonRow))
		b = neonRow
	}
	for j := range vectors {
		e.word(load.At(uint8(neonVectorB+j), b, int32(neonBytes*j)))
	}
	if !indexed {
		e.word(arm64.AddX.R3(neonB, neonB, neonStep))
	}
	for i := range rows {
		a := uint8(neonElementsA + i%(32-neonElementsA))
		e.word(loadA.R3(a, uint8(neonA+i), neonOffset))
		for j := range vectors {
			e.word(arm64.FmlaElement[shape].R3(accumulator(i, j), uint8(neonVectorB+j), a))
		}
	}
	if !indexed {
		e.word(arm64.AddX.R3(neonOffset, neonOffset, neonAStep))
	}
	e.word(arm64.SubsImm.At(neonK, neonK, 1))
	e.word(arm64.Bne.To(0, top-len(e.code)))
	none()

	e.word(arm64.CmpImm.At(0, neonMode, asm.Add))
	set := e.forward(arm64.Bne, 0)
	ofC(func(r uint8, distance int32, row uint8) {
		e.word(load.At(neonVectorB, row, distance))
		e.word(arm64.Fadd[shape].R3(r, neonVectorB, r))
	})
	set()
	ofC(func(r uint8, distance int32, row uint8) { e.word(store.At(r, row, distance)) })
	e.word(arm64.Ret.Word())
}

// NEONStep returns the text of the step of a full tile of arm64, and the number of its multiply-adds.
func NEONStep(d dtype.DType) (text string, fmas int) {
	code, starts := neonCode(d == dtype.Float64)
	lines := strings.Split(arm64.Listing(code[starts[0][neonRows-1][neonVectors-1]:starts[0][neonRows-1][neonVectors]]), "\n")
	for k, line := range lines {
		if at := strings.Index(line, "b.ne "); at >= 0 {
			if target, _ := strconv.Atoi(line[at+5:]); target < 4*k {
				text = strings.Join(lines[target/4:k+1], "\n")
			}
		}
	}
	return text, strings.Count(text, "fmla")
}
