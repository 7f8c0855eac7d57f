package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/adjoint-go/adjoint/internal/bench/definition"
	"github.com/adjoint-go/adjoint/internal/bench/protocol"
)

// peerNames are all peers but ourselves, in the order of their turns.
var peerNames = []string{blocks, oneThread, "go", "switch", "casadi", "casadi.cse", "jax", "torch", "torch.compile", "numpy", "scipy", "diffrax", "gorgonia", "gomlx", "gomlx.simd"}

// answerLimit ends a peer that does not answer: compilers of unrolled graphs take minutes.
const answerLimit = 10 * time.Minute

// peer is a process that speaks the protocol.
type peer struct {
	name, version string
	rows          []protocol.Row

	cmd     *exec.Cmd
	in      io.WriteCloser
	answers chan []byte
	stderr  *tail
	dead    error
	cleanup func()
}

// benchFolder returns internal/bench of the module that the current folder is in.
func benchFolder() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		bench := filepath.Join(dir, "internal", "bench")
		if _, err := os.Stat(filepath.Join(bench, "python", "serve.py")); err == nil {
			return bench, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("run this command inside of the repository")
		}
		dir = parent
	}
}

// startPeers starts the selected peers, ourselves first, and asks what they have.
// leftOut is told of those that cannot run.
func startPeers(o options, works []definition.Work, leftOut func(name string, err error)) []*peer {
	names := []string{ours}
	for _, n := range peerNames {
		if len(o.peers) == 0 || slices.Contains(o.peers, n) {
			names = append(names, n)
		}
	}
	var peers []*peer
	for _, name := range names {
		p, err := startPeer(o, name)
		if err == nil {
			var a protocol.Answer
			if a, err = p.ask(protocol.Request{Cmd: "hello"}); err == nil {
				p.version, p.rows = a.Version, a.Rows
			}
		}
		if err != nil {
			leftOut(name, err)
			if p != nil {
				p.stop()
			}
			continue
		}
		has := func(r protocol.Row) bool {
			return slices.ContainsFunc(works, func(w definition.Work) bool { return w.Name == r.Work })
		}
		if name != ours && !slices.ContainsFunc(p.rows, has) {
			p.stop() // nothing to do: it need not take memory
			continue
		}
		peers = append(peers, p)
	}
	return peers
}

// startPeer starts the process of a peer.
func startPeer(o options, name string) (*peer, error) {
	var cmd *exec.Cmd
	cleanup := func() {}
	switch name {
	case ours, blocks, oneThread, "go", "switch":
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		cmd = exec.Command(self, "-serve", name)
		if name == blocks {
			cmd.Env = append(os.Environ(), "ADJOINT_NATIVE=off")
		}
		if name == oneThread {
			cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
		}
	case "gorgonia", "gomlx", "gomlx.simd":
		dir, err := os.MkdirTemp("", "adjoint-bench")
		if err != nil {
			return nil, err
		}
		cleanup = func() { _ = os.RemoveAll(dir) }
		binary := filepath.Join(dir, name)
		build := exec.Command("go", "build", "-o", binary, "./"+strings.TrimSuffix(name, ".simd"))
		build.Dir = filepath.Join(o.root, "peers")
		build.Env = append(os.Environ(), "GOWORK=off")
		if name == "gomlx.simd" {
			if runtime.GOARCH != "amd64" {
				cleanup()
				return nil, errors.New("its SIMD experiment is for amd64 only")
			}
			build.Env = append(build.Env, "GOEXPERIMENT=simd")
		}
		if out, err := build.CombinedOutput(); err != nil {
			cleanup()
			return nil, fmt.Errorf("go build: %w: %s", err, lastLine(out))
		}
		cmd = exec.Command(binary)
	default:
		python, err := pythonPath(o)
		if err != nil {
			return nil, err
		}
		cmd = exec.Command(python, filepath.Join(o.root, "python", "serve.py"), "--peer", name)
		cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	}
	p := &peer{name: name, cmd: cmd, answers: make(chan []byte), stderr: &tail{}, cleanup: cleanup}
	cmd.Stderr = p.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		cleanup()
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		cleanup()
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		cleanup()
		return nil, err
	}
	p.in = in
	go func() {
		defer close(p.answers)
		r := bufio.NewReader(out)
		for {
			line, err := r.ReadBytes('\n')
			if err != nil {
				return
			}
			p.answers <- line
		}
	}()
	return p, nil
}

// pythonPath returns the interpreter for the Python peers.
func pythonPath(o options) (string, error) {
	for _, p := range []string{o.python, os.Getenv("ADJOINT_BENCH_PYTHON")} {
		if p != "" {
			return p, nil
		}
	}
	if p := filepath.Join(o.root, ".venv", "bin", "python"); exists(p) {
		return p, nil
	}
	return exec.LookPath("python3")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// ask sends a request and waits for the answer. An answer that is an error is
// returned as one. A peer that does not answer is dead from then on.
func (p *peer) ask(q protocol.Request) (protocol.Answer, error) {
	var a protocol.Answer
	if p.dead != nil {
		return a, p.dead
	}
	line, err := json.Marshal(q)
	if err != nil {
		return a, err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		p.dead = fmt.Errorf("ended: %w: %s", err, p.stderr.last())
		return a, p.dead
	}
	timeout := time.NewTimer(answerLimit)
	defer timeout.Stop()
	select {
	case line, ok := <-p.answers:
		if !ok {
			p.dead = fmt.Errorf("ended during %s: %s", q.Cmd, p.stderr.last())
			return a, p.dead
		}
		if err := json.Unmarshal(line, &a); err != nil {
			return a, fmt.Errorf("answer %.80q: %w", line, err)
		}
	case <-timeout.C:
		p.dead = fmt.Errorf("no answer to %s in %v", q.Cmd, answerLimit)
		_ = p.cmd.Process.Kill()
		return a, p.dead
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

// stop ends the process.
func (p *peer) stop() {
	_ = p.in.Close()
	done := make(chan struct{})
	go func() {
		for range p.answers { // lets the reader end
		}
		_ = p.cmd.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-done
	}
	p.cleanup()
}

// tail keeps the end of what a process writes to its standard error.
type tail struct{ text []byte }

// Write keeps the last 4000 bytes.
func (t *tail) Write(b []byte) (int, error) {
	t.text = append(t.text, b...)
	if extra := len(t.text) - 4000; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(b), nil
}

func (t *tail) last() string { return lastLine(t.text) }

// lastLine returns the last line of text that is not empty.
func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
