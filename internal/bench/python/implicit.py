"""Implicit functions and differential equations, value and gradient each; the formulas are those of ../work/implicit.go and ../work/equations.go.

kepler: 1e5 roots of Kepler's equation. poisson: -div(a grad u) = f with 100 x 100 or 10000 unknowns, by a sparse decomposition, SciPy's with the adjoint solution by hand, JAX's where it has one.
lotka_volterra, lorenz96.fit: least-squares fits at rtol = atol = 1e-8, by diffrax's Dopri8 with its adjoint by checkpoints (steps to a time of observation each), and CVODES by CasADi.
robertson: a stiff problem to t = 1e4, by diffrax's Kvaerno5 and CVODES. acoustic: 500 steps of the wave equation with damping layers, by a scan."""
import numpy as np

from registry import F32, item, row

KEPLER = 100_000


def anomalies():
    i = np.arange(KEPLER)
    return 2 * np.pi * (i + 0.5) / KEPLER, 0.9 * np.mod(0.618033988749895 * i, 1.0)


def kepler_check(x, dm, de):
    m, e = anomalies()
    x, dm, de = (np.asarray(v, np.longdouble) for v in (x, dm, de))
    residual = np.abs(x - e * np.sin(x) - m).max()
    return [x.sum(), (dm * dm).sum(), (de * de).sum(), max(1.0, residual / 2e-15)]


def first(np, m, e):
    return m + e * np.sin(m) / (1 - np.sin(m + e) + np.sin(m))


@row("kepler", "numpy")
def kepler_numpy(peer, dtype):
    m, e = anomalies()

    def evaluate():
        x = first(np, m, e)
        for _ in range(5):  # Halley's method
            s, c = np.sin(x), np.cos(x)
            f, f1, f2 = x - e * s - m, 1 - e * c, e * s
            d = -f / f1
            x = x - f / (f1 + 0.5 * d * f2)
        r = 1 / (1 - e * np.cos(x))
        return x, r, np.sin(x) * r
    return item(evaluate, kepler_check(*evaluate()))


@row("kepler", "jax")
def kepler_jax(peer, dtype):
    import jax, jax.numpy as jnp

    def solve(f, x):
        def body(c):
            return c[0] - f(c[0]) / jax.jvp(f, (c[0],), (1.0,))[1], c[0], c[2] + 1
        return jax.lax.while_loop(lambda c: (jnp.abs(c[0] - c[1]) > 1e-13 * jnp.abs(c[0])) & (c[2] < 50), body, (x, x + 1, 0))[0]

    def both(m, e):
        x, vjp = jax.vjp(lambda m, e: jax.lax.custom_root(lambda x: x - e * jnp.sin(x) - m, first(jnp, m, e), solve, lambda g, b: b / g(1.0)), m, e)
        return x, *vjp(jnp.ones_like(x))
    g = jax.jit(jax.vmap(both))
    args = [jnp.asarray(v) for v in anomalies()]
    return item(lambda: jax.block_until_ready(g(*args)), kepler_check(*g(*args)))


def check(value, gradient, step):
    gradient = np.asarray(gradient, float).ravel()
    return [float(value), float(gradient @ np.cos(step * np.arange(len(gradient)))), float(np.linalg.norm(gradient))]


def square(n):
    x = np.arange(n + 2) / (n + 1)
    X, Y = np.meshgrid(x, x, indexing="ij")
    return 0.5 * np.sin(3 * X) * np.cos(2 * Y) + 0.3 * np.sin(7 * X * Y), (1 + X * Y)[1:-1, 1:-1].ravel(), (0.1 * X * (1 - X) * Y * (1 - Y))[1:-1, 1:-1].ravel()


def square_entries(np, a, n):
    scale = 0.5 * (n + 1) ** 2
    down, across = scale * (a[:-1, 1:-1] + a[1:, 1:-1]), scale * (a[1:-1, :-1] + a[1:-1, 1:])
    below, right = -down[1:-1].ravel(), -across[:, 1:-1].ravel()
    return np.concatenate([(down[:-1] + down[1:] + across[:, :-1] + across[:, 1:]).ravel(), below, below, right, right])


def square_pattern(n):
    k = np.arange(n * n).reshape(n, n)
    rows = [k, k[1:], k[:-1], k[:, 1:], k[:, :-1]]
    columns = [k, k[:-1], k[1:], k[:, :-1], k[:, 1:]]
    return np.concatenate([v.ravel() for v in rows]), np.concatenate([v.ravel() for v in columns])


