"""Writes programs of jax as StableHLO, with inputs and outputs as numbers: python make.py, in this folder. Made with jax 0.10.2."""
import json
import re

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

jax.config.update("jax_enable_x64", True)
rng = np.random.default_rng(1)


def array(a):
    a = np.asarray(a)
    kind = {"uint64": "int64", "int8": "int32", "int16": "int32", "uint8": "int32", "uint16": "int32", "uint32": "int64", "float16": "float32", "bfloat16": "float32"}.get(str(a.dtype), str(a.dtype))
    return {"dtype": kind, "shape": list(a.shape), "data": [str(int(v)) if "int" in kind else repr(float(v)) for v in a.astype(kind).ravel()]}


def golden(name, f, *args, gradient=None, exported=False):
    """gradient: a function of the same arguments to differentiate, whose text is not written: d(sum of the outputs) by the first input, as jax has it."""
    args = [jnp.asarray(a) for a in args]
    with open(name + ".mlir", "w") as out:
        text = export.export(jax.jit(f))(*args).mlir_module() if exported else jax.jit(f, keep_unused=True).lower(*args).as_text()
        out.write(re.sub(r'loc\("/[^"]*"', 'loc("file"', text))
    outputs = jax.tree.leaves(f(*args))
    data = {"inputs": [array(a) for a in args], "outputs": [array(o) for o in outputs]}
    if gradient:
        data["gradient"] = array(jax.grad(lambda x, *r: sum(jnp.sum(o) for o in jax.tree.leaves(f(x, *r)) if o.dtype == x.dtype))(*args))
    with open(name + ".json", "w") as out:
        json.dump(data, out, indent=None, separators=(",", ":"))
        out.write("\n")


def normal(*shape, dtype=np.float64):
    return rng.standard_normal(shape).astype(dtype)


x = np.array([-2.5, -1.5, -0.5, 0.3, 0.5, 1.7])
golden("elementwise", lambda x, y: (jnp.abs(x), jnp.cbrt(x), jnp.ceil(x), jnp.cos(x), jnp.exp(x), jnp.expm1(x), jnp.floor(x), jnp.isfinite(x / (y - y)), jnp.log(y), jnp.log1p(y), jax.nn.sigmoid(x), -x, jnp.round(x), jax.lax.round(x), jax.lax.rsqrt(y), jnp.sign(x), jnp.sin(x), jnp.sqrt(y), jnp.tan(x), jnp.tanh(x), x + y, x - y, x * y, x / y, jnp.maximum(x, y), jnp.minimum(x, y), y**x, jax.lax.rem(x, y), jnp.arctan2(x, y), x < y, x <= y, x > y, x >= y, x == y, x != y, jnp.where(x > 0, x, y), jax.lax.clamp(-1.0, x, y), x.astype(jnp.int32), x.astype(jnp.float32), x > 0), x, np.abs(x) + 0.25)
golden("special", lambda x: (jax.lax.erf(x), jax.lax.erfc(x), jax.lax.erf_inv(x / 3), jax.lax.lgamma(x), jax.lax.digamma(x), jnp.sinh(x), jnp.cosh(x), jnp.arcsinh(x), jnp.arctan(x), jnp.arcsin(x / 3), jnp.arccos(x / 3), jnp.arctanh(x / 3), jnp.arccosh(jnp.abs(x) + 1)), x, gradient=True)
i = np.array([-7, -1, 0, 3, 12], np.int32)
golden("integers", lambda i, j, b: (i + j, i * j, i - j, jax.lax.div(i, j), jax.lax.rem(i, j), i & j, i | j, i ^ j, ~i, i << 3, i >> 1, jnp.maximum(i, j), jnp.abs(i), jnp.sign(i), i.astype(jnp.int64), i.astype(jnp.float32), b & (i > 0), b | (i > 0), b ^ (i > 0), ~b, jnp.any(b), jnp.all(b), jnp.sum(b), jnp.sum(i), jnp.max(i), jnp.min(i), i // j, i % j), i, np.array([2, 3, -4, 5, 7], np.int32), i > -2)
m = normal(3, 4)
golden("shapes", lambda x: (x.T, x.reshape(2, 6), x[::-1, 1:3], x[1:, ::2], jnp.concatenate([x, x[:1]]), jnp.pad(x, ((1, 2), (0, 1)), constant_values=7.0), jax.lax.pad(x, 1.5, ((-1, 2, 1), (1, -1, 2))), jnp.broadcast_to(x[:, None], (3, 2, 4)), jnp.arange(5), jnp.eye(3), jnp.tril(x), jnp.roll(x, 1, 0), jnp.tile(x, (2, 1)), jnp.repeat(x, 2, axis=1), jax.lax.dynamic_slice(x, (1, 5), (2, 2)), jax.lax.dynamic_update_slice(x, jnp.ones((2, 2)), (1, 1)), jnp.array([np.nan, np.inf, -np.inf]), jnp.array([[1.5, 2.5], [3.5, 4.5]], jnp.float32)), m, gradient=True)
golden("reductions", lambda x: (jnp.sum(x), jnp.sum(x, 0), jnp.prod(x, 1), jnp.max(x, 1), jnp.min(x, 0, keepdims=True), jnp.mean(x), jnp.std(x, 1), jnp.var(x), jax.nn.logsumexp(x, 1), jax.nn.softmax(x, 1), jnp.argmax(x, 1), jnp.argmin(x, 0), jnp.linalg.norm(x)), m, gradient=True)
golden("reducers", lambda x, i: (jax.lax.reduce(x, 2.0, lambda a, b: a * 0.5 + b, (1,)), jax.lax.reduce((x, i), (0.0, np.int32(1)), lambda a, b: (a[0] + b[0], a[1] * b[1]), (0,)), jax.lax.reduce(x, 0.5, jax.lax.max, (0, 1)), jnp.argmax(i, 1), jnp.argmin(i)), m, np.arange(12, dtype=np.int32).reshape(3, 4))
golden("products", lambda a, b, c: (a @ b, jnp.einsum("ij,kj->ik", a, a), jnp.einsum("bij,bjk->bik", c, c), jnp.einsum("bij,kj->bki", c, c[0]), jnp.dot(a[0], b[:, 0]), jnp.outer(a[0], b[:, 0])), normal(3, 4), normal(4, 2), normal(2, 3, 3), gradient=True)


def mlp(w1, b1, w2, b2, x, y):
    h = jnp.tanh(x @ w1 + b1)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(h @ w2 + b2), y[:, None], 1))


