"""Writes the vectors with which internal/agreement compares Adjoint: values and derivatives of many functions by JAX and PyTorch.

    python internal/bench/python/vectors.py > internal/agreement/testdata/vectors.jsonl

The first line names the versions. Each further line is a case: a name that the Go side knows, who computed it, the operands (whose elements
are multiples of 1/1024), the value, the gradient of Σ w·value by each float operand, and the gradient of Σ v·gradient (second order), with
w and v as in weights(). Everything is float64; several results of a function are joined.
"""
import json
import sys

import jax
import jax.numpy as jnp
import jax.scipy.linalg as jsl
import jax.scipy.special as jsp
import numpy as np
import torch
import torch.nn.functional as F

jax.config.update("jax_enable_x64", True)
CASES = []


def spread(lo, hi, *shape, phase=0.0):
    """Elements between lo and hi, exact in float32."""
    n = int(np.prod(shape)) if shape else 1
    x = lo + (hi - lo) * (0.5 + 0.5 * np.sin(1.7 * np.arange(n) + 0.13 * np.arange(n) ** 2 + 0.3 + phase))
    return (np.round(x * 1024) / 1024).reshape(shape)


def weights(n, phase):
    return 0.75 + 0.5 * np.sin(0.9 * np.arange(n) + phase)


def case(name, function, *operands, peer="jax", second=True, gradient=True):
    CASES.append((name, peer, function, operands, gradient, second))


def joined(outputs, concatenate, flatten):
    if not isinstance(outputs, (tuple, list)):
        outputs = (outputs,)
    return concatenate([flatten(o) for o in outputs])


def run_jax(function, operands, gradient, second):
    floats = [i for i, x in enumerate(operands) if np.asarray(x).dtype == np.float64]
    where = [jnp.asarray(operands[i]) for i in floats]

    def value(*xs):
        full = [jnp.asarray(x) for x in operands]
        for i, x in zip(floats, xs):
            full[i] = x
        return joined(function(*full), jnp.concatenate, lambda o: jnp.ravel(jnp.asarray(o, jnp.float64)))

    y = value(*where)
    record = {"value": y}
    if gradient and where:
        def cost(*xs):
            return jnp.sum(weights(y.size, 0.0) * value(*xs))
        grad = jax.grad(cost, argnums=tuple(range(len(where))))
        record["gradient"] = grad(*where)
        if second:
            def slope(*xs):
                return sum(jnp.sum(weights(g.size, 1.0).reshape(g.shape) * g) for g in grad(*xs))
            record["second"] = jax.grad(slope, argnums=tuple(range(len(where))))(*where)
    return record


def run_torch(function, operands, gradient, second):
    full = [torch.tensor(x) for x in operands]
    floats = [x for x in full if x.dtype == torch.float64]
    for x in floats:
        x.requires_grad_()
    y = joined(function(*full), torch.cat, lambda o: o.double().reshape(-1))
    record = {"value": y.detach().numpy()}
    if gradient and floats:
        cost = (torch.tensor(weights(y.numel(), 0.0)) * y).sum()
        grads = torch.autograd.grad(cost, floats, create_graph=second)
        record["gradient"] = [g.detach().numpy() for g in grads]
        if second:
            slope = sum((torch.tensor(weights(g.numel(), 1.0)).reshape(g.shape) * g).sum() for g in grads)
            seconds = [None] * len(floats)
            if slope.requires_grad:
                seconds = torch.autograd.grad(slope, floats, allow_unused=True)
            record["second"] = [np.zeros(x.shape) if s is None else s.numpy() for s, x in zip(seconds, floats)]
    return record


def numbers(x):
    return [float("%.17g" % v) for v in np.asarray(x, np.float64).reshape(-1)]


