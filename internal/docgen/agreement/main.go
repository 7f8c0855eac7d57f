// Command agreement writes docs/AGREEMENT.md from the comparison with JAX and PyTorch.
//
//	go run ./internal/docgen/agreement ROOT
package main

import (
	"log"
	"os"
	"path/filepath"

	"github.com/adjoint-go/adjoint/internal/agreement"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: agreement ROOT")
	}
	text, err := agreement.Document()
	if err == nil {
		err = os.WriteFile(filepath.Join(os.Args[1], "docs", "AGREEMENT.md"), []byte(text), 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}
