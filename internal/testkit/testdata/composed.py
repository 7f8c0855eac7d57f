# Values of internal/testkit/composed_test.go, by NumPy 2, PyTorch 2 and mpmath: python composed.py > composed.txt
import warnings; warnings.simplefilter("ignore")
import numpy as np, torch, torch.nn.functional as F
def wave(*shape, scale=2.0, shift=0.0):
    n = int(np.prod(shape))
    return torch.tensor([np.sin(1.3 * i + 0.5 + shift) * scale for i in range(n)], dtype=torch.float64).reshape(shape)
def show(name, f, *xs):
    xs = [x.clone().requires_grad_(x.dtype == torch.float64) for x in xs]
    y = f(*xs)
    w = torch.tensor([np.cos(0.7 * i) for i in range(y.numel())], dtype=torch.float64).reshape(y.shape)
    ds = torch.autograd.grad((y * w).sum(), [x for x in xs if x.requires_grad], allow_unused=True)
    ds = [d if d is not None else torch.zeros(1) for d in ds]
    text = lambda v: " ".join(repr(float(a)) for a in v.detach().reshape(-1))
    print(name + " : " + text(y) + " | " + " | ".join(text(d) for d in ds))
x = wave(12, scale=4.0)
for name, f in {"mish": F.mish, "hardsigmoid": F.hardsigmoid, "hardswish": F.hardswish, "softshrink": lambda x: F.softshrink(x, 0.7), "hardshrink": lambda x: F.hardshrink(x, 0.7), "tanhshrink": F.tanhshrink,
                "softsign": F.softsign, "celu": lambda x: F.celu(x, 1.5), "hardtanh": lambda x: F.hardtanh(x, -1, 2), "glu": lambda x: F.glu(x, -1)}.items():
    show(name, f, x)
show("prelu", F.prelu, wave(2, 3, 4), wave(3, shift=2.0))
image = wave(1, 2, 4, 5)
for mode, size in [("bicubic", (7, 3)), ("bicubic", (4, 8)), ("area", (3, 2)), ("area", (6, 7)), ("nearest", (3, 8))]:
    show("resize %s %d %d" % (mode, *size), lambda x: F.interpolate(x, size=size, mode=mode), image)
show("resize corners", lambda x: F.interpolate(x, size=(7, 3), mode="bicubic", align_corners=True), image)
for mode, size in [("bilinear", (2, 3)), ("bicubic", (3, 2)), ("bilinear", (6, 2)), ("bicubic", (5, 7))]:
    show("antialias %s %d %d" % (mode, *size), lambda x: F.interpolate(x, size=size, mode=mode, antialias=True), image)
import onnx.helper, onnx.reference, onnx.reference.ops.op_resize as of_onnx
def wide(f):  # the slope is float32, which makes the weights float32
    return lambda ratio, scale=None, A=-0.75: f(ratio, scale, float(A))
of_onnx._cubic_coeffs, of_onnx._cubic_coeffs_antialias = wide(of_onnx._cubic_coeffs), wide(of_onnx._cubic_coeffs_antialias)
def resize(name, x, scales=None, sizes=None, region=None, **attributes):
    """ONNX's reference, which is affine in x: the gradient is that of the values of 0 and of the unit vectors."""
    constant = lambda name, v, t: onnx.helper.make_tensor(name, t, [len(v)], v)
    given = [("x", 1)] + [(k, v) if v is not None else ("", 0) for k, v in [("region", region), ("scales", scales), ("sizes", sizes)]]
    node = onnx.helper.make_node("Resize", [k for k, _ in given], ["y"], **attributes)
    model = onnx.helper.make_graph([node], "g", [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.DOUBLE, x.shape)], [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.DOUBLE, None)],
        [constant(k, v, onnx.TensorProto.INT64 if k == "sizes" else onnx.TensorProto.FLOAT) for k, v in given[1:] if k])
    run = onnx.reference.ReferenceEvaluator(onnx.helper.make_model(model, opset_imports=[onnx.helper.make_opsetid("", 19)])).run
    f = lambda v: run(None, {"x": v.reshape(x.shape)})[0].astype(np.float64).reshape(-1)
    zero, w = f(np.zeros(x.size)), np.cos(0.7 * np.arange(f(x).size))
    text = lambda v: " ".join(repr(float(a)) for a in v)
    print("resize with " + name + " : " + text(f(x)) + " | " + text([(f(e) - zero) @ w for e in np.eye(x.size)]))
