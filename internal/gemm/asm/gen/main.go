// Command gen writes the micro-kernels of package asm with avo, for AVX2 and AVX-512.
//
//	go run ./internal/gemm/asm/gen
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	files, err := generate()
	for name, text := range files {
		if err == nil {
			err = os.WriteFile(filepath.Join("internal/gemm/asm", name), text, 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
