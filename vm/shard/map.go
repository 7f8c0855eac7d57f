package shard

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/adjoint-go/adjoint/vm"
)

// MapJob says what is computed for each row of a source on its own: an inversion of one station's data, a simulation from its own seed.
type MapJob struct {
	// Program computes the outputs of a row.
	Program *vm.Program
	// Rows are the inputs that hold the row: one element of the source's first axis, which they do not have.
	Rows []string
	// Index is an int64 scalar that holds the row's number, for seeds: graph.RandomFoldIn(graph.RandomKey(g, 1), index) is a key of the row's own. "" has none.
	Index string
	// Parameters are values of the other inputs, as vm.Machine.Run takes them.
	Parameters map[string]any
}

// mapMagic is that of a MapJob; the rest of its binary form is that of a job, with the index for the weight.
const mapMagic = "ADJM"

// MarshalBinary returns the binary form, which DecodeMapJob reads.
func (j MapJob) MarshalBinary() ([]byte, error) {
	b, err := Job{Program: j.Program, Rows: j.Rows, Weight: j.Index, Parameters: j.Parameters}.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return reseal(b, mapMagic), nil
}

// reseal puts another magic number and the checksum with it.
func reseal(b []byte, magic string) []byte {
	b = b[:len(b)-4]
	copy(b, magic)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// DecodeMapJob reads the binary form of a MapJob. Data from anywhere are safe, as they are for vm.Decode.
func DecodeMapJob(data []byte) (MapJob, error) {
	if _, err := newDecoder(data, mapMagic, jobVersion); err != nil {
		return MapJob{}, fmt.Errorf("shard: a job of %d bytes: %w", len(data), err)
	}
	j, err := DecodeJob(reseal(slices.Clone(data), jobMagic))
	return MapJob{j.Program, j.Rows, j.Weight, j.Parameters}, err
}

// Mapper is a machine that runs a job's program for rows, one after another. It is for one goroutine at a time.
type Mapper struct {
	machine *vm.Machine
	rows    map[string]vm.Array // the machine's memory, with an axis of one row
	index   []int64
	set     map[string]any
}

// NewMapper returns a mapper with a machine of the given options.
func NewMapper(j MapJob, opts ...vm.Option) (*Mapper, error) {
	if j.Program == nil {
		return nil, errors.New("shard: there is no program")
	}
	m := &Mapper{rows: map[string]vm.Array{}, set: map[string]any{}}
	inputs := map[string]vm.Slot{}
	for _, s := range j.Program.Inputs() {
		inputs[s.Name] = s
		if s.Update > 0 {
			return nil, fmt.Errorf("shard: the program changes its input %q, so that results depend on the order of rows", s.Name)
		}
	}
	for name, v := range j.Parameters {
		a, err := vm.ArrayOf(v)
		if err != nil {
			return nil, fmt.Errorf("shard: parameter %q: %w", name, err)
		}
		m.set[name] = argument(a.Clone())
	}
	m.machine = vm.NewMachine(j.Program, opts...)
	for _, name := range j.Rows {
		a, err := m.machine.View(name)
		if _, ok := inputs[name]; !ok || err != nil {
			return nil, errors.Join(fmt.Errorf("shard: the program has no input %q", name), err)
		}
		a.Shape = append([]int{1}, a.Shape...)
		m.rows[name] = a
	}
	if j.Index != "" {
		a, err := m.machine.View(j.Index)
		var ok bool
		if m.index, ok = a.Data.([]int64); err != nil || !ok || len(a.Shape) != 0 {
			return nil, errors.Join(fmt.Errorf("shard: the index %q is %v: needs an input of int64, a scalar", j.Index, a.Type()), err)
		}
	}
	return m, nil
}

// Machine returns the mapper's machine.
func (m *Mapper) Machine() *vm.Machine {
	if m == nil {
		return nil
	}
	return m.machine
}

// Run returns the outputs for a row, copies. An error of the run names the row, the operator and the line of the user's graph.
func (m *Mapper) Run(ctx context.Context, s Source, row int) ([]vm.Array, error) {
	if m == nil || m.machine == nil {
		return nil, errNotMade
	}
	if s == nil {
		return nil, errors.New("shard: there is no source")
	}
	if row < 0 || row >= s.Rows() {
		return nil, fmt.Errorf("shard: row %d of %d", row, s.Rows())
	}
	if err := s.Read(ctx, row, m.rows); err != nil {
		return nil, fmt.Errorf("shard: row %d: %w", row, err)
	}
	if m.index != nil {
		m.index[0] = int64(row)
	}
	out, err := m.machine.CallContext(ctx, m.set)
	if err != nil {
		return nil, fmt.Errorf("shard: row %d: %w", row, err)
	}
	return out, nil
}

// EncodeOutputs returns the binary form of a row's outputs, which DecodeOutputs reads: equal outputs give equal bytes.
func EncodeOutputs(out []vm.Array) ([]byte, error) {
	values := map[string]any{}
	for k, v := range out {
		values[outputName(k)] = v
	}
	return EncodeValues(values)
}

// DecodeOutputs reads what EncodeOutputs wrote. Data from anywhere are safe.
func DecodeOutputs(data []byte) ([]vm.Array, error) {
	values, err := DecodeValues(data)
	if err != nil {
		return nil, err
	}
	out := make([]vm.Array, len(values))
	for k := range out {
		v, ok := values[outputName(k)].(vm.Array)
		if !ok {
			return nil, fmt.Errorf("shard: there is no output %d", k)
		}
		out[k] = v
	}
	return out, nil
}

// outputName is what output k is written as: by its place, since outputs need no names.
func outputName(k int) string { return fmt.Sprintf("%06d", k) }
