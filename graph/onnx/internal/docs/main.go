// Docs writes docs/ONNX.md: what of ONNX is read and written.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/adjoint-go/adjoint/graph/onnx"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: docs FILE")
		os.Exit(2)
	}
	text, err := page(filepath.Dir(filepath.Dir(os.Args[1])))
	if err == nil {
		err = os.WriteFile(os.Args[1], text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// page returns the page, made of the operators' table and of the results of the node tests below the repository's root.
func page(root string) ([]byte, error) {
	results, err := os.ReadFile(filepath.Join(root, "graph/onnx/internal/nodetests/results.txt"))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	all := onnx.Operators()
	read, newest := 0, 0
	for _, op := range all {
		if op.Reads {
			read++
		}
		if op.Domain == "" {
			newest = max(newest, op.Versions[len(op.Versions)-1])
		}
	}
	fmt.Fprintf(&b, `# ONNX

Package `+"`graph/onnx`"+` reads models of opset 7 to %d into graphs, and writes graphs as models of opset %d. Of %d operators in all domains of the Python package onnx 1.22.0 it reads %d. This page is
generated (`+"`go generate ./graph/onnx`"+`).

- Narrow integers are held as int32 and int64 and wrap or saturate as their type does; float16 and bfloat16 are computed in float32, and so are floats of 8 and 4 bits, which are rounded where something is cast or quantised to them. Strings, maps and FLOAT8E8M0 have no counterpart.
- Sequences and optional values are resolved while the graph is built; they cannot be inputs or outputs.
- Shapes are static. What decides one must follow from constants and shapes; an input that does is given as a constant.
- Functions of a model are replaced by their bodies. Loops become `+"`graph.Scan`"+` or `+"`graph.While`"+`, branches `+"`graph.Cond`"+`.

## Node tests

The package's tests of single operators, by the element types of their inputs and outputs (`+"`go run ./graph/onnx/internal/nodetests -dir …/site-packages/onnx/backend/test/data/node`"+`). One passes if each output differs by at most
10⁻⁷ + 10⁻³·|expected|, as in ONNX's own runner.

`, newest, onnx.WrittenOpset, len(all), read)
	counts, failures := splitResults(string(results))
	for _, l := range counts {
		fmt.Fprintf(&b, "- %s\n", l)
	}
	b.WriteString("\nThose that do not pass, of the first two kinds:\n\n| reason | tests |\n|---|---|\n")
	for _, f := range failures {
		fmt.Fprintf(&b, "| %s | %s |\n", f.reason, strings.Join(f.tests, ", "))
	}
	fmt.Fprintf(&b, `
## Writing

These operators of graphs are written as one or several of ONNX's, and others where their expansion is made of these: %s. The rest is an error with the line of the node: factorisations, special functions and random numbers, which ONNX does not have.

The samples of all operators, with their gradients, are written, read back and compared (`+"`TestWrittenOperators`"+`: 674 models of 168 operators). Of these 674 models onnxruntime 1.32 runs 630, as it has no kernel of float64 for Acos, AveragePool, Conv and others, and
627 give the same values (`+"`go test ./graph/onnx -run Written -args -dump FOLDER`, `python graph/onnx/written.py FOLDER`"+`). The others: two casts of numbers beyond the range of integers, where ONNX leaves the result open, and a Fourier transform whose float32 sums are less
accurate there. ONNX's own checker accepts all 674.

## Models

An MNIST network, one shaped as ResNet-18 and one as BERT-tiny, with random weights, are exported by PyTorch 2.15 and compared with it and with onnxruntime 1.32 (`+"`go run ./graph/onnx/internal/modelcheck -python PYTHON`"+`): outputs, and each element of
the gradients by all parameters with autograd's, relative to the largest one of its parameter, or to a thousandth of the largest one of all where that is more: a parameter whose gradient is 0 but for rounding is compared with
the others' size. The command fails where a difference is over 10⁻⁴.

| model | difference from PyTorch | from onnxruntime | parameters | elements of gradients | largest difference |
|---|---|---|---|---|---|
| MNIST network | 2·10⁻⁷ | 2·10⁻⁷ | 8 | 29,738 | 5·10⁻⁷ |
| ResNet-18 | 2·10⁻⁷ | 1·10⁻⁷ | 62 | 11,689,512 | 4·10⁻⁶ |
| BERT-tiny | 1·10⁻⁶ | 1·10⁻⁶ | 36 | 788,992 | 1·10⁻⁵ |
`, strings.Join(onnx.Written(), ", "))
	domain := "-"
	for _, op := range all {
		if op.Domain != domain {
			domain = op.Domain
			name := domain
			if name == "" {
				name = "ai.onnx"
			}
			fmt.Fprintf(&b, "\n## Operators of %s\n\n| operator | versions | read | written for | remarks |\n|---|---|---|---|---|\n", name)
		}
		mark := "yes"
		if !op.Reads {
			mark = "no"
		}
		written := op.Writes
		if written != "" {
			written = "`" + written + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", op.Name, strings.Trim(strings.ReplaceAll(fmt.Sprint(op.Versions), " ", ", "), "[]"), mark, written, op.Note)
	}
	return b.Bytes(), nil
}

type failure struct {
	reason string
	tests  []string
}

// splitResults separates counts from failures of models that use numbers and booleans, which it groups by reason.
func splitResults(results string) (counts []string, failures []failure) {
	at := map[string]int{}
	for _, line := range strings.Split(strings.TrimSpace(results), "\n") {
		name, reason, _ := strings.Cut(line, ": ")
		if !strings.HasPrefix(name, "test_") {
			counts = append(counts, line)
			continue
		}
		reason = grouped(reason)
		if reason == "" {
			continue
		}
		k, ok := at[reason]
		if !ok {
			k = len(failures)
			at[reason] = k
			failures = append(failures, failure{reason: reason})
		}
		failures[k].tests = append(failures[k].tests, strings.TrimPrefix(name, "test_"))
	}
	return counts, failures
}

// grouped returns what is common to failures of one kind, "" for types without a counterpart.
func grouped(reason string) string {
	for _, k := range []struct{ part, reason string }{
		{"have no counterpart", ""}, {"has no counterpart", ""}, {"tensor \"\"", ""}, {"is a sequence", ""},
		{"expected", "other values"},
	} {
		if strings.Contains(reason, k.part) {
			return k.reason
		}
	}
	if _, r, ok := strings.Cut(reason, "): "); ok {
		return r
	}
	return reason
}
