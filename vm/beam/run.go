package beam

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path"
	"sync/atomic"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	"github.com/adjoint-go/adjoint/vm"
	"github.com/adjoint-go/adjoint/vm/shard"
)

func init() {
	register.DoFn2x1[context.Context, []byte, error](&writeFn{})
	register.DoFn3x1[context.Context, []byte, func(*keyed) bool, error](&writeAllFn{})
	register.Iter1[keyed]()
	register.DoFn2x1[int64, []byte, keyed](&pairFn{})
}

// Options say how a pipeline is run. None changes a result. The runner is what Beam's flags say: prism in this process without any.
type Options struct {
	// Shards is their number; 0 is 64.
	Shards int
	// Scratch is a folder that workers and this process see, through which results come back: a path, or what Beam's file systems know (gs://…). "" is the system's folder for temporary files, which does if the workers run on this machine.
	Scratch string
}

var runs atomic.Int64

// collect runs the pipeline that build makes, whose last transform writes to the file of the given name, and returns what is in it.
func collect(ctx context.Context, o Options, build func(s beam.Scope, o Options, file string) error) ([]byte, error) {
	if o.Shards == 0 {
		o.Shards = 64
	}
	if o.Scratch == "" {
		folder, err := os.MkdirTemp("", "adjoint")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(folder)
		o.Scratch = folder
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	file := o.Scratch + "/" + path.Base(fmt.Sprintf("adjoint-%s-%d-%d", host, os.Getpid(), runs.Add(1)))
	p, s := beam.NewPipelineWithRoot()
	if err := build(s, o, file); err != nil {
		return nil, err
	}
	if err := beamx.Run(ctx, p); err != nil {
		return nil, err
	}
	fs, err := filesystem.New(ctx, file)
	if err != nil {
		return nil, err
	}
	defer fs.Close()
	r, err := fs.OpenRead(ctx, file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if remover, ok := fs.(filesystem.Remover); ok && err == nil {
		err = remover.Remove(ctx, file)
	}
	return b, err
}

// Sum runs a pipeline that sums a job over all rows of a source, with the given values of parameters.
func Sum(ctx context.Context, j shard.Job, source string, parameters map[string]any, o Options) (*shard.Partial, error) {
	b, err := collect(ctx, o, func(s beam.Scope, o Options, file string) error {
		sum, err := ValueAndGrad(s, j, source, parameters, o.Shards)
		if err == nil {
			beam.ParDo0(s, &writeFn{file}, sum)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return shard.Decode(b)
}

// Map runs a pipeline that runs a job's program for all rows of a source, and returns the outputs of each.
func Map(ctx context.Context, j shard.MapJob, source string, o Options) ([][]vm.Array, error) {
	b, err := collect(ctx, o, func(s beam.Scope, o Options, file string) error {
		rows, err := MapPrograms(s, j, source, o.Shards)
		if err == nil {
			beam.ParDo0(s, &writeAllFn{file}, beam.Impulse(s), beam.SideInput{Input: beam.ParDo(s, &pairFn{}, rows)})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	in, err := shard.Open(source)
	if err != nil {
		return nil, err
	}
	out := make([][]vm.Array, in.Rows())
	for r := bytes.NewReader(b); r.Len() > 0; {
		row, err := binary.ReadUvarint(r)
		if err != nil {
			return nil, err
		}
		n, err := binary.ReadUvarint(r)
		if err != nil || n > uint64(r.Len()) || row >= uint64(len(out)) || out[row] != nil {
			return nil, fmt.Errorf("beam: the file of results is damaged at row %d", row)
		}
		value := make([]byte, n)
		if _, err := io.ReadFull(r, value); err != nil {
			return nil, err
		}
		if out[row], err = shard.DecodeOutputs(value); err != nil {
			return nil, err
		}
	}
	for row, v := range out {
		if v == nil {
			return nil, fmt.Errorf("beam: there is no result for row %d", row)
		}
	}
	return out, nil
}

// writeFn writes its only element to a file. Written again, it is the same.
type writeFn struct{ File string }

// ProcessElement writes.
func (f *writeFn) ProcessElement(ctx context.Context, b []byte) error {
	return write(ctx, f.File, b)
}

func write(ctx context.Context, file string, b []byte) error {
	fs, err := filesystem.New(ctx, file)
	if err != nil {
		return err
	}
	defer fs.Close()
	return filesystem.Write(ctx, fs, file, b)
}

type keyed struct {
	Row   int64
	Value []byte
}

// pairFn makes a struct of a key and a value.
type pairFn struct{}

// ProcessElement does so.
func (pairFn) ProcessElement(row int64, value []byte) keyed { return keyed{row, value} }

// writeAllFn writes all results to one file.
type writeAllFn struct{ File string }

// ProcessElement writes number, length and bytes of each.
func (f *writeAllFn) ProcessElement(ctx context.Context, _ []byte, rows func(*keyed) bool) error {
	var b []byte
	var k keyed
	for rows(&k) {
		b = binary.AppendUvarint(b, uint64(k.Row))
		b = binary.AppendUvarint(b, uint64(len(k.Value)))
		b = append(b, k.Value...)
	}
	return write(ctx, f.File, b)
}
