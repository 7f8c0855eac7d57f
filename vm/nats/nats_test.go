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

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

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
	for scheme, rows := range map[string]int{"wave": rows, "few": 400} {
		if err := shard.Register(scheme, waves(rows)); err != nil {
			panic(err)
		}
	}
}

// waves opens sources of so many rows that take a pause for each read.
func waves(rows int) func(string) (shard.Source, error) {
	return func(pause string) (shard.Source, error) {
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

// killing starts workers in processes of their own, and calls f again and again while so many of them are killed at random.
func killing(t *testing.T, c *nats.Cluster, kills int, f func()) (calls int) {
	t.Helper()
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
	for going := true; going; calls++ {
		select {
		case <-killed:
			going = false // and once more
		default:
		}
		f()
	}
	<-killed
	for _, w := range workers {
		_ = w.Process.Kill()
		_ = w.Wait()
	}
	return calls
}

func kills() int {
	if testing.Short() {
		return 5
	}
	return 100
}

// Workers are killed at random, and every shard is counted once.
func TestKills(t *testing.T) {
	j := fit(t)
	want := local(t, j)
	c := open(t, nats.Options{Wait: 500 * time.Millisecond})
	sums := killing(t, c, kills(), func() { check(t, c, j, "wave:1ms", 40, want) })
	t.Logf("%d workers killed during %d sums of 40 shards, %d rows each: every row counted once", kills(), sums, rows)
}

// draws is a job whose outputs for a row are what it is given and numbers from a seed of its own.
func draws(t *testing.T) shard.MapJob {
	t.Helper()
	g := graph.New()
	y, i, scale := g.Input("y", graph.Float64), g.Input("i", graph.Int64), g.Input("scale", graph.Float64)
	x := g.Input("x", graph.Float64, 2)
	p, err := compile.Compile(graph.Add(y, graph.Sum(x)), graph.Mul(scale, graph.RandomUniform(graph.RandomFoldIn(graph.RandomKey(g, 1), i), graph.Float64, 3)))
	if err != nil {
		t.Fatal(err)
	}
	return shard.MapJob{Program: p, Rows: []string{"x", "y"}, Index: "i", Parameters: map[string]any{"scale": 2.0}}
}

// mapped holds the outputs of rows against those of one process.
func mapped(t *testing.T, c *nats.Cluster, j shard.MapJob, source string, want [][]byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	out, err := c.Map(ctx, j, source, 40)
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != len(want) {
		t.Fatalf("%d rows, want %d", len(out), len(want))
	}
	for row, v := range out {
		if b, err := shard.EncodeOutputs(v); err != nil || !bytes.Equal(b, want[row]) {
			t.Fatalf("row %d: other outputs, %v, %v", row, v, err)
		}
	}
}

func alone(t *testing.T, j shard.MapJob, source string) (want [][]byte) {
	t.Helper()
	s, err := shard.Open(source)
	if err != nil {
		t.Fatal(err)
	}
	m, err := shard.NewMapper(j)
	if err != nil {
		t.Fatal(err)
	}
	for row := range s.Rows() {
		out, err := m.Run(context.Background(), s, row)
		if err != nil {
			t.Fatal(err)
		}
		b, err := shard.EncodeOutputs(out)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, b)
	}
	return want
}

// Rows that are computed on their own come back in their order, and workers that are killed lose none.
func TestMap(t *testing.T) {
	j := draws(t)
	want := alone(t, j, "few:0s")
	for _, workers := range []int{1, 3} {
		c := open(t, nats.Options{})
		work(t, c, workers)
		mapped(t, c, j, "few:0s", want)
		check(t, c, fit(t), "wave:0s", 3, local(t, fit(t))) // the same workers sum
		mapped(t, c, j, "few:0s", want)
		if _, err := c.Map(context.Background(), shard.MapJob{Program: j.Program, Rows: []string{"z"}}, "few:0s", 3); err == nil || !strings.Contains(err.Error(), `no input "z"`) {
			t.Error(err)
		}
	}
	c := open(t, nats.Options{Wait: 500 * time.Millisecond})
	maps := killing(t, c, kills(), func() { mapped(t, c, j, "few:1ms", want) })
	t.Logf("%d workers killed during %d runs of 40 shards, %d rows each: every row was there once", kills(), maps, len(want))
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

// What all ranks have is removed from the server, and a rank that is started again does the steps that stay anew.
func TestAllReduceKeeps(t *testing.T) {
	const ranks, steps = 3, 20
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	j := fit(t)
	c := open(t, nats.Options{})
	conn, err := natsgo.Connect(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	source, err := shard.Open("wave:0s")
	if err != nil {
		t.Fatal(err)
	}
	e, err := shard.NewEvaluator(j)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Set(at); err != nil {
		t.Fatal(err)
	}
	var sums []*shard.Partial
	for _, r := range shard.Split(10*block, block, ranks) {
		p, err := e.Sum(ctx, source, r)
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, p)
	}
	group := func(name string, rank, keep int) *nats.Group {
		g, err := c.Group(name, rank, ranks)
		if err != nil {
			t.Fatal(err)
		}
		g.Keep = keep
		return g
	}
	for name, keep := range map[string]int{"none": 0, "three": 3} {
		totals := make([][steps][]byte, ranks)
		var all sync.WaitGroup
		for rank := range ranks {
			g := group(name, rank, keep)
			all.Go(func() {
				for step := range totals[rank] {
					total, err := g.AllReduce(ctx, int64(step), sums[rank])
					if err != nil {
						t.Error(err)
						return
					}
					if totals[rank][step], err = total.MarshalBinary(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		stream, err := js.Stream(ctx, "ADJOINT_RESULTS")
		if err != nil {
			t.Fatal(err)
		}
		info, err := stream.Info(ctx, jetstream.WithSubjectFilter("adjoint.reduce."+name+".>"))
		if err != nil {
			t.Fatal(err)
		}
		if len(info.State.Subjects) != ranks*(1+keep) {
			t.Errorf("%s: %d messages are left of %d: %v", name, len(info.State.Subjects), ranks*steps, info.State.Subjects)
		}
		for step := range int64(steps) {
			total, err := group(name, 1, keep).AllReduce(ctx, step, sums[1])
			if step < int64(steps-1-keep) {
				if err == nil || !strings.Contains(err.Error(), "it is over") {
					t.Errorf("%s: step %d again: %v", name, step, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: step %d again: %v", name, step, err)
				continue
			}
			if b, err := total.MarshalBinary(); err != nil || !bytes.Equal(b, totals[0][step]) {
				t.Errorf("%s: step %d again: another sum, %v", name, step, err)
			}
		}
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
