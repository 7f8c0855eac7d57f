"""Which peer can do which work, and the inputs that all of them share."""
import collections
import importlib

import numpy as np

Item = collections.namedtuple("Item", "run check info")
ENTRIES = {}  # (peer, work, dtype) -> function that prepares it
MODULES = ("scalar", "arrays", "shapes", "models", "mixture", "dynamics", "decompositions", "implicit")
IMPORTS = {"torch": "torch", "torch.compile": "torch", "jax": "jax", "casadi": "casadi", "casadi.cse": "casadi", "numpy": "numpy", "scipy": "scipy", "diffrax": "diffrax"}
F64, F32 = "float64", "float32"


def row(work, *peers, dtypes=(F64,)):
    """Registers a function (peer, dtype) -> Item for the work."""
    def register(prepare):
        for peer in peers:
            for dtype in dtypes:
                ENTRIES[peer, work, dtype] = prepare
        return prepare
    return register


def load():
    for module in MODULES:
        importlib.import_module(module)


def version(peer):
    """The version of the peer's library; raises ImportError where it is not installed."""
    return importlib.import_module(IMPORTS[peer]).__version__


def rows(peer):
    load()
    return [(work, dtype) for p, work, dtype in ENTRIES if p == peer]


def select_dtype(peer, dtype):
    if peer in ("jax", "diffrax"):
        import jax
        jax.config.update("jax_enable_x64", dtype == F64)


def prepare(peer, work, dtype):
    load()
    if (peer, work, dtype) not in ENTRIES:
        raise ValueError("%s has no %s in %s" % (peer, work, dtype))
    select_dtype(peer, dtype)
    return ENTRIES[peer, work, dtype](peer, dtype)


def item(evaluate, check, **info):
    """An Item that evaluates once per call of evaluate."""
    def run(n):
        for _ in range(n):
            evaluate()
    return Item(run, [float(c) for c in check], {k: float(v) for k, v in info.items()})


def wave(shape, scale=1.0, freq=0.37, phase=0.1, dtype=F64):
    """scale*sin(freq*i + phase) over the flat index i, computed in float64, then rounded."""
    n = int(np.prod(shape))
    return (scale * np.sin(freq * np.arange(n) + phase)).reshape(shape).astype(dtype)


def scattered(shape, start=0):
    """Numbers in [-1/2, 1/2) without a pattern: a hash of the flat index from start on, computed in 32 bits."""
    h = (np.arange(start, start + int(np.prod(shape)), dtype=np.uint64) & 0xFFFFFFFF).astype(np.uint32)
    for shift, factor in ((0, 0x9E3779B1), (15, 0x85EBCA77), (13, 0xC2B2AE3D)):
        h = (h ^ (h >> np.uint32(shift)) if shift else h) * np.uint32(factor)
    h ^= h >> np.uint32(16)
    return (h / 2.0 ** 32 - 0.5).reshape(shape)


def casadi_buffer(function, arguments, results):
    """A call of a CasADi function on fixed NumPy arrays without any conversion."""
    buffer, evaluate = function.buffer()
    for k, a in enumerate(arguments):
        buffer.set_arg(k, memoryview(a))
    for k, r in enumerate(results):
        buffer.set_res(k, memoryview(r))
    evaluate()

    def call(evaluate=evaluate, alive=(function, buffer, arguments, results)):
        evaluate()
    return call
