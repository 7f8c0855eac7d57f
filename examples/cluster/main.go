// Command cluster inverts stations and fits a regression on engines for many machines, all of them on this one unless flags say otherwise: see README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/beam"
	"github.com/adjoint-go/adjoint/vm/nats"
	"github.com/adjoint-go/adjoint/vm/shard"
)

var (
	rows     = flag.Int("rows", 10_000_000, "rows of the regression")
	stations = flag.Int("stations", 1000, "stations that are inverted")
	shards   = flag.Int("shards", 64, "shards of each")
	scratch  = flag.String("scratch", "", "folder that all workers of a pipeline see; none is needed where they run on this machine")
	workers  = flag.Int("workers", 2, "worker processes on NATS")
	kills    = flag.Int("kills", 20, "workers that are killed while the regression runs on NATS")
	server   = flag.String("nats", "", "URL of a NATS server with JetStream; without, one is started")
	worker   = flag.String("work", "", "be a worker on the NATS server of this URL")
	measure  = flag.Bool("measure", false, "measure what engines cost, with shards of about a second")
)

func main() {
	flag.Parse()
	beam.Init() // a worker of a pipeline on another machine stays in here
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := all
	switch {
	case *worker != "":
		run = func(ctx context.Context) error { return nats.Work(ctx, *worker, nats.WorkerOptions{}) }
	case *measure:
		run = costs
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func all(ctx context.Context) error {
	if err := invert(ctx); err != nil {
		return err
	}
	onBeam, err := onBeam(ctx)
	if err != nil {
		return err
	}
	onNATS, err := onNATS(ctx)
	if err != nil {
		return err
	}
	for k, v := range onBeam.X["b"] {
		if math.Float64bits(v) != math.Float64bits(onNATS.X["b"][k]) {
			return fmt.Errorf("coefficient %d is %v from one engine and %v from the other", k, v, onNATS.X["b"][k])
		}
	}
	fmt.Printf("the coefficients from both engines are the same, bit for bit\n")
	return nil
}

func invert(ctx context.Context) error {
	j, err := inversion()
	if err != nil {
		return err
	}
	begin := time.Now()
	out, err := beam.Map(ctx, j, fmt.Sprintf("stations:%d", *stations), beam.Options{Shards: *shards, Scratch: *scratch})
	if err != nil {
		return err
	}
	fitted, wrong := 0, 0.0
	for i, v := range out {
		if v[1].Item() < 2 {
			fitted++
		}
		want := trueModel(i)
		for k, vs := range v[0].Float64s() {
			wrong += (vs/want[k] - 1) * (vs/want[k] - 1)
		}
	}
	fmt.Printf("%d stations inverted in %.1f s: %d fit their data to less than twice the noise; S velocities are off by %.1f %% (root mean square)\n",
		len(out), time.Since(begin).Seconds(), fitted, 100*math.Sqrt(wrong/float64(layers*len(out))))
	return nil
}

// report says what a fit took.
func report(engine string, r *optimize.Result, begin time.Time) {
	t := time.Since(begin).Seconds()
	fmt.Printf("%s: %d rows fitted in %.1f s, %d evaluations of %.2f s; mean cost %.6f, gradient %.1e, coefficients off by at most %.1f standard errors\n",
		engine, *rows, t, r.Evaluations.Values, t/float64(r.Evaluations.Values), r.Value, r.Optimality, off(r.X["b"], *rows))
}

func source() string { return fmt.Sprintf("logistic:%d", *rows) }

func onBeam(ctx context.Context) (*optimize.Result, error) {
	j, err := regression()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	r, err := fit(ctx, *rows, func(ctx context.Context, b map[string]any) (*shard.Partial, error) {
		return beam.Sum(ctx, j, source(), b, beam.Options{Shards: *shards, Scratch: *scratch})
	})
	if err == nil {
		report("Beam", r, begin)
	}
	return r, err
}

// crew is worker processes of this machine.
type crew struct {
	mutex   sync.Mutex
	url     string
	members []*exec.Cmd
}

func (c *crew) start(n int) error {
	for range n {
		w := exec.Command(os.Args[0], "-work", c.url)
		w.Stderr = os.Stderr
		if err := w.Start(); err != nil {
			return err
		}
		c.members = append(c.members, w)
	}
	return nil
}

// replace kills a worker and starts another one.
func (c *crew) replace(k int) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	w := c.members[k]
	c.members = append(c.members[:k], c.members[k+1:]...)
	err := w.Process.Kill()
	_ = w.Wait()
	return errors.Join(err, c.start(1))
}

func (c *crew) stop() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, w := range c.members {
		_ = w.Process.Kill()
		_ = w.Wait()
	}
	c.members = nil
}

// memory returns the most that a worker has had resident, in bytes; 0 where the system does not say.
func (c *crew) memory() (most int64) {
	for _, w := range c.members {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.Process.Pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			var kilobytes int64
			if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); err == nil {
				most = max(most, kilobytes<<10)
			}
		}
	}
	return most
}

