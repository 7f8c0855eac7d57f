// Command gen writes the SIMD block kernels of package asm with avo: every definition of
// internal/elem/def, and the machine operations, for AVX2 and AVX-512.
//
//	go run ./internal/elem/asm/gen
package main

import "github.com/adjoint-go/adjoint/internal/asmgen"

const folder = "internal/elem/asm"

func main() { asmgen.Main(folder, generate) }
