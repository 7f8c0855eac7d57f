"""Large arrays: the elementwise chain with its gradient, sums and products of 1e7 elements, matrix products, a convolution."""
import numpy as np

from registry import F32, F64, casadi_buffer, item, row, wave

CHAIN = 1_000_000
BOTH = (F64, F32)


def chain_input(dtype):
    return np.linspace(-4, 4, CHAIN).astype(dtype)


@row("chain", "torch", "torch.compile", dtypes=BOTH)
def _(peer, dtype):
    import torch
    x = torch.from_numpy(chain_input(dtype)).requires_grad_()

    def f(x):
        return (torch.exp(-x * x) * torch.sin(x) + x / (1 + x * x)).sum()
    if peer == "torch.compile":
        f = torch.compile(f)

    def evaluate():
        y = f(x)
        return y, torch.autograd.grad(y, x)[0]
    y, g = evaluate()
    return item(evaluate, [y.item(), (g.double() ** 2).sum().item()])


@row("chain", "jax", dtypes=BOTH)
def _(peer, dtype):
    import jax, jax.numpy as jnp
    x = jnp.asarray(chain_input(dtype))
    f = jax.jit(jax.value_and_grad(lambda x: (jnp.exp(-x * x) * jnp.sin(x) + x / (1 + x * x)).sum()))
    y, g = f(x)
    return item(lambda: jax.block_until_ready(f(x)), [y, (np.asarray(g, np.float64) ** 2).sum()])


@row("chain", "casadi")
def _(peer, dtype):
    import casadi as ca
    s = ca.SX.sym("s")
    y = ca.exp(-s * s) * ca.sin(s) + s / (1 + s * s)
    f = ca.Function("f", [s], [y, ca.gradient(y, s)]).map(CHAIN)
    value, gradient = np.zeros(CHAIN), np.zeros(CHAIN)
    evaluate = casadi_buffer(f, [chain_input(dtype)], [value, gradient])
    return item(evaluate, [value.sum(), (gradient ** 2).sum()])


LARGE = 10_000_000
BINARY = {"add1e7": "add", "mul1e7": "multiply"}


def binary_inputs(dtype):
    return wave(LARGE, 1, 0.37, 0.1, dtype), wave(LARGE, 1, 0.11, 0.2, dtype)


def binary(work, peer, dtype):
    name = BINARY[work]
    a, b = binary_inputs(dtype)
    if peer == "numpy":
        c, f = np.empty_like(a), getattr(np, name)
        f(a, b, out=c)
        return item(lambda: f(a, b, out=c), [(c.astype(F64) ** 2).sum()])
    if peer == "torch":
        import torch
        f = getattr(torch, name)
        a, b = torch.from_numpy(a), torch.from_numpy(b)
        c = torch.empty_like(a)
        f(a, b, out=c)
        return item(lambda: f(a, b, out=c), [(c.double() ** 2).sum()])
    import jax, jax.numpy as jnp
    f = jax.jit(getattr(jnp, name))
    a, b = jnp.asarray(a), jnp.asarray(b)
    return item(lambda: f(a, b).block_until_ready(), [(np.asarray(f(a, b), F64) ** 2).sum()])


for W in BINARY:
    row(W, "numpy", "torch", "jax", dtypes=BOTH)(lambda peer, dtype, w=W: binary(w, peer, dtype))


def gemm(n, peer, dtype):
    a, b = wave((n, n), dtype=dtype), wave((n, n), freq=0.11, dtype=dtype)
    if peer == "numpy":
        c = np.empty_like(a)
        np.matmul(a, b, out=c)
        return item(lambda: np.matmul(a, b, out=c), [c.trace()])
    if peer == "torch":
        import torch
        a, b = torch.from_numpy(a), torch.from_numpy(b)
        c = torch.mm(a, b)
        return item(lambda: torch.mm(a, b, out=c), [c.trace()])
    import jax, jax.numpy as jnp
    f = jax.jit(jnp.matmul)
    a, b = jnp.asarray(a), jnp.asarray(b)
    return item(lambda: f(a, b).block_until_ready(), [f(a, b).trace()])


for N in (64, 256, 1024, 2048):
    row(f"gemm{N}", "numpy", "torch", "jax", dtypes=BOTH)(lambda peer, dtype, n=N: gemm(n, peer, dtype))


PRODUCTS = {"product_row": ((1, 4096), (4096, 4096)), "product_odd": ((7, 13), (13, 5)), "product_outer": ((1000, 3), (3, 1000)),
            "product_batch": ((512, 128, 64), (512, 64, 32))}


