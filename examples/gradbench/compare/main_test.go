package main

import (
	"os"
	"path/filepath"
	"runtime"
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
	table(&b, "lse", results)
	if want := "| lse | n=5 | primal | 2 |  | yes | – | – |\n| lse | n=5 | gradient | 2 | 1.00 | no: no | – | – |\n"; b.String() != want {
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
