package nats

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/shard"
)

// What streams, their subjects and the store of jobs are called.
const (
	tasks         = "ADJOINT_TASKS"
	results       = "ADJOINT_RESULTS"
	bucket        = "ADJOINT_JOBS"
	taskSubject   = "adjoint.task."
	resultSubject = "adjoint.result."
	consumer      = "workers"
	errorHeader   = "Adjoint-Error"
)

// maxPayload is the size of a message that a server of our own takes: the sum of a shard, some 20 bytes for each number.
const maxPayload = 64 << 20

// Options say which server is used.
type Options struct {
	// URL is that of a server with JetStream; "" starts one in this process.
	URL string
	// Folder is where a server of our own keeps its streams; "" is a temporary one, which Close removes.
	Folder string
	// Host and Port are what a server of our own listens to; "" and 0 are 127.0.0.1 and any free port.
	Host string
	Port int
	// Wait is how long a worker may be silent before its shard is given to another one; 0 is 5 s. It is that of whoever opens the server first.
	Wait time.Duration
}

// Cluster is a connection to a server that workers are connected to as well. Any number of goroutines may use it.
type Cluster struct {
	server *server.Server
	folder string
	conn   *nats.Conn
	js     jetstream.JetStream
	jobs   jetstream.ObjectStore
	url    string
}

// Open starts a server or connects to one, and makes the streams.
func Open(ctx context.Context, o Options) (c *Cluster, err error) {
	c = &Cluster{url: o.URL}
	defer func() {
		if err != nil {
			c.Close()
			c, err = nil, fmt.Errorf("nats: %w", err)
		}
	}()
	if o.URL == "" {
		if o.Folder == "" {
			if c.folder, err = os.MkdirTemp("", "adjoint-nats"); err != nil {
				return c, err
			}
			o.Folder = c.folder
		}
		if o.Host == "" {
			o.Host = "127.0.0.1"
		}
		if o.Port == 0 {
			o.Port = server.RANDOM_PORT
		}
		if c.server, err = server.NewServer(&server.Options{Host: o.Host, Port: o.Port, JetStream: true, StoreDir: o.Folder, MaxPayload: maxPayload, MaxPending: 2 * maxPayload, NoLog: true, NoSigs: true}); err != nil {
			return c, err
		}
		c.server.Start()
		if !c.server.ReadyForConnections(30 * time.Second) {
			return c, errors.New("the server does not start")
		}
		c.url = c.server.ClientURL()
	}
	if c.conn, err = connect(c.url); err != nil {
		return c, err
	}
	if c.js, err = jetstream.New(c.conn); err != nil {
		return c, err
	}
	if o.Wait == 0 {
		o.Wait = 5 * time.Second
	}
	queue, err := c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: tasks, Subjects: []string{taskSubject + ">"}, Retention: jetstream.WorkQueuePolicy})
	if err != nil {
		return c, err
	}
	if _, err = queue.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{Durable: consumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: o.Wait, MaxAckPending: 100_000}); err != nil {
		return c, err
	}
	if _, err = c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: results, Subjects: []string{resultSubject + ">", reduceSubject + ">"}, MaxAge: 24 * time.Hour}); err != nil {
		return c, err
	}
	c.jobs, err = c.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: bucket})
	return c, err
}

func connect(url string) (*nats.Conn, error) {
	return nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
}

// URL returns the address for workers.
func (c *Cluster) URL() string { return c.url }

// Close ends the connection, and the server if it is our own.
func (c *Cluster) Close() {
	if c.conn != nil {
		c.conn.Close()
	}
	if c.server != nil {
		c.server.Shutdown()
		c.server.WaitForShutdown()
	}
	if c.folder != "" {
		os.RemoveAll(c.folder)
	}
}

// task is a shard of an evaluation.
type task struct {
	Evaluation, Job string // the job in the store
	Values          string // those of parameters, in the store; "" for rows on their own
	Source          string
	Shard           int
	Range           shard.Range
}

// id names the shard's result.
func (t task) id() string { return t.Evaluation + "." + strconv.Itoa(t.Shard) }

// store keeps bytes under their key.
func (c *Cluster) store(ctx context.Context, b []byte) (string, error) {
	key := shard.Key(b)
	if _, err := c.jobs.GetInfo(ctx, key); err == nil {
		return key, nil
	}
	_, err := c.jobs.PutBytes(ctx, key, b)
	return key, err
}

// Sum has workers sum a job over all rows of a source, in the given number of shards, with the given values of parameters, and waits until all shards are there, or the first error of one. Without workers it waits until the context ends.
func (c *Cluster) Sum(ctx context.Context, j shard.Job, source string, parameters map[string]any, shards int) (*shard.Partial, error) {
	sum, err := c.sum(ctx, j, source, parameters, shards)
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	return sum, nil
}

