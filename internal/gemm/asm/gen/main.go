// Command gen writes the micro-kernels of package asm with avo, for AVX2 and AVX-512.
//
//	go run ./internal/gemm/asm/gen
package main

import "github.com/adjoint-go/adjoint/internal/asmgen"

const folder = "internal/gemm/asm"

func main() { asmgen.Main(folder, generate) }
