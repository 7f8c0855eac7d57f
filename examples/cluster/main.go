// Command cluster inverts stations and fits a regression on engines for many machines, all of them on this one unless flags say otherwise: see README.md.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
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
	inverted, err := invert("Beam", func(j shard.MapJob, source string) ([][]vm.Array, error) {
		return beam.Map(ctx, j, source, beam.Options{Shards: *shards, Scratch: *scratch})
	})
	if err != nil {
		return err
	}
	fitted, err := onBeam(ctx)
	if err != nil {
		return err
	}
	again, r, err := onNATS(ctx)
	if err != nil {
		return err
	}
	for i, v := range inverted {
		if err := same(fmt.Sprintf("station %d: S velocity", i), v[0].Float64s(), again[i][0].Float64s()); err != nil {
			return err
		}
	}
	if err := same("coefficient", fitted.X["b"], r.X["b"]); err != nil {
		return err
	}
	fmt.Printf("velocities and coefficients from both engines are the same, bit for bit\n")
	return nil
}

// invert inverts all stations by one engine.
func invert(engine string, mapping func(j shard.MapJob, source string) ([][]vm.Array, error)) ([][]vm.Array, error) {
	j, err := inversion()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	out, err := mapping(j, fmt.Sprintf("stations:%d", *stations))
	if err != nil {
		return nil, err
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
	fmt.Printf("%s: %d stations inverted in %.1f s: %d fit their data to less than twice the noise; S velocities are off by %.1f %% (root mean square)\n",
		engine, len(out), time.Since(begin).Seconds(), fitted, 100*math.Sqrt(wrong/float64(layers*len(out))))
	return out, nil
}

// same returns an error if the engines' results have other bits.
func same(what string, a, b []float64) error {
	for k, v := range a {
		if math.Float64bits(v) != math.Float64bits(b[k]) {
			return fmt.Errorf("%s %d is %v from Beam and %v from NATS", what, k, v, b[k])
		}
	}
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

// onNATS inverts the stations and fits the regression, while workers are killed.
func onNATS(ctx context.Context) ([][]vm.Array, *optimize.Result, error) {
	j, err := regression()
	if err != nil {
		return nil, nil, err
	}
	c, err := nats.Open(ctx, nats.Options{URL: *server, Wait: 2 * time.Second})
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	team := &crew{url: c.URL()}
	defer team.stop()
	if err := team.start(*workers); err != nil {
		return nil, nil, err
	}
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
	inverted, err := invert("NATS", func(j shard.MapJob, source string) ([][]vm.Array, error) { return c.Map(ctx, j, source, *shards) })
	sums, begin := 0, time.Now()
	var r *optimize.Result
	if err == nil {
		r, err = fit(ctx, *rows, func(ctx context.Context, b map[string]any) (*shard.Partial, error) {
			p, err := c.Sum(ctx, j, source(), b, *shards)
			if err == nil && p.Rows() != *rows {
				err = fmt.Errorf("%d rows of %d were counted", p.Rows(), *rows)
			}
			sums++
			return p, err
		})
	}
	enough()
	count := <-killed
	if err != nil {
		return nil, nil, err
	}
	report("NATS", r, begin)
	fmt.Printf("%d workers were killed while NATS was used; there was one result for each station, and in each of %d sums every row was counted once\n", count, sums)
	fmt.Printf("a machine takes at most %.1f MB (MemoryBytes), a worker's process had at most %.0f MB\n", float64(j.Program.MemoryBytes(vm.WithThreads(1)))/1e6, float64(team.memory())/1e6)
	return inverted, r, nil
}

// processors returns the seconds of processors that this process and others have used, as Linux counts them; 0 elsewhere.
func processors(others ...*exec.Cmd) float64 {
	ticks := 0.0
	pids := []int{os.Getpid()}
	for _, w := range others {
		pids = append(pids, w.Process.Pid)
	}
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // of the state on
		for _, field := range fields[11:13] {
			n, err := strconv.ParseFloat(field, 64)
			if err != nil {
				return 0
			}
			ticks += n
		}
	}
	return ticks / 100
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
	direct := func(blocks, shards int) error {
		s := shard.Generator(blocks*shards*block, generate)
		for _, r := range shard.Split(s.Rows(), block, shards) {
			if _, err := e.Sum(ctx, s, r); err != nil {
				return err
			}
		}
		return nil
	}
	begin := time.Now()
	if err := direct(50, 1); err != nil {
		return err
	}
	const n = 6
	blocks := max(1, int(50*time.Second/time.Since(begin)))
	var wall, used float64 // of the loop
	measured := func(what string, others []*exec.Cmd, f func() error) error {
		begin, before := time.Now(), processors(others...)
		if err := f(); err != nil {
			return err
		}
		t, p := time.Since(begin).Seconds(), processors(others...)-before
		if wall == 0 {
			wall, used = t, p
		}
		fmt.Printf("%-36s %6.2f s, %.3f of the loop; processors used for %6.2f s, %.3f\n", what, t, t/wall, p, p/used)
		return nil
	}
	fmt.Printf("%d shards of %d rows\n", n, blocks*block)
	if err := measured("a loop", nil, func() error { return direct(blocks, n) }); err != nil {
		return err
	}
	pool, err := shard.NewPool(j, shard.Generator(blocks*n*block, generate), shard.Options{Shards: n, Workers: 2})
	if err != nil {
		return err
	}
	err = measured("two goroutines", nil, func() error { _, err := pool.Sum(ctx, b); return err })
	if err != nil {
		return err
	}
	name, small := fmt.Sprintf("logistic:%d", blocks*n*block), fmt.Sprintf("logistic:%d", 8*block)
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
		for range 3 { // until all are there, with their machines
			if _, err := c.Sum(ctx, j, small, b, 8); err != nil {
				return err
			}
		}
		err := measured(fmt.Sprintf("NATS, %d processes, 8 blocks", processes), team.members, func() error { _, err := c.Sum(ctx, j, small, b, 1); return err })
		if err != nil {
			return err
		}
		err = measured(fmt.Sprintf("NATS, %d processes", processes), team.members, func() error { _, err := c.Sum(ctx, j, name, b, n); return err })
		if err != nil {
			return err
		}
		team.stop()
	}
	for _, p := range []struct {
		what, source string
		shards       int
	}{{"the first", small, 1}, {"8 blocks", small, 1}, {"all shards", name, n}} {
		err := measured("Beam on prism, "+p.what, nil, func() error {
			_, err := beam.Sum(ctx, j, p.source, b, beam.Options{Shards: p.shards})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
