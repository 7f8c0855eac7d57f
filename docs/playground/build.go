// Package playground builds the page that draws graphs in a browser: the page's own files in folder site, the compiler as
// WebAssembly (cmd/cgviz/internal/playground), and the style sheet of drawings.
package playground

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/adjoint-go/adjoint/viz"
)

//go:embed site
var site embed.FS

// command is the package that is compiled to WebAssembly.
const command = "github.com/adjoint-go/adjoint/cmd/cgviz/internal/playground/wasm"

// Build writes the page to a folder, which it makes. It runs the go command, in a folder of this module.
func Build(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	files, err := fs.Sub(site, "site")
	if err != nil {
		return err
	}
	write := func(name string, data []byte) error { return os.WriteFile(filepath.Join(folder, name), data, 0o644) }
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return write(name, data)
	})
	if err != nil {
		return err
	}
	if err := write("drawing.css", []byte(viz.StyleSheet())); err != nil {
		return err
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	// The script belongs to the version of Go that compiles.
	script, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return err
	}
	if err := write("wasm_exec.js", script); err != nil {
		return err
	}
	to, err := filepath.Abs(filepath.Join(folder, "adjoint.wasm"))
	if err != nil {
		return err
	}
	var complaints bytes.Buffer
	compiler := exec.Command("go", "build", "-trimpath", "-tags", "notensor", "-ldflags", "-s -w", "-o", to, command)
	compiler.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	compiler.Stderr = &complaints
	if err := compiler.Run(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", command, err, complaints.String())
	}
	return nil
}
