#!/usr/bin/env python3
"""Reference values for the tests of package ulp.

    pip install mpmath
    python3 vectors.py > vectors.txt

Each line: operation, arguments as hexadecimal floats, result to 25 digits.
"""
import random

import mpmath as mp

mp.mp.dps = 60
random.seed(1)


def line(op, args, f):
    try:
        v = f(*[mp.mpf(a) for a in args])
    except (ValueError, ZeroDivisionError, mp.NoConvergence):
        return
    if not mp.isfinite(v) or isinstance(v, mp.mpc):
        return
    print(op, *[float(a).hex() for a in args], mp.nstr(v, 25, min_fixed=1, max_fixed=0))


wide = [10.0**k * (1 + random.random()) for k in range(-300, 301, 60)]
near = [random.gauss(0, 1) for _ in range(12)] + [0.5, 1.5, 2.0, -0.25, 1e-5]
unit = [random.uniform(-1, 1) for _ in range(10)] + [0.999999, -0.5, 1e-9]
large = [random.uniform(-700, 700) for _ in range(8)]
over1 = [1 + random.random() * 10**-k for k in range(12)] + [10.0, 1e10, 1e300]
positive = wide + [abs(v) for v in near] + [1 + v * 1e-8 for v in unit]
F = {
    "exp": (mp.exp, near + large), "exp2": (lambda x: mp.mpf(2) ** x, near + large), "expm1": (mp.expm1, near + large + unit),
    "log": (mp.log, positive), "log2": (lambda x: mp.log(x) / mp.log(2), positive), "log10": (mp.log10, positive), "log1p": (mp.log1p, positive + unit),
    "sin": (mp.sin, near + large + wide + [1e22, 2.0**1000]), "cos": (mp.cos, near + large + wide), "tan": (mp.tan, near + large + wide),
    "asin": (mp.asin, unit), "acos": (mp.acos, unit), "atan": (mp.atan, near + wide), "sinh": (mp.sinh, near + large), "cosh": (mp.cosh, near + large),
    "tanh": (mp.tanh, near + unit + [9.5, 18.9]), "asinh": (mp.asinh, near + wide), "acosh": (mp.acosh, over1), "atanh": (mp.atanh, unit),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), near + large), "softplus": (lambda x: mp.log1p(mp.exp(x)), near + [30.0, -40.0]),
    "erf": (mp.erf, near + unit), "erfc": (mp.erfc, near + unit + [5.0, 10.0, 26.0]), "cbrt": (mp.cbrt, positive), "erfinv": (mp.erfinv, unit),
    "lgamma": (lambda x: mp.log(abs(mp.gamma(x))), [0.1, 0.7, 1.3, 2.6, 5.5, 20.25, 171.5, 1e5, -0.5, -1.7, -3.25, 1e-10]),
    "digamma": (mp.digamma, [0.1, 0.7, 1.3, 1.4616321449683623, 1.46, 1.5, 1.8, 2.6, 5.5, 9.99, 20.25, 1e5, -0.5, -1.7, -3.25, 1e-10, -100.3]),
    "bessel_i0e": (lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), near + [7.9, 8.1, 30.0, 500.0, -12.0]),
    "bessel_i1e": (lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), near + [7.9, 8.1, 30.0, 500.0, -12.0]),
}
for name, (f, xs) in F.items():
    for x in xs:
        line(name, [x], f)
for x in [0.3, 0.9, 1.1, 3.7, 50.0, 1e-3]:
    for y in [0.4, -0.4, 2.5, 17.0, -30.25]:
        line("pow", [x, y], lambda x, y: x**y)
        line("atan2", [y, x], lambda y, x: mp.atan2(y, x))
        line("atan2", [y, -x], lambda y, x: mp.atan2(y, x))
        line("hypot", [y, x], lambda y, x: mp.hypot(y, x))
for n in [1, 2, 3, 5, 10, 25]:
    for x in [0.1, 0.9, 2.5, 11.0, 100.0, -0.3, -2.6, -1e5 - 0.25, -3e9 + 0.375]:
        # far from 0 the reflection formula (DLMF 5.15.6), whose cotangent depends on the distance to a whole number
        f = lambda n, x: mp.polygamma(int(n), x)
        if x < -1e4:
            f = lambda n, x: (-1) ** int(n) * mp.polygamma(int(n), 1 - x) - mp.pi * mp.diff(lambda t: mp.cot(mp.pi * (t + x - mp.nint(x))), 0, int(n), h=mp.mpf(10) ** -12)
        with mp.workdps(400 if x < -1e4 else 60):
            line("polygamma", [n, x], f)
