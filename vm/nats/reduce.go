package nats

import (
	"context"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/adjoint-go/adjoint/vm/shard"
)

const reduceSubject = "adjoint.reduce."

// Group is a number of ranks that add their sums step by step.
type Group struct {
	cluster     *Cluster
	name        string
	rank, ranks int
}

// Group returns rank's end of a group. All ranks, 0 … ranks−1, give the same name, of letters and digits, which no other group on the server has had.
func (c *Cluster) Group(name string, rank, ranks int) (*Group, error) {
	if rank < 0 || rank >= ranks || name == "" {
		return nil, fmt.Errorf("nats: rank %d of %d in group %q", rank, ranks, name)
	}
	return &Group{c, name, rank, ranks}, nil
}

// AllReduce adds the sums that all ranks give for a step, over different rows, and returns the total to each: the same bits. It waits for the slowest rank. A rank that is started again may do a step again, and gets what the others got: its first sum counts.
func (g *Group) AllReduce(ctx context.Context, step int64, p *shard.Partial) (*shard.Partial, error) {
	b, err := p.MarshalBinary()
	if err != nil {
		return nil, err
	}
	prefix := fmt.Sprintf("%s%s.%d", reduceSubject, g.name, step)
	subject := prefix + "." + strconv.Itoa(g.rank)
	if _, err := g.cluster.js.Publish(ctx, subject, b, jetstream.WithMsgID(subject)); err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	total := &shard.Partial{}
	err = g.cluster.each(ctx, prefix, g.ranks, func(rank int, m jetstream.Msg) error {
		q, err := shard.Decode(m.Data())
		if err == nil {
			err = total.Merge(q)
		}
		if err != nil {
			return fmt.Errorf("rank %d: %w", rank, err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("nats: step %d of %q: %w", step, g.name, err)
	}
	return total, nil
}