params = normal(4, 5), normal(5), normal(5, 3), normal(3), normal(6, 4), np.array([0, 1, 2, 2, 1, 0], np.int32)
golden("mlp", mlp, *params, gradient=True)
golden("mlp_gradient", jax.grad(mlp, (0, 1, 2, 3)), *params)
golden("mlp_f32", lambda *a: jax.value_and_grad(mlp, (0, 1))(*a), *[a.astype(np.float32) if a.dtype == np.float64 else a for a in params])


def layer_norm(x, g, b):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / jnp.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5) * g + b


golden("layer_norm", layer_norm, normal(3, 5), normal(5), normal(5), gradient=True)


def attention(x, wq, wk, wv):
    q, k, v = ((x @ w).reshape(2, 3, 2, 2).transpose(0, 2, 1, 3) for w in (wq, wk, wv))
    s = q @ k.swapaxes(-1, -2) / 2**0.5
    s = jnp.where(jnp.tril(jnp.ones((3, 3), bool)), s, -jnp.inf)
    return (jax.nn.softmax(s, -1) @ v).transpose(0, 2, 1, 3).reshape(2, 3, 4)


golden("attention", attention, normal(2, 3, 4), normal(4, 4), normal(4, 4), normal(4, 4), gradient=True)


def rnn(h, w, xs):
    def step(h, x):
        h = jnp.tanh(w @ h + x)
        return h, h.sum()

    return jax.lax.scan(step, h, xs)


