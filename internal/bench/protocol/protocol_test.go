package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestServe(t *testing.T) {
	ran := 0
	entries := []Entry{
		{Row{"sum", "float64"}, func() (*Item, error) {
			return &Item{Run: func(n int) error { ran += n; time.Sleep(time.Duration(n) * time.Microsecond); return nil },
				Check: []float64{3}, Info: map[string]float64{"build": 1}}, nil
		}},
		{Row{"refused", "float64"}, func() (*Item, error) { return nil, errors.New("no memory") }},
		{Row{"broken", "float64"}, func() (*Item, error) { panic("out of range") }},
		{Row{"fails", "float64"}, func() (*Item, error) {
			return &Item{Run: func(int) error { return errors.New("diverged") }}, nil
		}},
	}
	requests := strings.Join([]string{
		`{"cmd":"hello"}`,
		`{"cmd":"prepare","work":"sum","dtype":"float64"}`,
		`{"cmd":"run","work":"sum","dtype":"float64","seconds":0.02}`,
		`{"cmd":"drop","work":"sum","dtype":"float64"}`,
		`{"cmd":"run","work":"sum","dtype":"float64","seconds":0.02}`,
		`{"cmd":"prepare","work":"sum","dtype":"float32"}`,
		`{"cmd":"prepare","work":"refused","dtype":"float64"}`,
		`{"cmd":"prepare","work":"broken","dtype":"float64"}`,
		`{"cmd":"prepare","work":"fails","dtype":"float64"}`,
		`{"cmd":"run","work":"fails","dtype":"float64"}`,
		`{"cmd":"dance"}`,
	}, "\n")
	var out bytes.Buffer
	if err := Serve("me", "1.0", entries, strings.NewReader(requests), &out); err != nil {
		t.Fatal(err)
	}
	var answers []Answer
	dec := json.NewDecoder(&out)
	for dec.More() {
		var a Answer
		if err := dec.Decode(&a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if len(answers) != 11 {
		t.Fatalf("%d answers", len(answers))
	}
	if a := answers[0]; a.Peer != "me" || a.Version != "1.0" || len(a.Rows) != 4 || a.Rows[0] != (Row{"sum", "float64"}) {
		t.Errorf("hello: %+v", a)
	}
	if a := answers[1]; a.Error != "" || len(a.Check) != 1 || a.Check[0] != 3 || a.Info["build"] != 1 {
		t.Errorf("prepare: %+v", a)
	}
	if a := answers[2]; a.Error != "" || len(a.Times) < 5 || ran < 5 {
		t.Errorf("run: %+v after %d evaluations", a, ran)
	}
	for _, s := range answers[2].Times {
		if s < 1e-6 {
			t.Errorf("an evaluation that sleeps for 1 µs took %v s", s)
		}
	}
	for i, part := range map[int]string{3: "", 4: "not prepared", 5: "no work", 6: "no memory", 7: "panic: out of range", 8: "", 9: "diverged", 10: "unknown command"} {
		if got := answers[i].Error; !strings.Contains(got, part) || part == "" && got != "" {
			t.Errorf("answer %d: error %q, want %q", i, got, part)
		}
	}
	if err := Serve("me", "", nil, strings.NewReader("hello\n"), &out); err == nil {
		t.Error("a request that is no JSON gives no error")
	}
}
