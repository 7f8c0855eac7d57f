#!/usr/bin/env python3
"""Values and derivatives of elementwise operators at extreme arguments, for TestExtreme.

    pip install mpmath
    python3 extreme.py > extreme.txt

A line "f NAME ATTRIBUTES; X; F0 C0; F1 C1; F2 C2; F3 C3" has the derivatives of order 0 to 3 of a function of one variable and the
condition |x·f'/f| of each; a line "g NAME ATTRIBUTES; X…; F C; …" those of one of several variables: the value, the first derivatives, and the
second derivatives by rows. Derivatives come from truncated power series (Griewank & Walther, Evaluating Derivatives, ch. 13) in
60 digits and forms that do not cancel; ±inf as argument stands for the limit, taken at 10^±2000. "?" is not checked.
"""
import mpmath as mp

mp.mp.dps = 60
N = 5
HUGE = mp.mpf(10) ** 2000


class J:
    """A truncated power series."""

    def __init__(self, c):
        self.c = [mp.mpf(v) for v in c] + [mp.mpf(0)] * (N - len(c))

    def __add__(self, o):
        return J([a + b for a, b in zip(self.c, jet(o).c)])

    __radd__ = __add__

    def __neg__(self):
        return J([-a for a in self.c])

    def __sub__(self, o):
        return self + -jet(o)

    def __rsub__(self, o):
        return jet(o) - self

    def __mul__(self, o):
        o = jet(o)
        return J([mp.fsum(self.c[j] * o.c[k - j] for j in range(k + 1)) for k in range(N)])

    __rmul__ = __mul__

    def __truediv__(self, o):
        o = jet(o)
        y = []
        for k in range(N):
            y.append((self.c[k] - mp.fsum(o.c[j] * y[k - j] for j in range(1, k + 1))) / o.c[0])
        return J(y)

    def __rtruediv__(self, o):
        return jet(o) / self


def jet(v):
    return v if isinstance(v, J) else J([v])


def derived(x):
    return J([k * x.c[k] for k in range(1, N)])


def integral(value, d, x):
    """The series with the given value whose derivative by x is d."""
    p = d * derived(x)
    return J([value] + [p.c[k] / (k + 1) for k in range(N - 1)])


def exp(x):
    y = [mp.exp(x.c[0])]
    for k in range(1, N):
        y.append(mp.fsum(j * x.c[j] * y[k - j] for j in range(1, k + 1)) / k)
    return J(y)


def log(x):
    return integral(mp.log(x.c[0]), 1 / x, x)


def log1p(x):
    return integral(mp.log1p(x.c[0]), 1 / (1 + x), x)


def power(x, a):
    """x^a for a number a and x ≠ 0; the real root for odd roots."""
    y = [x.c[0] ** a]
    for k in range(1, N):
        y.append(mp.fsum((a * j - (k - j)) * x.c[j] * y[k - j] for j in range(1, k + 1)) / (k * x.c[0]))
    return J(y)


def sqrt(x):
    return power(x, mp.mpf(1) / 2)


def cbrt(x):
    return -power(-x, mp.mpf(1) / 3) if x.c[0] < 0 else power(x, mp.mpf(1) / 3)


def sincos(x):
    s, c = [mp.sin(x.c[0])], [mp.cos(x.c[0])]
    for k in range(1, N):
        s.append(mp.fsum(j * x.c[j] * c[k - j] for j in range(1, k + 1)) / k)
        c.append(-mp.fsum(j * x.c[j] * s[k - j] for j in range(1, k + 1)) / k)
    return J(s), J(c)


def sinhcosh(x):
    s, c = [mp.sinh(x.c[0])], [mp.cosh(x.c[0])]
    for k in range(1, N):
        s.append(mp.fsum(j * x.c[j] * c[k - j] for j in range(1, k + 1)) / k)
        c.append(mp.fsum(j * x.c[j] * s[k - j] for j in range(1, k + 1)) / k)
    return J(s), J(c)


