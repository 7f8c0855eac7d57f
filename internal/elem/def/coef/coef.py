#!/usr/bin/env python3
"""Minimax coefficients of internal/elem/def.

    pip install mpmath gmpy2
    python3 coef.py > ../coef.go && gofmt -w ../coef.go

Each row approximates F on [lo, hi] by a polynomial with n coefficients, so that
max |weight·(F − polynomial)| is least (Remez exchange), then rounds the
coefficients to the format. The comment beside a table gives log2 of that
maximum after rounding.
"""
import struct
import sys

import mpmath as mp
from mpmath import mpf

mp.mp.prec = 240


def f64(v):
    return float(v)  # mpmath rounds to nearest


def f32(v):
    s, m, e, _ = v._mpf_
    if not m:
        return 0.0
    shift = m.bit_length() - 24
    if shift > 0:
        half = 1 << (shift - 1)
        low = m & ((1 << shift) - 1)
        m >>= shift
        if low > half or (low == half and m & 1):
            m += 1
        e += shift
    r = float(mp.ldexp(mpf(int(m)), e))
    return -r if s else r


def solve(F, w, xs, n):
    """Coefficients and levelled error on the n+1 points xs."""
    A = mp.matrix(n + 1, n + 1)
    b = mp.matrix(n + 1, 1)
    for i, x in enumerate(xs):
        p = mpf(1)
        for j in range(n):
            A[i, j] = p
            p *= x
        A[i, n] = (-1) ** i / w(x)
        b[i] = F(x)
    s = mp.lu_solve(A, b)
    return [s[i] for i in range(n)], s[n]


def horner(c, x):
    r = mpf(0)
    for k in reversed(c):
        r = r * x + k
    return r


def remez(F, w, lo, hi, n, rounds=12):
    lo, hi = mpf(lo), mpf(hi)
    xs = [(lo + hi) / 2 - (hi - lo) / 2 * mp.cos(mp.pi * i / n) for i in range(n + 1)]
    grid = [(lo + hi) / 2 - (hi - lo) / 2 * mp.cos(mp.pi * i / (30 * n)) for i in range(30 * n + 1)]
    Fg = [F(x) for x in grid]
    wg = [w(x) for x in grid]
    best = None
    for _ in range(rounds):
        c, e = solve(F, w, xs, n)
        err = [wg[i] * (Fg[i] - horner(c, x)) for i, x in enumerate(grid)]
        top = max(abs(v) for v in err)
        if best is None or top < best[0]:
            best = (top, c)
        if top < abs(e) * mpf("1.02"):
            break
        # extrema of alternating sign
        ext = []
        for i, v in enumerate(err):
            if ext and (v > 0) == (err[ext[-1]] > 0):
                if abs(v) > abs(err[ext[-1]]):
                    ext[-1] = i
            else:
                ext.append(i)
        while len(ext) > n + 1:
            if abs(err[ext[0]]) < abs(err[ext[-1]]):
                ext.pop(0)
            else:
                ext.pop()
        if len(ext) < n + 1:
            break
        xs = [grid[i] for i in ext]
    return best[1], grid, Fg, wg


def table(name, F, w, lo, hi, n64, n32, exact=()):
    for suffix, n, rnd in (("64", n64, f64), ("32", n32, f32)):
        if not n:
            continue
        if name.endswith(suffix):
            name = name[:-2]
        c, grid, Fg, wg = remez(F, w, lo, hi, n)
        def worst(d):
            return max(abs(wg[i] * (Fg[i] - horner(d, x))) for i, x in enumerate(grid))

        best = [mpf(rnd(v)) for v in c]
        # Round from the lowest coefficient, refitting the rest after each rounding; keep it if better.
        done = []
        for j in range(n):
            done.append(mpf(rnd(c[0])))
            if j == n - 1 or lo < 0:
                break
            d = list(done)

            def G(x, d=d):
                return (F(x) - horner(d, x)) / x ** len(d)

            try:
                c, _, _, _ = remez(G, lambda x, k=len(d): w(x) * x**k, max(lo, hi / 1000), hi, n - len(d), rounds=4)
            except ZeroDivisionError:
                break
            if worst(done + [mpf(rnd(v)) for v in c]) < worst(best):
                best = done + [mpf(rnd(v)) for v in c]
        done, worst = best, worst(best)
        go = "float64" if suffix == "64" else "float32"
        print(f"// {name}{suffix}: 2^{float(mp.log(worst, 2)):.1f} on [{float(lo):.6g}, {float(hi):.6g}]")
        print(f"var {name}{suffix} = []{go}{{")
        for v in done:
            print(f"\t{float(v)!r},")
        print("}\n")
        print(name, suffix, n, float(mp.log(worst, 2)), file=sys.stderr)


T = mpf(2) ** -60  # in place of 0 where the formula is 0/0
ln2 = mp.log(2)


def s_of(z):
    return mp.sqrt(z)


ROWS = {}


def row(name, *a):
    ROWS[name] = a


