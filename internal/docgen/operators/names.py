#!/usr/bin/env python3
"""Checks that the names in names.txt exist: python names.py, with NumPy, SciPy, PyTorch and JAX. ONNX's names are checked by a test."""
import importlib
import os
import sys

import jax
import numpy
import torch


def find(root, path):
    for part in path.split("."):
        if not hasattr(root, part):
            try:
                importlib.import_module(root.__name__ + "." + part)
            except ImportError:
                return False
        root = getattr(root, part)
    return True


import scipy

missing = []
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "names.txt")) as file:
    for line in file:
        if line.startswith("#"):
            continue
        here, np, pt, jx, _ = [part.strip().split() for part in line.split("|")]
        for name in np:
            if name != "-" and not (find(scipy, name[6:]) if name.startswith("scipy.") else find(numpy, name)):
                missing.append("numpy " + name)
        for name in pt:
            if name != "-" and not find(torch, name.replace("F.", "nn.functional.", 1) if name.startswith("F.") else name):
                missing.append("torch " + name)
        for name in jx:
            if name == "=":
                missing += ["jax.numpy " + n for n in np if not n.startswith("scipy") and not find(jax.numpy, n)]
            elif name != "-" and not find(jax, name):
                missing.append("jax " + name)
sys.exit("\n".join(missing))