plain = image.numpy()
for where in ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"]:
    for mode in ["nearest", "linear", "cubic"]:
        resize("%s %s" % (where, mode), plain, scales=[1.0, 1.0, 1.625, 0.375], mode=mode, coordinate_transformation_mode=where)
    resize("%s slope" % where, plain, sizes=[7, 3], axes=[2, 3], mode="cubic", coordinate_transformation_mode=where, cubic_coeff_a=-0.25, exclude_outside=1)
    resize("%s antialias" % where, plain, scales=[0.625, 0.375], axes=[2, 3], mode="linear", coordinate_transformation_mode=where, antialias=1)
for rounding in ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]:
    for where in ["half_pixel", "asymmetric"]:
        resize("%s %s" % (where, rounding), plain, sizes=[1, 3, 8, 10], mode="nearest", nearest_mode=rounding, coordinate_transformation_mode=where)
for policy in ["not_larger", "not_smaller"]:
    resize(policy, plain, sizes=[7, 6], axes=[3, 2], mode="linear", keep_aspect_ratio_policy=policy)
resize("region", plain, sizes=[5, 1], axes=[2, 3], region=[0.25, 0.5, 1.25, 0.75], mode="linear", coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=7.5)
resize("region cubic", plain, sizes=[4, 6], axes=[2, 3], region=[0.75, -0.5, 0.0, 1.0], mode="cubic", coordinate_transformation_mode="tf_crop_and_resize")
resize("cubic antialias", plain, sizes=[3, 2], axes=[2, 3], mode="cubic", antialias=1, cubic_coeff_a=-0.5, exclude_outside=1)
show("resize with scale_factor", lambda x: F.interpolate(x, scale_factor=(1.7, 0.6), mode="bilinear", recompute_scale_factor=False), image)
show("resize with nearest-exact", lambda x: F.interpolate(x, size=(3, 8), mode="nearest-exact"), image)
show("adaptive_avg", lambda x: F.adaptive_avg_pool2d(x, (3, 2)), image)
show("adaptive_max", lambda x: F.adaptive_max_pool2d(x, (3, 2)), image)
grid = wave(1, 3, 3, 2, scale=1.3, shift=0.2)
for mode in ["bilinear", "nearest", "bicubic"]:
    for padding in ["zeros", "border", "reflection"]:
        for corners in [False, True]:
            show("grid %s %s %s" % (mode, padding, corners), lambda x, g: F.grid_sample(x, g, mode=mode, padding_mode=padding, align_corners=corners), image, grid)
show("grid 3", lambda x, g: F.grid_sample(x, g, align_corners=False), wave(1, 1, 2, 3, 4), wave(1, 2, 1, 2, 3, scale=1.1))
h = torch.tensor([float("nan")], dtype=torch.float64)
v = wave(2, 4)
holes = torch.where(torch.arange(8).reshape(2, 4) % 3 == 1, torch.tensor(float("nan"), dtype=torch.float64), v)
def npshow(name, y):
    print(name + " : " + " ".join(repr(float(a)) for a in np.asarray(y, dtype=float).reshape(-1)) + " |")
a = holes.numpy()
for name, y in {"nansum": np.nansum(a, 1), "nanmean": np.nanmean(a, 0), "nanmax": np.nanmax(a, 1), "nanmin": np.nanmin(a, 1), "nanvar": np.nanvar(a, 1, ddof=1), "nanstd": np.nanstd(a, 1), "nanprod": np.nanprod(a, 1),
                "diff": np.diff(v.numpy(), 2, 1), "trapezoid": np.trapezoid(v.numpy(), dx=0.5, axis=1), "gradient": np.gradient(v.numpy(), 0.5, axis=1)}.items():
    npshow(name, y)