def logistic(x):
    """D = σ(x)·σ(−x) and T = tanh(x/2): D' = −D·T, T' = 2D."""
    v = x.c[0]
    e = mp.exp(-abs(v))
    d, t = [e / (1 + e) ** 2], [mp.tanh(v / 2) if abs(v) < 1e6 else mp.sign(v)]
    for k in range(1, N):
        d.append(-mp.fsum(j * x.c[j] * d[m] * t[k - j - m] for j in range(1, k + 1) for m in range(k - j + 1)) / k)
        t.append(2 * mp.fsum(j * x.c[j] * d[k - j] for j in range(1, k + 1)) / k)
    return J(d), J(t)


def tanh(x):
    return logistic(2 * x)[1]


def sigmoid(x):
    v = x.c[0]
    return integral(1 / (1 + mp.exp(-v)) if v > 0 else mp.exp(v) / (1 + mp.exp(v)), logistic(x)[0], x)


def softplus(x):
    v = x.c[0]
    return integral(mp.log1p(mp.exp(v)) if v < 0 else v + mp.log1p(mp.exp(-v)), sigmoid(x), x)


def erfvalue(v):
    return mp.sign(v) if abs(v) > 60 else mp.erf(v)


def erfcvalue(v):
    if v > 60:
        return mp.exp(-v * v) / (v * mp.sqrt(mp.pi)) if v < 1e10 else mp.mpf(0)
    return 2 if v < -60 else mp.erfc(v)


def gauss(x):
    return exp(-(x * x)) * (2 / mp.sqrt(mp.pi))


def erf(x):
    return integral(erfvalue(x.c[0]), gauss(x), x)


def erfc(x):
    return integral(erfcvalue(x.c[0]), -gauss(x), x)


def atan(x):
    return integral(mp.atan(x.c[0]), 1 / (1 + x * x), x)


def asinh(x):
    return integral(mp.asinh(x.c[0]), 1 / sqrt(1 + x * x), x)


def acosh(x):
    return integral(mp.acosh(x.c[0]), 1 / sqrt((x - 1) * (x + 1)), x)


def atanh(x):
    return integral(mp.atanh(x.c[0]), 1 / (1 - x * x), x)


def asin(x):
    return integral(mp.asin(x.c[0]), 1 / sqrt(1 - x * x), x)


def acos(x):
    return integral(mp.acos(x.c[0]), -1 / sqrt(1 - x * x), x)


def gelu(x):
    return x * erfc(-x / mp.sqrt(2)) / 2


GELU = 2 * mp.mpf(0.7978845608028654)


def gelutanh(x):
    return x * sigmoid(x * (GELU * mp.mpf("0.044715") * x * x + GELU))


def elu(x):
    return x if x.c[0] > 0 else integral(mp.expm1(x.c[0]) / 2, exp(x) / 2, x)


def polygammas(x, order):
    """lgamma (order -1), digamma (0) as series by the derivatives of digamma."""
    v = x.c[0]
    c = [mp.log(abs(mp.gamma(v))) if order == -1 else mp.digamma(v)]
    for k in range(1, N):
        c.append(mp.polygamma(k + order, v) / mp.factorial(k))
    return J(c)


def lowdigits(f):
    def g(x):
        with mp.workdps(60):
            return f(x)

    return g


def bessel(order):
    """e^-|x|·I_order(x)."""

    def f(x):
        s = mp.sign(x.c[0])
        v = [mp.besseli(k, x.c[0]) * mp.exp(-abs(x.c[0])) for k in (0, 1)]
        # y0' = y1 − s·y0, y1' = y0 − y1/x − s·y1, order by order
        a, b = [v[0]], [v[1]]
        r = (1 / x).c
        for k in range(N - 1):
            a.append((b[k] - s * a[k]) / (k + 1))
            b.append((a[k] - mp.fsum(b[j] * r[k - j] for j in range(k + 1)) - s * b[k]) / (k + 1))
        return J(b if order else a)

    return f


def sinc(x):
    s, _ = sincos(x * mp.pi)
    return s / (x * mp.pi)


def erfinv(x):
    # y' = √π/2·exp(y²), order by order
    y = [mp.erfinv(x.c[0])]
    for k in range(N - 1):
        d = exp(J(y) * J(y)) * (mp.sqrt(mp.pi) / 2)
        y.append(d.c[k] / (k + 1))
    return J(y)


