package command

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/source"
	"github.com/adjoint-go/adjoint/compile"
)

// programFile compiles an expression into a file of the folder and returns its name.
func programFile(t testing.TB, dir, expression string) string {
	t.Helper()
	s, err := source.Read(expression, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Compile(s.Outputs...)
	if err != nil {
		t.Fatal(err)
	}
	data, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "program.adjp")
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestProgram(t *testing.T) {
	name := programFile(t, t.TempDir(), "u = sin(x)*y; z = u + exp(u)")
	d := parse(t, run("", "-T", "json", name))
	var ops []string
	for _, n := range d.Nodes {
		ops = append(ops, n.Op)
	}
	for _, want := range []string{"input", "sin", "exp"} {
		if !strings.Contains(strings.Join(ops, " "), want) {
			t.Errorf("no %s among %v", want, ops)
		}
	}
	if len(d.Outputs) != 1 || d.Outputs[0].Name != "z" {
		t.Errorf("outputs %+v", d.Outputs)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if r := run(string(data), "-T", "json", "-"); r.status != 0 || len(parse(t, r).Nodes) != len(d.Nodes) {
		t.Errorf("from standard input: status %d, %s", r.status, r.err)
	}
	for _, arg := range []string{name, "u = sin(x)*y; z = u + exp(u)"} {
		r := run("", "disasm", arg)
		if r.status != 0 || !strings.Contains(r.out, "STRAIGHT") || !strings.Contains(r.out, "sin.f64 x") {
			t.Errorf("disasm %s: status %d\n%s%s", arg, r.status, r.out, r.err)
		}
	}
}

func TestOpt(t *testing.T) {
	const expression = "z = x*1 + sin(x)"
	plain := parse(t, run("", "-T", "json", "--at", "x=2", expression))
	for _, opt := range []string{"none", "before"} {
		if d := parse(t, run("", "-T", "json", "--at", "x=2", "--opt", opt, expression)); len(d.Nodes) != len(plain.Nodes) {
			t.Errorf("--opt %s: %d nodes, want %d", opt, len(d.Nodes), len(plain.Nodes))
		}
	}
	after := parse(t, run("", "-T", "json", "--at", "x=2", "--opt", "after", expression))
	if len(after.Nodes) != 3 || after.Nodes[0].Value != 2.0 || after.Outputs[0].Value != plain.Outputs[0].Value {
		t.Errorf("after: %+v", after)
	}
	both := parse(t, run("", "-T", "json", "--opt", "both", "--grad", "split", expression))
	var outputs []string
	for _, o := range both.Outputs {
		outputs = append(outputs, o.Name+o.Of+"/"+o.By)
	}
	if got := strings.Join(outputs, " "); got != "z/ z/x z/ z/x" {
		t.Errorf("both: outputs %s", got)
	}
	ids := map[int]bool{}
	for _, n := range both.Nodes {
		if ids[n.ID] {
			t.Errorf("both: id %d twice", n.ID)
		}
		ids[n.ID] = true
	}
}

func TestPasses(t *testing.T) {
	r := run("", "passes", "--gradient", "z = x*1 + sin(x)")
	if r.status != 0 || r.err != "" {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	for _, text := range []string{"== after rewrite", "mul-one", "cos", "== program"} {
		if !strings.Contains(r.out, text) {
			t.Errorf("no %q in\n%s", text, r.out)
		}
	}
	if r := run("", "passes", "--unoptimized", "x*1"); strings.Contains(r.out, "mul-one") || !strings.Contains(r.out, "mul") {
		t.Errorf("--unoptimized has no effect:\n%s", r.out)
	}
	if r := run("", "passes", "--disable", "mul-one", "x*1"); strings.Contains(r.out, "mul-one ×") {
		t.Errorf("--disable has no effect:\n%s", r.out)
	}
	r = run("", "passes", "--list")
	for _, p := range compile.Passes() {
		if !strings.Contains(r.out, p.Name) {
			t.Errorf("--list lacks %s", p.Name)
		}
	}
}

func TestBench(t *testing.T) {
	program := programFile(t, t.TempDir(), "z = sin(x)*y")
	for _, args := range [][]string{{"bench", "--runs", "3", "--gradient", "--at", "x=2", "z = x*exp(x)"}, {"bench", "--threads", "1", program}} {
		r := run("", args...)
		if r.status != 0 || r.err != "" {
			t.Fatalf("%q: status %d: %s", args, r.status, r.err)
		}
		for _, text := range []string{" runs, ", "STRAIGHT", "\nby line\n", "\nby operator\n", " mul\n"} {
			if !strings.Contains(r.out, text) {
				t.Errorf("%q: no %q in\n%s", args, text, r.out)
			}
		}
	}
}

func TestDiff(t *testing.T) {
	cg := graphFile(t, everyType)
	for _, c := range []struct {
		args   []string
		status int
		golden string
	}{
		{[]string{"x + y", "x + y"}, 0, ""},
		{[]string{"--exit-code", "x + y", "x + y"}, 0, ""},
		{[]string{"--exit-code", cg, cg}, 0, ""},
		{[]string{"x + y", "x - y"}, 0, "diff0.golden"},
		{[]string{"--exit-code", "u = x*y; z = sin(u)^2 + y", "u = x*y; z = cos(u)^2 + y + w"}, 1, "diff1.golden"},
		{[]string{"--exit-code", "u = x*y; u + 1", "v = x*y; v + 1"}, 1, "diff2.golden"},
		{[]string{"--exit-code", "a = x; b = y", "a = x"}, 1, "diff3.golden"},
	} {
		r := run("", append([]string{"diff"}, c.args...)...)
		if r.status != c.status || r.err != "" {
			t.Errorf("%v: status %d, %s", c.args, r.status, r.err)
		}
		if c.golden == "" {
			if r.out != "" {
				t.Errorf("%v: differences\n%s", c.args, r.out)
			}
			continue
		}
		golden(t, c.golden, shell(append([]string{"diff"}, c.args...))+"\n"+r.out)
	}
	r := run("x - y", "diff", "-T", "json", "--exit-code", "x + y", "-")
	if r.status != 1 || !strings.Contains(r.out, `"scope":"only in the second"`) {
		t.Errorf("status %d: %s%s", r.status, r.out, r.err)
	}
}

func TestVersionAndCompletion(t *testing.T) {
	if r := run("", "version"); r.status != 0 || !strings.HasPrefix(r.out, "cgviz ") || !strings.Contains(r.out, "go1.") {
		t.Errorf("version: %+v", r)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if r := run("", "completion", shell); r.status != 0 || !strings.Contains(r.out, "cgviz") {
			t.Errorf("completion %s: status %d, %s", shell, r.status, r.err)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--grad", ""}, "none\noverlay\nsplit\n"},
		{[]string{"--rankdir", ""}, "LR\nTB\nBT\nRL\n"},
		{[]string{"-T", ""}, strings.Join(formatNames(), "\n") + "\n"},
		{[]string{"model"}, "cg\n"},
		{[]string{"diff", "a.cg", ""}, "cg\n"},
	} {
		if r := run("", append([]string{"__complete"}, c.args...)...); !strings.HasPrefix(r.out, c.want) {
			t.Errorf("%v: %s, want %s", c.args, r.out, c.want)
		}
	}
}

// lockedBuffer is a buffer for two goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestWatch changes a file and waits for the picture to follow.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "a.cg"), filepath.Join(dir, "a.json")
	write := func(op string) {
		text := "adjoint graph 1\n%0 \"x\" = input : f64\n%1 = " + op + " %0 : f64\noutput %1\n"
		if err := os.WriteFile(in, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("sin")
	ctx, cancel := context.WithCancel(context.Background())
	errs := &lockedBuffer{}
	done := make(chan int)
	go func() {
		done <- execute(ctx, []string{"--watch", "-o", out, in}, Streams{In: strings.NewReader(""), Out: errs, Err: errs})
	}()
	eventually := func(what string, holds func() bool) {
		t.Helper()
		for start := time.Now(); !holds(); time.Sleep(10 * time.Millisecond) {
			if time.Since(start) > 20*time.Second {
				t.Fatalf("%s: %s", what, errs.String())
			}
		}
	}
	contains := func(text string) func() bool {
		return func() bool {
			data, err := os.ReadFile(out)
			return err == nil && bytes.Contains(data, []byte(text))
		}
	}
	eventually("first picture", contains(`"op":"sin"`))
	write("wrong_operator")
	eventually("mistake", func() bool { return strings.Contains(errs.String(), "wrong_operator") })
	write("tanh")
	eventually("second picture", contains(`"op":"tanh"`))
	cancel()
	if status := <-done; status != 0 {
		t.Errorf("status %d: %s", status, errs.String())
	}
}

// TestProgress checks that a terminal is told of long work, and the line is removed.
func TestProgress(t *testing.T) {
	w := &lockedBuffer{}
	p := startProgress(Streams{Err: w, ErrTerminal: true}, time.Millisecond)
	p.enter("drawing %d nodes", 7)
	for !strings.Contains(w.String(), "drawing 7 nodes") {
		time.Sleep(time.Millisecond)
	}
	p.close()
	if !strings.HasSuffix(w.String(), "\r\x1b[K") {
		t.Errorf("the line stays: %q", w.String())
	}
	silent := &lockedBuffer{}
	for _, p := range []*progress{startProgress(Streams{Err: silent}, time.Nanosecond), startProgress(Streams{Err: silent, ErrTerminal: true}, time.Hour)} {
		p.enter("reading")
		time.Sleep(5 * time.Millisecond)
		p.close()
	}
	if silent.String() != "" {
		t.Errorf("no terminal, or short work: %q", silent.String())
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, errs bytes.Buffer
	if status := execute(ctx, []string{"--at", "x=1", "sin(x)"}, Streams{In: strings.NewReader(""), Out: &out, Err: &errs}); status != exitInterrupted || out.Len() > 0 {
		t.Errorf("status %d, %d bytes, %s", status, out.Len(), errs.String())
	}
}

// Pages with every pass, from the subcommand and from --opt.
func TestPassesAsHTML(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "passes.html")
	if r := run("", "passes", "--gradient", "--at", "x=2", "z = sin(x)*exp(x)*1", "-o", file); r.status != 0 {
		t.Fatal(r.err)
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range compile.Passes() {
		if !bytes.Contains(page, []byte(`{"name":"`+p.Name+`"`)) {
			t.Errorf("the page does not show %s", p.Name)
		}
	}
	if !bytes.Contains(page, []byte("value: 6.71885")) {
		t.Error("the page shows no value of z")
	}
	r := run("", "--opt", "passes", "-T", "html", "--grad", "split", "--at", "x=2", "z = sin(x)*exp(x)*1")
	if r.status != 0 || !strings.Contains(r.out, `{"name":"schedule"`) || !strings.Contains(r.out, "value: 6.71885") {
		t.Errorf("--opt passes: status %d, %s", r.status, r.err)
	}
	for want, args := range map[string][]string{
		"passes are shown as text or html": {"passes", "-T", "svg", "x"},
		"--at shows values in HTML":        {"passes", "--at", "x=1", "x"},
		"give -T html":                     {"--opt", "passes", "-T", "svg", "x"},
		"goes without --depth":             {"--opt", "passes", "-T", "html", "--depth", "1", "x"},
		"more than the 2 that are drawn":   {"--opt", "passes", "-T", "html", "--max-nodes", "2", "x*y + x"},
		"--at gives no value for x":        {"passes", "--at", "y=1", "-o", file, "x*y"},
	} {
		if r := run("", args...); r.status == 0 || !strings.Contains(r.err, want) {
			t.Errorf("%v: status %d, %s", args, r.status, r.err)
		}
	}
}

// The walk through a page follows the program, not the order in which the graph was built.
func TestHTMLStepsFollowTheProgram(t *testing.T) {
	text := "a = sin(x); b = cos(y); c = exp(a); d = log(b); z = c*d"
	s, err := source.Read(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Compile(s.Outputs...)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, c := range p.Code().Instrs[0].Straight.Code {
		want = append(want, c.Op.String())
	}
	r := run("", "-T", "html", text)
	data := regexp.MustCompile(`<script id="view-0" type="application/json">(.*)</script>`).FindStringSubmatch(r.out)
	if data == nil {
		t.Fatal(r.err)
	}
	var view struct {
		Nodes []struct{ Details string }
		Steps []struct{ Node int }
	}
	if err := json.Unmarshal([]byte(data[1]), &view); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range view.Steps {
		head, _, _ := strings.Cut(view.Nodes[s.Node].Details, "\n")
		got = append(got, head[strings.LastIndex(head, " ")+1:])
		if !strings.Contains(view.Nodes[s.Node].Details, "instruction: 0") {
			t.Errorf("details: %q", view.Nodes[s.Node].Details)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the walk goes through %v, the program through %v", got, want)
	}
}

// Pages say on hovering what a node costs, without being asked.
func TestHTMLListsCosts(t *testing.T) {
	for _, args := range [][]string{{"-T", "html", "z = x*y + sin(x)"}, {"-T", "html", "--opt", "after", "z = x*y + sin(x)"}} {
		if r := run("", args...); r.status != 0 || !strings.Contains(r.out, `\ncost: `) || !strings.Contains(r.out, `\nmemory: 8 B`) {
			t.Errorf("%v: status %d, %s", args, r.status, r.err)
		}
	}
	if r := run("", "-T", "svg", "z = x*y + sin(x)"); strings.Contains(r.out, "cost: ") {
		t.Error("an SVG lists costs")
	}
}
