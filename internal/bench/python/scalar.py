"""Graphs of scalars: the polynomial z = x1^2 + x2^2 + x1*x2, one point and many, and the chained Rosenbrock function."""
import time

import numpy as np

from registry import F32, F64, casadi_buffer, item, row, wave

POINTS = 1_000_000


@row("seed", "torch")
def _(peer, dtype):
    import torch
    x1 = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    x2 = torch.tensor(4.0, dtype=torch.float64, requires_grad=True)

    def evaluate():
        z = x1 * x1 + x2 * x2 + x1 * x2
        return (z, *torch.autograd.grad(z, (x1, x2)))
    return item(evaluate, [v.item() for v in evaluate()])


@row("seed", "jax")
def _(peer, dtype):
    import jax
    f = jax.jit(jax.value_and_grad(lambda a, b: a * a + b * b + a * b, (0, 1)))
    z, (d1, d2) = f(3.0, 4.0)
    return item(lambda: jax.block_until_ready(f(3.0, 4.0)), [z, d1, d2])


@row("seed", "casadi")
def _(peer, dtype):
    import casadi as ca
    a, b = ca.SX.sym("a"), ca.SX.sym("b")
    z = a * a + b * b + a * b
    f = ca.Function("f", [a, b], [z, ca.gradient(z, ca.vertcat(a, b))])
    value, gradient = np.zeros(1), np.zeros(2)
    evaluate = casadi_buffer(f, [np.array([3.0]), np.array([4.0])], [value, gradient])
    return item(evaluate, [value[0], *gradient])


def points():
    return wave(POINTS, 1, 0.37, 0.1), wave(POINTS, 1, 0.11, 0.2)


@row("seed1e6", "numpy")
def _(peer, dtype):
    x1, x2 = points()
    z, d1, d2, t = (np.empty(POINTS) for _ in range(4))

    def evaluate():
        np.add(x1, x1, out=d1), np.add(d1, x2, out=d1)
        np.add(x2, x2, out=d2), np.add(d2, x1, out=d2)
        np.multiply(x1, x1, out=z)
        np.multiply(x2, x2, out=t), np.add(z, t, out=z)
        np.multiply(x1, x2, out=t), np.add(z, t, out=z)
    evaluate()
    return item(evaluate, [z.sum(), (d1 * d1).sum(), (d2 * d2).sum()])


@row("seed1e6", "jax")
def _(peer, dtype):
    import jax, jax.numpy as jnp
    x1, x2 = map(jnp.asarray, points())
    f = jax.jit(jax.vmap(jax.value_and_grad(lambda a, b: a * a + b * b + a * b, (0, 1))))
    z, (d1, d2) = f(x1, x2)
    return item(lambda: jax.block_until_ready(f(x1, x2)), [z.sum(), (d1 * d1).sum(), (d2 * d2).sum()])


@row("seed1e6", "torch", "torch.compile")
def _(peer, dtype):
    import torch
    x1, x2 = (torch.from_numpy(x) for x in points())
    f = torch.func.vmap(torch.func.grad_and_value(lambda a, b: a * a + b * b + a * b, (0, 1)))
    if peer == "torch.compile":
        f = torch.compile(f)
    (d1, d2), z = f(x1, x2)
    return item(lambda: f(x1, x2), [z.sum(), (d1 * d1).sum(), (d2 * d2).sum()])


@row("seed1e6", "casadi")
def _(peer, dtype):
    import casadi as ca
    a, b = ca.SX.sym("a"), ca.SX.sym("b")
    z = a * a + b * b + a * b
    f = ca.Function("f", [a, b], [z, ca.gradient(z, ca.vertcat(a, b))]).map(POINTS)
    x1, x2 = points()
    value, gradient = np.zeros(POINTS), np.zeros((POINTS, 2))
    evaluate = casadi_buffer(f, [x1, x2], [value, gradient])
    return item(evaluate, [value.sum(), *(gradient ** 2).sum(0)])


def rosenbrock_input(n):
    return wave(n, 0.5, 0.7) + 1


