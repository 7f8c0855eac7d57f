package command

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress tells a person what long work is doing, on a line of a terminal that
// vanishes at the end. Short work stays silent.
type progress struct {
	w     io.Writer // nil: nobody reads
	mu    sync.Mutex
	stage string
	shown bool
	done  chan struct{}
	ended sync.WaitGroup
}

// The times before the first line and between lines.
const (
	progressDelay = time.Second
	progressEvery = 200 * time.Millisecond
)

// clearLine empties a terminal's line.
const clearLine = "\r\x1b[K"

// startProgress begins to watch work; end it with close.
func startProgress(s Streams, delay time.Duration) *progress {
	p := &progress{done: make(chan struct{})}
	if !s.ErrTerminal {
		return p
	}
	p.w = s.Err
	start := time.Now()
	p.ended.Go(func() {
		ticker := time.NewTicker(min(delay, progressEvery))
		defer ticker.Stop()
		for {
			select {
			case <-p.done:
				return
			case now := <-ticker.C:
				if elapsed := now.Sub(start); elapsed >= delay {
					p.line(elapsed)
				}
			}
		}
	})
	return p
}

// enter names what is being done.
func (p *progress) enter(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stage = fmt.Sprintf(format, args...)
}

func (p *progress) line(elapsed time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stage != "" {
		fmt.Fprintf(p.w, clearLine+"%s … %d s", p.stage, int(elapsed.Seconds()))
		p.shown = true
	}
}

// close ends the line and removes it.
func (p *progress) close() {
	close(p.done)
	p.ended.Wait()
	if p.shown {
		fmt.Fprint(p.w, clearLine)
	}
}
