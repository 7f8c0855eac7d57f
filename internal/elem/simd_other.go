//go:build !amd64

package elem

import (
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

func simdBlock(micro.Op, dtype.DType, dtype.DType, cpu.Level) Block  { return nil }
func simdSinCos(dtype.DType, cpu.Level) PairBlock                    { return nil }
func simdReduce(micro.ReduceKind, dtype.DType, cpu.Level) ReduceFunc { return nil }
func simdRepeat(int, cpu.Level) RepeatFunc                           { return nil }

func simdBesideDivision(micro.Op, dtype.DType, cpu.Level) DivisionBlock { return nil }
func simdSumOf(micro.Op, dtype.DType, cpu.Level) SumFunc                { return nil }

func simdAddWidened(cpu.Level) AddWidenedFunc { return nil }
