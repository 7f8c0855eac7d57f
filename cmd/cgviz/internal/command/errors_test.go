package command

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestErrors checks status and message of every kind of mistake; the golden file shows
// them as a user sees them.
func TestErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	vector := file("vector.cg", "adjoint graph 1\n%0 \"w\" = input : f64[2,2]\n%1 \"ok\" = input : bool\n%2 \"n\" = input : i32\n%3 = reduce_sum %0 {axes=[0 1], keepdims=false} : f64\noutput %3\noutput %1\noutput %2\n")
	program := programFile(t, dir, "sin(x)*exp(x)")
	scopes := file("scopes.cg", "adjoint graph 1\n%0 \"x\" = input : f64\n%1 = sin %0 : f64 in \"encoder/layer\"\noutput %1\n")
	var text strings.Builder
	for _, c := range []struct {
		status int
		args   []string
	}{
		// The expression.
		{1, []string{"sin(x1 + "}},
		{1, []string{"2 +* x"}},
		{1, []string{"x $ y"}},
		{1, []string{"arctan(x)"}},
		{1, []string{"atan2(x)"}},
		{1, []string{"softmax(x)"}},
		{1, []string{"z = x; z = y"}},
		{1, []string{""}},
		{1, []string{"x₁ + β)"}},
		{1, []string{"1/2x"}},
		{1, []string{"(x > 1) + 1"}},
		// The point.
		{1, []string{"--at", "x1=3", seed}},
		{1, []string{"--at", "", seed}},
		{1, []string{"--at", "x1=3,x2=4,x3=5", seed}},
		{1, []string{"--at", "x1=3,x1=4", seed}},
		{1, []string{"--at", "x1=3", "--at", "x₁=4", seed}},
		{1, []string{"--at", "x1=3,x2=four", seed}},
		{1, []string{"--at", "x1=3 x2=4", seed}},
		{1, []string{"--at", "x1=3;x2=4", seed}},
		{1, []string{"--at", "x1,x2", seed}},
		{1, []string{"--at", "=3", seed}},
		{1, []string{"--at", "x1=", seed}},
		{1, []string{"--at", "x1=1e999,x2=1", seed}},
		{1, []string{"--at", "x1=[1],x2=1", seed}},
		{1, []string{"--at", "x=\xff", "x"}},
		{1, []string{"--at", "x=1", "2 + 3"}},
		{1, []string{"--at", "w=1", vector}},
		{1, []string{"--at", "w=[1,2,3]", vector}},
		{1, []string{"--at", "w=[[1,2],[3]]", vector}},
		{1, []string{"--at", "w=[[1,2],[3,4]", vector}},
		{1, []string{"--at", "w=[1,,2]", vector}},
		{1, []string{"--at", "w=[1,[2]]", vector}},
		{1, []string{"--at", "w=[]", vector}},
		{1, []string{"--at", "w=missing.npy", vector}},
		{1, []string{"--at", "ok=yes", vector}},
		{1, []string{"--at", "n=2.5", vector}},
		{1, []string{"--at", "n=3000000000", vector}},
		{1, []string{"--at", "w=[1]", vector}},
		// Gradients.
		{1, []string{"--grad", "overlay", "--wrt", "x3", seed}},
		{1, []string{"--grad", "overlay", "--wrt", "x1,x1", seed}},
		{1, []string{"--grad", "split", "--wrt", "n", vector}},
		{1, []string{"--grad", "overlay", "x > 1"}},
		{1, []string{"--grad", "split", "2 + 3"}},
		// Files.
		{1, []string{filepath.Join(dir, "missing.cg")}},
		{1, []string{dir + ".cg"}},
		{1, []string{file("empty.cg", "")}},
		{1, []string{file("other.cg", "z = x1^2\n")}},
		{1, []string{file("operator.cg", "adjoint graph 1\n%0 \"x\" = input : f64\n%1 = zzzz %0 : f64\noutput %1\n")}},
		{1, []string{file("order.cg", "adjoint graph 1\n%0 \"x\" = input : f64\n%1 = add %0, %2 : f64\noutput %1\n")}},
		{1, []string{file("type.cg", "adjoint graph 1\n%0 \"x\" = input : f64\n%1 = sin %0 : f32\noutput %1\n")}},
		{1, []string{file("bytes.cg", "adjoint graph 1\n\x00\xff\n")}},
		{1, []string{"--at", "x=[1]", file("large.cg", "adjoint graph 1\n%0 \"x\" = input : f64[1000000,1000000]\n%1 = neg %0 : f64[1000000,1000000]\noutput %1\n")}},
		{1, []string{file("script.py", "x")}},
		{1, []string{"-"}},
		{1, []string{"--focus", "nowhere", seed}},
		{1, []string{"--path", "x1..nowhere", seed}},
		{1, []string{"--path", "x1..x2", seed}},
		{1, []string{"--depth", "0", "--collapse", "encoder", seed}},
		{1, []string{"--collapse", "block*/attn", scopes}},
		{1, []string{"--expand", "a", seed}},
		{1, []string{"--collapse", "[", scopes}},
		{1, []string{"--inline", "W*", scopes}},
		{1, []string{"memory", "--gradient", program}},
		{1, []string{file("bad.adjp", "ADJP\x01")}},
		{1, []string{file("bad", "ADJP")}},
		{1, []string{"--grad", "split", program}},
		{1, []string{"--at", "x=1", program}},
		{1, []string{"--opt", "after", program}},
		{1, []string{"--pkg", ".", "--func", "loss"}},
		{1, []string{"passes", program}},
		{1, []string{"passes", "sin("}},
		{1, []string{"passes", "--disable", "nothing", "x"}},
		{1, []string{"disasm", "sin("}},
		{1, []string{"bench", "sin("}},
		{1, []string{"bench", "--gradient", program}},
		{1, []string{"bench", "--at", "q=1", "x"}},
		{1, []string{"gen", "sin("}},
		{1, []string{"gen", "--gradient", program}},
		{1, []string{"gen", "--func", "a-b", "x"}},
		{1, []string{"run", "x + y", "--input", "x=1"}},
		{1, []string{"run", "x", "--input", "y=1"}},
		{1, []string{"run", vector, "-o", filepath.Join(dir, "y.npy")}},
		{1, []string{"run", "x", "--values", filepath.Join(dir, "missing.npz")}},
		{1, []string{"convert", program, "-o", filepath.Join(dir, "z.cg")}},
		{1, []string{filepath.Join(dir, "missing.safetensors")}},
		{1, []string{file("bad.safetensors", "bad")}},
		{1, []string{"diff", "x", "sin("}},
		{1, []string{"diff", "x", program}},
		{1, []string{"diff", "x", filepath.Join(dir, "missing.cg")}},
		// The output.
		{1, []string{"-o", filepath.Join(dir, "no", "z.svg"), seed}},
		{1, []string{"-T", "svg", "-o", dir, seed}},
		// Usage.
		{2, []string{}},
		{2, []string{"x1", "+", "x2"}},
		{2, []string{"--unknown", seed}},
		{2, []string{"-x^2"}},
		{2, []string{"-T", "gif", seed}},
		{2, []string{"-o", "z.jpeg", seed}},
		{2, []string{"--grad", "all", seed}},
		{2, []string{"--rankdir", "XY", seed}},
		{2, []string{"--wrt", "x1", seed}},
		{2, []string{"--max-nodes", "0", seed}},
		{2, []string{"--show", "weight", seed}},
		{2, []string{"--color-by", "mood", seed}},
		{2, []string{"--style", "baroque", seed}},
		{2, []string{"--depth", "-2", seed}},
		{2, []string{"--radius", "3", seed}},
		{2, []string{"--focus", "z", "--radius", "-1", seed}},
		{2, []string{"--path", "x1", seed}},
		{2, []string{"memory", "-T", "html", seed}},
		{2, []string{"memory", "--wrt", "x1", seed}},
		{2, []string{"memory", seed, seed}},
		{2, []string{"bench", "--runs", "0", seed}},
		{2, []string{"bench", "--threads", "-1", seed}},
		{2, []string{"bench", "--wrt", "x1", seed}},
		{2, []string{"gen"}},
		{2, []string{"gen", "--wrt", "x1", seed}},
		{2, []string{"gen", "--assembly", seed}},
		{2, []string{"gen", "--dim", "batch", seed}},
		{2, []string{"run", "--threads", "-1", seed}},
		{2, []string{"run", "-o", "y.csv", seed}},
		{2, []string{"convert", seed}},
		{2, []string{"convert", "-o", "z.go", seed}},
		{2, []string{"schedule"}},
		{2, []string{"schedule", "many"}},
		{2, []string{"schedule", "--states", "0", "9"}},
		{2, []string{"schedule", "--states", "3", "--every", "2", "9"}},
		{2, []string{"schedule", "--mixed", "9"}},
		{2, []string{"schedule", "-T", "html", "9"}},
		{1, []string{"schedule", "0"}},
		{1, []string{"schedule", "--states", "1", "50000"}},
		{2, []string{"--max-nodes", "many", seed}},
		{2, []string{"--at"}},
		{2, []string{"--scale", "0", seed}},
		{2, []string{"--scale", "1", "--dpi", "96", seed}},
		{2, []string{"--dpi", "-3", seed}},
		{2, []string{"--theme", "blue", seed}},
		{2, []string{"--opt", "most", seed}},
		{2, []string{"--opt", "both", "--grad", "overlay", seed}},
		{2, []string{"--pkg", ".", "--func", "Loss", seed}},
		{2, []string{"--pkg", "."}},
		{2, []string{"--func", "Loss"}},
		{2, []string{"--watch", seed}},
		{2, []string{"--watch", "-o", filepath.Join(dir, "z.svg"), seed}},
		{2, []string{"passes"}},
		{2, []string{"passes", "--list", "x"}},
		{2, []string{"passes", "--wrt", "x", "x"}},
		{2, []string{"disasm"}},
		{2, []string{"diff", "x"}},
		{2, []string{"diff", "-", "-"}},
		{2, []string{"diff", "-T", "gif", "x", "y"}},
		{2, []string{"diff", "--exit", "x", "y"}},
		{2, []string{"version", "x"}},
	} {
		r := run("", c.args...)
		if r.status != c.status {
			t.Errorf("%q: status %d, want %d: %s", c.args, r.status, c.status, r.err)
		}
		if r.out != "" || !strings.HasPrefix(r.err, "cgviz: ") {
			t.Errorf("%q: stdout %.80q, stderr %q", c.args, r.out, r.err)
		}
		fmt.Fprintf(&text, "%s\n%s[exit %d]\n\n", shell(c.args), r.err, r.status)
	}
	golden(t, "errors.golden", strings.ReplaceAll(filepath.ToSlash(text.String()), filepath.ToSlash(dir), "DIR"))
}

