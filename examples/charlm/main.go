// Command charlm trains a small transformer to continue text, character by character, on the reasons for this system's design (text.txt, from docs/RATIONALE.md), and lets it write some.
//
//	go run ./examples/charlm                    about half a minute on two cores; writes charlm.npz and charlm.png
//	go run ./examples/charlm -steps 100 -prompt "A loop " -o /tmp/charlm
package main

import (
	"context"
	_ "embed" // for the text
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/compile/train/progress"
	"github.com/adjoint-go/adjoint/examples/internal/curve"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/vm"
)

//go:embed text.txt
var text string

// Sizes of the model.
const (
	tokens = 128 // that it sees at most
	width  = 64
	heads  = 4
	blocks = 2
	batch  = 8
)

func main() {
	steps := flag.Int("steps", 600, "number of steps of training")
	prompt := flag.String("prompt", "**A loop", "what the text to write begins with")
	out := flag.String("o", "charlm", "where to write NAME.npz and NAME.png")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if _, err := run(ctx, os.Stdout, *steps, *prompt, *out); err != nil {
		log.Fatal(err)
	}
}

// model returns logits [B, L, vocabulary] of what follows each token of x [B, L]. With caches, one for each block, x continues what they hold.
func model(s *nn.Scope, x *graph.Node, vocabulary int, caches []*nn.Cache) *graph.Node {
	h := nn.Embedding(s.In("tokens"), x, vocabulary, width, nn.WeightInit(nn.Normal(0, 0.1)))
	for i := range blocks {
		b := s.In(fmt.Sprint("block", i))
		o := nn.AttentionOptions{Causal: true, Rotary: 10000}
		if caches != nil {
			o.Cache = caches[i]
		}
		h = graph.Add(h, nn.MultiHeadAttention(b.In("attention"), nn.LayerNorm(b.In("norm0"), h, 1), heads, o))
		f := graph.GeluTanh(nn.Linear(b.In("feed0"), nn.LayerNorm(b.In("norm1"), h, 1), 4*width))
		h = graph.Add(h, nn.Dropout(b, nn.Linear(b.In("feed1"), f, width), 0.1))
	}
	return nn.Linear(s.In("out"), nn.LayerNorm(s.In("norm"), h, 1), vocabulary)
}

// alphabet are the characters of the text, and the text as indices into them.
func alphabet() (characters []rune, indices []int64) {
	runes := []rune(text)
	characters = slices.Compact(slices.Sorted(slices.Values(runes)))
	for _, c := range runes {
		i, _ := slices.BinarySearch(characters, c)
		indices = append(indices, int64(i))
	}
	return characters, indices
}

// run trains and returns the mean loss, in nats a character, on the last tenth of the text, which is not trained on.
func run(ctx context.Context, w io.Writer, steps int, prompt, out string) (loss float64, err error) {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return 0, err
	}
	characters, indices := alphabet()
	known, held := indices[:len(indices)*9/10], indices[len(indices)*9/10:]
	epoch := min(steps, 100) // steps
	// Examples are places in the text at which a piece begins.
	loader := &train.Loader{Examples: epoch * batch, Batch: batch, Seed: 1, Load: func(places []int, r *rand.Rand) (train.Batch, error) {
		var x, y []int64
		for range places {
			at := r.IntN(len(known) - tokens)
			x, y = append(x, known[at:at+tokens]...), append(y, known[at+1:at+tokens+1]...)
		}
		return train.Batch{"x": x, "y": y}, nil
	}}
	epochs := (steps + epoch - 1) / epoch

	g := graph.New()
	s := nn.New(g, graph.Float32)
	x, y := g.Input("x", graph.Int64, batch, tokens), g.Input("y", graph.Int64, batch, tokens)
	logits := model(s.Training(train.Key(g, 1)), x, len(characters), nil)
	t, err := train.New(s, nn.Classification(logits, y, 0), train.Config{
		Optimizer: train.AdamW{Beta2: 0.99, WeightDecay: 0.01}, Rate: train.Cosine(5e-3, 1e-4, 50, epochs*epoch), ClipNorm: 1,
	})
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(w, "%d characters, %d different ones; memory: %.1f MB\n", len(indices), len(characters), float64(t.Machine().Program().MemoryBytes())/1e6)
	var losses curve.Losses
	test := curve.Line{Name: "held out"}
	err = t.Fit(ctx, epochs, loader.Epoch, progress.Bar(w, epochs, epoch), func(e *train.Event) error {
		losses.Record(e, t.Steps())
		if !e.End {
			return nil
		}
		if loss, err = evaluate(t.Values(), held, len(characters)); err != nil {
			return err
		}
		test.X, test.Y = append(test.X, float64(t.Steps())), append(test.Y, loss)
		return nil
	})
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(w, "held-out text: %.3f nats a character; a table of pairs of characters has %.3f\n", loss, pairs(known, held, len(characters)))
	if err := curve.Save(out+".png", "Characters", "step", "loss in nats", losses.Each, losses.Mean, test); err != nil {
		return 0, err
	}
	if err := t.Values().Save(out + ".npz"); err != nil {
		return 0, err
	}
	values, err := train.Load(out + ".npz")
	if err != nil {
		return 0, err
	}
	continued, err := write(values, characters, prompt)
	fmt.Fprintln(w, continued)
	return loss, err
}