@row("poisson100", "scipy")
def poisson_scipy(peer, dtype):
    import scipy.sparse as sp, scipy.sparse.linalg as sla
    n, h = 100, 1 / 101
    m, f, o = square(n)
    r, c = square_pattern(n)
    pattern = sp.csc_matrix((np.arange(1, len(r) + 1, dtype=float), (r, c)), (n * n, n * n))
    order = (pattern.data - 1).astype(int)

    def evaluate():
        a = np.exp(m)
        lu = sla.splu(sp.csc_matrix((square_entries(np, a, n)[order], pattern.indices, pattern.indptr), (n * n, n * n)), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        u = lu.solve(f)
        off = u - o
        adjoint = lu.solve(h * h * off)
        U, L = np.pad(u.reshape(n, n), 1), np.pad(adjoint.reshape(n, n), 1)
        ex, ey = -0.5 / h ** 2 * (U[:-1] - U[1:]) * (L[:-1] - L[1:]), -0.5 / h ** 2 * (U[:, :-1] - U[:, 1:]) * (L[:, :-1] - L[:, 1:])
        ex[:, 0] = ex[:, -1] = ey[0] = ey[-1] = 0
        g = np.zeros_like(a)
        g[:-1] += ex
        g[1:] += ex
        g[:, :-1] += ey
        g[:, 1:] += ey
        return 0.5 * h * h * (off @ off), g * a
    return item(evaluate, check(*evaluate(), 0.01))


@row("poisson100", "jax")
def poisson_jax(peer, dtype):
    import jax, jax.numpy as jnp
    from jax.experimental.sparse.linalg import spsolve
    n, h = 100, 1 / 101
    m, f, o = square(n)
    r, c = square_pattern(n)
    order = np.lexsort((c, r))
    start = np.concatenate([[0], np.cumsum(np.bincount(r, minlength=n * n))]).astype(np.int32)
    columns = jnp.asarray(c[order], jnp.int32)

    def cost(m):
        u = spsolve(square_entries(jnp, jnp.exp(m), n)[order], columns, jnp.asarray(start), jnp.asarray(f), tol=1e-10)
        return 0.5 * h * h * ((u - o) ** 2).sum()
    g = jax.jit(jax.value_and_grad(cost))
    m = jnp.asarray(m)
    return item(lambda: jax.block_until_ready(g(m)), check(*g(m), 0.01))


def line(n=10_000):
    x = np.arange(n + 2) / (n + 1)
    return 0.5 * np.sin(3 * x), (1 + x)[1:-1], (0.1 * x * (1 - x))[1:-1]


@row("poisson10000", "scipy")
def line_scipy(peer, dtype):
    from scipy.linalg import cholesky_banded, cho_solve_banded
    n, h = 10_000, 1 / 10_001
    m, f, o = line(n)

    def evaluate():
        a = np.exp(m)
        face = 0.5 * (a[:-1] + a[1:]) / h ** 2
        band = np.zeros((2, n))
        band[1], band[0, 1:] = face[:-1] + face[1:], -face[1:-1]
        factor = cholesky_banded(band), False
        off = cho_solve_banded(factor, f) - o
        U, L = np.pad(off + o, 1), np.pad(cho_solve_banded(factor, h * off), 1)
        e = -0.5 / h ** 2 * (U[:-1] - U[1:]) * (L[:-1] - L[1:])
        g = np.zeros(n + 2)
        g[:-1] += e
        g[1:] += e
        return 0.5 * h * (off @ off), g * a
    return item(evaluate, check(*evaluate(), 0.01))


@row("poisson10000", "jax")
def line_jax(peer, dtype):
    import jax, jax.numpy as jnp
    n, h = 10_000, 1 / 10_001
    m, f, o = line(n)

    def cost(m):
        a, zero = jnp.exp(m), jnp.zeros(1)
        face = 0.5 * (a[:-1] + a[1:]) / h ** 2
        u = jax.lax.linalg.tridiagonal_solve(jnp.concatenate([zero, -face[1:-1]]), face[:-1] + face[1:], jnp.concatenate([-face[1:-1], zero]), jnp.asarray(f)[:, None])[:, 0]
        return 0.5 * h * ((u - o) ** 2).sum()
    g = jax.jit(jax.value_and_grad(cost))
    m = jnp.asarray(m)
    return item(lambda: jax.block_until_ready(g(m)), check(*g(m), 0.01))


def lotka_volterra(np):
    t = 0.1 * np.arange(1, 101)
    return t, np.stack([2 + 1.5 * np.sin(1.9 * t), 1.5 + np.cos(t)], 1), np.array([1.6, 1.05, 2.9, 0.95, 1.1, 0.9])


def lorenz96(np):
    t, i = 0.1 * np.arange(1, 21), np.arange(40.0)
    return t, 8 * np.cos(0.3 * i + t[:, None]), np.concatenate([8 + 0.5 * np.sin(i), 8 + np.sin(1 + 0.7 * i)])


def fit_diffrax(problem, split, field):
    import diffrax, jax, jax.numpy as jnp
    t, observed, p = problem(jnp)

    def cost(p):
        start, args = split(p)
        s = diffrax.diffeqsolve(diffrax.ODETerm(field), diffrax.Dopri8(), 0.0, t[-1], None, start, args, saveat=diffrax.SaveAt(ts=t),
                                stepsize_controller=diffrax.ClipStepSizeController(diffrax.PIDController(rtol=1e-8, atol=1e-8, pcoeff=0.2, icoeff=0.4), step_ts=t), max_steps=4096)
        return 0.5 * ((s.ys - observed) ** 2).sum()
    g = jax.jit(jax.value_and_grad(cost))
    return item(lambda: jax.block_until_ready(g(p)), check(*g(p), 1.0))


@row("lotka_volterra", "diffrax")
def lotka_volterra_diffrax(peer, dtype):
    import jax.numpy as jnp
    return fit_diffrax(lotka_volterra, lambda p: (p[4:], p[:4]), lambda t, y, p: jnp.stack([p[0] * y[0] - p[1] * y[0] * y[1], p[3] * y[0] * y[1] - p[2] * y[1]]))


@row("lorenz96.fit", "diffrax")
def lorenz96_diffrax(peer, dtype):
    import jax.numpy as jnp
    return fit_diffrax(lorenz96, lambda p: (p[40:], p[:40]), lambda t, y, f: (jnp.roll(y, -1) - jnp.roll(y, 2)) * jnp.roll(y, 1) - y + f)


def fit_casadi(problem, states, field, split):
    import casadi as ca
    t, observed, values = problem(np)
    y, p = ca.MX.sym("y", states), ca.MX.sym("p", len(values) - states)
    solver = ca.integrator("s", "cvodes", {"x": y, "p": p, "ode": field(ca, y, p)}, 0, list(t), {"reltol": 1e-8, "abstol": 1e-8, "max_num_steps": 100_000})
    q = ca.MX.sym("q", len(values))
    start, rest = split(q)
    cost = 0.5 * ca.sumsqr(solver(x0=start, p=rest)["xf"] - ca.DM(observed.T))
    f = ca.Function("f", [q], [cost, ca.gradient(cost, q)])
    return item(lambda: f(values), check(*(np.array(v) if k else float(v) for k, v in enumerate(f(values))), 1.0))


@row("lotka_volterra", "casadi")
def lotka_volterra_casadi(peer, dtype):
    return fit_casadi(lotka_volterra, 2, lambda ca, y, p: ca.vertcat(p[0] * y[0] - p[1] * y[0] * y[1], p[3] * y[0] * y[1] - p[2] * y[1]), lambda q: (q[4:], q[:4]))


@row("lorenz96.fit", "casadi")
def lorenz96_casadi(peer, dtype):
    def field(ca, y, f):
        at = lambda k: y[[int(i) for i in (np.arange(40) + k) % 40]]
        return (at(1) - at(-2)) * at(-1) - y + f
    return fit_casadi(lorenz96, 40, field, lambda q: (q[40:], q[:40]))


def robertson_check(value, gradient):
    d = np.asarray(gradient, float).ravel()
    return [float(value), d[0], d[1] * 1e9, d[2] * 1e5]


@row("robertson", "diffrax")
def robertson_diffrax(peer, dtype):
    import diffrax, jax, jax.numpy as jnp

    def field(t, y, k):
        first, second, third = k[0] * y[0], k[1] * y[1] ** 2, k[2] * y[1] * y[2]
        return jnp.stack([third - first, first - third - second, second])

    def cost(k):
        s = diffrax.diffeqsolve(diffrax.ODETerm(field), diffrax.Kvaerno5(), 0.0, 1e4, None, jnp.array([1.0, 0.0, 0.0]), k, stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-10), max_steps=4096)
        return (s.ys[-1] ** 2).sum()
    g = jax.jit(jax.value_and_grad(cost))
    k = jnp.array([0.04, 3e7, 1e4])
    return item(lambda: jax.block_until_ready(g(k)), robertson_check(*g(k)))


