// Package arrow reads tables of samples from files of Apache Arrow (IPC files and streams, which Feather's second version is too) and Parquet, and writes such files.
//
//	t, err := arrow.Open("samples.arrow")
//	loader := &train.Loader{Examples: t.Rows(), Batch: 32, Load: func(rows []int, _ *rand.Rand) (train.Batch, error) { return t.At(rows) }}
//
// A table is a shard.Source, and importing the package has shard.Open know the schemes arrow and parquet. Columns are the inputs of the same names: numbers of float64, float32, int64, int32 and bool as they are, narrower ones and float16 in the next
// wider type that holds them, uint64 as int64 if all its numbers fit, and lists of a fixed size of them as rows of further axes. Other columns, such as text, and columns with nulls are an error when they are asked for.
//
// Files are not trusted: what they say of their sizes is checked before anything is allocated for it, and decompressed batches are at most 1 GiB.
package arrow
