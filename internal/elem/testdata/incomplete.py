#!/usr/bin/env python3
"""Values of the incomplete gamma and beta functions and their derivatives, for TestIncomplete.

    pip install mpmath
    python3 incomplete.py > incomplete.txt

Each line: function, orders of the derivative, arguments as hexadecimal floats, result to 25 digits. The functions are integrals
of their densities (DLMF 8.2.4, 8.17.2) over the logarithm of t or of t/(1-t), by adaptive quadrature with digits for the size of the
arguments, derivatives by parameters those of the integrands; derivatives of the densities are central differences with 130 digits.
"""
import sys

import mpmath as mp


def integrate(logdensity, factor, start, sign):
    """The integral of factor*exp(logdensity) from start to sign times infinity, in pieces over which the density falls by e^2 to e^14, the first of length 1 at most."""
    ends, step, at, total = [start], mp.mpf(1), start, 0
    while total < 85:
        here = logdensity(at)
        step = min(step * 8, 1) if len(ends) < 60 else step * 8
        while not (step == 1 and len(ends) < 60 and here - logdensity(at + sign) < 14 or 2 < here - logdensity(at + sign * step) < 14):
            step *= mp.mpf(2) if here - logdensity(at + sign * step) <= 2 else mp.mpf("0.6")
        at += sign * step
        total += here - logdensity(at)
        ends.append(at)
    top, unit = logdensity(start), mp.mpf(1)
    if factor(start) != 0:
        unit = abs(factor(start))
    width = abs(ends[1] - start)
    f = lambda u: factor(u) / unit * mp.exp(logdensity(u) - top)
    # quad's tolerance is absolute
    return sign * mp.quad(lambda s: f(start + width * s), [(e - start) / width for e in ends], method="gauss-legendre", maxdegree=5) * width * unit * mp.exp(top)


def expansion(l, p, q):
    """The derivative of orders p, q at 0 of exp(sum of l[i, j]*e^i*d^j), by the product rule."""
    if (p, q) == (0, 0):
        return 1
    if p > 0:
        return sum(mp.binomial(p - 1, i) * mp.binomial(q, j) * l(p - i, q - j) * expansion(l, i, j) for i in range(p) for j in range(q + 1))
    return sum(mp.binomial(q - 1, j) * l(0, q - j) * expansion(l, 0, j) for j in range(q))


def gamma(a, x, i):
    c = mp.loggamma(a)
    psi = [mp.psi(k, a) for k in range(i)]
    factor = lambda u: expansion(lambda k, _: (u if k == 1 else 0) - psi[k - 1], i, 0)
    h = lambda u: a * u - mp.exp(u) - c
    if x < a:
        return integrate(h, factor, mp.log(x), -1)
    return (i == 0) - integrate(h, factor, mp.log(x), 1)


def beta(a, b, x, i, j):
    c = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)
    psi = [[mp.psi(k, v) for k in range(i + j)] for v in (a, b, a + b)]
    h = lambda u: c + (a * u - (a + b) * mp.log1p(mp.exp(u)) if u < 0 else -b * u - (a + b) * mp.log1p(mp.exp(-u)))

    def factor(u):
        def l(p, q):
            v = psi[2][p + q - 1] - (psi[0][p - 1] if q == 0 else 0) - (psi[1][q - 1] if p == 0 else 0)
            if (p, q) == (1, 0):
                v -= mp.log1p(mp.exp(-u))
            if (p, q) == (0, 1):
                v -= mp.log1p(mp.exp(u))
            return v

        return expansion(l, i, j)

    u = mp.log(x / (1 - x))
    if x < a / (a + b):
        return integrate(h, factor, u, -1)
    return (i + j == 0) - integrate(h, factor, u, 1)


def gammadensity(a, x):
    return mp.exp((a - 1) * mp.log(x) - x - mp.loggamma(a))


def betadensity(a, b, x):
    return mp.exp((a - 1) * mp.log(x) + (b - 1) * mp.log(1 - x) + mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b))


def emit(name, orders, args, f):
    with mp.workdps(45 + int(2 * max(0, mp.log10(max(args))))):
        show(name, orders, args, f(*[mp.mpf(v) for v in args], *orders[:-1]))