// TestTerminal checks that binary formats stay out of terminals.
func TestTerminal(t *testing.T) {
	for _, c := range []struct {
		format string
		status int
	}{{"png", 2}, {"pdf", 2}, {"svg", 0}, {"dot", 0}, {"json", 0}, {"html", 0}, {"mermaid", 0}, {"text", 0}, {"tikz", 0}, {"latex", 0}} {
		var out, errs bytes.Buffer
		status := Main([]string{"-T", c.format, "x"}, Streams{In: strings.NewReader(""), Out: &out, Err: &errs, OutTerminal: true})
		if status != c.status || (out.Len() == 0) != (status != 0) {
			t.Errorf("%s: status %d, %d bytes, %s", c.format, status, out.Len(), errs.String())
		}
	}
}

// TestTerminalDefault checks that people at a terminal get text, unless they name a file or a format.
func TestTerminalDefault(t *testing.T) {
	file := filepath.Join(t.TempDir(), "z.svg")
	for _, c := range []struct {
		args     []string
		terminal bool
		text     bool
	}{{[]string{"sin(x)"}, true, true}, {[]string{"sin(x)"}, false, false}, {[]string{"-o", "-", "sin(x)"}, true, false}, {[]string{"-T", "svg", "sin(x)"}, true, false},
		{[]string{"memory", "sin(x)"}, true, false}, {[]string{"-o", file, "sin(x)"}, true, false}} {
		var out, errs bytes.Buffer
		status := Main(c.args, Streams{In: strings.NewReader(""), Out: &out, Err: &errs, OutTerminal: c.terminal})
		if status != 0 || strings.HasPrefix(out.String(), "○") != c.text {
			t.Errorf("%q: status %d, %.40q, %s", c.args, status, out.String(), errs.String())
		}
	}
}

