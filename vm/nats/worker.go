package nats

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/shard"
)

// WorkerOptions change a worker.
type WorkerOptions struct {
	// Machine are options of the machines, whose programs run on one thread each unless these say otherwise.
	Machine []vm.Option
	// Done is called after each shard with the machine that computed it.
	Done func(m *vm.Machine)
}

// Work pulls shards and evaluates them, one after another, until the context ends, whose error it returns. It keeps the machine, the values and the source of the last shard for the next one. Errors of evaluation are results, for whoever asked; what Work returns are those of the connection.
func Work(ctx context.Context, url string, o WorkerOptions) error {
	conn, err := connect(url)
	if err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	w := &worker{options: o, js: js}
	if w.jobs, err = js.ObjectStore(ctx, bucket); err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	queue, err := js.Consumer(ctx, tasks, consumer)
	if err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	wait := queue.CachedInfo().Config.AckWait
	messages, err := queue.Messages(jetstream.PullMaxMessages(1))
	if err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if ctx.Err() != nil {
			if err == nil {
				_ = m.Nak()
			}
			return ctx.Err()
		}
		if errors.Is(err, jetstream.ErrNoHeartbeat) { // the server is away
			continue
		}
		if err != nil {
			return fmt.Errorf("nats: %w", err)
		}
		w.serve(ctx, m, wait)
	}
}

// worker is what is kept from shard to shard.
type worker struct {
	options   WorkerOptions
	js        jetstream.JetStream
	jobs      jetstream.ObjectStore
	job       string
	evaluator *shard.Evaluator
	mapper    *shard.Mapper // of a job for rows on their own
	machine   *vm.Machine
	values    string
	name      string
	source    shard.Source
}

// serve evaluates a shard, returns its sum, and only then says that it is done.
func (w *worker) serve(ctx context.Context, m jetstream.Msg, wait time.Duration) {
	var t task
	if err := json.Unmarshal(m.Data(), &t); err != nil { // nobody can do it
		_ = m.Term()
		return
	}
	alive, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		tick := time.NewTicker(max(wait/4, time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case <-alive.Done():
				return
			case <-tick.C:
				_ = m.InProgress()
			}
		}
	}()
	b, err := w.evaluate(ctx, t)
	if ctx.Err() != nil {
		_ = m.Nak() // at once, for another worker
		return
	}
	out := nats.NewMsg(resultSubject + t.id())
	out.Data = b
	if err != nil {
		out.Header.Set(errorHeader, oneLine(err.Error()))
	}
	_, err = w.js.PublishMsg(ctx, out, jetstream.WithMsgID(t.id()))
	if errors.Is(err, nats.ErrMaxPayload) {
		out.Data = nil
		out.Header.Set(errorHeader, fmt.Sprintf("the result of a shard has %d bytes, more than the server takes in a message", len(b)))
		_, err = w.js.PublishMsg(ctx, out, jetstream.WithMsgID(t.id()))
	}
	if err != nil {
		_ = m.NakWithDelay(time.Second)
		return
	}
	_ = m.Ack()
	if w.options.Done != nil && w.machine != nil {
		w.options.Done(w.machine)
	}
}

// oneLine is text for a header.
func oneLine(text string) string {
	b := []byte(text)
	for i, c := range b {
		if c == '\n' || c == '\r' {
			b[i] = ' '
		}
	}
	return string(b)
}

func (w *worker) evaluate(ctx context.Context, t task) ([]byte, error) {
	if w.job != t.Job {
		b, err := w.jobs.GetBytes(ctx, t.Job)
		if err != nil {
			return nil, err
		}
		if err := w.prepare(b, t.Values != ""); err != nil {
			return nil, err
		}
		w.job, w.values = t.Job, ""
	}
	if w.source == nil || w.name != t.Source {
		var err error
		if w.source, err = shard.Open(t.Source); err != nil {
			return nil, err
		}
		w.name = t.Source
	}
	if t.Values == "" {
		return w.rows(ctx, t.Range)
	}
	if w.values != t.Values {
		b, err := w.jobs.GetBytes(ctx, t.Values)
		if err != nil {
			return nil, err
		}
		v, err := shard.DecodeValues(b)
		if err != nil {
			return nil, err
		}
		if err := w.evaluator.Set(v); err != nil {
			return nil, err
		}
		w.values = t.Values
	}
	p, err := w.evaluator.Sum(ctx, w.source, t.Range)
	if err != nil {
		return nil, err
	}
	return p.MarshalBinary()
}

// prepare makes the machine of a job: a sum, or one for rows on their own.
func (w *worker) prepare(data []byte, sum bool) error {
	options := append([]vm.Option{vm.WithThreads(1)}, w.options.Machine...)
	w.job, w.evaluator, w.mapper, w.machine = "", nil, nil, nil
	if sum {
		j, err := shard.DecodeJob(data)
		if err != nil {
			return err
		}
		w.evaluator, err = shard.NewEvaluator(j, options...)
		w.machine = w.evaluator.Machine()
		return err
	}
	j, err := shard.DecodeMapJob(data)
	if err != nil {
		return err
	}
	w.mapper, err = shard.NewMapper(j, options...)
	w.machine = w.mapper.Machine()
	return err
}

// rows returns the outputs of rows, each with its length before it.
func (w *worker) rows(ctx context.Context, r shard.Range) ([]byte, error) {
	var all []byte
	for row := r.From; row < r.To; row++ {
		out, err := w.mapper.Run(ctx, w.source, row)
		if err != nil {
			return nil, err
		}
		b, err := shard.EncodeOutputs(out)
		if err != nil {
			return nil, err
		}
		all = append(binary.AppendUvarint(all, uint64(len(b))), b...)
	}
	return all, nil
}