def show(name, orders, args, v):
    if mp.isfinite(v) and 1e-290 < abs(v) < mp.mpf(10) ** 290:
        print(name, *orders, *[float(a).hex() for a in args], mp.nstr(v, 25, min_fixed=1, max_fixed=0), flush=True)


def emitdensity(name, orders, args, density, steps):
    """The first derivative by x is the density."""
    lower = orders[:-1] + [orders[-1] - 1]
    with mp.workdps(130 + int(2 * max(0, mp.log10(max(args))))):
        point = [mp.mpf(v) for v in args]
        if sum(lower) == 0:
            v = density(*point)
        else:
            v = mp.diff(lambda *t: density(*[p + s * u for p, s, u in zip(point, steps, t)]), tuple(mp.mpf(0) for _ in point), tuple(lower), h=mp.mpf(10) ** -16)
            for s, k in zip(steps, lower):
                v /= mp.mpf(s) ** k
        show(name, orders, args, v)


def gammas():
    for a in [1e-300, 1e-10, 0.1, 0.5, 1.0, 2.5, 9.0, 12.5, 39.9, 40.0, 100.0, 1e3, 1e6, 1e10, 1e12, 1e15, 1e30, 1e300]:
        s = mp.sqrt(a)
        small = a < 50
        xs = [a * r for r in [0.05, 0.5, 0.9, 1.0, 1.1, 2.0, 5.0]] + [1e-5, 1.0, 30.0] if small else [a + z * s for z in [-12, -5, -2, -0.5, 0, 0.3, 1.3, 3, 8]] + [a * 0.9]
        for x in {float(x): 0 for x in xs}:
            if x <= 0 or x > 700 and small or x < 1e-20:
                continue
            steps = [min(a, float(s)) / 10, min(x, float(mp.sqrt(x))) / 10]
            emit("igamma", [0, 0], [a, x], gamma)
            if a < 1e-5:
                continue
            # near the mean only where no derivative changes its sign
            central = abs(x - a) < 0.35 * s
            for k in [1, 2, 4] if not central else [1]:
                emit("igamma", [k, 0], [a, x], gamma)
            for i, m in [(0, 1), (0, 2), (0, 3), (1, 1), (2, 2)] if not central else [(0, 1)]:
                emitdensity("igamma", [i, m], [a, x], gammadensity, steps)


def betas():
    pairs = [(1e-300, 1e-300), (1e-10, 1e10), (0.3, 0.7), (1.0, 1.5), (2.5, 4.0), (12.0, 3.0), (39.5, 60.0), (0.5, 20.0), (0.5, 1e6), (300.0, 0.01),
             (1e3, 1e3), (1e6, 2.5), (1e6, 1e6), (1e10, 50.0), (1e10, 3e9), (1e12, 0.5), (1e15, 1e15), (1e15, 1e5), (1e30, 1e30), (1e300, 1e300)]
    for a, b in pairs:
        n = a + b
        mean = mp.mpf(a) / n
        sd = mp.sqrt(mean * (1 - mean) / (n + 1))
        xs = [0.02, 0.2, 0.5, 0.8, 0.97] + [mean + z * sd for z in [-8, -3, 0, 0.3, 2, 6]]
        for x in {float(x): 0 for x in xs}:
            if not 0 < x < 1:
                continue
            steps = [float(min(a, mp.sqrt(a))) / 10, float(min(b, mp.sqrt(b))) / 10, float(min(x, 1 - x, sd * 2)) / 20]
            emit("betainc", [0, 0, 0], [a, b, x], beta)
            if min(a, b) < 1e-5:
                continue
            central = abs(x - mean) < 0.35 * sd
            for o in [[1, 0, 0], [0, 1, 0], [1, 1, 0], [2, 0, 0], [0, 3, 0]][: 2 if central else None]:
                emit("betainc", o, [a, b, x], beta)
            for o in [[0, 0, 1], [0, 0, 2], [0, 0, 3], [1, 0, 1], [0, 1, 2]][: 1 if central else None]:
                emitdensity("betainc", o, [a, b, x], betadensity, steps)


gammas()
betas()
