// Modelcheck has PyTorch export a network for MNIST, one shaped as ResNet-18 and one as BERT-tiny, with random weights, and compares what they compute here with PyTorch and onnxruntime, and every element of the gradients by all parameters with autograd.
//
//	go run ./graph/onnx/internal/modelcheck -python PYTHON
//
// The interpreter has the packages torch, onnx and onnxruntime. It fails if an output differs by more than 10⁻⁴, or an element of a gradient by more than 10⁻⁴ of the largest one of its parameter, or
// of a thousandth of the largest of all: some parameters, such as the biases of keys in attention, have a gradient of 0, of which there are rounding errors only.
package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/onnx"
	"github.com/adjoint-go/adjoint/vm"
)

//go:embed models.py
var script []byte

const bound = 1e-4

func main() {
	python := flag.String("python", "python3", "interpreter with torch, onnx and onnxruntime")
	threads := flag.Int("threads", 2, "of all systems")
	flag.Parse()
	if err := run(*python, *threads); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// about is what the script says of a model.
type about struct {
	Name    string
	Seconds struct{ Onnxruntime, Torch float64 }
}

func run(python string, threads int) (err error) {
	dir, err := os.MkdirTemp("", "modelcheck")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "models.py")
	if err := os.WriteFile(file, script, 0o644); err != nil {
		return err
	}
	c := exec.Command(python, file, dir, strconv.Itoa(threads))
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w", python, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "models.json"))
	if err != nil {
		return err
	}
	var models []about
	if err := json.Unmarshal(data, &models); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "model\tdifference from PyTorch\tfrom onnxruntime\tgradients\ttheir elements\tlargest difference\tms\tonnxruntime\tPyTorch")
	for k, m := range models {
		r, e := check(filepath.Join(dir, strconv.Itoa(k)), threads)
		if e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", m.Name, e))
			continue
		}
		fmt.Fprintf(w, "%s\t%.1e\t%.1e\t%d\t%d\t%.1e\t%.2f\t%.2f\t%.2f\n", m.Name, r.torch, r.onnxruntime, r.parameters, r.elements, r.gradient, 1e3*r.seconds, 1e3*m.Seconds.Onnxruntime, 1e3*m.Seconds.Torch)
		if !(r.torch <= bound && r.onnxruntime <= bound && r.gradient <= bound) {
			err = errors.Join(err, fmt.Errorf("%s differs", m.Name))
		}
	}
	return errors.Join(err, w.Flush())
}

// result is how far a model is from the others: outputs absolutely, gradients relative to the largest element of each, or to a thousandth of that of all.
type result struct {
	torch, onnxruntime, gradient float64
	parameters, elements         int
	seconds                      float64
}

func check(path string, threads int) (r result, err error) {
	m, err := onnx.ReadFile(path + ".onnx")
	if err != nil {
		return r, err
	}
	values, err := train.Load(path + ".npz")
	if err != nil {
		return r, err
	}
	gradients, err := train.Load(path + "_gradients.npz")
	if err != nil {
		return r, err
	}

	plain, err := m.Build(graph.New(), onnx.Options{})
	if err != nil {
		return r, err
	}
	p, err := compile.Compile(plain.Outputs[0])
	if err != nil {
		return r, err
	}
	machine := vm.NewMachine(p, vm.WithThreads(threads))
	x := values["x"].Data
	out, err := machine.Call(map[string]any{"x": x})
	if err != nil {
		return r, err
	}
	r.torch, r.onnxruntime = distance(out[0], values["torch"]), distance(out[0], values["onnxruntime"])
	r.seconds = math.Inf(1)
	for began := time.Now(); time.Since(began) < 300*time.Millisecond; {
		start := time.Now()
		if err := machine.Step(); err != nil {
			return r, err
		}
		r.seconds = min(r.seconds, time.Since(start).Seconds())
	}

	g := graph.New()
	trained, err := m.Build(g, onnx.Options{Trainable: onnx.Floats})
	if err != nil {
		return r, err
	}
	y := trained.Outputs[0]
	loss := graph.Sum(graph.Mul(y, g.Input("weights", y.DType(), y.Shape()...)))
	args := map[string]any{"x": x, "weights": values["weights"].Data}
	parameters := map[string]*graph.Node{}
	for i, n := range trained.Parameters {
		parameters[n.Name()] = n
		l := trained.Values[i]
		v := make([]float32, l.Type().Shape.Size())
		for k := range v {
			v[k] = float32(l.Float(k))
		}
		args[n.Name()] = v
	}
	names := slices.Sorted(maps.Keys(gradients))
	var by []*graph.Node
	for _, name := range names {
		if parameters[name] == nil {
			return r, fmt.Errorf("the model has no parameter %q", name)
		}
		by = append(by, parameters[name])
	}
	d, err := compile.Gradient(loss, by...)
	if err != nil {
		return r, err
	}
	if p, err = compile.Compile(d...); err != nil {
		return r, err
	}
	needed := map[string]any{}
	for _, in := range p.Inputs() {
		needed[in.Name] = args[in.Name]
	}
	got, err := vm.NewMachine(p, vm.WithThreads(threads)).Call(needed)
	if err != nil {
		return r, err
	}
	r.parameters = len(names)
	all := 0.0
	for _, name := range names {
		all = max(all, largest(gradients[name]))
	}
	for i, name := range names {
		want := gradients[name]
		r.elements += len(want.Float64s())
		r.gradient = math.Max(r.gradient, distance(got[i], want)/max(largest(want), 1e-3*all))
	}
	return r, nil
}

// largest is the absolute value of the largest element.
func largest(a vm.Array) float64 {
	most := 0.0
	for _, v := range a.Float64s() {
		most = math.Max(most, math.Abs(v))
	}
	return most
}

// distance is the largest absolute difference of elements, infinity if there are others, or one is no number.
func distance(a, b vm.Array) float64 {
	x, y := a.Float64s(), b.Float64s()
	if !slices.Equal(a.Shape, b.Shape) {
		return math.Inf(1)
	}
	most := 0.0
	for i := range x {
		d := math.Abs(x[i] - y[i])
		if d != d {
			return math.Inf(1)
		}
		most = max(most, d)
	}
	return most
}
