package gemm

import (
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm/asm"
)

func vectorKernels(d dtype.DType, level cpu.Level) (kernels, bool) {
	double := d == dtype.Float64
	switch {
	case level == cpu.AVX512 && double:
		return kernels{rows: 14, lanes: 8, tiles: asm.TilesF64AVX512[:], dots: asm.DotsF64AVX512[:], streams: asm.StreamsF64AVX512[:], correlate: asm.CorrelateF64AVX512, widen: asm.WidenF64AVX512, indexed: asm.IndexedF64AVX512[:], columns: asm.ColumnsF64AVX512, lines: asm.LinesF64AVX512, transposed: asm.TransposedF64AVX512, blocks: asm.BlocksAVX512, everySecond: asm.EverySecondF64AVX512, interleave: asm.InterleaveF64AVX512, filters: asm.FiltersF64AVX512, slides: asm.SlidesF64AVX512[:], fetch: asm.FetchAVX512, gathers: asm.GathersF64AVX512[:]}, true
	case level == cpu.AVX512:
		return kernels{rows: 14, lanes: 16, tiles: asm.TilesF32AVX512[:], dots: asm.DotsF32AVX512[:], streams: asm.StreamsF32AVX512[:], correlate: asm.CorrelateF32AVX512, widen: asm.WidenF32AVX512, indexed: asm.IndexedF32AVX512[:], columns: asm.ColumnsF32AVX512, lines: asm.LinesF32AVX512, transposed: asm.TransposedF32AVX512, blocks: asm.BlocksAVX512, everySecond: asm.EverySecondF32AVX512, interleave: asm.InterleaveF32AVX512, filters: asm.FiltersF32AVX512, slides: asm.SlidesF32AVX512[:], fetch: asm.FetchAVX512, gathers: asm.GathersF32AVX512[:]}, true
	case level == cpu.AVX2 && double:
		return kernels{rows: 6, lanes: 4, tiles: asm.TilesF64AVX2[:], dots: asm.DotsF64AVX2[:], streams: asm.StreamsF64AVX2[:], correlate: asm.CorrelateF64AVX2, widen: asm.WidenF64AVX2, indexed: asm.IndexedF64AVX2[:], columns: asm.ColumnsF64AVX2, lines: asm.LinesF64AVX2, transposed: asm.TransposedF64AVX2, blocks: asm.BlocksAVX2, everySecond: asm.EverySecondF64AVX2, interleave: asm.InterleaveF64AVX2, filters: asm.FiltersF64AVX2, slides: asm.SlidesF64AVX2[:]}, true
	case level == cpu.AVX2:
		return kernels{rows: 6, lanes: 8, tiles: asm.TilesF32AVX2[:], dots: asm.DotsF32AVX2[:], streams: asm.StreamsF32AVX2[:], correlate: asm.CorrelateF32AVX2, widen: asm.WidenF32AVX2, indexed: asm.IndexedF32AVX2[:], columns: asm.ColumnsF32AVX2, lines: asm.LinesF32AVX2, transposed: asm.TransposedF32AVX2, blocks: asm.BlocksAVX2, everySecond: asm.EverySecondF32AVX2, interleave: asm.InterleaveF32AVX2, filters: asm.FiltersF32AVX2, slides: asm.SlidesF32AVX2[:]}, true
	}
	return kernels{}, false
}