def main():
    print(json.dumps({"jax": jax.__version__, "torch": torch.__version__.split("+")[0], "numpy": np.__version__}))
    for name, peer, function, operands, gradient, second in CASES:
        operands = [np.asarray(x) for x in operands]
        try:
            record = (run_jax if peer == "jax" else run_torch)(function, operands, gradient, second)
        except Exception as e:  # a peer without a derivative: the case is to be marked so
            print("%s: %s" % (name, str(e).splitlines()[0]), file=sys.stderr)
            continue
        line = {"name": name, "peer": peer, "operands": [
            {"dtype": {"f": "f64", "i": "i64", "b": "bool"}[x.dtype.kind], "shape": list(x.shape), "data": numbers(x)} for x in operands]}
        line["value"] = numbers(record["value"])
        for key in ("gradient", "second"):
            if key in record:
                line[key] = [numbers(g) for g in record[key]]
                bad = not all(np.all(np.isfinite(g)) for g in line[key])
                if bad:
                    print("%s: %s is not finite" % (name, key), file=sys.stderr)
        print(json.dumps(line, separators=(",", ":")))


def unary(name, function, lo, hi, **kind):
    case(name, function, spread(lo, hi, 3, 5), **kind)


unary("abs", jnp.abs, -2, 2)
unary("neg", jnp.negative, -2, 2)
unary("sign", jnp.sign, -2, 2)
unary("square", jnp.square, -2, 2)
unary("reciprocal", jnp.reciprocal, 0.4, 2)
unary("sqrt", jnp.sqrt, 0.2, 4)
unary("rsqrt", jax.lax.rsqrt, 0.2, 4)
unary("cbrt", jnp.cbrt, 0.2, 4)
unary("exp", jnp.exp, -3, 3)
unary("exp2", jnp.exp2, -3, 3)
unary("expm1", jnp.expm1, -1, 1)
unary("log", jnp.log, 0.1, 4)
unary("log2", jnp.log2, 0.1, 4)
unary("log10", jnp.log10, 0.1, 4)
unary("log1p", jnp.log1p, -0.6, 3)
unary("sin", jnp.sin, -6, 6)
unary("cos", jnp.cos, -6, 6)
unary("tan", jnp.tan, -1.2, 1.2)
unary("asin", jnp.arcsin, -0.9, 0.9)
unary("acos", jnp.arccos, -0.9, 0.9)
unary("atan", jnp.arctan, -3, 3)
unary("sinh", jnp.sinh, -2, 2)
unary("cosh", jnp.cosh, -2, 2)
unary("tanh", jnp.tanh, -2, 2)
unary("asinh", jnp.arcsinh, -3, 3)
unary("acosh", jnp.arccosh, 1.2, 4)
unary("atanh", jnp.arctanh, -0.9, 0.9)
unary("sigmoid", jax.nn.sigmoid, -4, 4)
unary("softplus", jax.nn.softplus, -4, 4)
unary("log_sigmoid", jax.nn.log_sigmoid, -4, 4)
unary("relu", jax.nn.relu, -2, 2)
unary("elu", lambda x: jax.nn.elu(x, 0.7), -2, 2)
unary("leaky_relu", lambda x: jax.nn.leaky_relu(x, 0.1), -2, 2)
unary("selu", jax.nn.selu, -2, 2)
unary("gelu", lambda x: jax.nn.gelu(x, approximate=False), -3, 3)
unary("gelu_tanh", lambda x: jax.nn.gelu(x, approximate=True), -3, 3)
unary("silu", jax.nn.silu, -3, 3)
unary("logit", jsp.logit, 0.1, 0.9)
unary("erf", jsp.erf, -2, 2)
unary("erfc", jsp.erfc, -2, 2)
unary("erfinv", jsp.erfinv, -0.9, 0.9)
unary("lgamma", jsp.gammaln, 0.3, 5)
unary("digamma", jsp.digamma, 0.3, 5)
unary("polygamma", lambda x: jsp.polygamma(2, x), 0.4, 5)
unary("sinc", jnp.sinc, -3.3, 3.3)
unary("bessel_i0e", jsp.i0e, 0.3, 4)
unary("bessel_i1e", jsp.i1e, 0.3, 4)
unary("floor", jnp.floor, -3, 3)
unary("ceil", jnp.ceil, -3, 3)
unary("trunc", jnp.trunc, -3, 3)
unary("round", jnp.round, -3, 3)


