"""Writes values.npz, which the tests read: python values.py"""
import numpy as np

np.savez("values.npz", **{"a/weight": (np.arange(6, dtype=np.float32) / 2).reshape(2, 3), "b": np.int64(-7), "c": np.array([True, False]), "d": np.array([np.pi]), "e": np.array([1, 1 << 30], np.int32)})
