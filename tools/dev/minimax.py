#!/usr/bin/env python3
"""Derives backends/cpu/MathExpansionCoefficients.h: polynomials and constants of the CPU's math.

Run by hand when an approximation changes (needs mpmath; about two minutes):
    python3 tools/dev/minimax.py > backends/cpu/MathExpansionCoefficients.h
Each polynomial is a weighted minimax fit (Remez exchange on a dense grid, 300 digits). The degree is
the least one whose error, weighted to be relative to the function's result, is below the goal. For
f32 coefficients are rounded one after another from the lowest, each time refitting the rest. `Fast` are
those of f32 under `--fast-math`.
"""
import sys
import mpmath as mp

mp.mp.dps = 300
GOAL = {"F32": mp.mpf(2) ** -28, "F64": mp.mpf(2) ** -57, "Fast": mp.mpf(2) ** -17}
BITS = {"F32": 24, "F64": 53, "Fast": 24}


def round_to(x, bits):
    """x rounded to `bits` significant bits."""
    x = mp.mpf(x)
    if x == 0:
        return x
    mantissa, exponent = mp.frexp(x)
    return mp.ldexp(mp.nint(mp.ldexp(mantissa, bits)), exponent - bits)


def remez(xs, gs, ws, degree):
    """Weighted minimax coefficients over the grid, and the error reached."""
    count = degree + 2
    picks = [round((len(xs) - 1) * (1 - mp.cos(mp.pi * k / (count - 1))) / 2) for k in range(count)]
    lo, hi = xs[0], xs[-1]
    picks = [min(range(len(xs)), key=lambda i: abs(xs[i] - (lo + (hi - lo) * p / (len(xs) - 1))))
             for p in picks]
    for _ in range(12):
        a = mp.matrix(count, count)
        b = mp.matrix(count, 1)
        for row, i in enumerate(picks):
            power = mp.mpf(1)
            for k in range(degree + 1):
                a[row, k] = power
                power *= xs[i]
            a[row, degree + 1] = (-1) ** row / ws[i]
            b[row] = gs[i]
        solution = mp.lu_solve(a, b)
        c = [solution[k] for k in range(degree + 1)]
        errors = [(mp.polyval(c[::-1], x) - g) * w for x, g, w in zip(xs, gs, ws)]
        extremes, start = [], 0
        for i in range(1, len(xs) + 1):
            if i == len(xs) or (errors[i] > 0) != (errors[start] > 0):
                extremes.append(max(range(start, i), key=lambda j: abs(errors[j])))
                start = i
        worst = max(abs(e) for e in errors)
        if len(extremes) < count:
            return c, worst
        while len(extremes) > count:
            if len(extremes) == count + 1:
                extremes.pop(0 if abs(errors[extremes[0]]) < abs(errors[extremes[-1]]) else -1)
            else:
                k = min(range(len(extremes) - 1),
                        key=lambda j: abs(errors[extremes[j]]) + abs(errors[extremes[j + 1]]))
                del extremes[k:k + 2]
        if extremes == picks or worst < abs(solution[degree + 1]) * mp.mpf("1.0005"):
            return c, worst
        picks = extremes
    return c, worst


def minimax(g, w, lo, hi, kind, goal):
    """Exact coefficients of about the least degree that meets the goal; the grid and its values."""
    lo, hi = mp.mpf(lo), mp.mpf(hi)
    points = 500 if kind == "F64" else 300
    xs = [lo + (hi - lo) * (1 - mp.cos(mp.pi * (i + mp.mpf("0.5")) / points)) / 2
          for i in range(points)]
    gs, ws = [g(x) for x in xs], [abs(w(x)) for x in xs]
    degree = 1
    while True:
        c, error = remez(xs, gs, ws, degree)
        if error < goal:
            break
        degree += 1 if error < goal * 1000 else 2
    return c, (xs, gs, ws)


def worst_error(c, grid):
    return max(abs(mp.polyval(c[::-1], x) - g) * w for x, g, w in zip(*grid))


