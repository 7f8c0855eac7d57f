"""lorenz: Lorenz-96 with 40 variables and F = 8, classical Runge-Kutta to T = 1 in n steps; value and gradient of |x(T)|^2/2 for x(0)."""
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
