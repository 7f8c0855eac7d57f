// Command compare times Adjoint and its peers on the same work, on one machine
// and in turns, so that whatever else the machine does hits all of them alike.
//
//	go run ./internal/bench/compare                            everything that is installed
//	go run ./internal/bench/compare -only chain,seed -peer jax,torch.compile
//	go run ./internal/bench/compare -list
//	go run ./internal/bench/compare -markdown docs/PERFORMANCE.md
//	go run ./internal/bench/compare -page loops -markdown docs/PERFORMANCE_LOOPS.md
//	go run ./internal/bench/compare -page models -markdown docs/PERFORMANCE_MODELS.md
//	go run ./internal/bench/compare -page implicit -markdown docs/PERFORMANCE_IMPLICIT.md
//
// Each peer is a process of its own that prepares a workload, shows its checksum
// and then runs whenever its turn comes: ours, peer, ours, next peer, and so on.
// No time is printed of a peer whose checksum is wrong. The exit status is 1 if a
// checksum was wrong, 2 for a wrong command line.
//
// Peers: go and switch (hand-written Go, built in), gorgonia, gomlx and gomlx.simd
// (built from ../peers, whose dependencies are downloaded on first use), and torch,
// torch.compile, jax, casadi, casadi.cse, numpy, scipy and diffrax (Python with the packages of
// ../python/requirements.txt; the interpreter is that of -python, of
// $ADJOINT_BENCH_PYTHON, of internal/bench/.venv, or python3). What is not
// installed is left out with a word on why.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/adjoint-go/adjoint/internal/bench/byhand"
	"github.com/adjoint-go/adjoint/internal/bench/definition"
	"github.com/adjoint-go/adjoint/internal/bench/limits"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
	"github.com/adjoint-go/adjoint/internal/bench/work"
)

// ours is our own name among the peers.
const ours = "adjoint"

// pause lets the threads of the peer before fall asleep: some spin for a while when they have nothing to do.
const pause = 100 * time.Millisecond

type options struct {
	only, peers  []string
	json, list   bool
	rounds       int
	seconds      float64
	python, root string
	budget       time.Duration // of the turns of a workload
	markdown     string
	page         page
}