def rosenbrock_casadi(n, share):
    """The sum of 100*(x[i+1] - x[i]*x[i])*(x[i+1] - x[i]*x[i]) + (1 - x[i])*(1 - x[i]) as scalars.

    CasADi shares no equal expressions by itself; share asks for it, where it can.
    """
    import casadi as ca
    marks = [time.perf_counter()]
    x = ca.SX.sym("x", n)
    a, b = x[:-1], x[1:]
    y = ca.sum1(100 * (b - a * a) * (b - a * a) + (1 - a) * (1 - a))
    marks.append(time.perf_counter())
    if share:
        y = ca.cse(y)
    g = ca.gradient(y, x)
    if share:
        y, g = ca.cse([y, g])
    marks.append(time.perf_counter())
    f = ca.Function("f", [x], [y, g])
    marks.append(time.perf_counter())
    info = dict(build=marks[1] - marks[0], gradient=marks[2] - marks[1], function=marks[3] - marks[2], instructions=f.n_instructions())
    at = rosenbrock_input(n)
    value, gradient = np.zeros(1), np.zeros(n)
    evaluate = casadi_buffer(f, [at], [value, gradient])
    return x, y, at, item(evaluate, [value[0], (gradient ** 2).sum()], **info)


def hessian_casadi(n):
    import casadi as ca
    x, y, at, _ = rosenbrock_casadi(n, False)
    start = time.perf_counter()
    h = ca.hessian(y, x)[0]
    built = time.perf_counter()
    f = ca.Function("f", [x], [h])
    done = time.perf_counter()
    values = np.zeros(h.nnz())
    evaluate = casadi_buffer(f, [at], [values])
    return item(evaluate, [h.nnz(), values.sum(), (values ** 2).sum()], build=built - start, function=done - built)


def rosenbrock_jax(n):
    import jax, jax.numpy as jnp

    def f(x):
        t = 0
        for i in range(n - 1):
            t = t + 100 * (x[i + 1] - x[i] * x[i]) * (x[i + 1] - x[i] * x[i]) + (1 - x[i]) * (1 - x[i])
        return t
    x = jnp.asarray(rosenbrock_input(n))
    start = time.perf_counter()
    g = jax.jit(jax.value_and_grad(f))
    y, d = g(x)
    compiled = time.perf_counter() - start
    return item(lambda: jax.block_until_ready(g(x)), [y, (d * d).sum()], compile=compiled)


for N in (1000, 100_000):
    row(f"rosenbrock{N}", "casadi", "casadi.cse")(lambda peer, dtype, n=N: rosenbrock_casadi(n, peer == "casadi.cse")[-1])
    row(f"rosenbrock{N}.hessian", "casadi")(lambda peer, dtype, n=N: hessian_casadi(n))
row("rosenbrock1000", "jax")(lambda peer, dtype: rosenbrock_jax(1000))


def random_graph(n):
    """The graph of ../dag/dag.go: inputs, (operation, operand, operand) of every node, and the sinks."""
    inputs, state, nodes, used = max(2, n // 20), n, [], set()

    def below(limit):
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        return (state >> 33) % limit
    for i in range(n):
        before = inputs + i
        op, a = below(3), below(before)
        b = before - 1 - below(min(before, 1000))
        nodes.append((op, a, b))
        used.update((a, b))
    return inputs, nodes, [k for k in range(inputs, inputs + n) if k not in used]


def dag_casadi(n):
    import casadi as ca
    inputs, nodes, sinks = random_graph(n)
    start = time.perf_counter()
    x = ca.SX.sym("x", inputs)
    v = ca.vertsplit(x)
    for op, a, b in nodes:
        v.append(0.5 * (v[a] + v[b] if op == 0 else v[a] - v[b] if op == 1 else v[a] * v[b]))
    y = ca.sum1(ca.vertcat(*(v[s] for s in sinks)))
    built = time.perf_counter()
    g = ca.gradient(y, x)
    differentiated = time.perf_counter()
    f = ca.Function("f", [x], [y, g])
    done = time.perf_counter()
    value, gradient = np.zeros(1), np.zeros(inputs)
    evaluate = casadi_buffer(f, [wave(inputs)], [value, gradient])
    return item(evaluate, [value[0], (gradient ** 2).sum()], build=built - start, gradient=differentiated - built,
                function=done - differentiated, instructions=f.n_instructions())


# Not dag1000000: Python takes a minute to make the expressions.
row("dag20000", "casadi")(lambda peer, dtype: dag_casadi(20_000))
