// Command compare runs the evals of a checkout of GradBench, their checks included, for this module's tool and others, and prints a table: for each eval and size the times of the objective and of its derivative, their ratio, how
// many times as long the others take, and, on Linux, the most memory that each has had by then.
//
//	go run ./examples/gradbench/compare -gradbench DIR -python PYTHON \
//	  -tool 'C++=PYTHON -m gradbench.cpp --tool manual' -evals gmm,lse -args 'gmm=-d 10 64 -k 25 100'
//
// PYTHON needs numpy, scipy and pydantic. The evals check answers with GradBench's C++ tool "manual", which is made there by make -C tools/manual.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

// evals are all that GradBench has.
var evals = []string{"hello", "ba", "det", "gmm", "ht", "kmeans", "llsq", "lse", "lstm", "ode", "particle", "saddle"}

// objectives are the functions that have no derivative, by eval; particle and saddle have none.
var objectives = map[string]string{"hello": "square", "ba": "objective", "det": "primal", "gmm": "objective", "ht": "objective", "kmeans": "cost", "llsq": "primal", "lse": "primal", "lstm": "objective", "ode": "primal"}

// tool is a command that speaks GradBench's protocol.
type tool struct {
	name    string
	command []string
}

// options are the command's flags.
type options struct {
	checkout, python string
	tools            []tool
	evals            []string
	args             map[string][]string // of evals
}

func main() {
	var o options
	flag.StringVar(&o.checkout, "gradbench", "", "a checkout of GradBench")
	flag.StringVar(&o.python, "python", "python3", "a Python interpreter with what the evals need")
	names := flag.String("evals", strings.Join(evals, ","), "the evals, by name")
	o.args = map[string][]string{}
	flag.Func("args", "arguments of an eval: gmm=-d 10 64 (may be repeated)", func(s string) error {
		name, args, ok := strings.Cut(s, "=")
		if !ok {
			return errors.New("has no =")
		}
		o.args[name] = strings.Fields(args)
		return nil
	})
	flag.Func("tool", "another tool: name=command (may be repeated)", func(s string) error {
		name, command, ok := strings.Cut(s, "=")
		if fields := strings.Fields(command); ok && len(fields) > 0 {
			o.tools = append(o.tools, tool{name, fields})
			return nil
		}
		return errors.New("is not name=command")
	})
	flag.Parse()
	o.evals = strings.Split(*names, ",")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, o); err != nil {
		log.Fatal(err)
	}
}

// run builds the tool, runs the evals and prints the table.
func run(ctx context.Context, w io.Writer, o options) error {
	if o.checkout == "" {
		return errors.New("-gradbench names no checkout")
	}
	for _, e := range o.evals {
		if !slices.Contains(evals, e) {
			return fmt.Errorf("there is no eval %q; there are %s", e, strings.Join(evals, ", "))
		}
	}
	dir, err := os.MkdirTemp("", "gradbench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ours := filepath.Join(dir, "adjoint")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", ours, "github.com/adjoint-go/adjoint/examples/gradbench").CombinedOutput(); err != nil {
		return fmt.Errorf("building the tool: %w\n%s", err, out)
	}
	tools := append([]tool{{"Adjoint", []string{ours}}}, o.tools...)
	fmt.Fprintf(w, "| eval | size | function | %s ms | ratio | valid | MB |", tools[0].name)
	for _, t := range tools[1:] {
		fmt.Fprintf(w, " %s ms | times | MB |", t.name)
	}
	fmt.Fprintf(w, "\n|---|---|---|---:|---:|---|---:|%s\n", strings.Repeat("---:|---:|---:|", len(tools)-1))
	for _, e := range o.evals {
		var results [][]result
		for _, t := range tools {
			r, err := session(ctx, o, e, t)
			if err != nil {
				return fmt.Errorf("%s by %s: %w", e, t.name, err)
			}
			results = append(results, r)
		}
		table(w, e, results)
	}
	return nil
}

// result is an answer: its median time and what the eval says of it.
type result struct {
	function, size string
	seconds        float64 // 0 if it failed
	bytes          int64   // of memory, at most; 0 if that is not known
	valid          bool
	reason         string
}

