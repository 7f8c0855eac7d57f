// Command bytecode writes docs/BYTECODE.md. Its argument is the repository's root.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/adjoint-go/adjoint/internal/docgen"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: bytecode ROOT")
		os.Exit(2)
	}
	text, err := docgen.Bytecode(os.Args[1])
	if err == nil {
		err = os.WriteFile(filepath.Join(os.Args[1], filepath.FromSlash(docgen.BytecodePath)), text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