def ndtri(x):
    # y' = √2π·exp(y²/2), order by order
    y = [mp.sqrt(2) * mp.erfinv(2 * x.c[0] - 1)]
    for k in range(N - 1):
        d = exp(J(y) * J(y) / 2) * mp.sqrt(2 * mp.pi)
        y.append(d.c[k] / (k + 1))
    return J(y)


def log_ndtr(x):
    # r = φ/Φ has r' = −r·(r + x), order by order
    v, tail = x.c[0], mp.erfc(abs(x.c[0]) / mp.sqrt(2)) / 2
    r = [mp.npdf(v) / (tail if v < 0 else 1 - tail)]
    for k in range(N - 1):
        r.append(-(J(r) * (J(r) + x)).c[k] / (k + 1))
    return integral(mp.log(tail) if v < 0 else mp.log1p(-tail), J(r), x)


def ln(b):
    return mp.log(mp.mpf(b))


small = ["1e-200", "1e-100", "1e-30", "1e-15", "1e-3"]
near = ["0.25", "1", "1.5", "5", "20", "40"]
far = ["700", "1e8", "1e15", "1e30", "1e75", "1e100", "1e150", "1e200", "inf"]
sides = lambda v: ["-" + x for x in reversed(v)] + v
everywhere = sides(small + near + far)
finite = sides(small + near + far[:-1])
positive = small + near + far
unit = sides(small + ["0.25", "0.75", "0.9375", "0.9999847412109375", "0.99999999999997157829056959599256515502929688"])
over1 = ["1.0000000000000284217094304040074348449707031", "1.0000152587890625", "1.0625", "1.5", "5", "20", "40"] + far
moderate = sides(small + near[:-1])