def binary(name, function, a, b, **kind):
    """Broadcast operands."""
    case(name, function, spread(*a, 3, 1, 4), spread(*b, 2, 4, phase=2.0), **kind)


binary("add", jnp.add, (-2, 2), (-2, 2))
binary("sub", jnp.subtract, (-2, 2), (-2, 2))
binary("mul", jnp.multiply, (-2, 2), (-2, 2))
binary("div", jnp.divide, (-2, 2), (0.5, 2))
binary("pow", jnp.power, (0.3, 3), (-2, 2))
binary("max", jnp.maximum, (-2, 2), (-2, 2.1))
binary("min", jnp.minimum, (-2, 2), (-2, 2.1))
binary("atan2", jnp.arctan2, (0.3, 2), (-2, 2))
binary("hypot", jnp.hypot, (0.3, 2), (-2, 2))
binary("mod", jnp.mod, (-5, 5), (0.7, 2))
binary("remainder", jnp.fmod, (-5, 5), (0.7, 2))
binary("copysign", jnp.copysign, (-2, 2), (-2, 2.1), second=False)
binary("xlogy", jsp.xlogy, (0.2, 2), (0.3, 3))
binary("xlog1py", jsp.xlog1py, (0.2, 2), (-0.5, 3))
binary("logaddexp", jnp.logaddexp, (-3, 3), (-3, 3))
binary("igamma", jsp.gammainc, (0.5, 4), (0.3, 5), second=False)
binary("igammac", jsp.gammaincc, (0.5, 4), (0.3, 5), second=False)
unary("bessel_i", jsp.i0, -4, 4)
unary("bessel_i1", jsp.i1, 0.3, 4)
# PyTorch 2.15's bessel_j0, bessel_j1 and bessel_y0 are off by 1e-8 and more; mpmath's values are in internal/elem/ulp/testdata.
unary("bessel_k", torch.special.modified_bessel_k0, 0.2, 9, peer="torch", gradient=False)
unary("bessel_ke", torch.special.scaled_modified_bessel_k1, 0.2, 9, peer="torch", gradient=False)
unary("erfcx", torch.special.erfcx, -2, 9, peer="torch")
unary("log_ndtr", jsp.log_ndtr, -9, 3)
unary("ndtri", jsp.ndtri, 0.01, 0.99)
unary("zeta", lambda x: jsp.zeta(2.5, x), 0.4, 5)
case("ldexp", jnp.ldexp, spread(-2, 2, 3, 5), np.array([-3, 0, 2, 5, 9]))
case("nextafter", jnp.nextafter, spread(-2, 2, 12), spread(-2, 2, 12, phase=1), gradient=False)
INTEGERS = np.array([[0, 7, -12, 2**40, -(2**33) + 5]]).T, np.array([5, -6, 18, 2**35, 3])
for name, function in {"bitwise_and": jnp.bitwise_and, "bitwise_or": jnp.bitwise_or, "bitwise_xor": jnp.bitwise_xor, "gcd": jnp.gcd}.items():
    case(name, function, *INTEGERS, gradient=False)
for name, function in {"shift_left": jnp.left_shift, "shift_right": jnp.right_shift}.items():
    case(name, function, INTEGERS[0], np.array([0, 3, 5]), gradient=False)