def fit(g, w, lo, hi, kind, goal=None):
    c, grid = minimax(g, w, lo, hi, kind, goal or GOAL[kind])
    xs, gs, ws = grid
    degree = len(c) - 1
    c = []
    rest_g, rest_w = gs, ws
    for k in range(degree + 1):
        if degree - k >= 1:
            best, _ = remez(xs, rest_g, rest_w, degree - k)
        else:
            total = sum(w * w for w in rest_w)
            best = [sum(g * w * w for g, w in zip(rest_g, rest_w)) / total]
        c.append(round_to(best[0], BITS[kind]))
        rest_g = [(g - c[-1]) / x for g, x in zip(rest_g, xs)]
        rest_w = [w * abs(x) for w, x in zip(rest_w, xs)]
    return c, worst_error(c, grid)


def fit_about_centre(g, w, lo, hi, goal):
    """For intervals around 0, where rounding one after another does not work: of the same
    polynomial about several centres, the one that loses least when all its coefficients are
    rounded."""
    c, (xs, gs, ws) = minimax(g, w, lo, hi, "F64", goal)
    best = None
    for k in range(-24, 25):
        centre = mp.mpf(k) / 512
        shifted = list(c)
        for i in range(len(c)):
            for j in range(len(c) - 2, i - 1, -1):
                shifted[j] += centre * shifted[j + 1]
        rounded = [round_to(x, 53) for x in shifted]
        error = worst_error(rounded, ([x - centre for x in xs], gs, ws))
        if best is None or error < best[2]:
            best = (centre, rounded, error)
    return best


def emit_fit(name, comment, g, w, lo, hi, kinds=("F32", "F64"), goal=None):
    for kind in kinds:
        c, error = fit(g, w, lo, hi, kind, goal)
        print(f"/// {comment} on [{mp.nstr(mp.mpf(lo), 6)}, {mp.nstr(mp.mpf(hi), 6)}];"
              f" error 2^{mp.nstr(mp.log(error, 2), 4)}.")
        emit_array(name + kind, c)
        print(name + kind, len(c) - 1, mp.nstr(mp.log(error, 2), 5), file=sys.stderr, flush=True)


def emit_array(name, values):
    text = ", ".join(float(v).hex() for v in values)
    print(f"inline constexpr double {name}[] = {{{text}}};")


def split(value, bits):
    """value as a sum of parts of the given numbers of bits, the first largest."""
    parts, rest = [], mp.mpf(value)
    for b in bits:
        parts.append(round_to(rest, b))
        rest -= parts[-1]
    return parts


