"""Loops.

attractor: mean of z over the steps of Runge-Kutta's method on Lorenz's system to T = 10; value and gradient for its parameters and start.
coupled: 614 steps of 60 scalars; value and gradient.
tridiagonal: 1e5 equations with three diagonals by two scans; value and gradient.
lorenz: Lorenz-96 with 40 variables and F = 8, classical Runge-Kutta to T = 1 in n steps; value and gradient of |x(T)|^2/2 for x(0)."""
import numpy as np

from registry import F32, F64, casadi_buffer, item, row, wave

VARIABLES = 40
BOTH = (F64, F32)


def start(dtype=F64):
    return (wave(VARIABLES, 0.1, 1.1) + 8).astype(dtype)


def derivative(x, roll):
    return (roll(x, -1) - roll(x, 2)) * roll(x, 1) - x + 8.0


def runge_kutta(f, x, h):
    k1 = f(x)
    k2 = f(x + h / 2 * k1)
    k3 = f(x + h / 2 * k2)
    k4 = f(x + h * k3)
    return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def lorenz_jax(steps, dtype):
    import jax, jax.numpy as jnp

    def step(x, _):
        return runge_kutta(lambda x: derivative(x, jnp.roll), x, 1 / steps), None

    def f(x):
        return 0.5 * (jax.lax.scan(step, x, None, length=steps)[0] ** 2).sum()
    g = jax.jit(jax.value_and_grad(f))
    x = jnp.asarray(start(dtype))
    y, d = g(x)
    return item(lambda: jax.block_until_ready(g(x)), [y, d[0]])


def lorenz_torch(steps, dtype):
    import torch
    x0 = torch.from_numpy(start(dtype)).requires_grad_()

    def evaluate():
        x = x0
        for _ in range(steps):
            x = runge_kutta(lambda x: derivative(x, torch.roll), x, 1 / steps)
        y = 0.5 * (x * x).sum()
        return y, torch.autograd.grad(y, x0)[0]
    y, d = evaluate()
    return item(evaluate, [y.item(), d[0].item()])


def lorenz_casadi(steps, dtype):
    import casadi as ca
    x = ca.SX.sym("x", VARIABLES)

    def roll(x, k):
        return x[(np.arange(VARIABLES) - k) % VARIABLES]
    step = ca.Function("step", [x], [runge_kutta(lambda x: derivative(x, roll), x, 1 / steps)])
    X = ca.MX.sym("X", VARIABLES)
    y = 0.5 * ca.sumsqr(step.mapaccum(steps)(X)[:, -1])
    f = ca.Function("f", [X], [y, ca.gradient(y, X)])
    value, gradient = np.zeros(1), np.zeros(VARIABLES)
    evaluate = casadi_buffer(f, [start()], [value, gradient])
    return item(evaluate, [value[0], gradient[0]])


for S in (100, 10_000):
    row(f"lorenz{S}", "jax", dtypes=BOTH)(lambda peer, dtype, s=S: lorenz_jax(s, dtype))
    row(f"lorenz{S}", "casadi")(lambda peer, dtype, s=S: lorenz_casadi(s, dtype))
row("lorenz100", "torch", dtypes=BOTH)(lambda peer, dtype: lorenz_torch(100, dtype))


def attractor_jax(steps):
    import jax, jax.numpy as jnp
    h = 10.0 / steps

    def f(x, p):
        return jnp.stack([p[0] * (x[1] - x[0]), x[0] * (p[1] - x[2]) - x[1], x[0] * x[1] - p[2] * x[2]])

    def step(p, c, _):
        x = runge_kutta(lambda x: f(x, p), c[0], h)
        return (x, c[1] + x[2]), None

    def mean(p, x):
        return jax.lax.scan(lambda c, e: step(p, c, e), (x, jnp.zeros(())), None, length=steps)[0][1] / steps
    g = jax.jit(jax.value_and_grad(mean, (0, 1)))
    args = jnp.array([10.0, 28.0, 8 / 3]), jnp.array([1.0, 1.2, 20.0])
    y, d = g(*args)
    return item(lambda: jax.block_until_ready(g(*args)), [y, *d[0], *d[1]])


def attractor_casadi(steps):
    import casadi as ca
    x, p = ca.SX.sym("x", 3), ca.SX.sym("p", 3)
    f = lambda x: ca.vertcat(p[0] * (x[1] - x[0]), x[0] * (p[1] - x[2]) - x[1], x[0] * x[1] - p[2] * x[2])
    step = ca.Function("step", [x, p], [runge_kutta(f, x, 10.0 / steps)])
    X, P = ca.MX.sym("X", 3), ca.MX.sym("P", 3)
    y = ca.sum2(step.mapaccum(steps)(X, P)[2, :]) / steps
    g = ca.Function("g", [P, X], [y, ca.gradient(y, P), ca.gradient(y, X)])
    value, dp, dx = np.zeros(1), np.zeros(3), np.zeros(3)
    evaluate = casadi_buffer(g, [np.array([10.0, 28.0, 8 / 3]), np.array([1.0, 1.2, 20.0])], [value, dp, dx])
    return item(evaluate, [value[0], *dp, *dx])


for S in (10_000, 100_000, 1_000_000):
    row(f"attractor{S}", "jax")(lambda peer, dtype, s=S: attractor_jax(s))
row("attractor10000", "casadi")(lambda peer, dtype: attractor_casadi(10_000))


@row("coupled", "jax")
def coupled_jax(peer, dtype):
    import jax, jax.numpy as jnp
    n, steps = 60, 614

    def step(c, _):
        out = []
        for i in range(n):
            s = c[i] * 0.98
            for k in range(1, 10):
                s = s + 0.003 / k * c[(i + 7 * k) % n] * (c[(i + k) % n] - c[i])
            out.append(s)
        return tuple(out), None

    def f(x):
        final = jax.lax.scan(step, tuple(x[i] for i in range(n)), None, length=steps)[0]
        return sum(final) ** 2
    g = jax.jit(jax.value_and_grad(f))
    x = 1 + jnp.arange(n) / n
    y, d = g(x)
    return item(lambda: jax.block_until_ready(g(x)), [y, d[0], d[-1]])


@row("tridiagonal", "jax")
def tridiagonal_jax(peer, dtype):
    import jax, jax.numpy as jnp
    n = 100_000

    def down(c, e):
        pivot = e[1] - e[0] * c[0]
        next = e[2] / pivot, (e[3] - e[0] * c[1]) / pivot
        return next, next

    def up(c, e):
        x = e[1] - e[0] * c
        return x, x

    def f(lower, diagonal, upper, right):
        zero = jnp.zeros(())
        _, ys = jax.lax.scan(down, (zero, zero), (lower, diagonal, upper, right))
        return (jax.lax.scan(up, zero, ys, reverse=True)[1] ** 2).sum()
    g = jax.jit(jax.value_and_grad(f, (0, 1, 2, 3)))
    args = jnp.full(n, -1.0), jnp.full(n, 4.0), jnp.full(n, -1.0), jnp.arange(n) % 7 * 1.0
    y, d = g(*args)
    return item(lambda: jax.block_until_ready(g(*args)), [y] + [(v * v).sum() for v in d])