for n in [0, 1, 2, 3, 6, 12, 30]:
    for x in [1e-10, 0.3, 2.0, 7.5, 29.0, 31.0, 60.0, 89.0, 91.0, 1e4, 1e8, 1e9, -0.7, -3e8]:

        def bessel(n, x):
            # (1/pi) times the integral of (1 - cos)^n e^(-|x|(1 - cos)), over w = 1 - cos by powers of w (DLMF 13.4.4)
            v = mp.gamma(n + 0.5) / mp.sqrt(mp.pi) / mp.gamma(n + 1) * 2**n * mp.hyp1f1(n + 0.5, n + 1, -2 * abs(x))
            return v * (-1) ** int(n) if x > 0 else v

        line("bessel_i0e_derivative", [n, x], bessel)


def lower(a, x):
    return mp.gammainc(a, 0, x, regularized=True)


def ibeta(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


for a in [0.1, 0.5, 1.0, 2.5, 9.0, 40.0, 200.0]:
    for r in [0.05, 0.5, 0.95, 1.1, 2.0]:
        line("igamma", [a, a * r], lower)
for a, b in [(0.3, 0.7), (1.0, 1.0), (2.5, 4.0), (12.0, 3.0), (40.0, 60.0), (0.5, 20.0)]:
    for x in [0.02, 0.2, 0.5, 0.8, 0.97]:
        line("betainc", [a, b, x], ibeta)


def normal(op, args, f):
    if abs(f(*[mp.mpf(a) for a in args])) > 1e-290:
        line(op, args, f)


# Bessel functions of whole order: near a zero J and Y are as good as their envelope, so that no argument is near one. -x is +x with a sign.
orders = [0, 1, 2, 3, 10, 50]
for n in orders:
    for x in [1e-3, 0.3, 1.0, 1.7, 3.1, 4.6, 7.9, 8.1, 12.6, 30.0, 61.0, 200.0, 1e4, 123456.5]:
        envelope = mp.sqrt(2 / (mp.pi * x)) if x > n else 0
        for name, f in [("bessel_j", mp.besselj), ("bessel_y", mp.bessely)]:
            if abs(f(n, mp.mpf(x))) > envelope / 2:
                line(name, [n, x], f)
    for x in [1e-3, 0.3, 0.99, 1.01, 1.7, 3.1, 7.9, 8.1, 29.0, 61.0, 200.0, 650.0, 705.0, 3000.0, 1e5]:
        if x < 700:
            line("bessel_i", [n, x], mp.besseli)
            line("bessel_k", [n, x], mp.besselk)
        line("bessel_ke", [n, x], lambda n, x: mp.besselk(n, x) * mp.exp(x))
for n in [0, 1, 2, 3, 7, 15, 30]:
    for x in [-20.0, -3.0, -0.5, 1e-9, 0.05, 0.09, 0.11, 0.24, 0.7, 1.0, 2.5, 3.75, 9.0, 30.0, 1e3, 1e8, 1e12]:

        def scaled(n, x):
            # (-2)^n n! e^(x^2) times the repeated integral of erfc, which is a confluent function U (DLMF 7.18.10, 13.2.42)
            if x < 0:
                d = [mp.exp(x * x) * mp.erfc(x)]
                d.append(2 * x * d[0] - 2 / mp.sqrt(mp.pi))
                for k in range(1, int(n)):
                    d.append(2 * x * d[k] + 2 * k * d[k - 1])
                return d[int(n)]
            return (-1) ** int(n) * mp.factorial(n) * mp.hyperu((n + 1) / 2, 0.5, x * x) / mp.sqrt(mp.pi)

        normal("erfcx", [n, x], scaled)
for p in [5e-324, 1e-300, 1e-100, 1e-20, 1e-9, 0.01, 0.07, 0.08, 0.3, 0.49, 0.51, 0.9, 0.93, 0.999, 1 - 2.0**-40]:
    line("ndtri", [p], lambda p: mp.sqrt(2) * mp.findroot(lambda y: mp.log(mp.erfc(-y) / 2 / p), -mp.sqrt(-mp.log(p)) if p < 0.1 else mp.erfinv(2 * p - 1)))
for s in [1.0001, 1.5, 2, 3.7, 10, 100]:
    for x in [1e-3, 0.3, 1, 2.5, 11.0, 300.0, -0.3, -2.6]:
        if x > 0 or s == int(s):
            line("zeta", [s, x], lambda s, x: mp.zeta(s, x) if x > 0 else sum((x + k) ** -int(s) for k in range(3)) + mp.zeta(s, x + 3))
for a in [1e-12, 1e-3, 0.3, 0.9, 1.0, 2.5, 30.0, 1e3]:
    for x in [1e-5, 0.2, 0.999, 1.5, 4.0, 20.0, 33.0, 200.0, 1020.0]:
        normal("igammac", [a, x], lambda a, x: mp.gammainc(a, x, mp.inf, regularized=True))
