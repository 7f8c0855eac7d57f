// Command gradbench is a tool for GradBench (https://github.com/gradbench/gradbench), the benchmark of automatic differentiation: it reads messages as JSON lines from standard input and answers them on standard
// output, as CONTRIBUTING.md there specifies. All twelve evals are there. Each objective is written once, as a graph; derivatives are the compiler's. Graphs are built and compiled once for each shape
// of the input, which the answer states as the timings "build" and "compile"; the timings "evaluate" are those of runs.
//
//	go build -o /tmp/adjoint ./examples/gradbench
//	./gradbench run --eval './gradbench repo eval gmm' --tool /tmp/adjoint     in a checkout of GradBench
//	go run ./examples/gradbench/compare -gradbench DIR -python PYTHON           a table of evals, sizes, times and ratios
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
)

// fastMath compiles with Config.FastMath.
var fastMath bool

func main() {
	flag.BoolVar(&fastMath, "fast-math", false, "compile with FastMath: among other things subnormal numbers are 0, with which some processors are slow")
	flag.Parse()
	if err := serve(os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// message is what an eval sends.
type message struct {
	ID       int             `json:"id"`
	Kind     string          `json:"kind"`
	Module   string          `json:"module"`
	Function string          `json:"function"`
	Input    json.RawMessage `json:"input"`
}

// response answers a message.
type response struct {
	ID      int      `json:"id"`
	Tool    string   `json:"tool,omitempty"`
	Success *bool    `json:"success,omitempty"`
	Output  any      `json:"output,omitempty"`
	Timings []timing `json:"timings,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// timing is the time of a part of the work.
type timing struct {
	Name        string `json:"name"`
	Nanoseconds int64  `json:"nanoseconds"`
}

// serve answers messages until there are no more.
func serve(r io.Reader, w io.Writer) error {
	in, out := bufio.NewReaderSize(r, 1<<20), json.NewEncoder(w)
	programs := cache{}
	for {
		line, err := in.ReadBytes('\n')
		if len(line) == 0 && errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		var m message
		if err := json.Unmarshal(line, &m); err != nil {
			return fmt.Errorf("a message that is not understood: %w", err)
		}
		if err := out.Encode(answer(&m, programs)); err != nil {
			return err
		}
	}
}

// answer does what a message asks for.
func answer(m *message, programs cache) response {
	r := response{ID: m.ID}
	succeed := func(err error) {
		ok := err == nil
		if r.Success = &ok; !ok {
			r.Error = err.Error()
		}
	}
	switch m.Kind {
	case "start":
		r.Tool = "adjoint"
	case "define":
		if modules[m.Module] == nil {
			succeed(fmt.Errorf("there is no module %q", m.Module))
		} else {
			succeed(nil)
		}
	case "evaluate":
		f := modules[m.Module][m.Function]
		if f == nil {
			succeed(fmt.Errorf("module %q has no function %q", m.Module, m.Function))
			break
		}
		var err error
		r.Output, r.Timings, err = f(m.Input, programs, m.Module+"."+m.Function)
		succeed(err)
	}
	return r
}
