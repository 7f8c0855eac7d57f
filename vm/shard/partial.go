package shard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/vm"
)

// Range is the rows from From up to, but without, To.
type Range struct{ From, To int }

// Split cuts rows into the given number of ranges of whole blocks, as equal as these allow: fewer where there are fewer blocks. The last one ends with the rows.
func Split(rows, block, shards int) []Range {
	if rows < 1 || block < 1 || shards < 1 {
		return nil
	}
	blocks := (rows-1)/block + 1
	shards = min(shards, blocks)
	out := make([]Range, shards)
	at := 0
	for i := range out {
		n := blocks / shards
		if i < blocks%shards {
			n++
		}
		to := rows
		if i < shards-1 {
			to = at + n*block
		}
		out[i] = Range{at, to}
		at = to
	}
	return out
}

// Partial is the exact sum of a program's outputs over some rows. The zero Partial is that of no rows, to which any other can be merged.
type Partial struct {
	ranges []Range // ascending, with gaps between them
	sums   []*accumulator
}

// Rows returns the number of rows in the sum.
func (p *Partial) Rows() int {
	n := 0
	for _, r := range p.Ranges() {
		n += r.To - r.From
	}
	return n
}

// Ranges returns which rows are in the sum, ascending; ranges that touch are one.
func (p *Partial) Ranges() []Range {
	if p == nil {
		return nil
	}
	return slices.Clone(p.ranges)
}

var errNoSum = errors.New("shard: there is no sum")

// Complete returns an error that says which of so many rows are not in the sum.
func (p *Partial) Complete(rows int) error {
	at := 0
	for _, r := range p.Ranges() {
		if r.From != at {
			return fmt.Errorf("shard: rows %d to %d are missing", at, r.From)
		}
		at = r.To
	}
	if at != rows {
		return fmt.Errorf("shard: the sum ends at row %d of %d", at, rows)
	}
	return nil
}

// ErrOverlap is the error of Merge for rows that are in both sums.
var ErrOverlap = errors.New("rows would be counted twice")

// Merge adds the sum of q, of the same program, over other rows. Whatever the order of merges, Values and the binary form are the same. After an error p is as it was.
func (p *Partial) Merge(q *Partial) error {
	if p == nil || q == nil {
		return errNoSum
	}
	ranges := slices.Concat(p.ranges, q.ranges)
	slices.SortFunc(ranges, func(a, b Range) int { return a.From - b.From })
	merged := ranges[:0]
	for _, r := range ranges {
		last := len(merged) - 1
		switch {
		case last < 0 || r.From > merged[last].To:
			merged = append(merged, r)
		case r.From < merged[last].To:
			return fmt.Errorf("shard: rows %d to %d: %w", r.From, min(r.To, merged[last].To), ErrOverlap)
		default:
			merged[last].To = r.To
		}
	}
	if len(q.sums) == 0 && len(q.ranges) == 0 {
		return nil
	}
	if len(p.sums) == 0 && len(p.ranges) == 0 {
		for _, s := range q.sums {
			p.sums = append(p.sums, newAccumulator(s.name, s.t))
		}
	}
	if len(p.sums) != len(q.sums) {
		return fmt.Errorf("shard: sums of %d and of %d outputs do not merge", len(p.sums), len(q.sums))
	}
	for i, s := range p.sums {
		if t := q.sums[i]; s.name != t.name || s.t.DType != t.t.DType || !slices.Equal(s.t.Shape, t.t.Shape) {
			return fmt.Errorf("shard: output %d is %q, %v, in one sum, and %q, %v, in the other", i, s.name, s.t, t.name, t.t)
		}
	}
	for i, s := range p.sums {
		s.merge(q.sums[i])
	}
	p.ranges = merged
	return nil
}