// TestHints checks what is said of arguments that are expressions and names of files at once, and of texts that begin with a mark.
func TestHints(t *testing.T) {
	t.Chdir(t.TempDir())
	const text = "adjoint graph 1\n%0 \"q\" = input : f64\n%1 = sin %0 : f64\noutput %1\n"
	for name, content := range map[string]string{"model.cg": text, "net.cg": text, "plain": text, "marked.cg": "\uFEFF" + text} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		argument string
		status   int
		want     string // in what is said
	}{
		{"model", 0, "hint: the file model.cg is there too"},
		{"./net", 1, "hint: the file ./net.cg is there too"},
		{"plain", 0, "- < plain"},
		{"./plain", 1, "- < ./plain"},
		{"model.cg", 0, ""},
		{"marked.cg", 0, ""},
		{"other", 0, ""},
	} {
		r := run("", "-T", "text", c.argument)
		if r.status != c.status || !strings.Contains(r.err, c.want) || c.want == "" && r.err != "" {
			t.Errorf("%s: status %d, %s", c.argument, r.status, r.err)
		}
	}
	if r := run("\uFEFF"+text, "-T", "text", "-"); r.status != 0 || !strings.Contains(r.out, "sin(q)") {
		t.Errorf("a marked text from standard input: %+v", r)
	}
}

