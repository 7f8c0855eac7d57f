package shard

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/npy"
	"github.com/adjoint-go/adjoint/vm"
)

// Job says what is summed: a program, and which of its inputs are rows of data. It can be sent to other machines (MarshalBinary).
type Job struct {
	// Program computes sums over the rows of a block; each of its outputs is one.
	Program *vm.Program
	// Rows are the inputs that hold rows along their first axis: at least one, all of one length, the block's.
	Rows []string
	// Weight is an input of floats, one for each row of a block, that is 1, or 0 for rows of the last block that are not there: copies of the last row, which the program multiplies by it. "" has none; then the rows have to be whole blocks.
	Weight string
	// Parameters are values of the other inputs, those that are given for each sum aside, as vm.Machine.Run takes them.
	Parameters map[string]any
}

// jobVersion is that of a job's binary form: magic number, version, program, names of rows, weight, and parameters, each with type and elements; CRC-32C. Lengths stand before what they are of.
const (
	jobMagic   = "ADJJ"
	jobVersion = 1
)

// MarshalBinary returns the binary form of the job, which DecodeJob reads: equal jobs give equal bytes.
func (j Job) MarshalBinary() ([]byte, error) {
	program, err := j.Program.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("shard: %w", err)
	}
	b := binary.AppendUvarint([]byte(jobMagic), jobVersion)
	b = appendString(b, string(program))
	b = binary.AppendUvarint(b, uint64(len(j.Rows)))
	for _, name := range j.Rows {
		b = appendString(b, name)
	}
	b = appendString(b, j.Weight)
	if b, err = appendValues(b, j.Parameters); err != nil {
		return nil, err
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)), nil
}

// DecodeJob reads the binary form of a job. Data from anywhere are safe, as they are for vm.Decode.
func DecodeJob(data []byte) (Job, error) {
	var j Job
	d, err := newDecoder(data, jobMagic, jobVersion)
	if err != nil {
		return j, fmt.Errorf("shard: a job of %d bytes: %w", len(data), err)
	}
	program := d.bytes(d.count(1))
	for range d.count(1) {
		j.Rows = append(j.Rows, d.string())
	}
	j.Weight = d.string()
	j.Parameters = d.values()
	if err := d.end(); err != nil {
		return Job{}, fmt.Errorf("shard: a job of %d bytes: %w", len(data), err)
	}
	if j.Program, err = vm.Decode(program); err != nil {
		return Job{}, fmt.Errorf("shard: %w", err)
	}
	return j, nil
}

// valuesMagic is that of values alone.
const valuesMagic = "ADJV"

// EncodeValues returns the binary form of values for inputs, which DecodeValues reads: equal values give equal bytes.
func EncodeValues(v map[string]any) ([]byte, error) {
	b, err := appendValues(binary.AppendUvarint([]byte(valuesMagic), jobVersion), v)
	if err != nil {
		return nil, err
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)), nil
}

// DecodeValues reads what EncodeValues wrote, as vm.Array. Data from anywhere are safe.
func DecodeValues(data []byte) (map[string]any, error) {
	d, err := newDecoder(data, valuesMagic, jobVersion)
	if err == nil {
		v := d.values()
		if err = d.end(); err == nil {
			return v, nil
		}
	}
	return nil, fmt.Errorf("shard: values of %d bytes: %w", len(data), err)
}

func appendValues(b []byte, values map[string]any) ([]byte, error) {
	b = binary.AppendUvarint(b, uint64(len(values)))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		a, err := vm.ArrayOf(values[name])
		if err != nil {
			return nil, fmt.Errorf("shard: value %q: %w", name, err)
		}
		t := a.Type()
		b = appendString(appendString(b, name), t.DType.String())
		b = binary.AppendUvarint(b, uint64(len(t.Shape)))
		for _, n := range t.Shape {
			b = binary.AppendUvarint(b, uint64(n))
		}
		switch x := a.Data.(type) {
		case []float64:
			for _, v := range x {
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
			}
		case []float32:
			for _, v := range x {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
			}
		case []int64:
			for _, v := range x {
				b = binary.LittleEndian.AppendUint64(b, uint64(v))
			}
		case []int32:
			for _, v := range x {
				b = binary.LittleEndian.AppendUint32(b, uint32(v))
			}
		case []bool:
			for _, v := range x {
				b = append(b, 0)
				if v {
					b[len(b)-1] = 1
				}
			}
		}
	}
	return b, nil
}

