// Package asmgen is what the commands share that write assembly with avo: each is package main of a folder gen in that of the assembly.
package asmgen

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// Main writes the files of a folder, whose path is that from the root of the module, and ends the process if there is an error.
func Main(folder string, generate func() (map[string][]byte, error)) {
	files, err := generate()
	for name, text := range files {
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), text, 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// Stale is an error that names the files of a folder, relative to the working directory, that are not what is generated.
func Stale(folder string, generate func() (map[string][]byte, error)) error {
	files, err := generate()
	if err != nil {
		return err
	}
	var stale []error
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err == nil && !bytes.Equal(got, want) {
			err = fmt.Errorf("%s is stale: go generate writes it", name)
		}
		stale = append(stale, err)
	}
	return errors.Join(stale...)
}

// Text is the assembly that a context holds, for amd64, in a folder whose path is that from the root of the module.
func Text(c *build.Context, folder string) ([]byte, error) {
	c.ConstraintExpr("amd64")
	out, err := c.Result()
	if err != nil {
		return nil, err
	}
	if err := pass.Compile.Execute(out); err != nil {
		return nil, err
	}
	text, err := printer.NewGoAsm(printer.Config{Name: "avo", Argv: []string{"go", "run", "./" + folder + "/gen"}, Pkg: "asm"}).Print(out)
	return bytes.ReplaceAll(text, []byte("\t\n"), []byte("\n")), err
}

// Emit adds an instruction to the function that a context has begun; avo has a method of its name.
func Emit(c *build.Context, name string, operands ...operand.Op) {
	m := reflect.ValueOf(c).MethodByName(name)
	if !m.IsValid() {
		panic("BUG: avo has no instruction " + name)
	}
	args := make([]reflect.Value, len(operands))
	for i, o := range operands {
		args[i] = reflect.ValueOf(o)
	}
	m.Call(args)
}
