package nats_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/nats"
	"github.com/adjoint-go/adjoint/vm/shard"
)

// workerURL makes the test's binary a worker.
const workerURL = "ADJOINT_TEST_WORKER"

func TestMain(m *testing.M) {
	if url := os.Getenv(workerURL); url != "" {
		fmt.Fprintln(os.Stderr, nats.Work(context.Background(), url, nats.WorkerOptions{}))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const rows, block = 20_000, 64

func init() {
	err := shard.Register("wave", func(pause string) (shard.Source, error) {
		wait, err := time.ParseDuration(pause)
		return shard.Generator(rows, func(_ context.Context, from int, into map[string]vm.Array) error {
			time.Sleep(wait)
			x, y := into["x"].Data.([]float64), into["y"].Data.([]float64)
			for i := range y {
				x[2*i], x[2*i+1] = math.Sin(float64(from+i)), 1
				y[i] = 3*x[2*i] - 0.5
			}
			return nil
		}), err
	})
	if err != nil {
		panic(err)
	}
}

func fit(t *testing.T) shard.Job {
	t.Helper()
	g := graph.New()
	x, y, w, b := g.Input("x", graph.Float64, block, 2), g.Input("y", graph.Float64, block), g.Input("weight", graph.Float64, block), g.Input("b", graph.Float64, 2)
	cost := graph.Sum(graph.Mul(w, graph.Square(graph.Sub(graph.MatMul(x, b), y))))
	d, err := compile.Gradient(cost, b)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Compile(cost, d[0])
	if err != nil {
		t.Fatal(err)
	}
	return shard.Job{Program: p, Rows: []string{"x", "y"}, Weight: "weight"}
}

func open(t *testing.T, o nats.Options) *nats.Cluster {
	t.Helper()
	c, err := nats.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// work starts workers in this process.
func work(t *testing.T, c *nats.Cluster, n int) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if err := nats.Work(ctx, c.URL(), nats.WorkerOptions{}); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { cancel(); all.Wait() })
}

var at = map[string]any{"b": []float64{1, 2}}

// local is the sum by one process, as bytes.
func local(t *testing.T, j shard.Job) []byte {
	t.Helper()
	source, err := shard.Open("wave:0s")
	if err != nil {
		t.Fatal(err)
	}
	p, err := shard.NewPool(j, source, shard.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := p.Sum(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	b, err := sum.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// check sums, and holds the result against one process's, bit for bit.
func check(t *testing.T, c *nats.Cluster, j shard.Job, source string, shards int, want []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	sum, err := c.Sum(ctx, j, source, at, shards)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := sum.MarshalBinary(); err != nil || !bytes.Equal(got, want) || sum.Rows() != rows {
		t.Errorf("%d shards: another sum, of %d rows, %v", shards, sum.Rows(), err)
	}
}

func TestSum(t *testing.T) {
	j := fit(t)
	want := local(t, j)
	for _, workers := range []int{1, 2, 7} {
		c := open(t, nats.Options{})
		work(t, c, workers)
		check(t, c, j, "wave:0s", 1, want)
		check(t, c, j, "wave:0s", 50, want)
	}
}

func TestOptimize(t *testing.T) {
	j, c := fit(t), open(t, nats.Options{})
	work(t, c, 2)
	other := open(t, nats.Options{URL: c.URL()}) // an outside server
	f := shard.ValueAndGradient(func(ctx context.Context, b map[string]any) (*shard.Partial, error) {
		return other.Sum(ctx, j, "wave:0s", b, 4)
	}, "b")
	r, err := optimize.Minimize(context.Background(), optimize.Function{Evaluate: f}, optimize.Values{"b": {0, 0}}, optimize.Options{})
	if err != nil || math.Abs(r.X["b"][0]-3) > 1e-6 || math.Abs(r.X["b"][1]+0.5) > 1e-6 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Workers are killed at random, and every shard is counted once.
func TestKills(t *testing.T) {
	kills := 100
	if testing.Short() {
		kills = 5
	}
	j := fit(t)
	want := local(t, j)
	c := open(t, nats.Options{Wait: 500 * time.Millisecond})
	start := func() *exec.Cmd {
		p := exec.Command(os.Args[0])
		p.Env = append(os.Environ(), workerURL+"="+c.URL())
		p.Stderr = os.Stderr
		if err := p.Start(); err != nil {
			t.Error(err)
		}
		return p
	}
	workers := []*exec.Cmd{start(), start(), start()}
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		r := rand.New(rand.NewPCG(1, 2))
		for range kills {
			time.Sleep(time.Duration(50+r.IntN(150)) * time.Millisecond)
			k := r.IntN(len(workers))
			if err := workers[k].Process.Kill(); err != nil {
				t.Error(err)
			}
			_ = workers[k].Wait()
			workers[k] = start()
		}
	}()
	sums := 0
	for going := true; going; sums++ {
		select {
		case <-killed:
			going = false // and once more
		default:
		}
		check(t, c, j, "wave:1ms", 40, want)
	}
	<-killed
	t.Logf("%d workers killed during %d sums of 40 shards, %d rows each: every row counted once", kills, sums, rows)
	for _, w := range workers {
		_ = w.Process.Kill()
		_ = w.Wait()
	}
}

func TestErrors(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x", graph.Float64, block, 2), g.Input("y", graph.Float64, block)
	n := graph.Cast(graph.Slice(graph.Mul(y, graph.Like(y, 0)), graph.Range{Start: 0, Limit: 1}), graph.Int64)
	p, err := compile.Compile(graph.Add(graph.Sum(graph.Div(graph.Like(n, 1), n)), graph.Cast(graph.Sum(x), graph.Int64)))
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, nats.Options{})
	work(t, c, 1)
	j := shard.Job{Program: p, Rows: []string{"x", "y"}, Weight: ""}
	if _, err := c.Sum(context.Background(), j, "wave:0s", nil, 10); err == nil || !strings.Contains(err.Error(), "nats_test.go") || !strings.Contains(err.Error(), "rows ") {
		t.Error(err)
	}
	if _, err := c.Sum(context.Background(), fit(t), "nothing:", nil, 10); err == nil || !strings.Contains(err.Error(), "scheme") {
		t.Error(err)
	}
	check(t, c, fit(t), "wave:0s", 3, local(t, fit(t))) // workers go on after an error
}

// All ranks get the same bytes, those of one process.
func TestAllReduce(t *testing.T) {
	const ranks = 3
	j := fit(t)
	want := local(t, j)
	c := open(t, nats.Options{})
	source, err := shard.Open("wave:0s")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for rank, r := range shard.Split(rows, block, ranks) {
		all.Go(func() {
			g, err := c.Group("test", rank, ranks)
			if err != nil {
				t.Error(err)
				return
			}
			e, err := shard.NewEvaluator(j)
			if err != nil {
				t.Error(err)
				return
			}
			if err := e.Set(at); err != nil {
				t.Error(err)
			}
			for step := range int64(5) {
				p, err := e.Sum(context.Background(), source, r)
				if err != nil {
					t.Error(err)
					return
				}
				total, err := g.AllReduce(context.Background(), step, p)
				if err != nil {
					t.Error(err)
					return
				}
				if b, err := total.MarshalBinary(); err != nil || !bytes.Equal(b, want) {
					t.Errorf("rank %d, step %d: another sum, %v", rank, step, err)
				}
			}
		})
	}
	all.Wait()
	if _, err := c.Group("test", 3, 3); err == nil {
		t.Error("there is no such rank")
	}
}

// Ranks that train on parts of the rows have the same parameters as one that has all, bit for bit.
func TestTraining(t *testing.T) {
	const ranks, steps = 2, 10
	c := open(t, nats.Options{})
	source, err := shard.Open("wave:0s")
	if err != nil {
		t.Fatal(err)
	}
	training := func(rank, ranks int, name string) (train.Values, error) {
		group, err := c.Group(name, rank, ranks)
		if err != nil {
			return nil, err
		}
		g := graph.New()
		s := nn.New(g, graph.Float64)
		x, y, w := g.Input("x", graph.Float64, block, 2), g.Input("y", graph.Float64, block), g.Input("weight", graph.Float64, block)
		out := graph.Reshape(nn.Linear(s.In("out"), graph.Tanh(nn.Linear(s.In("hidden"), x, 8)), 1), block)
		loss := graph.Sum(graph.Mul(w, graph.Square(graph.Sub(out, y))))
		p, err := train.NewParallel(s, loss, train.ParallelConfig{Config: train.Config{Rate: train.Constant(0.05)}, Rows: []string{"x", "y"}, Weight: "weight", Reduce: group.AllReduce})
		if err != nil {
			return nil, err
		}
		var first, last float64
		for i := range steps {
			if last, err = p.Step(context.Background(), source, shard.Split(rows, block, ranks)[rank]); err != nil {
				return nil, err
			}
			if i == 0 {
				first = last
			}
		}
		if !(last < first) {
			return nil, fmt.Errorf("the loss goes from %v to %v", first, last)
		}
		return p.Values(), nil
	}
	want, err := training(0, 1, "alone")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for rank := range ranks {
		all.Go(func() {
			got, err := training(rank, ranks, "together")
			if err != nil {
				t.Error(err)
				return
			}
			for name, v := range want {
				for i, x := range v.Float64s() {
					if y := got[name].Float64s()[i]; math.Float64bits(x) != math.Float64bits(y) {
						t.Errorf("rank %d: %s[%d] is %v, alone %v", rank, name, i, y, x)
					}
				}
			}
		})
	}
	all.Wait()
}