// evaluate returns the mean loss on a text, in one batch of another size.
func evaluate(values train.Values, indices []int64, vocabulary int) (float64, error) {
	n := (len(indices) - 1) / tokens
	g := graph.New()
	x, y := g.Input("x", graph.Int64, n, tokens), g.Input("y", graph.Int64, n, tokens)
	p, err := compile.Config{Names: []string{"loss"}}.Compile(nn.Classification(model(nn.New(g, graph.Float32), x, vocabulary, nil), y, 0))
	if err != nil {
		return 0, err
	}
	m := vm.NewMachine(p)
	if err := values.Fill(m); err != nil {
		return 0, err
	}
	copy(m.Int64("x"), indices)
	copy(m.Int64("y"), indices[1:])
	if err := m.Step(); err != nil {
		return 0, err
	}
	return float64(m.Float32("loss")[0]), nil
}

// write continues a prompt, token by token: each run of the program draws the next one, and keeps keys and values of those before in its updated inputs.
func write(values train.Values, characters []rune, prompt string) (string, error) {
	g := graph.New()
	s := nn.New(g, graph.Float32)
	token, length := g.Input("token", graph.Int64, 1, 1), g.Input("length", graph.Int64)
	var updates []compile.Update
	var caches []*nn.Cache
	for i := range blocks {
		in := func(name string) *graph.Node {
			return g.Input(fmt.Sprint(name, i), graph.Float32, 1, heads, tokens, width/heads)
		}
		caches = append(caches, &nn.Cache{Keys: in("keys"), Values: in("values"), Length: length})
		updates = append(updates, compile.Update{Input: caches[i].Keys}, compile.Update{Input: caches[i].Values})
	}
	logits := graph.Mul(graph.Reshape(model(s, token, len(characters), caches), -1), g.Scalar(graph.Float32, 1/0.7)) // a little surer than the model is
	next := graph.RandomCategorical(graph.RandomFoldIn(graph.RandomKey(g, 1), length), logits, 0)
	for i, c := range caches {
		updates[2*i].Value, updates[2*i+1].Value = c.Keys, c.Values
	}
	updates = append(updates, compile.Update{Input: token, Value: graph.Reshape(next, 1, 1)}, compile.Update{Input: length, Value: caches[0].Length})
	p, err := compile.Config{Updates: updates}.Compile(next)
	if err != nil {
		return "", err
	}
	m := vm.NewMachine(p)
	if err := values.Fill(m); err != nil {
		return "", err
	}
	m.Int64("length")[0] = 0
	for _, c := range updates[:2*blocks] {
		clear(m.Float32(c.Input.Name()))
	}
	var b strings.Builder
	given := []rune(prompt)
	if len(given) == 0 || len(given) > tokens {
		return "", errors.New("the prompt is empty or too long")
	}
	at := m.Int64("token")
	for i := range tokens {
		if i < len(given) {
			k, ok := slices.BinarySearch(characters, given[i])
			if !ok {
				return "", fmt.Errorf("the text has no %q", given[i])
			}
			at[0] = int64(k)
		}
		b.WriteRune(characters[at[0]])
		if err := m.Step(); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// pairs is the loss of a table of how often characters follow one another in one text, on another.
func pairs(known, held []int64, vocabulary int) float64 {
	count, total := make([]float64, vocabulary*vocabulary), make([]float64, vocabulary)
	for i := 1; i < len(known); i++ {
		count[int(known[i-1])*vocabulary+int(known[i])]++
		total[known[i-1]]++
	}
	sum := 0.0
	for i := 1; i < len(held); i++ {
		n := count[int(held[i-1])*vocabulary+int(held[i])]
		sum -= math.Log((n + 0.1) / (total[held[i-1]] + 0.1*float64(vocabulary)))
	}
	return sum / float64(len(held)-1)
}