case("pinv", torch.linalg.pinv, spread(-2, 2, 2, 3, 4), peer="torch")
binary("outer", lambda a, b: jnp.outer(a, b), (-2, 2), (-2, 2))
binary("kron", lambda a, b: jnp.kron(a.reshape(3, 4), b), (-2, 2), (-2, 2))
case("betainc", lambda a, b, x: jsp.betainc(jax.lax.stop_gradient(a), jax.lax.stop_gradient(b), x), spread(0.6, 3, 8), spread(0.6, 3, 8, phase=1), spread(0.1, 0.9, 8, phase=2))
case("fma", lambda x, y, z: x * y + z, spread(-2, 2, 3, 4), spread(-2, 2, 4, phase=1), spread(-2, 2, 3, 1, phase=2))
case("lerp", lambda a, b, t: a + t * (b - a), spread(-2, 2, 3, 4), spread(-2, 2, 4, phase=1), spread(0, 1, 3, 1, phase=2))
case("clip", lambda x, lo, hi: jnp.clip(x, lo, hi), spread(-2, 2, 3, 5), spread(-1.5, -0.5, 5, phase=1), spread(0.5, 1.5, 5, phase=2))
case("where", lambda c, x, y: jnp.where(c, x, y), spread(-1, 1, 3, 4) > 0, spread(-2, 2, 3, 4), spread(-2, 2, 4, phase=1))
case("equal", lambda x, y: jnp.equal(x, y), spread(-2, 2, 6), np.where(np.arange(6) % 2, spread(-2, 2, 6), 0.5), gradient=False)
case("less", lambda x, y: jnp.less(x, y), spread(-2, 2, 6), spread(-2, 2, 6, phase=1), gradient=False)

M = spread(-2, 2, 2, 3, 4)
case("reduce_sum", lambda x: jnp.sum(x, (0, 2)), M)
case("reduce_mean", lambda x: jnp.mean(x, (1,)), M)
case("reduce_max", lambda x: jnp.max(x, (2,)), M)
case("reduce_min", lambda x: jnp.min(x, (0,)), M)
case("reduce_prod", lambda x: jnp.prod(x, (1,)), M)
case("reduce_var", lambda x: jnp.var(x, (2,), ddof=1), M)
case("reduce_std", lambda x: jnp.std(x, (0, 1), ddof=0), M)
case("reduce_l1", lambda x: jnp.sum(jnp.abs(x), 2), M)
case("reduce_l2", lambda x: jnp.sqrt(jnp.sum(x * x, (1, 2))), M)
case("reduce_linf", lambda x: jnp.max(jnp.abs(x), 1), spread(-2, 1.9, 2, 3, 4, phase=0.4))
case("logsumexp", lambda x: jsp.logsumexp(x, 2), M)
case("softmax", lambda x: jax.nn.softmax(x, 1), M)
case("log_softmax", lambda x: jax.nn.log_softmax(x, 2), M)
case("argmax", lambda x: jnp.argmax(x, 1), M, gradient=False)
case("argmin", lambda x: jnp.argmin(x, 2), M, gradient=False)
case("count_nonzero", lambda x: jnp.count_nonzero(x > 0, 1), M, gradient=False)
SEGMENTS = np.array([0, 2, 0, 1, 2, 2])
case("segment_sum", lambda x, s: jax.ops.segment_sum(x, s, 3), spread(-2, 2, 6, 2), SEGMENTS)
case("segment_max", lambda x, s: jax.ops.segment_max(x, s, 3), spread(-2, 2, 6, 2), SEGMENTS)
case("segment_min", lambda x, s: jax.ops.segment_min(x, s, 3), spread(-2, 2, 6, 2), SEGMENTS)
case("segment_prod", lambda x, s: jnp.stack([jnp.prod(jnp.where((s == k)[:, None], x, 1), 0) for k in range(3)]), spread(-2, 2, 6, 2), SEGMENTS)
case("cumsum", lambda x: jnp.cumsum(x, 1), M)
case("cumsum_reverse", lambda x: jax.lax.cumsum(x, 1, reverse=True), M)
case("cumprod", lambda x: jnp.cumprod(x, 2), M)
case("cummax", lambda x: jax.lax.cummax(x, 2), M)
case("cummin", lambda x: jax.lax.cummin(x, 1), M)
case("cumlogsumexp", lambda x: jax.lax.cumlogsumexp(x, 2), M)


