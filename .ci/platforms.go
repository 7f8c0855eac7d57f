//go:build ignore

// Command platforms checks types of the module's packages as they are on other platforms, from source and so without compiling what they import:
//
//	go run .ci/platforms.go OS/ARCH[:TAGS] PATTERN…
package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	platform, tags, _ := strings.Cut(os.Args[1], ":")
	system, processor, _ := strings.Cut(platform, "/")
	list, err := packages.Load(&packages.Config{
		Mode: packages.LoadAllSyntax, Tests: true, BuildFlags: []string{"-tags=" + tags},
		Env: append(os.Environ(), "GOOS="+system, "GOARCH="+processor, "CGO_ENABLED=0"),
	}, os.Args[2:]...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	files := 0
	for _, p := range list {
		files += len(p.Syntax)
	}
	fmt.Printf("%s: %d packages, %d files\n", os.Args[1], len(list), files)
	if packages.PrintErrors(list) > 0 || files == 0 {
		os.Exit(1)
	}
}
