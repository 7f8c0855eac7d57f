package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"

	"github.com/adjoint-go/adjoint/internal/asmgen"
	"github.com/adjoint-go/adjoint/internal/elem/def"
)

// file is one assembly file: functions of one level, and their constants and tables.
type file struct {
	level  level
	ctx    *build.Context
	pool   *pool
	tables map[string]operand.Mem
	data   []func() // global data, written after the functions
	trial  bool     // nothing of it is printed
}

// pool holds the file's constants for both lane widths.
type pool struct {
	wide, narrow []uint64
	at           map[uint64]int
	at32         map[uint64]int
}

func newContext() *build.Context { return build.NewContext() }

func newFile(l level) *file {
	return &file{level: l, ctx: newContext(), pool: &pool{at: map[uint64]int{}, at32: map[uint64]int{}}, tables: map[string]operand.Mem{}}
}

func (l level) suffix() string {
	if l == avx512 {
		return "AVX512"
	}
	return "AVX2"
}

func (l level) lower() string { return strings.ToLower(l.suffix()) }

func symbol(name string) operand.Symbol { return operand.NewStaticSymbol(name) }

// constant returns the memory operand of a constant: one element that AVX-512
// instructions broadcast, a whole vector for AVX2.
func (fn *function) constant(bits uint64) (operand.Op, bool) {
	p := fn.pool
	list, at, name := &p.narrow, p.at32, "constants32"
	if fn.wide {
		list, at, name = &p.wide, p.at, "constants64"
	}
	if i, ok := fn.hoisted[bits]; ok {
		return fn.vec(i), false
	}
	i, ok := at[bits]
	if !ok {
		i = len(*list)
		if !fn.trial {
			at[bits] = i
			*list = append(*list, bits)
		}
	}
	if fn.level == avx512 {
		return operand.NewDataAddr(symbol(name), i*fn.elementBytes()), true
	}
	return operand.NewDataAddr(symbol(name), i*fn.level.bytes()), false
}

// table returns the address of a constant table.
func (fn *function) table(t def.Table) operand.Mem {
	name := t.Name + "_64"
	if !fn.wide {
		name = t.Name + "_32"
	}
	if m, ok := fn.tables[name]; ok {
		return m
	}
	m := operand.NewDataAddr(symbol(name), 0)
	fn.tables[name] = m
	wide := fn.wide
	fn.data = append(fn.data, func() { fn.global(name, t.Data, wide, 1) })
	return m
}

// window returns the address of 64 bytes of ones followed by 64 of zeros.
func (fn *function) window() operand.Mem {
	const name = "tail_window"
	if m, ok := fn.tables[name]; ok {
		return m
	}
	m := operand.NewDataAddr(symbol(name), 0)
	fn.tables[name] = m
	ones := make([]uint64, 16)
	for i := range 8 {
		ones[i] = ^uint64(0)
	}
	fn.data = append(fn.data, func() { fn.global(name, ones, true, 1) })
	return m
}

func (f *file) global(name string, data []uint64, wide bool, repeat int) {
	f.ctx.StaticGlobal(name)
	f.ctx.DataAttributes(attr.RODATA | attr.NOPTR)
	at := 0
	for _, v := range data {
		for range repeat {
			if wide {
				f.ctx.AddDatum(at, operand.U64(v))
				at += 8
			} else {
				f.ctx.AddDatum(at, operand.U32(uint32(v)))
				at += 4
			}
		}
	}
}

// finish writes the data and returns the assembly text.
func (f *file) finish() ([]byte, error) {
	if len(f.pool.wide) > 0 {
		f.global("constants64", f.pool.wide, true, map[level]int{avx512: 1, avx2: 4}[f.level])
	}
	if len(f.pool.narrow) > 0 {
		f.global("constants32", f.pool.narrow, false, map[level]int{avx512: 1, avx2: 8}[f.level])
	}
	for _, d := range f.data {
		d()
	}
	return asmgen.Text(f.ctx, folder)
}

// write adds a kernel to the file.
func (f *file) write(k kernel) {
	defer func() {
		if e := recover(); e != nil {
			panic(fmt.Sprintf("%s %s: %v", k.name, f.level.suffix(), e))
		}
	}()
	fn := &function{file: f, kernel: k, wide: k.f.Width() == 64}
	fn.write()
}
