package shard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/adjoint-go/adjoint/vm"
)

// Source has rows of data. Any number of goroutines may read it at once.
type Source interface {
	// Rows returns their number.
	Rows() int
	// Read fills arrays, one for each input that has rows, with as many rows as their first axis says, from the given one on.
	Read(ctx context.Context, from int, into map[string]vm.Array) error
}

// RowsOf returns rows of an array of rank 1 or more, without copying: those from one number up to, but without, another. Rows that are not there, and a scalar, are an error.
func RowsOf(a vm.Array, from, to int) (vm.Array, error) {
	if t := a.Type(); !t.DType.Valid() || len(t.Shape) == 0 || from < 0 || to < from || to > t.Shape[0] {
		return vm.Array{}, fmt.Errorf("shard: rows %d to %d of an array of %v", from, to, t)
	}
	return rowsOf(a, from, to), nil
}

// rowsOf is RowsOf of an array and rows that are right.
func rowsOf(a vm.Array, from, to int) vm.Array {
	row := 1
	for _, n := range a.Shape[1:] {
		row *= n
	}
	out := vm.Array{Shape: slices.Clone(a.Shape)}
	out.Shape[0] = to - from
	switch x := a.Data.(type) {
	case []float64:
		out.Data = x[from*row : to*row : to*row]
	case []float32:
		out.Data = x[from*row : to*row : to*row]
	case []int64:
		out.Data = x[from*row : to*row : to*row]
	case []int32:
		out.Data = x[from*row : to*row : to*row]
	case []bool:
		out.Data = x[from*row : to*row : to*row]
	}
	return out
}

type arrays struct {
	rows   int
	values map[string]vm.Array
}

// Arrays returns a source of arrays in memory, by the names of inputs: what vm.ArrayOf takes, of as many rows each. They are read in place.
func Arrays(values map[string]any) (Source, error) {
	s := &arrays{rows: -1, values: map[string]vm.Array{}}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		a, err := vm.ArrayOf(values[name])
		switch {
		case err != nil:
			return nil, fmt.Errorf("shard: %q: %w", name, err)
		case len(a.Shape) == 0:
			return nil, fmt.Errorf("shard: %q is a scalar, it has no rows", name)
		case s.rows >= 0 && a.Shape[0] != s.rows:
			return nil, fmt.Errorf("shard: %q has %d rows, others have %d", name, a.Shape[0], s.rows)
		}
		s.rows, s.values[name] = a.Shape[0], a
	}
	if s.rows < 0 {
		return nil, errors.New("shard: there are no arrays")
	}
	return s, nil
}

func (s *arrays) Rows() int { return s.rows }

func (s *arrays) Read(_ context.Context, from int, into map[string]vm.Array) error {
	for name, to := range into {
		a, ok := s.values[name]
		if !ok {
			return fmt.Errorf("the source has no %q", name)
		}
		n := to.Shape[0]
		if from < 0 || n > s.rows-from {
			return fmt.Errorf("%d rows from %d on, of %d", n, from, s.rows)
		}
		if err := to.Set(rowsOf(a, from, from+n)); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return nil
}

type generator struct {
	rows int
	read func(ctx context.Context, from int, into map[string]vm.Array) error
}

// Generator returns a source of rows that a function makes. What it makes of a row has to depend on the row's number alone, and not on where a block begins.
func Generator(rows int, read func(ctx context.Context, from int, into map[string]vm.Array) error) Source {
	return generator{rows, read}
}

func (g generator) Rows() int { return g.rows }

func (g generator) Read(ctx context.Context, from int, into map[string]vm.Array) error {
	return g.read(ctx, from, into)
}

var (
	openersMutex sync.Mutex
	openers      = map[string]func(name string) (Source, error){"npy": openNPY}
)

// Register makes Open know a scheme, in every process that is to read it: call it in an init function. A scheme that is known already is an error.
func Register(scheme string, open func(name string) (Source, error)) error {
	openersMutex.Lock()
	defer openersMutex.Unlock()
	if _, known := openers[scheme]; known || open == nil || scheme == "" || strings.Contains(scheme, ":") {
		return fmt.Errorf("shard: the scheme %q is known already, or is none", scheme)
	}
	openers[scheme] = open
	return nil
}

// Open opens the source of the given name, scheme:rest, where the rest is for the function that Register was called with. That is how sources are sent to other machines. The scheme npy is NumPy's files, by the names of inputs: npy:x=/data/x.npy,y=/data/y.npy.
func Open(name string) (Source, error) {
	scheme, rest, _ := strings.Cut(name, ":")
	openersMutex.Lock()
	open := openers[scheme]
	known := slices.Sorted(maps.Keys(openers))
	openersMutex.Unlock()
	if open == nil {
		return nil, fmt.Errorf("shard: source %q: its scheme is none of %s", name, strings.Join(known, ", "))
	}
	s, err := open(rest)
	if err != nil {
		return nil, fmt.Errorf("shard: source %q: %w", name, err)
	}
	return s, nil
}
