//go:build !js

package main

import (
	"fmt"
	"os"
)

// main says where the command belongs.
func main() {
	fmt.Fprintln(os.Stderr, "this is a part of a page: go run ./docs/playground/build makes it")
	os.Exit(1)
}
