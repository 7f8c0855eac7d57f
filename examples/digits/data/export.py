"""Writes digits.gz from the copy in scikit-learn (1797 images of 8×8 pixels with 0 to 16, then the labels): python export.py"""
import gzip

import numpy as np
from sklearn.datasets import load_digits

d = load_digits()
with open("digits.gz", "wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=9, mtime=0) as f:
    f.write(d.data.astype(np.uint8).tobytes() + d.target.astype(np.uint8).tobytes())