func (c *Cluster) sum(ctx context.Context, j shard.Job, source string, parameters map[string]any, shards int) (*shard.Partial, error) {
	block, err := j.Block()
	if err != nil {
		return nil, err
	}
	job, err := j.MarshalBinary()
	if err != nil {
		return nil, err
	}
	values, err := shard.EncodeValues(parameters)
	if err != nil {
		return nil, err
	}
	total := &shard.Partial{}
	rows, err := c.run(ctx, job, values, source, block, shards, func(_ shard.Range, data []byte) error {
		p, err := shard.Decode(data)
		if err != nil {
			return err
		}
		return total.Merge(p)
	})
	if err != nil {
		return nil, err
	}
	return total, total.Complete(rows)
}

// Map has workers run a job's program for all rows of a source, in the given number of shards, and returns the outputs of each row. It waits as Sum does.
func (c *Cluster) Map(ctx context.Context, j shard.MapJob, source string, shards int) ([][]vm.Array, error) {
	if _, err := shard.NewMapper(j); err != nil { // its mistakes
		return nil, fmt.Errorf("nats: %w", err)
	}
	job, err := j.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	results := map[int][]vm.Array{}
	rows, err := c.run(ctx, job, nil, source, 1, shards, func(r shard.Range, data []byte) error {
		for row := r.From; row < r.To; row++ {
			n, head := binary.Uvarint(data)
			if head <= 0 || n > uint64(len(data)-head) || results[row] != nil {
				return fmt.Errorf("the results are damaged at row %d", row)
			}
			out, err := shard.DecodeOutputs(data[head:][:n])
			if err != nil {
				return fmt.Errorf("row %d: %w", row, err)
			}
			results[row], data = out, data[head:][n:]
		}
		if len(data) > 0 {
			return fmt.Errorf("the results of rows %d to %d are damaged", r.From, r.To)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	out := make([][]vm.Array, rows)
	for row := range out {
		out[row] = results[row]
	}
	return out, nil
}

// run has a job's shards evaluated, calls f with the result of each, once, and returns the number of rows of the source.
func (c *Cluster) run(ctx context.Context, job, values []byte, source string, block, shards int, f func(r shard.Range, data []byte) error) (rows int, err error) {
	in, err := shard.Open(source)
	if err != nil {
		return 0, err
	}
	ranges := shard.Split(in.Rows(), block, shards)
	if len(ranges) == 0 {
		return 0, fmt.Errorf("%d rows in %d shards", in.Rows(), shards)
	}
	t := task{Evaluation: nuid.Next(), Source: source}
	if t.Job, err = c.store(ctx, job); err != nil {
		return 0, err
	}
	if values != nil {
		if t.Values, err = c.store(ctx, values); err != nil {
			return 0, err
		}
	}
	defer func() { // what nobody needs any more; where that fails, age does it
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		for stream, subject := range map[string]string{tasks: taskSubject, results: resultSubject} {
			if s, err := c.js.Stream(ctx, stream); err == nil {
				_ = s.Purge(ctx, jetstream.WithPurgeSubject(subject+t.Evaluation+".>"))
			}
		}
		if values != nil {
			_ = c.jobs.Delete(ctx, t.Values)
		}
	}()
	for i, r := range ranges {
		t.Shard, t.Range = i, r
		b, err := json.Marshal(t)
		if err != nil {
			return 0, err
		}
		if _, err := c.js.PublishAsync(taskSubject+t.id(), b, jetstream.WithMsgID(t.id())); err != nil {
			return 0, err
		}
	}
	select {
	case <-c.js.PublishAsyncComplete():
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	err = c.each(ctx, resultSubject+t.Evaluation, len(ranges), func(i int, m jetstream.Msg) error {
		if text := m.Headers().Get(errorHeader); text != "" {
			return errors.New(text)
		}
		return f(ranges[i], m.Data())
	})
	return in.Rows(), err
}

// each calls f with the first message of each of the subjects prefix.0 … prefix.(n−1).
func (c *Cluster) each(ctx context.Context, prefix string, n int, f func(i int, m jetstream.Msg) error) error {
	ordered, err := c.js.OrderedConsumer(ctx, results, jetstream.OrderedConsumerConfig{FilterSubjects: []string{prefix + ".*"}})
	if err != nil {
		return err
	}
	messages, err := ordered.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	seen := make([]bool, n)
	for left := n; left > 0; {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
		i, err := strconv.Atoi(strings.TrimPrefix(m.Subject(), prefix+"."))
		if err != nil || i < 0 || i >= n || seen[i] {
			continue
		}
		if err := f(i, m); err != nil {
			return err
		}
		seen[i] = true
		left--
	}
	return nil
}
