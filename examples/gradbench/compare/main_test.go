package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// A session hands messages on, and the table has the times and what the eval said of the answers.
func TestSessionAndTable(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the eval and the tool of the test are shell scripts")
	}
	dir := t.TempDir()
	script := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	eval := script("python", `
echo '{"id":0,"kind":"start"}'; read -r a
echo '{"id":1,"kind":"define","module":"lse"}'; read -r a
case "$a" in *false*) exit 0;; esac
echo '{"id":2,"kind":"evaluate","module":"lse","function":"primal","input":1,"description":"n=5"}'; read -r a
echo '{"id":3,"kind":"analysis","of":2,"valid":true}'; read -r a
echo '{"id":4,"kind":"evaluate","module":"lse","function":"gradient","input":1,"description":"n=5"}'; read -r a
printf '%s\n' '{"id":5,"kind":"analysis","of":4,"valid":false,"error":"no\nmore"}'; read -r a
`)
	answers := func(nanoseconds string) string {
		return `
while read -r m; do
  case "$m" in
  *define*) echo '{"id":1,"success":true}';;
  *evaluate*) echo '{"id":2,"success":true,"output":1,"timings":[{"name":"build","nanoseconds":9e9},` + nanoseconds + `]}';;
  *) echo '{"id":0}';;
  esac
done
`
	}
	fast := tool{"fast", []string{script("fast", answers(`{"name":"evaluate","nanoseconds":9e6},{"name":"evaluate","nanoseconds":2e6},{"name":"evaluate","nanoseconds":1e6}`))}}
	lacks := tool{"lacks", []string{script("lacks", "read -r m; echo '{\"id\":0}'; read -r m; echo '{\"id\":1,\"success\":false}'; cat >/dev/null")}}
	ends := tool{"ends", []string{script("ends", "echo broken >&2; exit 1")}}
	o := options{checkout: dir, python: eval}
	var results [][]result
	for _, tl := range []tool{fast, lacks} {
		r, err := session(t.Context(), o, "lse", tl)
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, r)
	}
	var b strings.Builder
	for k := range results[0] {
		if bytes := results[0][k].bytes; (bytes == 0) == (runtime.GOOS == "linux") || bytes > 1<<28 {
			t.Errorf("a shell script takes %d bytes", bytes)
		}
		results[0][k].bytes = int64(k) * 12_345_678
	}
	table(&b, "lse", results)
	if want := "| lse | n=5 | primal | 2 |  | yes | – | – | – | – |\n| lse | n=5 | gradient | 2 | 1.00 | no: no | 12 | – | – | – |\n"; b.String() != want {
		t.Errorf("the table is\n%s, want\n%s", &b, want)
	}
	if _, err := session(t.Context(), o, "lse", ends); err == nil || !strings.Contains(err.Error(), "the tool ended") {
		t.Errorf("a tool that ends: %v", err)
	}
	if err := run(t.Context(), &b, options{}); err == nil {
		t.Error("no checkout is no error")
	}
	if err := run(t.Context(), &b, options{checkout: dir, evals: []string{"nothing"}}); err == nil {
		t.Error("an unknown eval is no error")
	}
}

// The memory of a process that a tool starts counts, not the tool's own.
func TestMemoryOfStartedProcesses(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/proc is Linux's")
	}
	const size = 100 << 20
	c := exec.Command("sh", "-c", "read -r a; head -c "+strconv.Itoa(size)+" /dev/zero | sort -S 200M >/dev/null; echo; read -r a; exit 0")
	in, err1 := c.StdinPipe()
	out, err2 := c.StdoutPipe()
	if err := errors.Join(err1, err2, c.Start()); err != nil {
		t.Fatal(err)
	}
	m := follow(c.Process.Pid)
	if before := m.peak(); before == 0 || before > size/2 {
		t.Errorf("a shell takes %d bytes", before)
	}
	fmt.Fprintln(in)
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if peak := m.peak(); peak < size/2 {
		t.Errorf("what it has started took %d bytes", peak)
	}
	m.end()
	in.Close()
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}