golden("scan", rnn, normal(3), normal(3, 3), normal(5, 3), gradient=True)
golden("scan_gradient", jax.grad(lambda *a: sum(jnp.sum(o) for o in rnn(*a)), (0, 1)), normal(3), normal(3, 3), normal(5, 3))
golden("while", lambda x: jax.lax.while_loop(lambda c: jnp.sum(c[1]) < 100, lambda c: (c[0] + 1, c[1] * 1.5), (0, x)), np.abs(normal(4)))
golden("fori", lambda x: jax.lax.fori_loop(0, 6, lambda i, c: jnp.sin(c) + i, x), normal(4), gradient=None)
golden("cond", lambda x, i: (jax.lax.cond(x[0] > 0, jnp.sin, jnp.cos, x), jax.lax.switch(i, [jnp.exp, jnp.tanh, lambda x: x * 2], x)), normal(4), np.int32(1), gradient=True)
v = np.array([3.0, -1.0, 2.0, 2.0, 7.0, 0.5])
golden("sort", lambda x, y, i: (jnp.sort(x), jnp.argsort(x), -jnp.sort(-x), jax.lax.sort((x, y), num_keys=1), jnp.sort(i), jnp.argsort(i), jax.lax.top_k(x, 3), jnp.median(x), jnp.sort(x.astype(jnp.float32))), v, normal(6), np.array([4, -2, 9, 0], np.int32), gradient=True)
golden("gather", lambda x, i: (x[i], jnp.take(x, i, axis=1), x[i, i], jnp.take_along_axis(x, i[None], 1), x[1], x[:, -1], jnp.take(x, i, axis=0, mode="clip"), jax.nn.one_hot(i, 4), jax.lax.dynamic_index_in_dim(x, i[0])), normal(4, 4), np.array([2, 0, 3, -1], np.int32), gradient=True)
golden("scatter", lambda x, u, i: (x.at[i].add(u), x.at[i].set(2.0), x.at[i].multiply(u), x.at[i].max(u), x.at[:, i].min(0.5), x.at[i, i].add(1.0), x.at[1].set(5.0), x.at[9].add(1.0), jax.ops.segment_sum(u, i, 4), jnp.bincount(i, length=4)), normal(4, 3), normal(3, 3), np.array([2, 0, 1], np.int32), gradient=True)
golden("cumulative", lambda x: (jnp.cumsum(x, 1), jnp.cumprod(x, 0), jax.lax.cummax(x, 1), jax.lax.cummin(x, 1, reverse=True), jax.lax.cumsum(x, 0, reverse=True)), m, gradient=True)


def cnn(x, w, v):
    x = jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    x = jax.lax.reduce_window(jax.nn.relu(x), -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = jax.lax.conv_general_dilated(x, v, (2, 1), [(1, 1), (0, 2)], rhs_dilation=(1, 2), dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, 2, 2, 1), (1, 1, 1, 1), "SAME") / 4


cnn_args = normal(2, 6, 6, 2), normal(3, 3, 2, 3), normal(2, 2, 3, 2)
golden("cnn", cnn, *cnn_args, gradient=True)
golden("cnn_gradient", jax.grad(lambda *a: jnp.sum(jnp.sin(cnn(*a))), (0, 1, 2)), *cnn_args)
golden("convolutions", lambda x, w, d: (jax.lax.conv_general_dilated(x, w, (1,), [(2, 1)]), jax.lax.conv_general_dilated(x, w, (1,), [(2, 1)], lhs_dilation=(2,)), jax.lax.conv_general_dilated(x, d, (1,), "VALID", feature_group_count=2)), normal(2, 4, 7), normal(3, 4, 3), normal(6, 2, 2), gradient=True)


def exported(x, w):  # constants stand around the regions that use them, and all has locations
    y, ys = jax.lax.scan(lambda c, a: (c + jnp.where(a > 0, a, 0.5), jnp.sum(c)), jnp.zeros(3), x @ w)
    return y, ys, jnp.sort(x), jnp.argsort(x[0]), jnp.argmax(x, 1), jax.lax.top_k(x[1], 2), jax.nn.gelu(x), jax.nn.log_softmax(x), jnp.median(x), jnp.cumsum(x), jnp.clip(x, -1, 1), jnp.nan_to_num(x), x.at[1].add(w[:, 0])


golden("exported", exported, normal(5, 4), normal(4, 3), gradient=True, exported=True)

golden("sort_keys", lambda x, i, y: (jax.lax.sort((x, i, y), num_keys=2), jax.lax.sort((i, x, y), num_keys=3), jnp.lexsort((y, i, x))), np.array([1.0, 0.0, np.nan, -0.0, 1.0, np.nan, -2.0]), np.array([3, 1, 2, 1, 0, 1, 5], np.int32), normal(7))
golden("sort_keys_exported", lambda x, i: jax.lax.sort((i, x, -x), num_keys=2), np.array([1.0, 0.0, 3.0, -0.0, 1.0, 2.0, -2.0], np.float32), np.array([1, 1, 2, 1, 1, 2, 5], np.int32), exported=True)