func main() {
	var o options
	var only, peer, serve, name string
	flag.StringVar(&only, "only", "", "workloads, separated by commas; a name that is none stands for all that begin with it")
	flag.StringVar(&peer, "peer", "", "peers, separated by commas; "+ours+" always runs")
	flag.BoolVar(&o.json, "json", false, "print one JSON object a line instead of a table")
	flag.BoolVar(&o.list, "list", false, "print which peer has which workload")
	flag.IntVar(&o.rounds, "rounds", 5, "turns of each peer")
	flag.Float64Var(&o.seconds, "seconds", 0.3, "least seconds of a turn")
	flag.StringVar(&o.python, "python", "", "Python interpreter")
	flag.DurationVar(&o.budget, "budget", 30*time.Second, "time after which a workload gets no more turns")
	flag.StringVar(&o.markdown, "markdown", "", "write the page of goals, rows and profiles to this file; without -only and -peer those of the goals")
	flag.StringVar(&name, "page", "scalars", "the page: scalars, loops, implicit, matrix or models")
	flag.StringVar(&serve, "serve", "", "run as a peer that is built in (used by the command itself)")
	flag.Parse()
	if flag.NArg() > 0 || o.rounds < 1 || !(o.seconds >= 0) {
		flag.Usage()
		os.Exit(2)
	}
	if serve != "" {
		os.Exit(serveBuiltIn(serve))
	}
	o.only, o.peers = split(only), split(peer)
	var known bool
	if o.page, known = pages[name]; !known {
		fmt.Fprintf(os.Stderr, "there is no page %s\n", name)
		os.Exit(2)
	}
	if o.markdown != "" && only == "" {
		o.only = append(o.page.works(), limitNames...)
	}
	if o.markdown != "" && peer == "" {
		o.peers = o.page.peers
	}
	for _, p := range o.peers {
		if p != ours && !slices.Contains(peerNames, p) {
			fmt.Fprintf(os.Stderr, "there is no peer %s; there are %s\n", p, strings.Join(peerNames, ", "))
			os.Exit(2)
		}
	}
	works, limitsToo, err := selectWorks(o.only)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if o.root, err = benchFolder(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	wrong, err := compare(o, works, limitsToo)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if wrong || err != nil {
		os.Exit(1)
	}
}

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// serveBuiltIn is the process of a peer that is part of this program.
func serveBuiltIn(name string) int {
	entries := map[string]func() []protocol.Entry{ours: work.Entries, blocks: work.ArrayEntries, oneThread: work.Entries, "go": byhand.Go, "switch": byhand.Switch}[name]
	if entries == nil {
		fmt.Fprintf(os.Stderr, "no peer %s is built in\n", name)
		return 2
	}
	if err := protocol.Serve(name, runtime.Version(), entries(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// The names of the machine's limits among the workloads.
var limitNames = []string{"fma_peak", "stream_triad"}

// selectWorks returns the workloads that the names stand for, all for no names,
// and the limits to measure.
func selectWorks(names []string) (works []definition.Work, limitsToo []string, err error) {
	if len(names) == 0 {
		return definition.Works, limitNames, nil
	}
	selected := map[string]bool{}
	for _, name := range names {
		all := slices.Clone(limitNames)
		for _, w := range definition.Works {
			all = append(all, w.Name)
		}
		found := false
		for _, w := range all {
			if w == name || !slices.Contains(all, name) && strings.HasPrefix(w, name) {
				selected[w], found = true, true
			}
		}
		if !found {
			return nil, nil, fmt.Errorf("there is no workload %s; there are %s", name, strings.Join(all, ", "))
		}
	}
	for _, w := range definition.Works {
		if selected[w.Name] {
			works = append(works, w)
		}
	}
	for _, l := range limitNames {
		if selected[l] {
			limitsToo = append(limitsToo, l)
		}
	}
	return works, limitsToo, nil
}

// compare runs everything and prints it; wrong reports a wrong checksum.
func compare(o options, works []definition.Work, limitsToo []string) (wrong bool, err error) {
	p := newPrinter(os.Stdout, o.json)
	p.machine()

	peers := startPeers(o, works, func(name string, err error) { p.note("%s is left out: %v", name, err) })
	defer func() {
		for _, q := range peers {
			q.stop()
		}
	}()
	p.peers(peers)
	page := &report{page: o.page, command: o.page.command, machine: machineText(), rows: map[protocol.Row][]*row{}}
	for _, q := range peers {
		page.versions = append(page.versions, q.name+" "+q.version)
	}
	if o.list {
		for _, w := range works {
			p.listed(w, peers)
		}
		return false, nil
	}
	if len(limitsToo) > 0 {
		for _, r := range limits.Measure() {
			if slices.Contains(limitsToo, r.Work) {
				p.limit(r)
				page.limits = append(page.limits, r)
			}
		}
	}
	for _, w := range works {
		for _, dtype := range w.DTypes() {
			rows := runWork(o, w, dtype, peers)
			for _, r := range rows {
				wrong = wrong || r.wrong
			}
			p.rows(w, dtype, rows)
			page.rows[protocol.Row{Work: w.Name, DType: dtype}] = rows
		}
	}
	if o.markdown != "" {
		var text bytes.Buffer
		page.write(&text)
		return wrong, os.WriteFile(o.markdown, text.Bytes(), 0o644)
	}
	return wrong, nil
}

// row is what one peer did on one workload.
type row struct {
	peer   string
	check  []float64
	info   map[string]float64
	turns  [][]float64 // seconds per evaluation
	beside [][]float64 // ours in the turn before each
	wrong  bool
	err    error

	profile []protocol.Cost
}

// runWork prepares a workload in all peers that have it, compares the checksums
// and then lets them run in turns. Ours is the first row where it has the workload.
func runWork(o options, w definition.Work, dtype string, peers []*peer) []*row {
	type contestant struct {
		*row
		peer *peer
	}
	want := protocol.Row{Work: w.Name, DType: dtype}
	var rows []*row
	var mine *contestant
	var others []*contestant
	for _, p := range peers {
		if !slices.Contains(p.rows, want) {
			continue
		}
		r := &row{peer: p.name}
		rows = append(rows, r)
		a, err := p.ask(protocol.Request{Cmd: "prepare", Work: w.Name, DType: dtype})
		if err != nil {
			r.err = err
			continue
		}
		r.check, r.info = a.Check, a.Info
		if !w.Agrees(dtype, a.Check) {
			r.wrong = true
			continue
		}
		if p.name == ours {
			mine = &contestant{r, p}
		} else {
			others = append(others, &contestant{r, p})
		}
	}
	turn := func(c *contestant) []float64 {
		if c.err != nil {
			return nil
		}
		time.Sleep(pause)
		a, err := c.peer.ask(protocol.Request{Cmd: "run", Work: w.Name, DType: dtype, Seconds: o.seconds})
		if err != nil {
			c.err = err
			return nil
		}
		c.turns = append(c.turns, a.Times)
		return a.Times
	}
	begin := time.Now()
	for k := range o.rounds {
		if k > 0 && time.Since(begin) > o.budget {
			break
		}
		if mine != nil && len(others) == 0 {
			turn(mine)
		}
		for _, c := range others {
			var own []float64
			if mine != nil && c.err == nil {
				own = turn(mine)
			}
			if turn(c) != nil && own != nil {
				c.beside = append(c.beside, own)
			}
		}
	}
	if mine != nil && o.markdown != "" {
		if a, err := mine.peer.ask(protocol.Request{Cmd: "profile", Work: w.Name, DType: dtype}); err == nil {
			mine.profile = a.Profile
		} else {
			mine.err = err
		}
	}
	for _, p := range peers {
		if slices.Contains(p.rows, want) {
			_, _ = p.ask(protocol.Request{Cmd: "drop", Work: w.Name, DType: dtype})
		}
	}
	return rows
}