def recurrence(a, b):
    def step(y, ab):
        y = ab[0] * y + ab[1]
        return y, y
    return jax.lax.scan(step, jnp.zeros(a.shape[1:]), (a, b))[1]


case("linear_recurrence", recurrence, spread(-0.9, 0.9, 6, 2), spread(-2, 2, 6, 2, phase=1))
case("sort", lambda x: jnp.sort(x, 2), M)
case("argsort", lambda x: jnp.argsort(x, 1), M, gradient=False)
case("top_k", lambda x: jax.lax.top_k(x, 2)[0], M)
case("searchsorted", lambda s, v: jnp.searchsorted(s, v), np.array([-1.0, 0.0, 0.5, 2.0]), spread(-2, 3, 7), gradient=False)
case("interp", lambda x, a, v: jnp.interp(x, a, v), spread(-0.9, 2.9, 7), np.array([-1.0, 0.0, 0.75, 2.0, 3.0]), spread(-2, 2, 5, phase=1), second=False)

case("reshape", lambda x: x.reshape(6, 4), M)
case("transpose", lambda x: jnp.transpose(x, (2, 0, 1)), M)
case("broadcast_to", lambda x: jnp.broadcast_to(x, (3, 2, 4)), spread(-2, 2, 2, 1))
case("concat", lambda x, y: jnp.concatenate([x, y], 1), spread(-2, 2, 2, 3), spread(-2, 2, 2, 2, phase=1))
case("stack", lambda x, y: jnp.stack([x, y], 1), spread(-2, 2, 2, 3), spread(-2, 2, 2, 3, phase=1))
case("pad", lambda x: jnp.pad(x, ((1, 0), (2, 1)), constant_values=0.5), spread(-2, 2, 2, 3))
for mode in ("edge", "reflect", "symmetric", "wrap"):
    case("pad_" + mode, lambda x, mode=mode: jnp.pad(x, ((1, 1), (2, 1)), mode=mode), spread(-2, 2, 3, 4))
case("slice", lambda x: x[:, 2:0:-1, ::2], M)
case("reverse", lambda x: jnp.flip(x, (0, 2)), M)
case("roll", lambda x: jnp.roll(x, 3, 2), M)
case("tile", lambda x: jnp.tile(x, (2, 1, 2)), M)
case("repeat", lambda x: jnp.repeat(x, 3, 1), M)
case("diag", lambda x: jnp.diag(x, 1), spread(-2, 2, 4))
case("diag_part", lambda x: jnp.diagonal(x, -1, 0, 1), spread(-2, 2, 4, 4))
case("tril", lambda x: jnp.tril(x, -1), M)
case("triu", lambda x: jnp.triu(x, 1), M)
case("one_hot", lambda i: jax.nn.one_hot(i, 4), np.array([3, 0, 2]), gradient=False)
INDEX = np.array([[2, 0], [1, 2]])
case("gather", lambda x, i: jnp.take(x, i, axis=1), M, INDEX)
case("take_along_axis", lambda x, i: jnp.take_along_axis(x, i, 1), M, np.arange(2 * 2 * 4).reshape(2, 2, 4) * 5 % 3)
case("dynamic_slice", lambda x, i: jax.lax.dynamic_slice(x, i, (2, 2)), spread(-2, 2, 4, 5), np.array([1, 4]))
case("dynamic_update_slice", lambda x, u, i: jax.lax.dynamic_update_slice(x, u, i), spread(-2, 2, 4, 5), spread(-2, 2, 2, 2, phase=1), np.array([1, 2]))
ROWS = np.array([3, 0, 2])
for name in ("set", "add", "multiply", "max", "min"):
    case("scatter_" + name, lambda x, u, i, name=name: getattr(x.at[i], name)(u, unique_indices=True), spread(-2, 2, 4, 3), spread(-2, 2, 3, 3, phase=1), ROWS)

