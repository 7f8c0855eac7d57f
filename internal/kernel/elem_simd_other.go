//go:build !amd64

package kernel

import (
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/micro"
)

func simdBlock(micro.Op, dtype.DType, dtype.DType, Level) Block  { return nil }
func simdSinCos(dtype.DType, Level) PairBlock                    { return nil }
func simdReduce(micro.ReduceKind, dtype.DType, Level) ReduceFunc { return nil }
func simdRepeat(int, Level) RepeatFunc                           { return nil }
