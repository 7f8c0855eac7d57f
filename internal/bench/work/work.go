// Package work has Adjoint's side of the comparison: each workload of package
// definition as a program of ours, in one file per workload.
package work

import "github.com/adjoint-go/adjoint/internal/bench/protocol"

var entries []protocol.Entry

// register adds a workload; the files of this package call it from init.
func register(work, dtype string, prepare func() (*protocol.Item, error)) {
	entries = append(entries, protocol.Entry{Row: protocol.Row{Work: work, DType: dtype}, Prepare: prepare})
}

// Entries returns all workloads that Adjoint runs.
func Entries() []protocol.Entry { return entries }
