// Command gen writes the portable Go functions of every definition in
// internal/kernel/def to internal/kernel/elem_gen.go.
//
//	go run ./internal/kernel/gen
package main

import (
	"fmt"
	"os"
)

func main() {
	src, err := generate()
	if err == nil {
		err = os.WriteFile("internal/kernel/elem_gen.go", src, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