# name and attributes → function, points, edges: x → the derivatives
F = {
    "sqrt": (sqrt, positive, {"0": ["0", "inf", "-inf", "inf"], "inf": ["inf", "0", "0", "0"], "-1": ["nan"] * 4}),
    "rsqrt": (lambda x: 1 / sqrt(x), positive, {"0": ["inf", "-inf", "inf", "-inf"], "inf": ["0"] * 4}),
    "cbrt": (cbrt, everywhere, {"0": ["0", "inf", "-inf", "inf"], "inf": ["inf", "0", "0", "0"]}),
    "exp": (exp, everywhere, {"0": ["1"] * 4}),
    "exp2": (lambda x: exp(x * ln(2)), everywhere + ["1023.9999847412109375", "1024", "-1022.5", "1000.5"], {"0": ["1", ln(2), ln(2) ** 2, ln(2) ** 3]}),
    "expm1": (lambda x: integral(mp.expm1(x.c[0]), exp(x), x), everywhere, {"0": ["0", "1", "1", "1"]}),
    "log": (log, positive, {"0": ["-inf", "inf", "-inf", "inf"], "inf": ["inf", "0", "0", "0"]}),
    "log2": (lambda x: log(x) / ln(2), positive, {"0": ["-inf", "inf", "-inf", "inf"], "inf": ["inf", "0", "0", "0"]}),
    "log10": (lambda x: log(x) / ln(10), positive, {"0": ["-inf", "inf", "-inf", "inf"], "inf": ["inf", "0", "0", "0"]}),
    "log1p": (log1p, positive + ["-" + x for x in small] + ["-0.25", "-0.9999847412109375"], {"-1": ["-inf", "inf", "-inf", "inf"], "0": ["0", "1", "-1", "2"], "inf": ["inf", "0", "0", "0"]}),
    "sin": (lambda x: sincos(x)[0], finite, {"0": ["0", "1", "0", "-1"], "inf": ["nan"] * 4}),
    "cos": (lambda x: sincos(x)[1], finite, {"0": ["1", "0", "-1", "0"], "inf": ["nan"] * 4}),
    "tan": (lambda x: sincos(x)[0] / sincos(x)[1], finite, {"0": ["0", "1", "0", "2"], "inf": ["nan"] * 4}),
    "asin": (asin, unit, {"0": ["0", "1", "0", "1"], "1": ["1.5707963267948966192313216916398", "inf", "inf", "inf"], "-1": ["-1.5707963267948966192313216916398", "inf", "-inf", "inf"], "2": ["nan"] * 4}),
    "acos": (acos, unit, {"0": ["1.5707963267948966192313216916398", "-1", "0", "-1"], "1": ["0", "-inf", "-inf", "-inf"], "-1": ["3.1415926535897932384626433832795", "-inf", "inf", "-inf"], "2": ["nan"] * 4}),
    "atan": (atan, everywhere, {"0": ["0", "1", "0", "-2"]}),
    "atan_derivative": (lambda x: 1 / (1 + x * x), everywhere, {"0": ["1", "0", "-2", "0"]}),
    "sinh": (lambda x: sinhcosh(x)[0], everywhere, {"0": ["0", "1", "0", "1"]}),
    "cosh": (lambda x: sinhcosh(x)[1], everywhere, {"0": ["1", "0", "1", "0"]}),
    "tanh": (tanh, everywhere, {"0": ["0", "1", "0", "-2"]}),
    "asinh": (asinh, everywhere, {"0": ["0", "1", "0", "-1"], "inf": ["inf", "0", "0", "0"], "-inf": ["-inf", "0", "0", "0"]}),
    "acosh": (acosh, over1, {"1": ["0", "inf", "-inf", "inf"], "inf": ["inf", "0", "0", "0"]}),
    "atanh": (atanh, unit, {"0": ["0", "1", "0", "2"], "1": ["inf"] * 4, "-1": ["-inf", "inf", "-inf", "inf"]}),
    "sigmoid": (sigmoid, everywhere, {"0": ["0.5", "0.25", "0", "-0.125"]}),
    "sigmoid_derivative": (lambda x: logistic(x)[0], everywhere, {"0": ["0.25", "0", "-0.125", "0"]}),
    "softplus": (softplus, everywhere, {"0": [ln(2), "0.5", "0.25", "0"]}),
    "log_sigmoid": (lambda x: -softplus(-x), everywhere, {"0": [-ln(2), "0.5", "-0.25", "0"]}),
    "erf": (erf, everywhere, {"0": ["0", 2 / mp.sqrt(mp.pi), "0", -4 / mp.sqrt(mp.pi)]}),
    "erfc": (erfc, everywhere + ["26.5", "5.5"], {"0": ["1", -2 / mp.sqrt(mp.pi), "0", 4 / mp.sqrt(mp.pi)]}),
    "erfinv": (erfinv, ["-0.9375", "-0.75", "-0.25", "0.25", "0.75", "0.9375", "0.9999847412109375"], {"1": ["inf"] * 4, "-1": ["-inf", "inf", "-inf", "inf"], "0": ["0", mp.sqrt(mp.pi) / 2, "0", "?"]}),
    "ndtri": (ndtri, ["1e-10", "1e-3", "0.0625", "0.25", "0.75", "0.9375", "0.9999847412109375"], {"1": ["inf"] * 4, "0": ["-inf", "inf", "-inf", "inf"], "0.5": ["0", mp.sqrt(2 * mp.pi), "0", "?"]}),
    "log_ndtr": (log_ndtr, ["-1e8", "-700", "-40", "-20", "-5", "-1.5", "-0.25", "-1e-15", "1e-100", "0.25", "1", "1.5", "5", "20", "40", "700"],
                 {"0": [-ln(2), mp.sqrt(2 / mp.pi), -2 / mp.pi, "?"], "inf": ["0"] * 4, "-inf": ["-inf", "inf", "?", "?"]}),
    "gelu tanh=false": (gelu, everywhere + ["-5.5"], {"0": ["0", "0.5", 2 / mp.sqrt(2 * mp.pi), "0"]}),
    "gelu tanh=true": (gelutanh, everywhere + ["-5.5"], {"0": ["0", "0.5", GELU / 2, "0"]}),
    "silu": (lambda x: x * sigmoid(x), everywhere, {"0": ["0", "0.5", "0.5", "0"]}),
    "elu alpha=0.5": (elu, everywhere, {"0": ["0", "0.5", "0.5", "0.5"]}),
    "leaky_relu alpha=0.5": (lambda x: x if x.c[0] > 0 else x / 2, everywhere, {"0": ["0", "0.5", "0", "0"]}),
    "relu": (lambda x: x if x.c[0] > 0 else 0 * x, everywhere, {"0": ["0"] * 4, "inf": ["inf", "1", "0", "0"], "-inf": ["0"] * 4}),
    "abs": (lambda x: x if x.c[0] > 0 else -x, everywhere, {"0": ["0"] * 4}),
    "logit": (lambda x: log(x) - log1p(-x), small + ["0.25", "0.75", "0.9375", "0.9999847412109375"], {"0": ["-inf", "inf", "-inf", "inf"], "1": ["inf"] * 4, "0.5": ["0", "4", "0", "32"]}),
    "reciprocal": (lambda x: 1 / x, everywhere, {"0": ["inf", "-inf", "inf", "-inf"]}),
    "square": (lambda x: x * x, everywhere, {"0": ["0", "0", "2", "0"]}),
    "neg": (lambda x: -x, everywhere, {"0": ["0", "-1", "0", "0"]}),
    "identity": (lambda x: x, everywhere, {}),
    "copy": (lambda x: x, everywhere, {}),
    "sinc": (sinc, ["-40.25", "-1.5", "-0.25", "0.25", "1.5", "5.5", "100.25"], {"0": ["1", "0", -mp.pi**2 / 3, "0"], "inf": ["nan"] * 4}),
    "lgamma": (lowdigits(lambda x: polygammas(x, -1)), ["-1.5", "1e-100", "1e-30", "1e-3", "0.25", "1.5", "5", "20", "40", "700", "1e8", "1e15", "1e30"],
               {"0": ["inf", "?", "?", "?"], "-1": ["inf", "?", "?", "?"], "inf": ["inf", "inf", "0", "0"], "-inf": ["inf", "?", "?", "?"]}),
    "digamma": (lowdigits(lambda x: polygammas(x, 0)), ["-1.5", "1e-100", "1e-30", "1e-3", "0.25", "1.5", "5", "20", "40", "700", "1e8", "1e15", "1e30"], {"inf": ["inf", "0", "0", "0"]}),
    "bessel_i0e": (lowdigits(bessel(0)), ["-1", "1e-3", "0.25", "1"], {"0": ["1", "?", "?", "?"], "inf": ["0"] * 4, "-inf": ["0"] * 4}),
    "bessel_i1e": (lowdigits(bessel(1)), ["-1", "0.25", "1"], {"0": ["0", "?", "?", "?"], "inf": ["0"] * 4, "-inf": ["-0"] + ["0"] * 3}),
}

