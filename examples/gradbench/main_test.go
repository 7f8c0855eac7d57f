package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// ask returns the answer to a message.
func ask(t *testing.T, programs cache, module, function string, input any) (response, any) {
	t.Helper()
	data, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	r := answer(&message{ID: 7, Kind: "evaluate", Module: module, Function: function, Input: data}, programs)
	var output any
	if data, err = json.Marshal(r.Output); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &output); err != nil {
		t.Fatal(err)
	}
	return r, output
}

// compare returns where two values differ by more than 1e-9 of the larger one or of 1, "" for nowhere.
func compare(got, want any) string {
	switch w := want.(type) {
	case float64:
		if g, ok := got.(float64); !ok || math.Abs(g-w) > 1e-9*max(1, math.Abs(w)) {
			return fmt.Sprintf("%v, want %v", got, w)
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%v, want %v", got, w)
		}
		for i := range w {
			if s := compare(g[i], w[i]); s != "" {
				return fmt.Sprintf("[%d] %s", i, s)
			}
		}
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%v, want %v", got, w)
		}
		for k := range w {
			if s := compare(g[k], w[k]); s != "" {
				return k + " " + s
			}
		}
	}
	return ""
}

// The answers, with fast-math too, are those of GradBench's hand-written C++ (tools/manual at f26651a7) for the same inputs; but its Jacobian of a mirrored
// hand is not the derivative of its objective, so that there is none here.
func TestAnswers(t *testing.T) {
	for _, fastMath = range []bool{true, false} {
		t.Run(fmt.Sprintf("fast-math %v", fastMath), testAnswers)
	}
}

func testAnswers(t *testing.T) {
	f, err := os.Open("testdata/answers.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	programs, seen := cache{}, map[string]bool{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c struct {
			Module, Function string
			Input            json.RawMessage
			Output           any
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		seen[c.Module+"."+c.Function] = true
		r, output := ask(t, programs, c.Module, c.Function, c.Input)
		if r.Success == nil || !*r.Success {
			t.Errorf("%s.%s: %s", c.Module, c.Function, r.Error)
		} else if s := compare(output, c.Output); s != "" {
			t.Errorf("%s.%s: %s", c.Module, c.Function, s)
		}
		if n := len(r.Timings); n == 0 || r.Timings[n-1].Name != "evaluate" {
			t.Errorf("%s.%s: timings %v", c.Module, c.Function, r.Timings)
		}
	}
	if err := lines.Err(); err != nil || len(seen) != 18 {
		t.Errorf("%d functions were tried: %v", len(seen), err)
	}
}

// What the evals particle and saddle expect, of each nesting of modes, and hello.
func TestNestedDescents(t *testing.T) {
	programs := cache{}
	for _, c := range []struct {
		module, functions string
		input, want       any
	}{
		{"hello", "square", 3.5, 12.25},
		{"hello", "double", 3.5, 7.0},
		{"particle", "ff fr rf rr", map[string]any{"w": 0}, 0.2071918746486116},
		{"saddle", "ff fr rf rr", map[string]any{"start": []float64{1, 1}}, []any{8.246324826140356e-06, 8.246324826140356e-06, 8.246324826140356e-06, 8.246324826140356e-06}},
	} {
		for _, f := range strings.Fields(c.functions) {
			r, output := ask(t, programs, c.module, f, c.input)
			if s := compare(output, c.want); s != "" || r.Error != "" {
				t.Errorf("%s.%s: %s %s", c.module, f, s, r.Error)
			}
		}
	}
}

// A session of the protocol: programs are made once, runs are as many as are asked for, and mistakes are answers.
func TestProtocol(t *testing.T) {
	input := strings.Join([]string{
		`{"id":0,"kind":"start","eval":"lse"}`,
		`{"id":1,"kind":"define","module":"lse"}`,
		`{"id":2,"kind":"define","module":"nothing"}`,
		`{"id":3,"kind":"evaluate","module":"lse","function":"primal","input":{"x":[1,2],"min_runs":3}}`,
		`{"id":4,"kind":"evaluate","module":"lse","function":"primal","input":{"x":[3,4],"min_runs":1,"min_seconds":0}}`,
		`{"id":5,"kind":"evaluate","module":"lse","function":"hessian","input":{"x":[3,4]}}`,
		`{"id":6,"kind":"evaluate","module":"lse","function":"primal","input":"x"}`,
		`{"id":7,"kind":"analysis","of":3,"valid":true}`,
	}, "\n")
	var out bytes.Buffer
	if err := serve(strings.NewReader(input), &out); err != nil {
		t.Fatal(err)
	}
	var answers []response
	for line := range strings.Lines(out.String()) {
		var r response
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, r)
	}
	if len(answers) != 8 {
		t.Fatalf("%d answers: %s", len(answers), &out)
	}
	ok := func(k int) bool { return answers[k].Success != nil && *answers[k].Success }
	if answers[0].Tool != "adjoint" || !ok(1) || ok(2) || answers[2].Error == "" || !ok(3) || !ok(4) || ok(5) || ok(6) || answers[7].ID != 7 || answers[7].Success != nil {
		t.Errorf("answers %+v", answers)
	}
	if first, second := answers[3].Timings, answers[4].Timings; len(first) != 5 || first[0].Name != "build" || first[1].Name != "compile" || len(second) != 1 {
		t.Errorf("timings %v and then %v", first, second)
	}
	if err := serve(strings.NewReader("nonsense\n"), &out); err == nil {
		t.Error("nonsense is no error")
	}
}

// Inputs that make no sense are errors, whatever is missing.
func TestBadInputs(t *testing.T) {
	programs := cache{}
	for module, functions := range modules {
		for name := range functions {
			for _, input := range []string{`{}`, `null`, `[]`, `{"x":[],"n":-1,"s":-1,"ell":-1,"A":[1,2]}`, `{"points":[[1],[2,3]],"centroids":[[]]}`, `{"n":-1,"m":1,"p":1e3,"d":-1,"k":2}`,
				`{"main_params":[[1],[]],"state":[[]],"sequence":[]}`, `{"main_params":[[1],[1]],"extra_params":[],"state":[[1],[2]],"sequence":[[1],[2]]}`, `{"start":[1]}`, `{"theta":[1]}`} {
				r := answer(&message{Kind: "evaluate", Module: module, Function: name, Input: json.RawMessage(input)}, programs)
				if r.Success == nil || *r.Success && module != "particle" && module != "hello" {
					t.Errorf("%s.%s of %s: %+v", module, name, input, r)
				}
			}
		}
	}
}
