package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// memory follows how much memory a tool takes, by Linux's /proc; elsewhere it stays 0. A tool that starts processes, one for each answer, is as large as the largest of these; another one as its own.
type memory struct {
	pid  int
	stop chan struct{}
	done sync.WaitGroup

	mu       sync.Mutex
	largest  int64 // bytes of a process that the tool has started, since the last call of peak
	children bool  // it has started some
}

// follow begins to follow a process.
func follow(pid int) *memory {
	m := &memory{pid: pid, stop: make(chan struct{})}
	m.done.Go(func() {
		for {
			m.look()
			select {
			case <-m.stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	})
	return m
}

// look sees what there is at the moment.
func (m *memory) look() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, pid := range started(m.pid) {
		m.children = true
		m.largest = max(m.largest, peakOf(pid))
	}
}

// peak returns the most bytes that the tool had in memory at a time: since the last call for a tool that starts processes, else since it began.
func (m *memory) peak() int64 {
	m.look()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.children {
		return peakOf(m.pid)
	}
	largest := m.largest
	m.largest = 0
	return largest
}

// end stops following.
func (m *memory) end() {
	close(m.stop)
	m.done.Wait()
}

// started returns the processes below a process.
func started(pid int) (below []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range tasks {
		text, _ := os.ReadFile(path) // the process may have ended
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				below = append(below, child)
				below = append(below, started(child)...)
			}
		}
	}
	return below
}

// peakOf returns the most bytes that a process had in memory at a time, 0 if that is not known.
func peakOf(pid int) int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if kilobytes, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(kilobytes), " kB"), 10, 64)
			return n << 10
		}
	}
	return 0
}
