"""Has pyarrow write tables of seven rows: python make.py, in this folder. Made with pyarrow 26.0.1."""
import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet

n = 7
table = pa.table(
    {
        "x": pa.FixedSizeListArray.from_arrays(pa.array(np.arange(3.0 * n)), 3),
        "y": pa.array(np.arange(n) / 2, pa.float32()),
        "i": pa.array(-np.arange(n), pa.int16()),
        "b": pa.array([k % 3 == 0 for k in range(n)]),
        "text": pa.array([str(k) for k in range(n)]),
    }
)
pa.feather.write_feather(table, "rows.feather", compression="zstd", chunksize=3)
with pa.ipc.new_stream("rows.arrows", table.schema) as stream:
    stream.write_table(table, max_chunksize=4)
pa.parquet.write_table(table, "rows.parquet", row_group_size=5)