func onNATS(ctx context.Context) (*optimize.Result, error) {
	j, err := regression()
	if err != nil {
		return nil, err
	}
	c, err := nats.Open(ctx, nats.Options{URL: *server, Wait: 2 * time.Second})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	team := &crew{url: c.URL()}
	defer team.stop()
	if err := team.start(*workers); err != nil {
		return nil, err
	}
	begin := time.Now()
	killing, enough := context.WithCancel(ctx)
	killed := make(chan int)
	go func() {
		count := 0
		for count < *kills && *workers > 0 {
			select {
			case <-killing.Done():
				killed <- count
				return
			case <-time.After(time.Duration(200+rand.IntN(600)) * time.Millisecond):
			}
			if err := team.replace(rand.IntN(*workers)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				break
			}
			count++
		}
		killed <- count
	}()
	sums := 0
	r, err := fit(ctx, *rows, func(ctx context.Context, b map[string]any) (*shard.Partial, error) {
		p, err := c.Sum(ctx, j, source(), b, *shards)
		if err == nil && p.Rows() != *rows {
			err = fmt.Errorf("%d rows of %d were counted", p.Rows(), *rows)
		}
		sums++
		return p, err
	})
	enough()
	count := <-killed
	if err != nil {
		return nil, err
	}
	report("NATS", r, begin)
	fmt.Printf("%d workers were killed while it ran; in each of %d sums every row was counted once\n", count, sums)
	fmt.Printf("a machine takes at most %.1f MB (MemoryBytes), a worker's process had at most %.0f MB\n", float64(j.Program.MemoryBytes(vm.WithThreads(1)))/1e6, float64(team.memory())/1e6)
	return r, nil
}

// costs measures shards of about a second: computed directly, by one and by two worker processes, and by a pipeline.
func costs(ctx context.Context) error {
	j, err := regression()
	if err != nil {
		return err
	}
	e, err := shard.NewEvaluator(j, vm.WithThreads(1))
	if err != nil {
		return err
	}
	b := map[string]any{"b": make([]float64, features)}
	if err := e.Set(b); err != nil {
		return err
	}
	direct := func(blocks, shards int) (time.Duration, error) {
		s := shard.Generator(blocks*shards*block, generate)
		begin := time.Now()
		for _, r := range shard.Split(s.Rows(), block, shards) {
			if _, err := e.Sum(ctx, s, r); err != nil {
				return 0, err
			}
		}
		return time.Since(begin), nil
	}
	once, err := direct(50, 1)
	if err != nil {
		return err
	}
	const n = 6
	blocks := max(1, int(50*time.Second/once))
	pure, err := direct(blocks, n)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("logistic:%d", blocks*n*block)
	fmt.Printf("%d shards of %.2f s, computed in a loop: %.2f s\n", n, pure.Seconds()/n, pure.Seconds())
	pool, err := shard.NewPool(j, shard.Generator(blocks*n*block, generate), shard.Options{Shards: n, Workers: 2})
	if err != nil {
		return err
	}
	begin := time.Now()
	if _, err := pool.Sum(ctx, b); err != nil {
		return err
	}
	fmt.Printf("by two goroutines: %.2f s, what the processors allow\n", time.Since(begin).Seconds())
	c, err := nats.Open(ctx, nats.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	for _, processes := range []int{1, 2} {
		team := &crew{url: c.URL()}
		if err := team.start(processes); err != nil {
			return err
		}
		small := fmt.Sprintf("logistic:%d", 8*block)
		for range 3 { // until all are there, with their machines
			if _, err := c.Sum(ctx, j, small, b, 8); err != nil {
				return err
			}
		}
		begin = time.Now()
		if _, err := c.Sum(ctx, j, small, b, 1); err != nil {
			return err
		}
		latency := time.Since(begin)
		begin = time.Now()
		if _, err := c.Sum(ctx, j, name, b, n); err != nil {
			return err
		}
		t := time.Since(begin)
		fmt.Printf("NATS, %d processes: %.1f ms for a sum of 8 blocks; all shards %.2f s, %.2f of the loop\n", processes, 1e3*latency.Seconds(), t.Seconds(), t.Seconds()/pure.Seconds())
		team.stop()
	}
	begin = time.Now()
	if _, err := beam.Sum(ctx, j, fmt.Sprintf("logistic:%d", 8*block), b, beam.Options{Shards: 1}); err != nil {
		return err
	}
	latency := time.Since(begin)
	begin = time.Now()
	if _, err := beam.Sum(ctx, j, name, b, beam.Options{Shards: n}); err != nil {
		return err
	}
	t := time.Since(begin)
	fmt.Printf("Beam on prism: %.1f ms for a pipeline over 8 blocks; all shards %.2f s, %.2f of the loop on %d processors\n", 1e3*latency.Seconds(), t.Seconds(), t.Seconds()/pure.Seconds(), runtime.GOMAXPROCS(0))
	return nil
}