r = ln2 / 2 * mpf("1.0001")
nz = lambda x: x if abs(x) > T else T
row("expQ", lambda x: (mp.expm1(nz(x)) - nz(x)) / nz(x) ** 2, lambda x: x * x / mp.exp(x) + T, -r, r, 10, 5)
row("expm1Q", lambda x: (mp.expm1(nz(x)) - nz(x)) / nz(x) ** 2, lambda x: abs(x * x / mp.expm1(nz(x))) + T, -r, r, 11, 5)
q = (mp.pi / 4) ** 2 * mpf("1.001")
row("sinS", lambda z: (mp.sin(s_of(nz(z))) / s_of(nz(z)) - 1) / nz(z), lambda z: z + T, T, q, 6, 3)
row("cosC", lambda z: (mp.cos(s_of(nz(z))) - 1) / nz(z), lambda z: (z + T) / mp.cos(s_of(z)), T, q, 7, 4)

row("exp2Q", lambda x: mp.expm1(nz(x) * ln2) / nz(x), lambda x: (abs(x) + T) / mp.power(2, x), mpf("-0.5001"), mpf("0.5001"), 12, 6)
z = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mpf("1.0001")
# 2·atanh(s)/s = 2 + z·R(z), z = s²
row("logR", lambda z: (2 * mp.atanh(s_of(nz(z))) / s_of(nz(z)) - 2) / nz(z), lambda z: z + T, T, z, 7, 3)
# atanh(s)/s = 1 + z·A(z) for |s| ≤ 0.202
row("atanhA", lambda z: (mp.atanh(s_of(nz(z))) / s_of(nz(z)) - 1) / nz(z), lambda z: z + T, T, mpf("0.0409"), 9, 4)
row("asinA", lambda z: (mp.asin(s_of(nz(z))) / s_of(nz(z)) - 1) / nz(z), lambda z: z + T, T, mpf("0.2502"), 13, 5)
row("atanA", lambda z: (mp.atan(s_of(nz(z))) / s_of(nz(z)) - 1) / nz(z), lambda z: z + T, T, mpf("1.0001"), 20, 9)
h = (ln2 / 2) ** 2 * mpf("1.001")
row("sinhS", lambda z: (mp.sinh(s_of(nz(z))) / s_of(nz(z)) - 1) / nz(z), lambda z: z + T, T, h, 6, 3)
row("coshC", lambda z: (mp.cosh(s_of(nz(z))) - 1) / nz(z), lambda z: z + T, T, h, 6, 3)
# erf(x)/x = E(x²) for |x| ≤ 1, about the constant term's high part
row("erfE", lambda z: mp.erf(s_of(nz(z))) / s_of(nz(z)) - 1, lambda z: s_of(z + T) / mp.erf(s_of(z + T)), T, mpf("1.0001"), 14, 8)
# −log erfc(1 + u) for 1 + u ≤ 6 (4)
row("erfL64", lambda u: -mp.log(mp.erfc(u + 1)), lambda u: mp.erfc(u + 1), mpf(0), mpf("5.0"), 20, 0)
row("erfL32", lambda u: -mp.log(mp.erfc(u + 1)), lambda u: mp.erfc(u + 1), mpf(0), mpf("3.0"), 0, 9)
# (1 + 2a)·exp(a²)·erfc(a), a = K·(1+t)/(1−t), K = 4 (2)
def erfcx(a):
    if a > 60:
        s, t = mpf(1), mpf(1)
        for k in range(1, 30):
            t *= -(2 * k - 1) / (2 * a * a)
            s += t
        return s / (a * mp.sqrt(mp.pi))
    with mp.workprec(240 + int(3 * a * a)):
        return mp.exp(a * a) * mp.erfc(a)
def gt(K):
    def f(t):
        a = K * (1 + t) / (1 - t)
        return (1 + 2 * a) * erfcx(a)
    return f
row("erfcG64", gt(mpf(4)), lambda t: mpf(1), mpf(-1), (mpf("27.5") - 4) / (mpf("27.5") + 4), 24, 0)
row("erfcG32", gt(mpf(2)), lambda t: mpf(1), mpf(-1), (mpf("10.2") - 2) / (mpf("10.2") + 2), 0, 11)
# x^(−1/3) on [1, 2]
row("rcbrtP", lambda x: mp.power(x, -mpf(1) / 3), lambda x: mp.power(x, mpf(1) / 3), mpf(1), mpf(2), 6, 4)
# log2((1+s)/(1−s)) = s·(2/ln 2 + z·(2/(3·ln 2) + z·Q(z)))
row("powQ", lambda z: (2 * mp.atanh(s_of(nz(z))) / s_of(nz(z)) / ln2 - 2 / ln2 - 2 / (3 * ln2) * nz(z)) / nz(z) ** 2 if z > mpf(10) ** -12 else 2 / (5 * ln2) + 2 / (7 * ln2) * z, lambda z: (z + T) ** 2, T, z, 8, 3)

if __name__ == "__main__":
    only = sys.argv[1:]
    print("package def\n")
    print("// Minimax coefficients by Remez exchange, lowest power first; made by coef/coef.py.\n")
    for name, a in ROWS.items():
        if not only or name in only:
            table(name, *a)