A, B = spread(-2, 2, 2, 3, 4), spread(-2, 2, 4, 5, phase=1)
case("matmul", jnp.matmul, A, B)
case("einsum", lambda a, b, c: jnp.einsum("bij,jk,ik->bk", a, b, c), A, B, spread(-1, 1, 3, 5, phase=2))
case("dot_general", lambda a, b: jax.lax.dot_general(a, b, (((2,), (1,)), ((0,), (0,)))), A, spread(-2, 2, 2, 4, 3, phase=1))
case("trace", lambda x: jnp.trace(x, axis1=1, axis2=2), spread(-2, 2, 2, 3, 3))
SQUARE = spread(-1, 1, 2, 3, 3) + 2.5 * np.eye(3)
SPD = np.array([[4.0, 1.0, -0.5], [1.0, 3.0, 0.25], [-0.5, 0.25, 2.0]])
RIGHT = spread(-2, 2, 2, 3, 2, phase=1)
case("triangular_solve", lambda a, b: jsl.solve_triangular(jnp.tril(a), b, lower=True), SQUARE[0], RIGHT[0])
case("solve", jnp.linalg.solve, SQUARE, RIGHT)
case("inv", jnp.linalg.inv, SQUARE)
case("det", jnp.linalg.det, SQUARE)
case("slogdet", lambda a: jnp.linalg.slogdet(a)[1], SQUARE)
case("cholesky", lambda a: jnp.linalg.cholesky(a), SPD)
case("lu", lambda a: jsl.lu(a)[1:], spread(-2, 2, 3, 3, phase=0.7))
case("qr", lambda a: tuple(x * jnp.sign(jnp.diag(jnp.linalg.qr(a)[1]))[None, :] if k == 0 else x * jnp.sign(jnp.diag(jnp.linalg.qr(a)[1]))[:, None]
                           for k, x in enumerate(jnp.linalg.qr(a))), spread(-2, 2, 4, 3))
case("eigh", lambda a: (lambda w, v: (w, v * v))(*jnp.linalg.eigh((a + a.T) / 2)), SPD)
case("svd", lambda a: (lambda u, s, vt: (u * u, s, vt * vt))(*jnp.linalg.svd(a, full_matrices=False)), spread(-2, 2, 4, 3))
def eigen(a, function):
    """function of eigenvalues by ascending real part and absolute imaginary part, the positive one of two first, and of their vectors."""
    w, v = torch.linalg.eig(a)
    order = sorted(range(len(w)), key=lambda k: (round(w[k].real.item(), 9), round(abs(w[k].imag.item()), 9), -w[k].imag.item()))
    return function(w[order], v[:, order])


def parts(z):
    return torch.view_as_real(z)


PAIR = np.array([[1.0, -2.0, 0.5], [1.5, 0.75, -1.0], [0.25, 1.0, 3.0]])  # a real eigenvalue and two that are conjugate
PAIRS = spread(-1, 1, 4, 4, phase=0.4) + 2 * np.array([[0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 2], [0, 0, -2, 1]])
REAL = np.triu(spread(-1, 1, 4, 4)) + np.diag([-2.0, 0.5, 2.0, 4.0]) + np.tril(spread(-0.125, 0.125, 4, 4, phase=1), -1)
for name, matrix in {"pair": PAIR, "pairs": PAIRS, "real": REAL}.items():
    case("eig_values_" + name, lambda a: eigen(a, lambda w, v: parts(w)), matrix, peer="torch")
    # of the vectors, what does not depend on their phase
    case("eig_sizes_" + name, lambda a: eigen(a, lambda w, v: parts(v * v.conj())[..., 0]), matrix, peer="torch")
    case("eig_projectors_" + name, lambda a: eigen(a, lambda w, v: parts(v[:, None, :] * v.conj()[None, :, :])), matrix, peer="torch")
    case("eig_both_" + name, lambda a: eigen(a, lambda w, v: parts(torch.einsum("ik,k,kj->ij", v, torch.exp(0.25 * w) * torch.arange(1.0, 1 + len(w)), torch.linalg.inv(v)))), matrix, peer="torch")
