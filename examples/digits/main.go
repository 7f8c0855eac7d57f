// Command digits trains a small convolutional network on handwritten digits, tests it on digits of other writers, saves it, and loads it again to look at a single image.
//
//	go run ./examples/digits                    about ten seconds on two cores; writes digits.npz and digits.png
//	go run ./examples/digits -epochs 5 -o /tmp/digits
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/compile/train/progress"
	"github.com/adjoint-go/adjoint/examples/digits/data"
	"github.com/adjoint-go/adjoint/examples/internal/curve"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/vm"
)

func main() {
	epochs := flag.Int("epochs", 25, "how often to go through the examples")
	out := flag.String("o", "digits", "where to write NAME.npz and NAME.png")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if _, err := run(ctx, os.Stdout, *epochs, *out); err != nil {
		log.Fatal(err)
	}
}

// model returns logits for images [N, 64].
func model(s *nn.Scope, x *graph.Node) *graph.Node {
	same := graph.Window{Padding: []int{1, 1, 1, 1}}
	h := graph.Reshape(x, -1, 1, 8, 8)
	h = graph.Relu(nn.Conv(s.In("conv0"), h, 16, []int{3, 3}, same))
	h = graph.Relu(nn.Conv(s.In("conv1"), h, 32, []int{3, 3}, same))
	h, _ = graph.MaxPool(h, []int{2, 2}, graph.Window{})
	h = graph.Relu(nn.Linear(s.In("hidden"), nn.Flatten(h), 64))
	return nn.Linear(s.In("out"), nn.Dropout(s.In("out"), h, 0.3), 10)
}

// run trains and returns the part of the test images that are recognised.
func run(ctx context.Context, w io.Writer, epochs int, out string) (accuracy float64, err error) {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return 0, err
	}
	images, test, err := data.Load()
	if err != nil {
		return 0, err
	}
	const batch = 50
	loader := &train.Loader{Examples: len(images.Labels), Batch: batch, Seed: 1, Load: func(indices []int, _ *rand.Rand) (train.Batch, error) {
		x, y := images.Take(indices)
		return train.Batch{"x": x, "y": y}, nil
	}}
	g := graph.New()
	s := nn.New(g, graph.Float32)
	x, y := g.Input("x", graph.Float32, batch, data.Size), g.Input("y", graph.Int64, batch)
	loss := nn.Classification(model(s.Training(train.Key(g, 1)), x), y, 0.05)
	t, err := train.New(s, loss, train.Config{Optimizer: train.AdamW{WeightDecay: 1e-3}, Rate: train.Cosine(3e-3, 1e-5, 50, epochs*loader.Steps())})
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(w, "memory: %.1f MB\n", float64(t.Machine().Program().MemoryBytes())/1e6)
	var losses curve.Losses
	err = t.Fit(ctx, epochs, loader.Epoch, progress.Bar(w, epochs, loader.Steps()), func(e *train.Event) error {
		losses.Record(e, t.Steps())
		return nil
	})
	if err != nil {
		return 0, err
	}
	if err := curve.Save(out+".png", "Handwritten digits", "step", "loss", losses.Each, losses.Mean); err != nil {
		return 0, err
	}
	if err := t.Values().Save(out + ".npz"); err != nil {
		return 0, err
	}

	values, err := train.Load(out + ".npz")
	if err != nil {
		return 0, err
	}
	classes, err := predict(values, test.Pixels)
	if err != nil {
		return 0, err
	}
	right := 0
	for i, c := range classes {
		if c == test.Labels[i] {
			right++
		}
	}
	accuracy = float64(right) / float64(len(classes))
	fmt.Fprintf(w, "%d of %d digits of other writers are recognised, %.1f %%\n", right, len(classes), 100*accuracy)
	one, err := predict(values, test.Pixels[:data.Size])
	if err != nil {
		return 0, err
	}
	show(w, test.Pixels[:data.Size])
	fmt.Fprintf(w, "is taken for %d\n", one[0])
	return accuracy, nil
}

// predict returns the digits that the images are taken for, in one batch of them all.
func predict(values train.Values, pixels []float32) ([]int64, error) {
	g := graph.New()
	x := g.Input("x", graph.Float32, len(pixels)/data.Size, data.Size)
	p, err := compile.Config{Names: []string{"class"}}.Compile(graph.Argmax(model(nn.New(g, graph.Float32), x), 1))
	if err != nil {
		return nil, err
	}
	m := vm.NewMachine(p)
	if err := values.Fill(m); err != nil {
		return nil, err
	}
	copy(m.Float32("x"), pixels)
	return m.Int64("class"), m.Step()
}

// show draws an image with letters.
func show(w io.Writer, pixels []float32) {
	shades := []rune(" ░▒▓█")
	for i, v := range pixels {
		shade := shades[min(int(v*5), 4)]
		fmt.Fprintf(w, "%c%c", shade, shade)
		if i%8 == 7 {
			fmt.Fprintln(w)
		}
	}
}
