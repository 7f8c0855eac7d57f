// Package protocol is how the comparison talks to a peer: requests and answers
// as JSON, one a line, on the standard input and output of the peer's process.
//
//	{"cmd":"hello"}                                         → {"peer":"jax","version":"0.10.2","rows":[{"work":"seed","dtype":"float64"},…]}
//	{"cmd":"prepare","work":"seed","dtype":"float64"}       → {"check":[37,10,11],"info":{"build":0.1}}
//	{"cmd":"run","work":"seed","dtype":"float64","seconds":0.3} → {"times":[3.1e-09,…]}
//	{"cmd":"profile","work":"seed","dtype":"float64"}       → {"profile":[{"what":"STRAIGHT","seconds":3.1e-09,…}]}
//	{"cmd":"drop","work":"seed","dtype":"float64"}          → {}
//
// Any answer can be {"error":"reason"}. The process ends when its input does.
package protocol

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"time"
)

// Request is what the comparison asks. Cmd is hello, prepare, run, profile or drop.
type Request struct {
	Cmd     string  `json:"cmd"`
	Work    string  `json:"work,omitempty"`
	DType   string  `json:"dtype,omitempty"`
	Seconds float64 `json:"seconds,omitempty"` // at least this long, for run
}

// Row names a piece of work in one dtype: float64 or float32.
type Row struct {
	Work  string `json:"work"`
	DType string `json:"dtype"`
}

// Answer is what a peer replies; the fields that the request does not ask for are empty.
type Answer struct {
	Error   string             `json:"error,omitempty"`
	Peer    string             `json:"peer,omitempty"`
	Version string             `json:"version,omitempty"`
	Rows    []Row              `json:"rows,omitempty"`
	Check   []float64          `json:"check,omitempty"` // the checksum of the work's results
	Info    map[string]float64 `json:"info,omitempty"`  // one-time costs in seconds, and counts
	Times   []float64          `json:"times,omitempty"` // seconds per evaluation
	Profile []Cost             `json:"profile,omitempty"`
}

// Cost is what one instruction of a peer's program takes.
type Cost struct {
	What     string  `json:"what"`
	Executor string  `json:"executor"`
	Where    string  `json:"where"` // the user's file and line
	Seconds  float64 `json:"seconds"`
	Bytes    int64   `json:"bytes"`
	Flops    int64   `json:"flops"`
}

// Item is a piece of work, ready to run.
type Item struct {
	Run   func(n int) error  // n evaluations
	Check []float64          // checksum of the results
	Info  map[string]float64 // one-time costs in seconds, and counts; may be nil
	// Profile returns the costs of the instructions, the most expensive first; nil if the peer has none.
	Profile func() ([]Cost, error)
}

// Entry is a piece of work that a peer can prepare.
type Entry struct {
	Row
	Prepare func() (*Item, error)
}

// batch is the least time of one measurement, so that the clock's own time does not count.
const batch = 2 * time.Millisecond

// patience is how many times longer than asked a measurement may take to have five batches.
const patience = 5

// Time runs item for at least the given time after a warm-up run and returns seconds per evaluation, one for each
// batch. There are at least five, unless evaluations are so slow that they would take much longer than asked.
func Time(item *Item, seconds float64) ([]float64, error) {
	start := time.Now()
	if err := item.Run(1); err != nil {
		return nil, err
	}
	limit := max(seconds, 0.1) * patience
	if d := time.Since(start).Seconds(); d > limit {
		return []float64{d}, nil
	}
	n := 1
	for {
		start := time.Now()
		if err := item.Run(n); err != nil {
			return nil, err
		}
		d := time.Since(start)
		if d >= batch {
			break
		}
		n = max(n+1, int(min(100, 1.2*float64(batch)/float64(max(d, 1)))*float64(n)))
	}
	var times []float64
	begin := time.Now()
	for last := begin; ; {
		spent := last.Sub(begin).Seconds()
		if spent >= seconds && len(times) >= 5 || spent >= limit && len(times) > 0 {
			return times, nil
		}
		if err := item.Run(n); err != nil {
			return nil, err
		}
		now := time.Now()
		times = append(times, now.Sub(last).Seconds()/float64(n))
		last = now
	}
}

// Serve answers requests from in on out until in ends. A panic in the work is an error of that request.
func Serve(peer, version string, entries []Entry, in io.Reader, out io.Writer) error {
	s := &server{entries: entries, items: map[Row]*Item{}}
	enc := json.NewEncoder(out)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var q Request
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return fmt.Errorf("request %q: %w", lines.Text(), err)
		}
		a := s.answer(q)
		if q.Cmd == "hello" {
			a.Peer, a.Version = peer, version
		}
		if err := enc.Encode(a); err != nil {
			return err
		}
	}
	return lines.Err()
}

type server struct {
	entries []Entry
	items   map[Row]*Item
}

func (s *server) answer(q Request) (a Answer) {
	defer func() {
		if r := recover(); r != nil {
			a = Answer{Error: fmt.Sprintf("panic: %v\n%s", r, debug.Stack())}
		}
	}()
	row := Row{q.Work, q.DType}
	switch q.Cmd {
	case "hello":
		for _, e := range s.entries {
			a.Rows = append(a.Rows, e.Row)
		}
		return a
	case "prepare":
		for _, e := range s.entries {
			if e.Row != row {
				continue
			}
			item, err := e.Prepare()
			if err != nil {
				return Answer{Error: err.Error()}
			}
			s.items[row] = item
			return Answer{Check: item.Check, Info: item.Info}
		}
		return Answer{Error: fmt.Sprintf("no work %s in %s", q.Work, q.DType)}
	case "run":
		item := s.items[row]
		if item == nil {
			return Answer{Error: fmt.Sprintf("%s in %s is not prepared", q.Work, q.DType)}
		}
		times, err := Time(item, q.Seconds)
		if err != nil {
			return Answer{Error: err.Error()}
		}
		return Answer{Times: times}
	case "profile":
		item := s.items[row]
		if item == nil {
			return Answer{Error: fmt.Sprintf("%s in %s is not prepared", q.Work, q.DType)}
		}
		if item.Profile == nil {
			return Answer{}
		}
		costs, err := item.Profile()
		if err != nil {
			return Answer{Error: err.Error()}
		}
		return Answer{Profile: costs}
	case "drop":
		delete(s.items, row)
		return a
	}
	return Answer{Error: fmt.Sprintf("unknown command %q", q.Cmd)}
}
