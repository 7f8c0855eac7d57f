package nats

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/adjoint-go/adjoint/vm/shard"
)

const reduceSubject = "adjoint.reduce."

// Group is a rank's end of a number of ranks that add their sums step by step. It is for one goroutine at a time.
type Group struct {
	// Keep is how many steps before the last one stay on the server, for a rank that is started again and does steps anew from what it had saved. 0 keeps the last one alone, which is enough for a rank that saves what it has after every step.
	Keep int

	cluster     *Cluster
	name        string
	rank, ranks int
	going       bool     // a step was done
	starts      []uint64 // where the messages of steps that stay begin in the stream, in the first rank's group
}

// Group returns rank's end of a group. All ranks, 0 … ranks−1, give the same name, of letters and digits, which no other group on the server has had.
func (c *Cluster) Group(name string, rank, ranks int) (*Group, error) {
	if rank < 0 || rank >= ranks || name == "" {
		return nil, fmt.Errorf("nats: rank %d of %d in group %q", rank, ranks, name)
	}
	return &Group{cluster: c, name: name, rank: rank, ranks: ranks}, nil
}

func (g *Group) subject(step int64, rank int) string {
	return fmt.Sprintf("%s%s.%d.%d", reduceSubject, g.name, step, rank)
}

// AllReduce adds the sums that all ranks give for a step, over different rows, and returns the total to each: the same bits. Steps ascend. It waits for the slowest rank. A rank that is started again may do a step again, and gets what the others got: its first
// sum counts. A step before those that the server keeps is an error then.
func (g *Group) AllReduce(ctx context.Context, step int64, p *shard.Partial) (*shard.Partial, error) {
	total, err := g.allReduce(ctx, step, p)
	if err != nil {
		return nil, fmt.Errorf("nats: step %d of %q: %w", step, g.name, err)
	}
	return total, nil
}

func (g *Group) allReduce(ctx context.Context, step int64, p *shard.Partial) (*shard.Partial, error) {
	b, err := p.MarshalBinary()
	if err != nil {
		return nil, err
	}
	stream, err := g.cluster.js.Stream(ctx, results)
	if err != nil {
		return nil, err
	}
	if !g.going {
		if err := g.resume(ctx, stream, step); err != nil {
			return nil, err
		}
	}
	subject := g.subject(step, g.rank)
	if _, err := g.cluster.js.Publish(ctx, subject, b, jetstream.WithMsgID(subject)); err != nil {
		return nil, err
	}
	total, start := &shard.Partial{}, uint64(math.MaxUint64)
	err = g.cluster.each(ctx, strings.TrimSuffix(g.subject(step, 0), ".0"), g.ranks, func(rank int, m jetstream.Msg) error {
		q, err := shard.Decode(m.Data())
		if err == nil {
			err = total.Merge(q)
		}
		if err != nil {
			return fmt.Errorf("rank %d: %w", rank, err)
		}
		at, err := m.Metadata()
		if err != nil {
			return err
		}
		start = min(start, at.Sequence.Stream)
		return nil
	})
	if err != nil {
		return nil, err
	}
	g.going = true
	if g.rank == 0 {
		g.forget(ctx, stream, start)
	}
	return total, nil
}

// resume says whether a rank that may have been started again can do the step: the server still has it, or nobody has done it.
func (g *Group) resume(ctx context.Context, stream jetstream.Stream, step int64) error {
	last, err := stream.GetLastMsgForSubject(ctx, fmt.Sprintf("%s%s.*.%d", reduceSubject, g.name, g.rank))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	words := strings.Split(last.Subject, ".")
	before, err := strconv.ParseInt(words[len(words)-2], 10, 64)
	if err != nil || before <= step {
		return err
	}
	if _, err = stream.GetLastMsgForSubject(ctx, g.subject(step, g.rank)); errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("it is over, the group has come to step %d, and the server keeps %d before the last one", before, g.Keep)
	}
	return err
}

// forget removes the steps before those that stay from the stream. A rank gives its sum for a step when it has got all of the step before, so that where all have given theirs nobody waits for an earlier one, and all of its messages lie before the first of this step.
// Where that fails, it is done with the next step, or by age.
func (g *Group) forget(ctx context.Context, stream jetstream.Stream, start uint64) {
	g.starts = append(g.starts, start)
	if n := len(g.starts) - 1 - max(0, g.Keep); n >= 0 {
		g.starts = g.starts[n:]
		_ = stream.Purge(ctx, jetstream.WithPurgeSubject(reduceSubject+g.name+".>"), jetstream.WithPurgeSequence(g.starts[0]))
	}
}
