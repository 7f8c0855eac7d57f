// Command gen writes the portable Go functions of every definition in
// internal/elem/def to internal/elem/functions_gen.go.
//
//	go run ./internal/elem/gen
package main

import (
	"fmt"
	"os"
)

func main() {
	src, err := generate()
	if err == nil {
		err = os.WriteFile("internal/elem/functions_gen.go", src, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