case("lstsq", lambda a, b: jnp.linalg.solve(a.T @ a, a.T @ b), spread(-2, 2, 5, 3), spread(-2, 2, 5, 2, phase=1))
case("expm", jsl.expm, spread(-0.8, 0.8, 3, 3))
case("matrix_norm_fro", lambda a: jnp.linalg.norm(a, "fro"), spread(-2, 2, 3, 4))
case("matrix_norm_nuc", lambda a: jnp.sum(jnp.linalg.svd(a, compute_uv=False)), spread(-2, 2, 3, 4))
case("matrix_norm_2", lambda a: jnp.max(jnp.linalg.svd(a, compute_uv=False)), spread(-2, 2, 3, 4))


def tridiagonal(lower, main, upper, b):
    return jnp.linalg.solve(jnp.diag(main) + jnp.diag(lower[1:], -1) + jnp.diag(upper[:-1], 1), b)


case("tridiagonal_solve", tridiagonal, spread(-1, 1, 5), spread(3, 4, 5, phase=1), spread(-1, 1, 5, phase=2), spread(-2, 2, 5, 2, phase=3))

T = dict(peer="torch")
case("conv_1d", lambda x, w: F.conv1d(x, w, stride=2, padding=1, dilation=2), spread(-1, 1, 2, 3, 9), spread(-1, 1, 4, 3, 3, phase=1), **T)
case("conv_2d", lambda x, w: F.conv2d(x, w, stride=(1, 2), padding=(1, 0)), spread(-1, 1, 1, 2, 5, 6), spread(-1, 1, 3, 2, 3, 2, phase=1), **T)
case("conv_groups", lambda x, w: F.conv2d(x, w, padding=1, groups=2), spread(-1, 1, 1, 4, 4, 4), spread(-1, 1, 2, 2, 3, 3, phase=1), **T)
case("conv_3d", lambda x, w: F.conv3d(x, w), spread(-1, 1, 1, 2, 3, 4, 3), spread(-1, 1, 2, 2, 2, 2, 2, phase=1), **T)
case("conv_transpose_1d", lambda x, w: F.conv_transpose1d(x, w, stride=2, padding=1, output_padding=1), spread(-1, 1, 2, 3, 5), spread(-1, 1, 3, 2, 3, phase=1), **T)
case("conv_transpose_2d", lambda x, w: F.conv_transpose2d(x, w, stride=2, dilation=2, groups=2), spread(-1, 1, 1, 4, 3, 3), spread(-1, 1, 4, 1, 2, 2, phase=1), **T)
case("max_pool", lambda x: F.max_pool2d(x, (2, 3), stride=(2, 1), padding=(1, 1)), spread(-1, 1, 1, 2, 5, 6), **T)
case("avg_pool", lambda x: F.avg_pool2d(x, (2, 3), stride=(2, 2), padding=(1, 1), count_include_pad=False), spread(-1, 1, 1, 2, 5, 6), **T)
case("avg_pool_padding", lambda x: F.avg_pool2d(x, 3, stride=2, padding=1), spread(-1, 1, 1, 2, 5, 6), **T)
case("resize_linear", lambda x: F.interpolate(x, size=(7, 3), mode="bilinear", align_corners=False), spread(-1, 1, 1, 2, 4, 5), **T)
case("resize_corners", lambda x: F.interpolate(x, size=(7, 9), mode="bilinear", align_corners=True), spread(-1, 1, 1, 2, 4, 5), **T)
case("resize_nearest", lambda x: F.interpolate(x, size=(7, 3), mode="nearest-exact"), spread(-1, 1, 1, 2, 4, 5), **T)
X, SCALE, BIAS = spread(-2, 2, 4, 3, 5), spread(0.5, 1.5, 5, phase=1), spread(-1, 1, 5, phase=2)
case("layer_norm", lambda x, s, b: F.layer_norm(x, (5,), s, b, 1e-5), X, SCALE, BIAS, **T)
case("rms_norm", lambda x, s: F.rms_norm(x, (5,), s, 1e-5), X, SCALE, **T)
case("batch_norm_training", lambda x, s, b: F.batch_norm(x, None, None, s, b, True, 0.0, 1e-5), X, SCALE[:3], BIAS[:3], **T)
case("batch_norm", lambda x, s, b, m, v: (x - m.view(3, 1)) / torch.sqrt(v.view(3, 1) + 1e-5) * s.view(3, 1) + b.view(3, 1), X, SCALE[:3], BIAS[:3],
     spread(-1, 1, 3), spread(0.5, 2, 3), **T)