// Values returns the sums in the order of the program's outputs: of floats the exact sum rounded once to the output's dtype (to nearest, ties to even), of integers and bools an int64.
//
// A sum in whose terms there was a NaN, or infinities of both signs, is NaN; one with infinities of one sign is that infinity; and a finite one beyond the largest number of the dtype is infinite only if it is so at the end, whatever the way there.
// A sum that is 0 is +0. A sum of integers that no int64 holds is an error.
func (p *Partial) Values() ([]vm.Array, error) {
	if p == nil {
		return nil, errNoSum
	}
	out := make([]vm.Array, len(p.sums))
	for i, s := range p.sums {
		var err error
		if out[i], err = s.value(); err != nil {
			return nil, fmt.Errorf("shard: %w", err)
		}
	}
	return out, nil
}

// The binary form. Numbers are unsigned LEB128 varints unless said otherwise.
//
//	partial = "ADJS" version ranges outputs checksum
//	ranges  = count, then of each the gap from the end of the one before, and its length
//	outputs = count, then of each name (length and bytes), dtype (the same), rank and extents, whether there are special ones (byte 0 or 1), and elements
//	element = special (byte, if there are any), head, and if head is not 0 the place of the first digit (byte) and the digits, little-endian, of 4 bytes each
//	head    = 2·number of digits + 1 if the sum is negative; 0 if it is 0. Neither the first nor the last digit is 0, so that equal sums have equal bytes
//	checksum = CRC-32C of all before, 4 bytes, little-endian
const (
	partialMagic   = "ADJS"
	partialVersion = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// MarshalBinary returns the binary form, which Decode reads: equal sums over the same rows give equal bytes. It takes some 20 bytes for each number.
func (p *Partial) MarshalBinary() ([]byte, error) {
	if p == nil {
		return nil, errNoSum
	}
	b := binary.AppendUvarint([]byte(partialMagic), partialVersion)
	b = binary.AppendUvarint(b, uint64(len(p.ranges)))
	at := 0
	for _, r := range p.ranges {
		b = binary.AppendUvarint(b, uint64(r.From-at))
		b = binary.AppendUvarint(b, uint64(r.To-r.From))
		at = r.To
	}
	b = binary.AppendUvarint(b, uint64(len(p.sums)))
	for _, s := range p.sums {
		b = appendString(b, s.name)
		b = appendString(b, s.t.DType.String())
		b = binary.AppendUvarint(b, uint64(len(s.t.Shape)))
		for _, n := range s.t.Shape {
			b = binary.AppendUvarint(b, uint64(n))
		}
		b = append(b, 0)
		if s.special != nil {
			b[len(b)-1] = 1
		}
		var buffer [digits + 2]uint32
		for i := range s.size {
			if s.special != nil {
				b = append(b, s.special[i])
			}
			negative, low, d := s.magnitude(i, &buffer)
			head := 2 * uint64(len(d))
			if negative {
				head++
			}
			b = binary.AppendUvarint(b, head)
			if head == 0 {
				continue
			}
			b = append(b, byte(low))
			for _, v := range d {
				b = binary.LittleEndian.AppendUint32(b, v)
			}
		}
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)), nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Decode reads the binary form of a Partial. Data from anywhere are safe: damaged ones are an error, and whatever they state, memory is at most some 600 bytes for each of theirs, where honest ones take about 3.
func Decode(data []byte) (*Partial, error) {
	d, err := newDecoder(data, partialMagic, partialVersion)
	if err != nil {
		return nil, fmt.Errorf("shard: a sum of %d bytes: %w", len(data), err)
	}
	p := &Partial{}
	at := 0
	for i := range d.count(2) {
		gap, n := d.int(), d.int()
		if i > 0 && gap == 0 || n == 0 || gap > math.MaxInt-at || n > math.MaxInt-at-gap {
			d.fail("ranges of rows")
			break
		}
		p.ranges = append(p.ranges, Range{at + gap, at + gap + n})
		at += gap + n
	}
	for range d.count(5) {
		name, t := d.string(), d.typ()
		special := d.byte()
		if special > 1 || d.err != nil {
			d.fail("an output")
			break
		}
		size := t.Size()
		if size > len(d.data) { // each has a byte
			d.fail("the size of an output")
			break
		}
		s := newAccumulator(name, t)
		if special == 1 {
			s.special = make([]uint8, size)
		}
		if d.element(s, special == 1) {
			p.sums = append(p.sums, s)
		}
	}
	if err := d.end(); err != nil {
		return nil, fmt.Errorf("shard: a sum of %d bytes: %w", len(data), err)
	}
	return p, nil
}

// element reads the elements of a sum: first which digits there are, then the digits.
func (d *decoder) element(s *accumulator, special bool) bool {
	for pass := range 2 {
		from := *d
		low, end := digits, 0
		for i := range s.size {
			if special {
				if s.special[i] = d.byte(); s.special[i] > plusInf|minusInf|notANumber {
					d.fail("a special value")
				}
			}
			head := d.uint()
			if head == 0 {
				continue
			}
			n, place := head/2, int(d.byte())
			if head == 1 || n > digits-1 || place+int(n) > digits-1 {
				d.fail("digits")
				return false
			}
			raw := d.bytes(4 * int(n))
			if raw == nil {
				return false
			}
			low, end = min(low, place), max(end, place+int(n))
			for k := range int(n) {
				v := int64(binary.LittleEndian.Uint32(raw[4*k:]))
				if v == 0 && (k == 0 || k == int(n)-1) {
					d.fail("digits")
					return false
				}
				if head&1 != 0 {
					v = -v
				}
				if pass == 1 {
					s.digits[i*s.width+place-s.low+k] = v
				}
			}
		}
		if d.err != nil {
			return false
		}
		if pass == 0 {
			if end == 0 {
				return true
			}
			s.reach(low, end+1)
			*d = from
		}
	}
	return true
}

// decoder reads binary forms. After the first mistake it returns zeros.
type decoder struct {
	data []byte
	err  error
}

// newDecoder checks the magic number, the version and the checksum.
func newDecoder(data []byte, magic string, version uint64) (*decoder, error) {
	if len(data) < len(magic)+5 || string(data[:len(magic)]) != magic {
		return nil, errors.New("the data are something else")
	}
	end := len(data) - 4
	d := &decoder{data: data[len(magic):end]}
	if v := d.uint(); v != version {
		return nil, fmt.Errorf("version %d, where this is %d", v, version)
	}
	if crc32.Checksum(data[:end], castagnoli) != binary.LittleEndian.Uint32(data[end:]) {
		return nil, vm.ErrChecksum
	}
	return d, d.err
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%s: not as they are written", what)
	}
	d.data = nil
}