# operators whose derivatives beyond an order are not checked
CHECKED = {"bessel_i0e": 1, "bessel_i1e": 1, "log_ndtr": 2}


def text(v):
    if isinstance(v, str):
        return v
    if abs(v) > mp.mpf(10) ** 400:
        return "inf" if v > 0 else "-inf"
    if abs(v) < mp.mpf(10) ** -400:
        return "0"
    return mp.nstr(v, 22)


def number(s, bits):
    """The argument rounded to the dtype, as a hexadecimal float and a number."""
    import struct

    f = float(s)
    if bits == 32:
        try:
            f = struct.unpack("f", struct.pack("f", f))[0]
        except OverflowError:
            return None, None
        if f == 0 and float(s) != 0:
            return None, None
    if abs(f) == float("inf") and not s.endswith("inf"):
        return None, None
    if f in (float("inf"), float("-inf")):
        return s, HUGE if f > 0 else -HUGE
    return f.hex(), mp.mpf(f)


def condition(x, a, b):
    if a == 0 or abs(x) >= HUGE:
        return "0"
    return mp.nstr(abs(x * b / a), 3)


for bits in (64, 32):
    for name, (f, points, edges) in F.items():
        seen = set()
        for s in list(edges) + points:
            h, x = number(s, bits)
            if h is None or h in seen:
                continue
            seen.add(h)
            if s in edges:
                print(f"f{bits} {name}; {h}; " + "; ".join(text(v) + " 1" for v in edges[s]))
                continue
            y = f(J([x, 1])).c
            d = [y[k] * mp.factorial(k) for k in range(N)]
            print(f"f{bits} {name}; {h}; " + "; ".join(text(d[k]) + " " + condition(x, d[k], d[k + 1]) if k <= CHECKED.get(name, 3) else "? 1" for k in range(4)))


