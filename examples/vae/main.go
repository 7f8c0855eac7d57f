// Command vae trains a variational autoencoder (Kingma and Welling 2014) on handwritten digits, and draws digits that nobody wrote.
//
//	go run ./examples/vae                       some seconds on two cores; writes vae.npz, vae.png, and vae_digits.png
//	go run ./examples/vae -epochs 20 -o /tmp/vae
package main

import (
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
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

// Sizes of the model.
const (
	hidden = 128
	latent = 8
)

func main() {
	epochs := flag.Int("epochs", 100, "how often to go through the examples")
	out := flag.String("o", "vae", "where to write NAME.npz, NAME.png and NAME_digits.png")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if _, err := run(ctx, os.Stdout, *epochs, *out); err != nil {
		log.Fatal(err)
	}
}

// encode returns the mean and the logarithm of the variance of the code of images x [N, 64].
func encode(s *nn.Scope, x *graph.Node) (mean, logVariance *graph.Node) {
	h := graph.Relu(nn.Linear(s.In("hidden"), x, hidden))
	return nn.Linear(s.In("mean"), h, latent), nn.Linear(s.In("variance"), h, latent)
}

// decode returns logits of the pixels of codes z [N, latent].
func decode(s *nn.Scope, z *graph.Node) *graph.Node {
	return nn.Linear(s.In("out"), graph.Relu(nn.Linear(s.In("hidden"), z, hidden)), data.Size)
}

// bound is the negative evidence lower bound, in nats an image; codes are drawn in training, and the means in evaluation.
func bound(s *nn.Scope, x *graph.Node) *graph.Node {
	z, logVariance := encode(s.In("encoder"), x)
	divergence := nn.GaussianKL(z, logVariance)
	if s.IsTraining() {
		noise := graph.RandomNormal(s.NextKey(), graph.Float32, z.Shape()...)
		z = graph.Add(z, graph.Mul(noise, graph.Exp(graph.Mul(logVariance, graph.Like(z, 0.5)))))
	}
	pixels := graph.SigmoidCrossEntropy(decode(s.In("decoder"), z), x)
	return graph.Add(graph.Mean(graph.ReduceSum(pixels, []int{1})), divergence)
}

// run trains and returns the bound for the images of other writers.
func run(ctx context.Context, w io.Writer, epochs int, out string) (held float64, err error) {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return 0, err
	}
	images, test, err := data.Load()
	if err != nil {
		return 0, err
	}
	const batch = 50
	loader := &train.Loader{Examples: len(images.Labels), Batch: batch, Seed: 1, Load: func(indices []int, _ *rand.Rand) (train.Batch, error) {
		x, _ := images.Take(indices)
		return train.Batch{"x": x}, nil
	}}
	g := graph.New()
	s := nn.New(g, graph.Float32)
	x := g.Input("x", graph.Float32, batch, data.Size)
	t, err := train.New(s, bound(s.Training(train.Key(g, 1)), x), train.Config{Rate: train.OneCycle(5e-3, epochs*loader.Steps())})
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
	if err := curve.Save(out+".png", "Variational autoencoder", "step", "negative bound in nats", losses.Each, losses.Mean); err != nil {
		return 0, err
	}
	if err := t.Values().Save(out + ".npz"); err != nil {
		return 0, err
	}
	values, err := train.Load(out + ".npz")
	if err != nil {
		return 0, err
	}

	// The bound of all test images in one batch.
	g = graph.New()
	x = g.Input("x", graph.Float32, len(test.Labels), data.Size)
	p, err := compile.Config{Names: []string{"bound"}}.Compile(bound(nn.New(g, graph.Float32), x))
	if err != nil {
		return 0, err
	}
	m := vm.NewMachine(p)
	if err := values.Fill(m); err != nil {
		return 0, err
	}
	copy(m.Float32("x"), test.Pixels)
	if err := m.Step(); err != nil {
		return 0, err
	}
	held = float64(m.Float32("bound")[0])
	fmt.Fprintf(w, "images of other writers: %.2f nats at the means of their codes\n", held)
	return held, draw(values, out+"_digits.png")
}

// draw decodes codes from the standard normal distribution and writes a sheet of ten by ten images.
func draw(values train.Values, path string) error {
	const n, scale, gap = 10, 4, 4
	g := graph.New()
	z := graph.RandomNormal(graph.RandomKey(g, 1), graph.Float32, n*n, latent)
	p, err := compile.Config{Names: []string{"pixels"}}.Compile(graph.Sigmoid(decode(nn.New(g, graph.Float32).In("decoder"), z)))
	if err != nil {
		return err
	}
	m := vm.NewMachine(p)
	if err := values.Fill(m); err != nil {
		return err
	}
	if err := m.Step(); err != nil {
		return err
	}
	const step = 8*scale + gap
	sheet := image.NewGray(image.Rect(0, 0, n*step+gap, n*step+gap))
	for i, v := range m.Float32("pixels") {
		digit, pixel := i/data.Size, i%data.Size
		left, top := gap+digit%n*step+pixel%8*scale, gap+digit/n*step+pixel/8*scale
		for k := range scale * scale {
			sheet.SetGray(left+k%scale, top+k/scale, color.Gray{uint8(255 * v)})
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := png.Encode(f, sheet); err != nil {
		return err
	}
	return f.Close()
}
