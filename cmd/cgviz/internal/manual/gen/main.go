// Command gen writes cgviz's man pages; go generate ./cmd/cgviz runs it.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/manual"
)

func main() {
	// go generate runs in cmd/cgviz.
	if err := manual.Write(filepath.Join("..", "..", filepath.FromSlash(manual.Folder))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