def main():
    ln2, pi, sqrt = mp.log(2), mp.pi, mp.sqrt
    print("// Coefficients and constants of the CPU's math expansion. Generated by "
          "tools/dev/minimax.py;\n// do not edit. Coefficients stand from the lowest power; "
          "z is the argument's square. Errors are\n// relative to the function's result. Used by "
          "MathExpansion*.cpp alone.\n// clang-format off\n#pragma once\n#include <cstdint>\n\n"
          "namespace ingot::cpu::coefficients {")
    h = ln2 / 2 * mp.mpf("1.01")
    emit_fit("expTail", "(exp(r) - 1 - r) / r^2", lambda r: (mp.exp(r) - 1 - r) / r**2,
             lambda r: r**2 / mp.expm1(r), -h, h)
    emit_fit("exp2Tail", "(2^r - 1) / r", lambda r: (2**r - 1) / r, lambda r: r / 2**r, -0.501,
             0.501, ("F32", "F64", "Fast"))
    lo, hi = sqrt(mp.mpf("0.5")) - 1, sqrt(2) - 1
    emit_fit("logTail", "(log1p(f) - f + f^2/2) / f^3",
             lambda f: (mp.log1p(f) - f + f * f / 2) / f**3, lambda f: f**3 / mp.log1p(f), lo, hi,
             ("F32",))
    zmax = (hi / (2 + hi))**2 * mp.mpf("1.001")
    s = lambda z: sqrt(z)
    emit_fit("logSeries", "(2 atanh(s) / s - 2) / z, z = s^2",
             lambda z: (2 * mp.atanh(s(z)) / s(z) - 2) / z, lambda z: z / 2, 0, zmax, ("F64",))
    emit_fit("logSeriesTail", "(2 atanh(s) / s - 2 - 2z/3) / z^2",
             lambda z: (2 * mp.atanh(s(z)) / s(z) - 2 - 2 * z / 3) / z**2, lambda z: z**2 / 2, 0,
             zmax, ("F64",), mp.mpf(2)**-70)
    q = (pi / 4 * mp.mpf("1.001"))**2
    emit_fit("sinTail", "(sin(r) - r) / r^3 in z", lambda z: (mp.sin(s(z)) / s(z) - 1) / z,
             lambda z: z * s(z) / mp.sin(s(z)), 0, q)
    emit_fit("cosTail", "(cos(r) - 1 + z/2) / z^2", lambda z: (mp.cos(s(z)) - 1 + z / 2) / z**2,
             lambda z: z**2 / mp.cos(s(z)), 0, q)
    emit_fit("sinhTail", "(sinh(x) - x) / x^3 in z", lambda z: (mp.sinh(s(z)) / s(z) - 1) / z,
             lambda z: z * s(z) / mp.sinh(s(z)), 0, 1)
    emit_fit("atanTail", "(atan(x) - x) / x^3 in z", lambda z: (mp.atan(s(z)) / s(z) - 1) / z,
             lambda z: z * s(z) / mp.atan(s(z)), 0, 1)
    emit_fit("asinTail", "(asin(x) - x) / x^3 in z", lambda z: (mp.asin(s(z)) / s(z) - 1) / z,
             lambda z: z * s(z) / mp.asin(s(z)), 0, 0.25)
    emit_fit("erfTail", "(erf(x) - x) / x in z", lambda z: mp.erf(s(z)) / s(z) - 1,
             lambda z: s(z) / mp.erf(s(z)), 0, 1, ("F32", "F64", "Fast"))
    emit_fit("erfLogTail", "-log(erfc(x)) ", lambda x: -mp.log(mp.erfc(x)), lambda x: mp.erfc(x), 1,
             mp.mpf("3.95"), ("F32", "Fast"))
    u = lambda v: (1 / (v + mp.mpf("0.375")) - 1) * 2
    scaled = lambda v: mp.exp(u(v)**2) * mp.erfc(u(v)) / (v + mp.mpf("0.375"))
    centre, c, error = fit_about_centre(scaled, lambda v: 1 / scaled(v),
                                        1 / mp.mpf("14.7") - mp.mpf("0.375"),
                                        1 / mp.mpf("1.4") - mp.mpf("0.375"), mp.mpf(2)**-57)
    print("/// exp(x^2) erfc(x) / t in t - centre, t = 1 / (1 + x/2), x from 0.8 to 27.4; error"
          f" 2^{mp.nstr(mp.log(error, 2), 4)}.")
    emit_array("erfcScaledF64", c)
    print(f"inline constexpr double erfcScaledCentre = {float(centre + mp.mpf('0.375')).hex()};")
    print("erfcScaled", len(c) - 1, mp.nstr(mp.log(error, 2), 5), file=sys.stderr, flush=True)
    emit_fit("cbrtGuess", "cbrt(m)", mp.cbrt, lambda m: 1 / mp.cbrt(m), s(mp.mpf("0.5")), s(mp.mpf(2)), ("F32",),
             mp.mpf(2)**-9)
    print("\n/// Parts of constants whose products with small integers are exact.")
    emit_array("ln2PartsF32", split(ln2, (14, 24)))
    emit_array("ln2PartsF64", split(ln2, (40, 53)))
    emit_array("log10of2PartsF32", split(mp.log10(2), (14, 24)))
    emit_array("log10of2PartsF64", split(mp.log10(2), (40, 53)))
    emit_array("halfPiParts", split(pi / 2, (33, 33, 33, 53)))
    print("\n/// Constants as a value and the rest that its rounding leaves.")
    for name, value in (("log2e", 1 / ln2), ("log10e", 1 / mp.log(10)), ("ln2", ln2),
                        ("halfPi", pi / 2), ("pi", pi), ("twoThirds", mp.mpf(2) / 3)):
        emit_array(name + "PairF32", split(value, (24, 24)))
        emit_array(name + "PairF64", split(value, (53, 53)))
    print("\n/// Bits of 2/pi behind the binary point, 64 a word, first word first.")
    words, rest = [], 2 / pi
    mp.mp.dps = 420
    rest = 2 / mp.pi
    for _ in range(20):
        rest *= mp.mpf(2)**64
        words.append(int(mp.floor(rest)))
        rest -= words[-1]
    print("inline constexpr uint64_t twoOverPi[] = {"
          + ", ".join(f"0x{w:016x}" for w in words) + "};")
    print("} // namespace ingot::cpu::coefficients")


if __name__ == "__main__":
    main()
