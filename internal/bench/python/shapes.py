"""Arrays with short axes, scattered elements and small matrices: the shapes of physics, graphs and attention. Value and gradient."""
import numpy as np

from registry import F32, F64, item, row, wave

BOTH = (F64, F32)


def jax_row(work, inputs, f):
    """y = f(*inputs) and its gradient for the first input: y, |dy|^2."""
    @row(work, "jax", dtypes=BOTH)
    def _(peer, dtype):
        import jax, jax.numpy as jnp
        arrays = [jnp.asarray(a.astype(dtype) if a.dtype.kind == "f" else a) for a in inputs]
        g = jax.jit(jax.value_and_grad(f))
        y, d = g(*arrays)
        return item(lambda: jax.block_until_ready(g(*arrays)), [y, (np.asarray(d, np.float64) ** 2).sum()])


def np_or_jax():
    import jax.numpy as jnp
    return jnp


def pairwise(x):
    jnp = np_or_jax()
    d = x[:, None, :] - x[None, :, :]
    return jnp.exp(-(d * d).sum(-1)).sum()


def rows3(x):
    jnp = np_or_jax()
    return jnp.sqrt(1 + (x * x).sum(-1)).sum()


def middle(x):
    s = x.sum(1)
    return (s * s).sum()


def softmax_rows(x, w):
    import jax
    return (jax.nn.softmax(x) * w).sum()


def logsumexp_rows(x):
    import jax
    return jax.nn.logsumexp(x, -1).sum()


def gather_scalars(x, i):
    g = x[i]
    return (g * g).sum()


def small_matrices(a):
    p = a[0]
    for k in range(1, a.shape[0]):
        p = p @ a[k]
    return p.sum()


GATHER = 8192
jax_row("pairwise", [wave((512, 3))], pairwise)
jax_row("rows3", [wave((100_000, 3))], rows3)
jax_row("middle", [wave((2048, 4, 64))], middle)
jax_row("softmax_rows", [wave((2048, 100)), wave((2048, 100), freq=0.11)], softmax_rows)
jax_row("logsumexp_rows", [wave((2048, 100))], logsumexp_rows)
jax_row("gather_scalars", [wave(GATHER), (np.arange(GATHER) * 4099 % GATHER // 2).astype(np.int32)], gather_scalars)
jax_row("small_matrices", [wave((32, 8, 8), 2.5)], small_matrices)
