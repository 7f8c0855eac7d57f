// Command generate writes the notebooks of the tutorials in the current folder, run, with their pictures; with -update it first writes what
// the examples print into their sources. Or, given two notebooks, it says whether they agree:
//
//	go run ./internal/generate [-update] [FOLDER…]
//	go run ./internal/generate -compare WANT.ipynb GOT.ipynb
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/adjoint-go/adjoint/docs/tutorials/internal/notebook"
	"github.com/adjoint-go/adjoint/docs/tutorials/show"
)

func main() {
	log.SetFlags(0)
	compare := flag.Bool("compare", false, "compare two notebooks")
	renew := flag.Bool("update", false, "write what examples print into their sources")
	flag.Parse()
	if err := run(*compare, *renew, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

func run(compare, renew bool, args []string) error {
	if compare {
		if len(args) != 2 {
			return fmt.Errorf("-compare takes two notebooks, and not %d", len(args))
		}
		return notebook.Compare(args[0], args[1])
	}
	if len(args) == 0 {
		var err error
		if args, err = notebook.Folders("."); err != nil {
			return err
		}
	}
	for _, folder := range args {
		folder = filepath.Clean(folder)
		if renew {
			if err := update(folder); err != nil {
				return fmt.Errorf("%s: %w", folder, err)
			}
		}
		if err := write(folder); err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
	}
	return nil
}

// printed is how go test reports an example that prints something else.
var printed = regexp.MustCompile(`(?s)--- FAIL: (Example\w+) [^\n]*\ngot:\n(.*?)\nwant:\n`)

// update writes what the examples print into the tutorial's source.
func update(folder string) error {
	out, err := exec.Command("go", "test", "-count=1", "-run=^Example", "./"+folder).CombinedOutput()
	if err == nil {
		return nil
	}
	failed := printed.FindAllSubmatch(out, -1)
	if len(failed) == 0 {
		return fmt.Errorf("%w\n%s", err, bytes.TrimSpace(out))
	}
	path := filepath.Join(folder, notebook.SourceName)
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for _, f := range failed {
		if source, err = notebook.SetOutput(source, string(f[1]), string(f[2])); err != nil {
			return err
		}
	}
	return os.WriteFile(path, source, 0o644)
}

func write(folder string) error {
	cells, err := notebook.Read(folder)
	if err != nil {
		return err
	}
	pictures, err := draw(folder, cells)
	if err != nil {
		return err
	}
	data, err := notebook.Encode(cells, pictures)
	if err != nil {
		return err
	}
	return os.WriteFile(folder+".ipynb", data, 0o644)
}

// draw runs the examples, which must print what they state, and returns their pictures.
func draw(folder string, cells []notebook.Cell) (map[string][][]byte, error) {
	kept, err := os.MkdirTemp("", "pictures")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(kept)
	cmd := exec.Command("go", "test", "-count=1", "-run=^Example", "./"+folder)
	cmd.Env = append(os.Environ(), show.Folder+"="+kept)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, bytes.TrimSpace(out))
	}
	pictures := map[string][][]byte{}
	for _, c := range cells {
		for i := 0; c.Example != ""; i++ {
			data, err := os.ReadFile(filepath.Join(kept, fmt.Sprintf("%s-%d.png", c.Example, i)))
			if os.IsNotExist(err) {
				break
			}
			if err != nil {
				return nil, err
			}
			pictures[c.Example] = append(pictures[c.Example], data)
		}
	}
	return pictures, nil
}
