"""Linear algebra: decompositions, solvers, batches of small matrices, gradients."""
import numpy as np

from registry import F32, F64, item, row, scattered

BOTH = (F64, F32)


def positive(n, *batch):
    """Symmetric positive definite matrices: scattered values, n on the diagonal besides."""
    a = scattered((*batch, n, n))
    return (a + np.swapaxes(a, -1, -2)) / 2 + np.eye(n) * (n / 4)


def symmetric(n, *batch):
    a = scattered((*batch, n, n))
    return (a + np.swapaxes(a, -1, -2)) / 2


def squares(x):
    return (np.asarray(x, F64) ** 2).sum()


def total(x):
    return np.asarray(x, F64).sum()


def values_and_vectors(w, v):
    """Numbers that do not depend on the signs of vectors."""
    return [(np.asarray(w, F64) ** 3).sum(), (np.asarray(v, F64) ** 4).sum()]


def add(work, inputs, check, f, dtypes=(F64,), numpy=True):
    """f(linear algebra of the peer, arrays of the peer) is what is timed; inputs are float64."""
    @row(work, *(("numpy", "jax") if numpy else ("jax",)), dtypes=dtypes)
    def _(peer, dtype):
        arrays = [a.astype(dtype) for a in inputs()]
        if peer == "numpy":
            return item(lambda: f(np.linalg, *arrays), check(f(np.linalg, *arrays)))
        import jax, jax.numpy as jnp
        arrays = list(map(jnp.asarray, arrays))
        g = jax.jit(lambda *a: f(jnp.linalg, *a))
        return item(lambda: jax.block_until_ready(g(*arrays)), check(g(*arrays)))


def triangular(_, a, b):
    import jax.scipy.linalg
    return jax.scipy.linalg.solve_triangular(a, b, lower=True)


def lu(_, a):
    import jax.scipy.linalg
    return jax.scipy.linalg.lu_factor(a)[0]


def cholesky_gradient(linalg, a):
    import jax, jax.numpy as jnp
    return jax.grad(lambda a: 2 * jnp.log(jnp.diagonal(linalg.cholesky(a))).sum())(a)


def logdet_gradient(linalg, a):
    import jax
    return jax.grad(lambda a: linalg.slogdet(a)[1])(a)


def solve_gradient(linalg, a, b):
    import jax
    return jax.grad(lambda a, b: (linalg.solve(a, b) ** 2).sum(), (0, 1))(a, b)


def right(n, m, *batch):
    return scattered((*batch, n, m), 7)


for N in (64, 512, 1024):
    add(f"cholesky{N}", lambda n=N: [positive(n)], lambda l: [total(l)], lambda linalg, a: linalg.cholesky(a), BOTH)
add("solve512", lambda: [scattered((512, 512)), right(512, 1)], lambda x: [squares(x)], lambda linalg, a, b: linalg.solve(a, b), BOTH)
add("solve512.many", lambda: [scattered((512, 512)), right(512, 512)], lambda x: [squares(x)], lambda linalg, a, b: linalg.solve(a, b))
add("triangular512", lambda: [positive(512), right(512, 512)], lambda x: [squares(x)], triangular, numpy=False)
add("lu512", lambda: [scattered((512, 512))], lambda x: [squares(x)], lu, numpy=False)
add("qr512", lambda: [scattered((512, 512))], lambda x: [np.abs(np.diagonal(x[1])).sum(), squares(x[0])], lambda linalg, a: linalg.qr(a))
add("eigh256", lambda: [symmetric(256)], lambda x: values_and_vectors(*x), lambda linalg, a: linalg.eigh(a), BOTH)
add("svd256", lambda: [scattered((256, 256))], lambda x: values_and_vectors(x[1], x[0]), lambda linalg, a: linalg.svd(a, full_matrices=False))
add("cholesky8.batch", lambda: [positive(8, 10000)], lambda l: [total(l)], lambda linalg, a: linalg.cholesky(a), BOTH)
add("solve4.batch", lambda: [positive(4, 10000), right(4, 1, 10000)], lambda x: [squares(x)], lambda linalg, a, b: linalg.solve(a, b))
add("solve32.batch", lambda: [positive(32, 1000), right(32, 1, 1000)], lambda x: [squares(x)], lambda linalg, a, b: linalg.solve(a, b))
add("eigh3.batch", lambda: [symmetric(3, 1000)], lambda x: values_and_vectors(*x), lambda linalg, a: linalg.eigh(a))
add("cholesky512.gradient", lambda: [positive(512)], lambda g: [squares(g)], cholesky_gradient, numpy=False)
add("logdet512.gradient", lambda: [positive(512)], lambda g: [squares(g)], logdet_gradient, numpy=False)
add("solve512.gradient", lambda: [positive(512), right(512, 1)], lambda g: [squares(g[0]), squares(g[1])], solve_gradient, numpy=False)