// table prints the lines of an eval; results are by tool.
func table(w io.Writer, eval string, results [][]result) {
	objective := 0.0
	for i, r := range results[0] {
		ratio := ""
		switch {
		case r.function == objectives[eval]:
			objective = r.seconds
		case objective > 0:
			ratio = fmt.Sprintf("%.2f", r.seconds/objective)
		}
		valid := "yes"
		if !r.valid {
			valid = "no: " + r.reason
		}
		fmt.Fprintf(w, "| %s | %s | %s | %.4g | %s | %s | %s |", eval, r.size, r.function, 1e3*r.seconds, ratio, valid, megabytes(r.bytes))
		for _, other := range results[1:] {
			if i >= len(other) || other[i].seconds == 0 || !other[i].valid {
				fmt.Fprint(w, " – | – | – |")
				continue
			}
			fmt.Fprintf(w, " %.4g | %.2f | %s |", 1e3*other[i].seconds, other[i].seconds/r.seconds, megabytes(other[i].bytes))
		}
		fmt.Fprintln(w)
	}
}

func megabytes(bytes int64) string {
	if bytes == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", float64(bytes)/1e6)
}

// message is what of a message or an answer is looked at.
type message struct {
	ID          int    `json:"id"`
	Kind        string `json:"kind"`
	Function    string `json:"function"`
	Description string `json:"description"`
	Of          int    `json:"of"`
	Valid       bool   `json:"valid"`
	Error       string `json:"error"`
	Success     *bool  `json:"success"`
	Timings     []struct {
		Name        string  `json:"name"`
		Nanoseconds float64 `json:"nanoseconds"`
	} `json:"timings"`
}

// session runs an eval with a tool: it hands on the messages of each to the other.
func session(ctx context.Context, o options, eval string, t tool) ([]result, error) {
	asks := exec.CommandContext(ctx, o.python, append([]string{"-m", "gradbench.evals." + eval + ".run"}, o.args[eval]...)...)
	answers := exec.CommandContext(ctx, t.command[0], t.command[1:]...)
	type peer struct {
		in     io.WriteCloser
		out    *bufio.Reader
		errors bytes.Buffer
	}
	var peers [2]peer
	for k, c := range []*exec.Cmd{asks, answers} {
		c.Dir = o.checkout
		c.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(o.checkout, "python", "gradbench"))
		c.Stderr = &peers[k].errors
		in, err1 := c.StdinPipe()
		out, err2 := c.StdoutPipe()
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		peers[k].in, peers[k].out = in, bufio.NewReaderSize(out, 1<<20)
		if err := c.Start(); err != nil {
			return nil, err
		}
		defer func() { in.Close(); _ = c.Process.Kill(); _ = c.Wait() }()
	}
	m := follow(answers.Process.Pid)
	defer m.end()
	at := map[int]int{} // by the message's number: the result
	var results []result
	for {
		line, err := peers[0].out.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if peers[0].errors.Len() > 0 && len(results) == 0 {
				return nil, fmt.Errorf("the eval failed: %s", &peers[0].errors)
			}
			return results, nil
		}
		var ask, answer message
		if err := errors.Join(err, json.Unmarshal(line, &ask)); err != nil {
			return nil, err
		}
		if _, err := peers[1].in.Write(line); err != nil {
			return nil, fmt.Errorf("the tool ended: %w %s", err, &peers[1].errors)
		}
		if line, err = peers[1].out.ReadBytes('\n'); err != nil {
			return nil, fmt.Errorf("the tool ended: %w %s", err, &peers[1].errors)
		}
		if err := json.Unmarshal(line, &answer); err != nil {
			return nil, err
		}
		switch {
		case ask.Kind == "define" && answer.Success != nil && !*answer.Success:
			return nil, nil // the tool lacks the eval
		case ask.Kind == "evaluate":
			at[ask.ID] = len(results)
			results = append(results, result{function: ask.Function, size: cmp.Or(ask.Description, "–"), seconds: median(&answer), bytes: m.peak(), reason: firstLine(answer.Error)})
		case ask.Kind == "analysis":
			if k, ok := at[ask.Of]; ok {
				results[k].valid, results[k].reason = ask.Valid, firstLine(ask.Error)
			}
		}
		if _, err := peers[0].in.Write(line); err != nil {
			return nil, err
		}
	}
}

// median returns the median of the times of runs, in seconds.
func median(answer *message) float64 {
	var times []float64
	for _, t := range answer.Timings {
		if t.Name == "evaluate" {
			times = append(times, t.Nanoseconds/1e9)
		}
	}
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[len(times)/2]
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