def hypot(x, y):
    return sqrt(x * x + y * y)


def angle(y, x):
    # θ' = (x·y' − y·x')/(x² + y²)
    d = (x * J(derived(y).c) - y * J(derived(x).c)) / (x * x + y * y)
    return J([mp.atan2(y.c[0], x.c[0])] + [d.c[k] / (k + 1) for k in range(N - 1)])


def logaddexp(x, y):
    return x + softplus(y - x) if x.c[0] > y.c[0] else y + softplus(x - y)


def floored(x, y, whole):
    return x - y * whole(x.c[0] / y.c[0])


def truncated(v):
    return mp.floor(v) if v > 0 else mp.ceil(v)


grid = lambda *v: [(a, b) for a in v for b in v]
scales = grid("1", "-3", "1e-170", "-2e-170", "1e170", "1e-15", "1e15", "3e200")
# name and attributes → function, points, edges: the value, the first derivatives, the second by rows
SEVERAL = {
    "atan2": (angle, scales, {("0", "0"): ["0"] * 7, ("inf", "1"): [mp.pi / 2] + ["0"] * 6, ("1", "inf"): ["0"] * 7, ("1", "-inf"): [mp.pi] + ["0"] * 6}),
    "hypot": (hypot, scales, {("0", "0"): ["0"] * 7, ("inf", "1"): ["inf", "1"] + ["0"] * 5, ("1", "-inf"): ["inf", "0", "-1"] + ["0"] * 4, ("0", "2"): ["2", "0", "1", "0.5", "0", "0", "0"]}),
    "hypot_derivative": (lambda x, y: x / hypot(x, y), scales, {("0", "0"): ["0"] * 7, ("inf", "1"): ["1"] + ["0"] * 6}),
    "hypot_second_derivative": (lambda x, y: y / hypot(x, y) * (y / hypot(x, y)) / hypot(x, y), scales, {("0", "0"): ["0"] * 7}),
    "hypot_mixed_derivative": (lambda x, y: x / hypot(x, y) * (y / hypot(x, y)) / hypot(x, y), scales, {("0", "0"): ["0"] * 7}),
    "div": (lambda x, y: x / y, scales, {}),
    "logaddexp": (logaddexp, grid("0.25", "-3", "40", "-40", "700", "-1e30", "1e-30"), {("-inf", "-inf"): ["-inf"] + ["0"] * 6, ("inf", "1"): ["inf", "1"] + ["0"] * 5, ("1", "-inf"): ["1", "1"] + ["0"] * 5}),
    "xlogy": (lambda x, y: x * log(y), [(a, b) for a in ("2", "-1e-200", "1e200", "3e-15") for b in ("3", "1e-200", "1e200", "1.0000152587890625")],
              {("0", "0"): ["0"] * 4 + ["inf", "inf", "0"], ("0", "-2"): ["0"] * 7, ("0", "0.5"): ["0", -mp.log(2), "0", "0", "2", "2", "0"]}),
    "xlog1py": (lambda x, y: x * log1p(y), [(a, b) for a in ("2", "-1e-200", "1e200", "3e-15") for b in ("3", "1e-200", "1e200", "-0.9999847412109375")],
                {("0", "-1"): ["0"] * 4 + ["inf", "inf", "0"], ("0", "-2"): ["0"] * 7, ("0", "1"): ["0", mp.log(2), "0", "0", "0.5", "0.5", "0"]}),
    "sigmoid_cross_entropy": (lambda x, p: p * softplus(-x) + (1 - p) * softplus(x), [(a, b) for a in ("40", "-40", "700", "-700", "1", "1e30", "-1e-30") for b in ("0", "1", "0.75")],
                              {("inf", "1"): ["0", "0", "-inf", "0", "-1", "-1", "0"], ("-inf", "0"): ["0", "0", "inf", "0", "-1", "-1", "0"]}),
    "mod": (lambda x, y: floored(x, y, mp.floor), [("1", "0.1"), ("0.3", "0.1"), ("-1", "0.1"), ("1", "-0.1"), ("2", "0.2"), ("-0.6", "0.2"), ("7", "3"), ("-7", "3"), ("7", "-3"), ("1e30", "0.7"), ("-1.7e308", "1e308"), ("-1e-20", "1"), ("4503599627370497.5", "1.5"), ("5", "2.5")], {}),
    "remainder": (lambda x, y: floored(x, y, truncated), [("1", "0.1"), ("0.3", "0.1"), ("-1", "0.1"), ("1", "-0.1"), ("2", "0.2"), ("-0.6", "0.2"), ("7", "3"), ("-7", "3"), ("7", "-3"), ("1e30", "0.7"), ("-1.7e308", "1e308"), ("-1e-20", "1"), ("4503599627370497.5", "1.5"), ("5", "2.5")], {}),
    "lerp": (lambda a, b, t: a + t * (b - a), [("1e16", "1", "1"), ("1e16", "1", "0"), ("3", "1e-200", "1"), ("1.7e308", "-1.7e308", "0.25"), ("1", "2", "0.3"), ("-1e30", "1", "1")], {}),
    "huber delta=2": (lambda x, y: (x - y) * (x - y) / 2 if abs(x.c[0] - y.c[0]) <= 2 else 2 * ((x - y if x.c[0] > y.c[0] else y - x) - 1), [("1e200", "1"), ("-1e200", "1"), ("1e-100", "-1e-100"), ("3", "2.5"), ("-1e30", "2")], {}),
}