idx = torch.tensor([[0, 3, 1], [2, 2, 0]])
up = wave(2, 3, shift=1.0)
show("scatter set", lambda x, u: x.scatter(1, torch.tensor([[0, 3, 1], [2, 1, 0]]), u), v, up)
show("scatter add", lambda x, u: x.scatter_add(1, idx, u), v, up)
show("scatter mul", lambda x, u: x.scatter_reduce(1, idx, u, "prod"), v, up)
show("scatter max", lambda x, u: x.scatter_reduce(1, idx, u, "amax"), v, up)
show("scatter rows", lambda x, u: x.scatter_add(0, torch.tensor([[0, 1, 1]]), u), v, wave(1, 3, shift=1.0))
i, j = torch.tensor([[0, 1], [1, 1]]), torch.tensor([[3, 0], [-1, 2]])
show("gather_nd", lambda x: x[i, j], v)
show("scatter_nd", lambda x, u: x.index_put((torch.tensor([0, 1, 1]), torch.tensor([3, 0, 0])), u, accumulate=True), v, wave(3))
lp = F.log_softmax(wave(6, 3, 4), 2)
targets = torch.tensor([[1, 2, 2], [3, 1, 0], [2, 2, 2]])
show("ctc", lambda x: F.ctc_loss(F.log_softmax(x, 2), targets, torch.tensor([6, 5, 6]), torch.tensor([3, 2, 0]), blank=0, reduction="none"), wave(6, 3, 4))
show("poisson", lambda x, y: F.poisson_nll_loss(x, y, log_input=True), wave(5), wave(5, shift=1.0).abs())
show("cosine", lambda a, b: F.cosine_embedding_loss(a, b, torch.tensor([1., -1, -1]), margin=0.1), wave(3, 4), wave(3, 4, shift=1.0))
show("ranking", lambda a, b: F.margin_ranking_loss(a, b, torch.tensor([1., -1, 1, -1]), margin=0.3), wave(4), wave(4, shift=1.0))
square = wave(3, 3)
show("matrix_power", lambda a: torch.linalg.matrix_power(a, 5), square)
show("matrix_power inverse", lambda a: torch.linalg.matrix_power(a, -2), square + 3 * torch.eye(3))
show("cov", lambda x: torch.cov(x), v)
show("unfold", lambda x: F.unfold(x, (2, 3), dilation=(1, 2), padding=(1, 2), stride=(2, 1)), image)
show("fold", lambda y: F.fold(y, (4, 5), (2, 3), dilation=(1, 2), padding=(1, 2), stride=(2, 1)), wave(1, 12, 15))
npshow("floor_divide", np.array([1, 1, -1, 7, -7, 1e300, 0.3, -3, 3, 0]) // np.array([0.1, -0.1, 0.1, 2, 2, 3e-5, 0.1, 0.0, np.inf, 5]))
npshow("matrix_rank", [np.linalg.matrix_rank(v.numpy()), np.linalg.matrix_rank(np.outer([1, 2, 3.], [1, 1, 4.])), np.linalg.matrix_rank(np.zeros((2, 2)))])
for p in [1.5, 3]:
    show("norm %s" % p, lambda x: torch.linalg.vector_norm(x, p, dim=1), v)
import mpmath
mpmath.mp.dps = 40
big = [[mpmath.mpf(float(a)) for a in row] for row in v]
norms = [mpmath.root(sum(abs(a * 1e200) ** 3 for a in row), 3) for row in big]
slopes = [mpmath.mpf(float(np.cos(0.7 * i))) * mpmath.sign(a) * (abs(a) * 1e200) ** 2 / norms[i] ** 2 * 1e200 for i, row in enumerate(big) for a in row]
print("norm huge : " + " ".join(repr(float(a)) for a in norms) + " | " + " ".join(repr(float(a)) for a in slopes))
def pairs(a, b):
    d = (a[:, None] - b[None]).abs()
    s = (d ** 1.5).sum(-1)
    return torch.where(s == 0, 0 * s, torch.where(s == 0, 1 + s, s) ** (1 / 1.5))
show("cdist", pairs, v, wave(3, 4))
show("pdist", lambda x: F.pdist(x, 1.5), wave(4, 3))
show("hinge embedding", lambda x: F.hinge_embedding_loss(x, torch.tensor([1., -1, -1, 1]), 1.2), wave(4))
show("multi margin", lambda x: F.multi_margin_loss(x, torch.tensor([3, 0]), margin=0.8), v)
show("nanquantile", lambda x: torch.nanquantile(x, 0.3, dim=1), holes)
npshow("nanmedian", np.nanmedian(a, 0))
show("kthvalue", lambda x: torch.kthvalue(x, 2, dim=1)[0], v)
show("bincount", lambda x: torch.zeros(5, dtype=torch.float64).scatter_add(0, torch.tensor([2, 0, 2, 3, 0, 0, 2, 2]), x.reshape(-1)), v)
left, right = np.array([0, 1, -1, 5, -6, 2**40, -2**50, 12345]), np.array([3, -1, 7, 12, -18, 2**41, -2**10, 0])
for f in [np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.gcd, np.lcm]:
    npshow(f.__name__, f(left, right))
npshow("invert", np.invert(left))
counts = np.array([0, 1, 63, 64, 5, -1, 70, 2])
npshow("left_shift", np.left_shift(left, counts))
npshow("right_shift", np.right_shift(left, counts))
for kind, name in [(np.int32, "int32"), (np.int64, "int64")]:
    for shift in [np.left_shift, np.right_shift]:
        npshow("%s of %s" % (shift.__name__, name), shift(np.array([-7, 7, -7, 7, 3], dtype=kind), np.array([31, 31, 32, 32, 33], dtype=kind)))
numbers = np.array([0, 1, -6.5, 5e-324, 1e-310, 1e308, np.inf, 0.5])
npshow("nextafter", np.nextafter(numbers, np.roll(numbers, 1)))
npshow("frexp", np.stack(np.frexp(numbers)))
npshow("ldexp", np.ldexp(numbers, np.array([3, -1074, -1080, 2000, 40, -2100, 5, 1025])))
mpmath.mp.dps = 30
npshow("betaincc", [mpmath.betainc(a, b, x, 1, regularized=True) for a, b, x in [(2, 3, 0.999), (0.5, 40, 0.3), (5, 1.5, 1 - 2**-30), (2, 3, 1e-9)]])
npshow("log_ndtr", [mpmath.log(mpmath.erfc(-mpmath.mpf(x) / mpmath.sqrt(2)) / 2) for x in [-300, -37.5, -5, -1, -0.999, 0.3, 5, 9]])
for n in [1, 8, 9]:
    for name in ["hanning", "hamming", "blackman", "bartlett"]:
        npshow("%s %d" % (name, n), getattr(np, name)(n))
    npshow("kaiser %d" % n, np.kaiser(n, 8.5))
for name in ["hann", "hamming", "blackman", "bartlett"]:
    npshow("periodic %s" % name, getattr(torch, name + "_window")(8, dtype=torch.float64))
npshow("periodic kaiser", torch.kaiser_window(8, True, 12.0, dtype=torch.float64))
sound = wave(2, 23)
w = torch.hann_window(8, dtype=torch.float64)
show("stft", lambda x, w: torch.view_as_real(torch.stft(x, 8, 3, window=w, center=False, return_complex=True).transpose(-1, -2)), sound, w + 0.1)
show("stft centered", lambda x: torch.view_as_real(torch.stft(x, 8, 3, window=w, center=True, return_complex=True).transpose(-1, -2)), sound)
show("istft centered", lambda y: torch.istft(torch.view_as_complex(y).transpose(-1, -2), 8, 3, window=w, center=True, length=20), wave(8, 5, 2))
ends = np.array([-1.5, -0.5, 0, 0.7, 1.25])
sample = np.append(wave(40).numpy(), [ends[0], ends[-1], ends[2], np.nan, np.inf, -np.inf])
npshow("histogram", np.histogram(sample[:-3], ends)[0])
npshow("histogram of weights", np.histogram(sample[:-3], ends, weights=np.sin(np.arange(len(sample) - 3)))[0])
import scipy.stats
often = np.round(wave(5, 9, scale=2.4).numpy())
for axis in [0, 1]:
    m = scipy.stats.mode(often, axis=axis)
    npshow("mode %d" % axis, np.stack([m.mode, m.count]))
deep = wave(2, 5, 3)
for size in [3, 4]:
    show("local_response_norm %d" % size, lambda x: F.local_response_norm(x, size, alpha=0.3, beta=0.6, k=1.5), deep)
table = wave(6, 3)
rows, begins = torch.tensor([1, 4, 4, 0, 5, 2]), torch.tensor([0, 2, 2, 5])
for mode in ["sum", "mean", "max"]:
    show("embedding_bag %s" % mode, lambda t: F.embedding_bag(rows, t, begins, mode=mode), table)
show("embedding_bag weights", lambda t, v: F.embedding_bag(rows, t, begins, mode="sum", per_sample_weights=v), table, wave(6))
C, R = torch.complex, torch.view_as_real
a, b, c, d = wave(2, 3), wave(2, 3, shift=1.0), wave(2, 3, shift=2.0), wave(2, 3, shift=3.0)
for name, f in {"mul": lambda z, w: z * w, "div": lambda z, w: z / w, "add": lambda z, w: z + w, "sub": lambda z, w: z - w, "matmul": lambda z, w: z @ w.T.conj()}.items():
    show("complex %s" % name, lambda a, b, c, d: R(f(C(a, b), C(c, d)).resolve_conj()), a, b, c, d)
for name, f in {"conj": lambda z: z.conj(), "neg": lambda z: -z, "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "fft": torch.fft.fft, "ifft2": lambda z: torch.fft.ifftn(z, dim=(0, 1)), "scale": lambda z: 2.5 * z}.items():
    show("complex %s" % name, lambda a, b: R(f(C(a, b)).resolve_conj()), a, b)
for name, f in {"abs": torch.abs, "angle": torch.angle}.items():
    show("complex %s" % name, lambda a, b: f(C(a, b)), a, b)
show("complex polar", lambda r, t: R(torch.polar(r, t)), a.abs(), b)
extreme = [3e-300 + 4e-300j, -3e200 + 1e200j, 1e-9 + 1j, 1 + 1e-9j, complex(-1, -0.0), -4 + 0j, 0.5 - 0.8660254037844386j]
mpmath.mp.dps = 40
for name, f in {"log": mpmath.log, "sqrt": mpmath.sqrt, "square over": lambda z: z * 0.5 / z}.items():
    values = [f(mpmath.mpc(z)) for z in extreme]
    if name != "square over":  # whose branch mpmath does not take by the sign of zero
        values = [mpmath.conj(v) if np.signbit(z.imag) != np.signbit(float(v.imag)) else v for z, v in zip(extreme, values)]
    npshow("complex %s of extremes" % name, [[float(v.real), float(v.imag)] for v in values])
import jax
jax.config.update("jax_enable_x64", True)
g = jax.grad(lambda z: jax.numpy.sum(jax.numpy.real(jax.numpy.exp(z) * jax.numpy.abs(z))))(np.array([1 + 2j, -0.5 + 0.3j]))
npshow("complex gradient of JAX", [[v.real, v.imag] for v in np.asarray(g)])
show("pinv", torch.linalg.pinv, wave(2, 3, 4))
show("pinv deficient", lambda b, c: torch.linalg.pinv(b @ c, rtol=1e-10), wave(4, 2), wave(2, 3, shift=1.0))
tall = wave(2, 4, 4) + torch.eye(4)
show("lu_solve", lambda a, b: torch.linalg.solve(a, b), tall, wave(2, 4, 3))
show("lu_solve vector", lambda a, b: torch.linalg.solve(a, b), tall[0], wave(4))
import scipy.linalg
npshow("pivots", [scipy.linalg.lu_factor(a)[1] for a in tall.numpy()])
npshow("permutation_sign", [np.linalg.det(np.eye(4)[p]) for p in [[0, 1, 2, 3], [1, 0, 2, 3], [3, 2, 1, 0], [1, 2, 3, 0]]])
