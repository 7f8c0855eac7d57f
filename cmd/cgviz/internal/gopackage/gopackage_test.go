package gopackage

import (
	"context"
	"os/exec"
	"strings"
	"testing"
)

func TestGraph(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command")
	}
	const one = "adjoint graph 1\n%0 \"x\" = input : f64\n%1 \"loss\" = square %0 : f64\noutput %1\n"
	two := strings.Replace(one, "output", "%2 = sin %1 : f64\noutput", 1) + "output %2\n"
	for _, c := range []struct{ pkg, function, want, mistake string }{
		{"testdata/model", "LossErr", one, ""},
		{"./testdata/model", "OnBoth", two, ""},
		{"./testdata/model", "Fails", "", "no data today"},
		{"./testdata/model", "Mistake", "", "do not broadcast"},
		{"./testdata/model", "Other", "", "it is a func(int) int; expected func() *graph.Node"},
		{"./testdata/model", "Panics", "", "out of luck"},
		{"./testdata/model", "Missing", "", "the package has no Missing"},
		{"./testdata/model", "loss", "", "the name of an exported function"},
		{"./testdata/model", "Loss(); x", "", "the name of an exported function"},
		{"./testdata/program", "Loss", "", "a program cannot be imported"},
		{"./testdata", "Loss", "", "no Go files"},
		{"./testdata/nothing", "Loss", "", "directory not found"},
		{"fmt", "Println", "", "belongs to no module"},
	} {
		got, err := Graph(context.Background(), c.pkg, c.function)
		if c.mistake != "" {
			if err == nil || !strings.Contains(err.Error(), c.mistake) {
				t.Errorf("%s.%s: error %v, want %s", c.pkg, c.function, err, c.mistake)
			}
			continue
		}
		if err != nil || string(got) != c.want {
			t.Errorf("%s.%s: %v\n%s", c.pkg, c.function, err, got)
		}
	}
}