func (d *decoder) values() map[string]any {
	v := map[string]any{}
	before := ""
	for i := range d.count(3) {
		name, t := d.string(), d.typ()
		n := t.Size()
		if i > 0 && name <= before || d.err != nil || n > len(d.data)/t.DType.Size() {
			d.fail("values")
			return nil
		}
		before = name
		a := vm.Array{Shape: t.Shape, Data: npy.Allocate(t.DType, n)}
		if err := npy.Decode(a.Data, d.bytes(n*t.DType.Size()), binary.LittleEndian); err != nil {
			d.fail("bools")
		}
		v[name] = a
	}
	return v
}

// Key returns the hexadecimal SHA-256 of a binary form: what names a job, or a sum of it with other values.
func Key(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(p))))
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Evaluator is a machine that sums a job's program over shards, one after another. It is for one goroutine at a time.
type Evaluator struct {
	job     Job
	machine *vm.Machine
	block   int
	rows    map[string]vm.Array // the machine's memory
	weight  vm.Array
	outputs []vm.Slot
	set     map[string]any // values for the next run
}

// Block returns the number of rows of a block; an error if the job is not one: mistakes are all named.
func (j Job) Block() (int, error) {
	if j.Program == nil {
		return 0, errors.New("shard: there is no program")
	}
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf("shard: "+format, args...)) }
	inputs := map[string]vm.Slot{}
	for _, s := range j.Program.Inputs() {
		inputs[s.Name] = s
		if s.Update > 0 {
			fail("the program changes its input %q, so that results depend on the order of blocks", s.Name)
		}
	}
	if len(j.Rows) == 0 {
		fail("no input has rows")
	}
	block := 0
	for _, name := range j.Rows {
		s, ok := inputs[name]
		switch {
		case !ok:
			fail("the program has no input %q", name)
		case len(s.Shape) == 0 || s.Shape[0] == 0:
			fail("input %q, %v, has no rows", name, s.Type)
		case block == 0:
			block = s.Shape[0]
		case s.Shape[0] != block:
			fail("input %q, %v, has %d rows, %q has %d", name, s.Type, s.Shape[0], j.Rows[0], block)
		}
	}
	if j.Weight != "" {
		if s, ok := inputs[j.Weight]; !ok {
			fail("the program has no input %q", j.Weight)
		} else if !s.DType.IsFloat() || !slices.Equal(s.Shape, []int{block}) {
			fail("the weight %q is %v: needs floats of shape [%d]", j.Weight, s.Type, block)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(j.Parameters)) {
		if _, ok := inputs[name]; !ok || slices.Contains(j.Rows, name) || name == j.Weight {
			fail("%q is no parameter of the program", name)
		}
	}
	return block, errors.Join(errs...)
}

// NewEvaluator returns an evaluator with a machine of the given options.
func NewEvaluator(j Job, opts ...vm.Option) (*Evaluator, error) {
	e := &Evaluator{job: j, rows: map[string]vm.Array{}, set: map[string]any{}}
	var err error
	if e.block, err = j.Block(); err != nil {
		return nil, err
	}
	e.machine = vm.NewMachine(j.Program, opts...)
	for _, name := range j.Rows {
		if e.rows[name], err = e.machine.View(name); err != nil {
			return nil, fmt.Errorf("shard: %w", err)
		}
	}
	if j.Weight != "" {
		if e.weight, err = e.machine.View(j.Weight); err != nil {
			return nil, fmt.Errorf("shard: %w", err)
		}
	}
	e.outputs = j.Program.Outputs()
	return e, e.Set(j.Parameters)
}