// TestFailureLeavesNothing checks that a failed run neither makes nor changes the output file.
func TestFailureLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "z.svg")
	for _, args := range [][]string{{"sin(", "-o", name}, {"--at", "x=1", "x*y", "-o", name}, {"-o", name, "--grad", "split", "x>1"}} {
		if r := run("", args...); r.status != 1 {
			t.Errorf("%q: status %d", args, r.status)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("files left: %v, %v", entries, err)
	}
	if err := os.WriteFile(name, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	run("", "sin(", "-o", name)
	if data, err := os.ReadFile(name); err != nil || string(data) != "old" {
		t.Errorf("the file holds %q, %v", data, err)
	}
}

// failing is a stream that takes no bytes.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestBrokenOutput(t *testing.T) {
	var errs bytes.Buffer
	status := Main([]string{"x"}, Streams{In: strings.NewReader(""), Out: failing{}, Err: &errs})
	if status != 1 || !strings.Contains(errs.String(), "closed") {
		t.Errorf("status %d, %s", status, errs.String())
	}
}

func TestHelp(t *testing.T) {
	r := run("", "--help")
	if r.status != 0 || r.err != "" {
		t.Errorf("status %d, stderr %s", r.status, r.err)
	}
	for _, text := range []string{"--format", "--output", "--at", "--grad", "--wrt", "--rankdir", "--opt", "--pkg", "--watch", "diff", "passes", "disasm", "completion", "version", "Examples:", "EXPR"} {
		if !strings.Contains(r.out, text) {
			t.Errorf("the help lacks %q", text)
		}
	}
}

// What does not look at the context ends with it too: here a standard input on which nothing ever comes.
func TestInterruptedWhileReading(t *testing.T) {
	in, never := io.Pipe()
	defer never.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, args := range [][]string{{"-"}, {"memory", "-"}, {"passes", "-"}} {
		var errors bytes.Buffer
		if status := execute(ctx, args, Streams{In: in, Out: io.Discard, Err: &errors, ErrTerminal: true}); status != exitInterrupted || !strings.HasSuffix(errors.String(), "cgviz: interrupted\n") {
			t.Errorf("%v: status %d, %q", args, status, errors.String())
		}
	}
}

// What a graph's values and times would take in memory is refused before it is taken.
func TestHugeGraph(t *testing.T) {
	huge := filepath.Join(t.TempDir(), "huge.cg")
	text := "adjoint graph 1\n%0 \"x\" = input : f64[1048576,524288]\n%1 = sin %0 : f64[1048576,524288]\noutput %1\n"
	if err := os.WriteFile(huge, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--color-by", "time"}, {"--show", "+time"}, {"--color-by", "time", "--opt", "both"}, {"--color-by", "time", "--opt", "after"}} {
		if r := run("", append(args, "-T", "svg", huge)...); r.status != exitFailure || !strings.Contains(r.err, "memory") {
			t.Errorf("%v: status %d, %q", args, r.status, r.err)
		}
	}
}
