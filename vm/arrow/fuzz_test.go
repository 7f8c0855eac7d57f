package arrow_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/adjoint-go/adjoint/vm/arrow"
)

// FuzzOpen reads files of either format, as users do: a damaged one is refused or read, quickly and with memory that goes with its size.
func FuzzOpen(f *testing.F) {
	for _, name := range []string{"rows.arrows", "rows.feather", "rows.parquet"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		for _, n := range []int{len(data), len(data) - 1, len(data) - 8, len(data) / 2, 12, 4, 0} {
			f.Add(data[:n])
		}
		f.Add(bytes.ReplaceAll(data, []byte{0, 0, 0, 0}, []byte{0xff, 0xff, 0xff, 0x7f}))
	}
	path := filepath.Join(f.TempDir(), "damaged")
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<20 {
			return
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		open := arrow.Open
		if bytes.HasPrefix(data, []byte("PAR1")) {
			open = arrow.OpenParquet
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		table, err := open(path)
		if err == nil && table.Rows() > 0 {
			_, _ = table.At([]int{0, table.Rows() - 1}) // an error is as good
		}
		table.Close()
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("a file of %d bytes takes %v", len(data), d)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<26+1<<10*uint64(len(data)) {
			t.Errorf("%d bytes are allocated for a file of %d", n, len(data))
		}
	})
}