for bits in (64, 32):
    for name, (f, points, edges) in SEVERAL.items():
        for p in list(edges) + points:
            xs = [number(s, bits) for s in p]
            if any(h is None for h, _ in xs):
                continue
            head = f"g{bits} {name}; " + " ".join(h for h, _ in xs)
            if p in edges:
                print(head + "; " + "; ".join(text(v) + " 1" for v in edges[p]))
                continue
            with mp.workdps(900):
                n = len(xs)

                def along(u):
                    return f(*[J([x, v]) for (_, x), v in zip(xs, u)]).c

                unit = lambda *k: [1 if i in k else 0 for i in range(n)]
                value, first, second = along(unit())[0], [], []
                for i in range(n):
                    c = along(unit(i))
                    first.append(c[1])
                    second.append(2 * c[2])
                out = [(value, max(abs(x * d) for (_, x), d in zip(xs, first)))]
                hess = [[second[i] if i == j else along(unit(i, j))[2] - second[i] / 2 - second[j] / 2 for j in range(n)] for i in range(n)]
                for i in range(n):
                    out.append((first[i], max(abs(x * d) for (_, x), d in zip(xs, hess[i]))))
                for i in range(n):
                    for j in range(n):
                        third = []
                        for k in range(n):
                            h = mp.mpf(10) ** -200 * (abs(xs[k][1]) or 1)
                            g = lambda s: f(*[J([x + (s * h if m == k else 0), v]) for m, ((_, x), v) in enumerate(zip(xs, unit(i, j)))]).c[2] * (2 if i == j else 1)
                            e = lambda s, q: f(*[J([x + (s * h if m == k else 0), v]) for m, ((_, x), v) in enumerate(zip(xs, unit(q)))]).c[2]
                            d = lambda s: g(s) - (0 if i == j else e(s, i) + e(s, j))
                            third.append(abs(xs[k][1] * (d(1) - d(-1)) / (2 * h)))
                        out.append((hess[i][j], max(third)))
                # Sums that cancel to 0 or overflow term by term are not checked.
                limit = mp.mpf(2) ** (1023 if bits == 64 else 127)
                for k, (v, c) in enumerate(out):
                    if abs(v) < c * mp.mpf(10) ** -600:
                        v = mp.mpf(0)  # all digits have cancelled
                    free = v == 0 and c > 0 or k > n and abs(v) > limit
                    out[k] = "? 1" if free else text(v) + " " + ("0" if v == 0 else mp.nstr(min(c / abs(v), 1e9), 3))
                print(head + "; " + "; ".join(out))