def product(work, peer, dtype):
    a, b = (wave(shape, 1, freq, 0.1, dtype) for shape, freq in zip(PRODUCTS[work], (0.37, 0.11)))
    if peer == "numpy":
        c = np.matmul(a, b)
        return item(lambda: np.matmul(a, b, out=c), [(c.astype(F64) ** 2).sum()])
    if peer == "torch":
        import torch
        a, b = torch.from_numpy(a), torch.from_numpy(b)
        c = torch.matmul(a, b)
        return item(lambda: torch.matmul(a, b, out=c), [(c.double() ** 2).sum()])
    import jax, jax.numpy as jnp
    f = jax.jit(jnp.matmul)
    a, b = jnp.asarray(a), jnp.asarray(b)
    return item(lambda: f(a, b).block_until_ready(), [(np.asarray(f(a, b), F64) ** 2).sum()])


for W in PRODUCTS:
    row(W, "numpy", "torch", "jax", dtypes=BOTH)(lambda peer, dtype, w=W: product(w, peer, dtype))


def conv_inputs():
    """3x3, 64 to 64 channels, 56x56, batch 8, padding 1."""
    return wave((8, 64, 56, 56), 1, 0.13, dtype=F32), wave((64, 64, 3, 3), 0.05, 0.29, dtype=F32)


@row("conv", "torch", dtypes=(F32,))
def _(peer, dtype):
    import torch
    x, k = (torch.from_numpy(a).requires_grad_() for a in conv_inputs())

    def evaluate():
        y = torch.nn.functional.conv2d(x, k, padding=1)
        return torch.autograd.grad((y * y).sum() / 2, (x, k))
    return item(evaluate, [(g.double() ** 2).sum() for g in evaluate()])


@row("conv", "jax", dtypes=(F32,))
def _(peer, dtype):
    import jax, jax.numpy as jnp

    def loss(x, k):
        y = jax.lax.conv_general_dilated(x, k, (1, 1), [(1, 1)] * 2, dimension_numbers=("NCHW", "OIHW", "NCHW"))
        return (y * y).sum() / 2
    f = jax.jit(jax.grad(loss, (0, 1)))
    x, k = map(jnp.asarray, conv_inputs())
    return item(lambda: jax.block_until_ready(f(x, k)), [(np.asarray(g, F64) ** 2).sum() for g in f(x, k)])


def depthwise_inputs():
    """3x3, 64 groups of one channel, 56x56, batch 8, padding 1."""
    return wave((8, 64, 56, 56), 1, 0.13, dtype=F32), wave((64, 1, 3, 3), 0.5, 0.29, dtype=F32)


@row("conv.depthwise", "torch", dtypes=(F32,))
def _(peer, dtype):
    import torch
    x, k = (torch.from_numpy(a).requires_grad_() for a in depthwise_inputs())

    def evaluate():
        y = torch.nn.functional.conv2d(x, k, padding=1, groups=64)
        return torch.autograd.grad((y * y).sum() / 2, (x, k))
    return item(evaluate, [(g.double() ** 2).sum() for g in evaluate()])


@row("conv.depthwise", "jax", dtypes=(F32,))
def _(peer, dtype):
    import jax, jax.numpy as jnp

    def loss(x, k):
        y = jax.lax.conv_general_dilated(x, k, (1, 1), [(1, 1)] * 2, dimension_numbers=("NCHW", "OIHW", "NCHW"), feature_group_count=64)
        return (y * y).sum() / 2
    f = jax.jit(jax.grad(loss, (0, 1)))
    x, k = map(jnp.asarray, depthwise_inputs())
    return item(lambda: jax.block_until_ready(f(x, k)), [(np.asarray(g, F64) ** 2).sum() for g in f(x, k)])


def attention_inputs():
    """q, k and v of 4 heads, 2048 tokens, width 64."""
    return [wave((4, 2048, 64), 1, f, dtype=F32) for f in (0.37, 0.11, 0.23)]


@row("attention2048", "torch", dtypes=(F32,))
def _(peer, dtype):
    import torch
    q, k, v = (torch.from_numpy(a).requires_grad_() for a in attention_inputs())

    def evaluate():
        y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return torch.autograd.grad((y * y).sum() / 2, (q, k, v))
    return item(evaluate, [(g.double() ** 2).sum() for g in evaluate()])


@row("attention2048", "jax", dtypes=(F32,))
def _(peer, dtype):
    import jax, jax.numpy as jnp

    def loss(q, k, v):  # heads come third there
        y = jax.nn.dot_product_attention(*(a.transpose(1, 0, 2)[None] for a in (q, k, v)), is_causal=True)
        return (y * y).sum() / 2
    f = jax.jit(jax.grad(loss, (0, 1, 2)))
    q, k, v = map(jnp.asarray, attention_inputs())
    return item(lambda: jax.block_until_ready(f(q, k, v)), [(np.asarray(g, F64) ** 2).sum() for g in f(q, k, v)])