// Machine returns the evaluator's machine, whose MemoryBytes says what it takes.
func (e *Evaluator) Machine() *vm.Machine {
	if e == nil {
		return nil
	}
	return e.machine
}

var errNotMade = errors.New("shard: an evaluator, a mapper or a pool is not made by its function, or that returned an error")

// Set gives parameters other values, for the sums that follow.
func (e *Evaluator) Set(parameters map[string]any) error {
	if e == nil || e.machine == nil {
		return errNotMade
	}
	for name, v := range parameters {
		if _, ok := e.rows[name]; ok || name == e.job.Weight && name != "" {
			return fmt.Errorf("shard: %q has rows, it is no parameter", name)
		}
		a, err := vm.ArrayOf(v)
		if err != nil {
			return fmt.Errorf("shard: parameter %q: %w", name, err)
		}
		e.set[name] = argument(a.Clone())
	}
	return nil
}

// argument returns an array, as which values are sent, as vm.Machine.Run takes it: a whole number, and numbers of float64, are for inputs of any dtype.
func argument(a vm.Array) any {
	switch x := a.Data.(type) {
	case []float64:
		return x
	case []int64:
		if len(a.Shape) == 0 {
			return int(x[0])
		}
	}
	return a
}

// Sum returns the sum over rows of a source that begin with a block and end with one, or with the source. An error of the run names the rows, the operator and the line of the user's graph.
func (e *Evaluator) Sum(ctx context.Context, s Source, r Range) (*Partial, error) {
	if e == nil || e.machine == nil {
		return nil, errNotMade
	}
	if s == nil {
		return nil, errors.New("shard: there is no source")
	}
	rows := s.Rows()
	switch {
	case r.From < 0 || r.From >= r.To || r.To > rows:
		return nil, fmt.Errorf("shard: rows %d to %d of %d", r.From, r.To, rows)
	case r.From%e.block != 0 || r.To%e.block != 0 && r.To != rows:
		return nil, fmt.Errorf("shard: rows %d to %d are no whole blocks of %d", r.From, r.To, e.block)
	case r.To%e.block != 0 && e.job.Weight == "":
		return nil, fmt.Errorf("shard: %d rows in blocks of %d leave %d, for which the job needs a weight", rows, e.block, rows%e.block)
	}
	p := &Partial{ranges: []Range{r}}
	for _, o := range e.outputs {
		p.sums = append(p.sums, newAccumulator(o.Name, o.Type))
	}
	into := map[string]vm.Array{}
	for at := r.From; at < r.To; at += e.block {
		n := min(e.block, r.To-at)
		for name, a := range e.rows {
			into[name] = rowsOf(a, 0, n)
		}
		if err := s.Read(ctx, at, into); err != nil {
			return nil, fmt.Errorf("shard: rows %d to %d: %w", at, at+n, err)
		}
		for _, a := range e.rows {
			for k := n; k < e.block; k++ {
				if err := rowsOf(a, k, k+1).Set(rowsOf(a, n-1, n)); err != nil {
					panic("BUG: shard: " + err.Error())
				}
			}
		}
		fill(e.weight.Data, n)
		if err := e.run(ctx); err != nil {
			return nil, fmt.Errorf("shard: rows %d to %d: %w", at, at+n, err)
		}
		for i, s := range p.sums {
			v, err := e.machine.OutputView(i)
			if err != nil {
				return nil, fmt.Errorf("shard: %w", err)
			}
			s.addArray(v)
		}
	}
	return p, nil
}

func (e *Evaluator) run(ctx context.Context) error {
	if len(e.set) == 0 {
		return e.machine.StepContext(ctx)
	}
	if _, err := e.machine.CallContext(ctx, e.set); err != nil { // it keeps the values
		return err
	}
	clear(e.set)
	return nil
}

// fill sets the first n elements to 1 and the others to 0.
func fill(data any, n int) {
	switch x := data.(type) {
	case []float64:
		for i := range x {
			if x[i] = 0; i < n {
				x[i] = 1
			}
		}
	case []float32:
		for i := range x {
			if x[i] = 0; i < n {
				x[i] = 1
			}
		}
	}
}
