"""p(t) and p'(t) of every schedule at 4096 times, in Python's floats: the first 16 digits of the SHA-256 of their float64 bytes.

Its own writing of the formulas in docs/format.md, with the operations in the order that the page gives: additions, multiplications,
divisions and square roots of IEEE 754, which no platform may round otherwise.
"""

import hashlib
import json
import math
import struct

LN2_HIGH, LN2_LOW, LOG2_E = 0.6931471803691238, 1.9082149292705877e-10, 1.4426950408889634
FACTORIALS = [1 / math.factorial(n) for n in range(20)]
EPS, LEAST_T = 0.001, 2.0**-26


def exponential(x: float) -> float:
    k = math.floor(x * LOG2_E + 0.5)
    r = x - k * LN2_HIGH - k * LN2_LOW
    total = 0.0
    for n in range(13, 1, -1):
        total = total * r + FACTORIALS[n]
    return math.ldexp(1 + (r + r * r * total), k)


def logarithm(x: float) -> float:
    m, k = math.frexp(x)
    m, k = m * 2, k - 1
    if m > 1.4142135623730951:
        m, k = m / 2, k + 1
    f = m - 1
    s = f / (2 + f)
    square, total = s * s, 0.0
    for n in range(23, 2, -2):
        total = total * square + 1 / n
    return k * LN2_HIGH + (f - (s * (f - 2 * square * total) - k * LN2_LOW))


def sine(x: float) -> float:
    square, total = x * x, 0.0
    for n in range(17, 2, -2):
        total = total * square + (FACTORIALS[n] if n % 4 == 1 else -FACTORIALS[n])
    return x + x * square * total


def power(base: float, exponent: float) -> float:
    if exponent == 0.5:
        return math.sqrt(base)
    if exponent == -0.5:
        return 1 / math.sqrt(base)
    if exponent in (0, 1, 2):
        return 1.0 if exponent == 0 else base if exponent == 1 else base * base
    return exponential(exponent * logarithm(base))


def cosine(t: float) -> tuple[float, float]:
    s = sine((math.pi / 4) * t)
    return 2 * (1 - EPS) * s * s, (1 - EPS) * math.pi * s * math.sqrt(1 - s * s)


def polynomial(exponent: float):
    return lambda t: (max(EPS, power(t, exponent)), exponent * power(t, exponent - 1))


def geometric(t: float) -> tuple[float, float]:
    first = logarithm(0.0001)
    span = logarithm(20.0) - first
    sigma = exponential(first + t * span)
    return 1 - exponential(-sigma), span * sigma * exponential(-sigma)


SCHEDULES = {
    "linear": lambda t: ((1 - EPS) * t + EPS, 1 - EPS),
    "log-linear": lambda t: ((1 - EPS) * t, 1 - EPS),
    "cosine": cosine,
    "polynomial": polynomial(2),
    "square root": polynomial(0.5),
    "power 1.3": polynomial(1.3),
    "geometric": geometric,
    "clipped": lambda t: (0.3 + (0.8 - 0.3) * t, 0.8 - 0.3),
}


def digest(schedule) -> str:
    values = [value for i in range(4096) for value in schedule(max(LEAST_T, i / 4096))]
    return hashlib.sha256(struct.pack(f"<{len(values)}d", *values)).hexdigest()[:16]


print(json.dumps({name: digest(schedule) for name, schedule in SCHEDULES.items()}))