LOGITS, CLASSES = spread(-3, 3, 4, 5), np.array([2, 0, 4, 1])
case("cross_entropy", lambda x, c: F.cross_entropy(x, c, reduction="none"), LOGITS, CLASSES, **T)
case("softmax_cross_entropy", lambda x, p: F.cross_entropy(x, p, reduction="none"), LOGITS, spread(0.1, 0.9, 4, 5, phase=1), **T)
case("sigmoid_cross_entropy", lambda x, p: F.binary_cross_entropy_with_logits(x, p, reduction="none"), LOGITS, spread(0.1, 0.9, 4, 5, phase=1), **T)
case("mse", lambda x, y: F.mse_loss(x, y).reshape(1), spread(-2, 2, 3, 4), spread(-2, 2, 3, 4, phase=1), **T)
case("huber", lambda x, y: F.huber_loss(x, y, delta=0.8, reduction="none"), spread(-2, 2, 3, 4), spread(-2, 2, 3, 4, phase=1), **T)
Q, K, V = spread(-1, 1, 2, 3, 4), spread(-1, 1, 2, 5, 4, phase=1), spread(-1, 1, 2, 5, 3, phase=2)
case("attention", lambda q, k, v: torch.softmax(q @ k.transpose(1, 2) / 2, -1) @ v, Q, K, V, **T)
case("attention_causal", lambda q, k, v: torch.softmax((q @ k.transpose(1, 2) * 0.3).masked_fill(~torch.ones(5, 5, dtype=torch.bool).tril(), -torch.inf), -1) @ v,
     spread(-1, 1, 2, 5, 4), K, V, **T)


def pairs(z):
    return jnp.stack([z.real, z.imag], -1)


def complex_of(x):
    return x[..., 0] + 1j * x[..., 1]


case("fft", lambda x: pairs(jnp.fft.fft(complex_of(x))), spread(-1, 1, 2, 7, 2))
case("ifft", lambda x: pairs(jnp.fft.ifft(complex_of(x))), spread(-1, 1, 2, 6, 2))
case("fft_2d", lambda x: pairs(jnp.fft.fft2(complex_of(x))), spread(-1, 1, 3, 4, 2))
case("rfft", lambda x: pairs(jnp.fft.rfft(x)), spread(-1, 1, 2, 8))
case("irfft", lambda x: jnp.fft.irfft(complex_of(x), 7), spread(-1, 1, 2, 4, 2))

ENTRIES = (np.array([0, 0, 1, 2, 2]), np.array([1, 3, 0, 2, 3]))
case("csr_matmul", lambda v, x: jnp.zeros((3, 4)).at[ENTRIES].set(v) @ x, spread(-2, 2, 5), spread(-2, 2, 4, 2, phase=1))
case("csr_sampled_matmul", lambda a, b: (a @ b.T)[ENTRIES], spread(-2, 2, 3, 2), spread(-2, 2, 4, 2, phase=1))
case("csr_solve", lambda v, b: jnp.linalg.solve(jnp.zeros((3, 3)).at[jnp.array([0, 0, 1, 1, 2]), jnp.array([0, 2, 0, 1, 2])].set(v), b), spread(0.5, 2, 5), spread(-2, 2, 3, phase=1))

if __name__ == "__main__":
    main()
