package arrow

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// The library allocates what a schema says of its lists before it looks at them, so these are checked first. What is out of range panics, which the callers turn into an error.

// schema is a buffer in the format of FlatBuffers, with how many fields may still be looked at: lists may share their parts.
type schema struct {
	data []byte
	left int
}

func (s *schema) word(at int) int { return int(binary.LittleEndian.Uint32(s.data[at:])) }

// field returns where a field of a table is, 0 if it is not there.
func (s *schema) field(table, i int) int {
	v := table - int(int32(binary.LittleEndian.Uint32(s.data[table:])))
	short := func(at int) int { return int(binary.LittleEndian.Uint16(s.data[at:])) }
	if at := 4 + 2*i; at < short(v) {
		if offset := short(v + at); offset != 0 {
			return table + offset
		}
	}
	return 0
}

// list returns the number of entries of a vector of tables, and where the first one is.
func (s *schema) list(table, i int) (n, first int) {
	at := s.field(table, i)
	if at == 0 {
		return 0, 0
	}
	at += s.word(at)
	n = s.word(at)
	if s.left -= n; n < 0 || n > (len(s.data)-at-4)/4 || s.left < 0 {
		panic(fmt.Sprintf("a list of %d entries in a schema of %d bytes", n, len(s.data)))
	}
	return n, at + 4
}

// check looks at a table with fields, and theirs; metadata is the number of the list of properties.
func (s *schema) check(table, fields, metadata, depth int) {
	if depth > 64 {
		panic("types nested deeper than 64")
	}
	s.list(table, metadata)
	n, first := s.list(table, fields)
	for k := range n {
		at := first + 4*k
		s.check(at+s.word(at), 5, 6, depth+1)
	}
}

// header checks a table at the root of a buffer, one field of which is a schema.
func header(data []byte, field int) {
	s := &schema{data, maxColumns}
	root := s.word(0)
	if at := s.field(root, field); at != 0 {
		s.check(at+s.word(at), 1, 2, 0)
	}
}

// checkFile looks at the schema at the end of a file.
func checkFile(f io.ReaderAt, size int64) error {
	var end [10]byte // the length of the footer and the magic word
	if _, err := f.ReadAt(end[:], size-int64(len(end))); err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(end[:]))
	if n < 4 || n > size-int64(len(end)) {
		return fmt.Errorf("a footer of %d bytes in a file of %d", n, size)
	}
	footer := make([]byte, n)
	if _, err := f.ReadAt(footer, size-int64(len(end))-n); err != nil {
		return err
	}
	header(footer, 1)
	return nil
}

// checkStream looks at the schema at the beginning of a stream, and returns the whole stream.
func checkStream(r io.Reader, most int64) (io.Reader, error) {
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return nil, err
	}
	n, after := int64(binary.LittleEndian.Uint32(start[:])), int64(4)
	if n == 0xffffffff {
		n, after = int64(binary.LittleEndian.Uint32(start[4:])), 0
	}
	if n < 4 || n > most {
		return nil, fmt.Errorf("a schema of %d bytes", n)
	}
	rest, err := io.ReadAll(io.LimitReader(r, n-after))
	if err != nil {
		return nil, err
	}
	all := append(start[:], rest...)
	message := all[8-after:]
	if int64(len(message)) < n {
		return nil, errors.New("the stream ends in its schema")
	}
	header(message[:n], 2)
	return io.MultiReader(bytes.NewReader(all), r), nil
}

// checkStored looks at the schema of Arrow that a Parquet file has stored, in base 64: the library allocates what its messages say before it looks at how many bytes there are.
func checkStored(text *string) error {
	if text == nil {
		return nil
	}
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(*text, "="))
	if err != nil {
		return err
	}
	stream, err := checkStream(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	r, err := streamReader(stream, &limited{left: 1 << 26}, int64(len(data)))
	if err != nil {
		return err
	}
	r.Release()
	return nil
}

// streamReader returns a reader of a stream none of whose messages has more bytes than are given. Of ipc.NewReader messages may have any number: it leaves the limits out.
func streamReader(r io.Reader, memory *limited, most int64) (*ipc.Reader, error) {
	most = max(most, 1) // 0 is no limit
	limits := []ipc.Option{ipc.WithAllocator(memory), ipc.WithBodySizeLimit(most), ipc.WithMetadataSizeLimit(min(most, 1<<26))}
	return ipc.NewReaderFromMessageReader(ipc.NewMessageReader(r, limits...), limits...)
}