def of_integers(a, b):
    return a + b, a - b, a * b, a & b, a | b, a ^ b, ~a, -a, a << 1, a >> 1, jax.lax.shift_right_logical(a, b & 3), jax.lax.population_count(a), jax.lax.clz(a), jnp.maximum(a, b), jnp.minimum(a, b), a < b, a == b, jnp.sum(a, dtype=a.dtype), jnp.max(a), jnp.sort(a), a[::-1], a.astype(jnp.int32), a.astype(jnp.int64), a.astype(jnp.float64), jnp.cumsum(a, dtype=a.dtype), jnp.where(a < b, a, b), a.astype(jnp.int8), a.astype(jnp.uint16), a.astype(jnp.uint32), jax.lax.div(a, b), jax.lax.rem(a, b)


for kind in (np.int8, np.uint8, np.int16, np.uint16, np.uint32, np.int32, np.int64):
    top, low = np.iinfo(kind).max, np.iinfo(kind).min
    golden("integers_" + kind.__name__, of_integers, np.array([top, top - 1, low, low + 1, 1, 7, top // 3], kind), np.array([1, top, 3, top // 2, 2, 5, 7], kind))
golden("integers_uint64", lambda a, b: (a + b, a * b, a ^ b, ~a, a << 3, jax.lax.shift_right_logical(a, b & 63), jax.lax.population_count(a), jax.lax.clz(a), a.astype(jnp.uint32), a.astype(jnp.int32), a == b, a[1:3], jnp.stack([a, b])), np.array([2**64 - 1, 2**63, 5, 0], np.uint64), np.array([2**63 + 7, 63, 5, 1], np.uint64))
f = np.array([1.5, -0.0, 0.0, 3e38, -1e-40, 1e-45, np.inf, -np.inf, 0.1, -7.25], np.float32)
golden("bits", lambda x, y, i, j: (jax.lax.bitcast_convert_type(x, jnp.int32), jax.lax.bitcast_convert_type(x, jnp.uint32), jax.lax.bitcast_convert_type(y, jnp.int64), jax.lax.bitcast_convert_type(i, jnp.float32), jax.lax.bitcast_convert_type(j, jnp.float64)), f, np.array([1.5, -0.0, 1e308, 5e-324, -1e-310, np.inf, 0.1]), f.view(np.int32), np.array([1.5, -0.0, 1e308, 5e-324, -np.inf]).view(np.int64))
golden("half", lambda x: (x.astype(jnp.float16) * jnp.float16(0.5), x.astype(jnp.bfloat16) + jnp.bfloat16(1.25), x.astype(jnp.float16).astype(jnp.float32), jnp.array([1.5, np.inf, -2.0, 6e-8], jnp.float16), jnp.array([1.5, -np.inf, 3.0], jnp.bfloat16)), np.array([1.5, -2.0, 8.0], np.float32))
golden("random", lambda key: (jax.random.uniform(key, (5,), jnp.float32), jax.random.normal(key, (2, 3), jnp.float32), jax.random.randint(key, (4,), 0, 100, jnp.int32), jax.random.split(key), jax.random.permutation(key, 6), jax.random.bernoulli(key, 0.3, (5,))), np.array([3, 2**32 - 5], np.uint32))


def fourier(x, y):
    kind, z = jax.lax.FftType, jax.lax.complex(x, y)
    transforms = jax.lax.fft(z, kind.FFT, (4, 6)), jax.lax.fft(z, kind.IFFT, (6,)), jax.lax.fft(x, kind.RFFT, (4, 6)), jax.lax.fft(x, kind.RFFT, (6,))
    return [f(t) for t in transforms for f in (jax.lax.real, jax.lax.imag)] + [jax.lax.fft(jax.lax.complex(x[:, :4], y[:, :4]) + jax.lax.complex(x[:, 2:], y[:, 2:]), kind.IRFFT, (4, 6)), jax.lax.fft(z, kind.IRFFT, (11,))]


golden("fourier", fourier, normal(4, 6), normal(4, 6), gradient=True)
