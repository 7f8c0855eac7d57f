package notebook

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const source = `package tutorial

import (
	"fmt"
)

/*
# Title
*/

var a = 1 // the first

// b is 2.
func b() int { return 2 }

func Example_sum() {
	if true {
		fmt.Println(a + b())
	}
	// Output: 3
}

/* End. */
`

func TestCells(t *testing.T) {
	cells, err := parse("x.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	if len(cells) != 4 || cells[0].Text != "# Title" || !strings.HasSuffix(cells[1].Code, display) || cells[3].Text != "End." {
		t.Fatalf("%q", cells)
	}
	want := Cell{Example: "Example_sum", Output: "3",
		Code: "var a = 1 // the first\n\n// b is 2.\nfunc b() int { return 2 }\n\n%%\nif true {\n\tfmt.Println(a + b())\n}"}
	if cells[2] != want {
		t.Errorf("%q", cells[2])
	}
}

func TestMistakes(t *testing.T) {
	for change, want := range map[string]string{
		"	// Output: 3\n": "states no output",
		"# Title\n*/\n":   "an empty line belongs",
		"/* End. */":      "belongs to nothing",
	} {
		to := map[string]string{"# Title\n*/\n": "# Title\n*/", "/* End. */": "// End.", "End. */": "End. */\n\nfunc true() {}"}[change]
		if _, err := parse("x.go", []byte(strings.Replace(source, change, to, 1))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", change, err)
		}
	}
}

func TestSetOutput(t *testing.T) {
	changed, err := SetOutput([]byte(source), "Example_sum", " 4\n\n 5 \n")
	if err != nil {
		t.Fatal(err)
	}
	cells, err := parse("x.go", changed)
	if err != nil || cells[2].Output != "4\n\n 5" {
		t.Errorf("%v %q", err, cells)
	}
	if _, err := SetOutput([]byte(source), "Example_other", ""); err == nil {
		t.Error("an example that is not there has an output")
	}
	if _, err := SetOutput([]byte(strings.Replace(source, "// Output: 3", "", 1)), "Example_sum", ""); err == nil {
		t.Error("an example without an output has one")
	}
}

// A notebook that is not what its source says is found by Check; one that printed something else, or less pictures, by Compare.
func TestChecks(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "01-x")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(folder, SourceName), source)
	cells, err := Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	data, err := Encode(cells, map[string][][]byte{"Example_sum": {{1, 2}}})
	if err != nil {
		t.Fatal(err)
	}
	book, other := folder+".ipynb", filepath.Join(t.TempDir(), "other.ipynb")
	write(book, string(data))
	write(other, string(data))
	if err := Check(folder); err != nil {
		t.Error(err)
	}
	if err := Compare(book, other); err != nil {
		t.Error(err)
	}
	for _, change := range [][2]string{{"image/png", "image/jpg"}, {`"3\n"`, `"4\n"`}, {"stdout", "stderr"}, {"a + b()", "a+b()"}} {
		changed := strings.Replace(string(data), change[0], change[1], 1)
		if changed == string(data) {
			t.Fatalf("%s is not in %s", change[0], data)
		}
		write(other, changed)
		if Compare(book, other) == nil {
			t.Errorf("%s instead of %s makes no difference", change[1], change[0])
		}
		write(book, changed)
		if Check(folder) == nil {
			t.Errorf("%s instead of %s makes no difference to the source", change[1], change[0])
		}
		write(book, string(data))
	}
}