@row("robertson", "casadi")
def robertson_casadi(peer, dtype):
    import casadi as ca
    y, k = ca.MX.sym("y", 3), ca.MX.sym("k", 3)
    first, second, third = k[0] * y[0], k[1] * y[1] ** 2, k[2] * y[1] * y[2]
    solver = ca.integrator("s", "cvodes", {"x": y, "p": k, "ode": ca.vertcat(third - first, first - third - second, second)}, 0, 1e4, {"reltol": 1e-6, "abstol": 1e-10, "max_num_steps": 100_000})
    q = ca.MX.sym("q", 3)
    cost = ca.sumsqr(solver(x0=[1, 0, 0], p=q)["xf"])
    f = ca.Function("f", [q], [cost, ca.gradient(cost, q)])
    values = [0.04, 3e7, 1e4]
    return item(lambda: f(values), robertson_check(*(np.array(v) if k else float(v) for k, v in enumerate(f(values)))))


def acoustic(gradient):
    import jax, jax.numpy as jnp
    inner, layer, steps, spacing, dt = 200, 20, 500, 10.0, 1e-3
    n = inner + 2 * layer
    k = np.arange(n)
    d = np.maximum(np.maximum(layer - k, k - (n - 1 - layer)), 0) / layer
    s = dt * 3 * 3000 * np.log(1000) / (2 * layer * spacing) * d ** 2
    s = s[:, None] + s
    after, before = jnp.asarray(1 / (1 + s), F32), jnp.asarray((1 - s) / (1 + s), F32)
    a = (np.pi * 10 * (np.arange(steps) * dt - 0.15)) ** 2
    wavelet = jnp.asarray((1 - 2 * a) * np.exp(-a), F32)
    z, x = layer + 2, layer + 12 + 25 * np.arange(8)
    i, j = np.arange(inner)[:, None], np.arange(inner)[None]
    model = 1500 + 5.0 * i + 0 * j
    other = model + 20 + 150 * np.exp(-((i - 30.0) ** 2 + (j - 100.0) ** 2) / 288)

    def laplacian(u):
        p = jnp.pad(u, 2)
        at = lambda a, b: p[2 + a:2 + a + n, 2 + b:2 + b + n]
        first = at(0, -1) + at(0, 1) + (at(-1, 0) + at(1, 0))
        second = at(0, -2) + at(0, 2) + (at(-2, 0) + at(2, 0))
        return -5 * u + np.float32(4 / 3) * first - np.float32(1 / 12) * second

    def traces(v):
        scale = after * (jnp.pad(v, layer, mode="edge") * np.float32(dt / spacing)) ** 2

        def step(c, w):
            u, last = c
            u, last = (2 * after * u - before * last + scale * laplacian(u)).at[z, layer + inner // 2].add(scale[z, layer + inner // 2] * w), u
            return (u, last), u[z, x]
        still = jnp.zeros((n, n), F32)
        return jax.lax.scan(step, (still, still), wavelet)[1]
    observed = jax.jit(traces)(jnp.asarray(other, F32))

    def misfit(v):
        return 0.5 * ((traces(v) - observed) ** 2).sum()
    v = jnp.asarray(model, F32)
    if not gradient:
        f = jax.jit(misfit)
        return item(lambda: jax.block_until_ready(f(v)), [f(v)])
    f = jax.jit(jax.value_and_grad(misfit))
    value, d = f(v)
    d = np.asarray(d, float)
    return item(lambda: jax.block_until_ready(f(v)), [value, (d * np.sin(0.1 * i) * np.cos(0.07 * j)).sum(), np.linalg.norm(d)])


@row("acoustic", "jax", dtypes=(F32,))
def acoustic_forward(peer, dtype):
    return acoustic(False)


@row("acoustic.gradient", "jax", dtypes=(F32,))
def acoustic_gradient(peer, dtype):
    return acoustic(True)