func (d *decoder) end() error {
	if len(d.data) > 0 {
		d.fail("what follows")
	}
	return d.err
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.data)
	if n <= 0 || n > 1 && d.data[n-1] == 0 {
		d.fail("numbers")
		return 0
	}
	d.data = d.data[n:]
	return v
}

func (d *decoder) int() int {
	v := d.uint()
	if v > math.MaxInt {
		d.fail("numbers")
		return 0
	}
	return int(v)
}

// count reads how many follow, each of at least so many bytes.
func (d *decoder) count(each int) int {
	n := d.int()
	if n > len(d.data)/each {
		d.fail("a number of things")
		return 0
	}
	return n
}

func (d *decoder) byte() byte {
	b := d.bytes(1)
	if b == nil {
		return 0
	}
	return b[0]
}

// bytes returns the next n bytes, nil if there are not so many.
func (d *decoder) bytes(n int) []byte {
	if n > len(d.data) || d.err != nil {
		d.fail("lengths")
		return nil
	}
	b := d.data[:n:n]
	d.data = d.data[n:]
	return b
}

func (d *decoder) string() string { return string(d.bytes(d.count(1))) }

// typ reads a dtype and a shape, whose size is an int.
func (d *decoder) typ() (t vm.Type) {
	var ok bool
	if t.DType, ok = dtype.Parse(d.string()); !ok {
		d.fail("a dtype")
	}
	size := 1
	for range d.count(1) {
		n := d.int()
		if n > 0 && size > math.MaxInt/n {
			d.fail("a shape")
			return t
		}
		size *= n
		t.Shape = append(t.Shape, n)
	}
	return t
}
