# Makes the binary files of this directory: numpy 2, pandas 2, pyarrow 20 or later.
import numpy as np, pandas as pd, pyarrow as pa, pyarrow.ipc as ipc, pyarrow.parquet as pq

a = np.array([[1.5, -2, 3], [4, 5, np.inf]])
np.save("f8.npy", a)
np.save("f8_fortran.npy", np.asfortranarray(a))
np.save("f4_big.npy", a.astype(">f4"))
np.save("i4.npy", np.array([1, -2, 3], "<i4"))
np.save("i8_big.npy", np.array([[2**53 + 1], [-(2**62)]], ">i8"))
np.save("u1.npy", np.array([0, 255], "u1"))
np.save("u8_large.npy", np.array([1, 2**63], "u8"))
np.save("b1.npy", np.array([True, False, True]))
np.save("scalar.npy", np.array(2.5))
np.save("text.npy", np.array(["a", "b"]))
np.save("cube_fortran.npy", np.asfortranarray(np.arange(24).reshape(2, 3, 4)))
np.savez("two.npz", y=np.array([1.0, 2.0]), X=np.arange(6).reshape(3, 2))
np.savez_compressed("packed.npz", y=np.array([1.0, 2.0]))

fixed = pa.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], pa.list_(pa.float64(), 2))
t = pa.table({
    "y": pa.array([1.5, 2.5, float("nan")]),
    "n": pa.array([1, 2, 3], pa.int32()),
    "big": pa.array([2**53 + 1, -(2**63), 2**63 - 1]),
    "small": pa.array([1, 2, 255], pa.uint8()),
    "u": pa.array([1, 2, 4294967295], pa.uint32()),
    "f": pa.array([0.5, 0.25, 0.125], pa.float32()),
    "ok": pa.array([True, False, True]),
    "name": pa.array(["a", "b", "ä"]),
    "level": pa.array(["lo", "hi", "lo"]).dictionary_encode(),
    "X": pa.array([[1, 2], [3, 4], [5, 6]], pa.list_(pa.int64())),
    "fixed": fixed,
    "deep": pa.array([[[1.0], [2.0]], [[3.0], [4.0]], [[5.0], [6.0]]], pa.list_(pa.list_(pa.float64()))),
})
pq.write_table(t, "table.parquet", row_group_size=2)
with ipc.new_file("table.arrow", t.schema) as w:
    w.write_table(t, max_chunksize=2)
with ipc.new_stream("stream.arrow", t.schema) as w:
    w.write_table(t, max_chunksize=2)
pd.DataFrame({"y": [1.0, 2.0]}, index=[5, 7]).to_parquet("pandas.parquet")

bad = {
    "null": pa.table({"y": pa.array([1.0, None, 3.0])}),
    "nullinlist": pa.table({"y": pa.array([[1.0, 2.0], [3.0, None]])}),
    "ragged": pa.table({"y": pa.array([[1.0, 2.0], [3.0]])}),
    "empty": pa.table({"y": pa.array([[1.0], []])}),
    "huge": pa.table({"y": pa.array([1, 2**63], pa.uint64())}),
    "date": pa.table({"y": pa.array([0], pa.date32())}),
    "struct": pa.table({"y": pa.array([{"a": 1, "b": 2}])}),
}
for name, table in bad.items():
    pq.write_table(table, f"bad_{name}.parquet")
    with ipc.new_file(f"bad_{name}.arrow", table.schema) as w:
        w.write_table(table)
