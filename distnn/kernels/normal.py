"""The normal distribution N(0, 1), the same bits on every machine: its quantiles, and numbers drawn from it.

numpy's `standard_normal` multiplies whole numbers by numbers of a table, but beyond TAIL, where it takes the logarithm
of the C library, whose last bit is the library's. So those numbers, one in 3,900, are drawn anew.
"""

from __future__ import annotations

import numpy as np

from distnn.kernels.elementary import applied

TAIL = 3.6541528853610088  # where the outermost strip of numpy's ziggurat begins
BEYOND = 1.2901624382695038e-04  # P(|x| > TAIL) / 2

# Numerators and denominators of AS 241, the highest power first: for |p - 1/2| <= 0.425, by 0.425² - (p - 1/2)²; then
# by r - 1.6, and for r > 5 by r - 5, with r = sqrt(-log p) of the smaller side.
CENTRE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080),
    (5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
     5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0),
)  # fmt: skip
MIDDLE = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.241780725177450611770, 1.27045825245236838258,
     3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.148103976427480074590,
     0.689767334985100004550, 1.67638483018380384940, 2.05319162663775882187, 1.0),
)  # fmt: skip
FAR = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.00124266094738807843860, 0.0265321895265761230930,
     0.296560571828504891230, 1.78482653991729133580, 5.46378491116411436990, 6.65790464350110377720),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     0.0148753612908506148525, 0.136929880922735805310, 0.599832206555887937690, 1.0),
)  # fmt: skip


def quantile(p: np.ndarray) -> np.ndarray:
    """x with P(N(0, 1) <= x) = p, for 0 < p < 1: float64 (n,), to 1e-15 or so of x. Local.

    M. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37 (1988).
    """
    q = p - 0.5
    r = np.sqrt(-applied("log", np.minimum(p, 1 - p)))
    outside = np.where(r <= 5, _ratio(MIDDLE, r - 1.6), _ratio(FAR, r - 5))
    return np.where(np.abs(q) <= 0.425, q * _ratio(CENTRE, 0.180625 - q * q), np.copysign(outside, q))


def _ratio(polynomials: tuple[tuple[float, ...], tuple[float, ...]], r: np.ndarray) -> np.ndarray:
    """Both by Horner's scheme."""
    above, below = np.zeros_like(r), np.zeros_like(r)
    for one, other in zip(*polynomials, strict=True):
        above, below = above * r + one, below * r + other
    return above / below


def draw(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers from N(0, 1), float64; those beyond TAIL by their quantiles. Replicated if the generator's state is."""
    x = generator.standard_normal(shape)
    far = np.abs(x) >= TAIL
    if far.any():
        part = 1 - generator.random(np.count_nonzero(far))  # 0 < part <= 1
        x[far] = np.copysign(quantile(BEYOND * part), x[far])
    return x
