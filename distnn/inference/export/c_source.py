"""The fixed part of exported C code. Words between @ are replaced by c.py."""

from __future__ import annotations

from typing import NamedTuple

LAYERS = """
#define ROWS 16 /* at a time */

/* gcc -O3 unrolls short loops before it makes vectors, and then cannot. */
#if defined(__GNUC__) && !defined(__clang__)
#define ROLLED _Pragma("GCC unroll 1")
#else
#define ROLLED
#endif

static int padded(int width) { return (width + 7) / 8 * 8; }

/* s = W^T x + b of layer l, for one row: all columns, the padding too. Sums of their own let compilers make vectors. */
static void signals(int l, const double *restrict x, double *restrict s)
{
    const int below = d[l], columns = padded(d[l + 1]);
    for (int j = 0; j < columns; j += 8, s += 8) {
        const double *w = W[l] + j;
        double s0 = w[0], s1 = w[1], s2 = w[2], s3 = w[3], s4 = w[4], s5 = w[5], s6 = w[6], s7 = w[7];
        for (int i = 0; i < below; i++) {
            const double xi = x[i];
            w += columns;
            s0 += w[0] * xi, s1 += w[1] * xi, s2 += w[2] * xi, s3 += w[3] * xi;
            s4 += w[4] * xi, s5 += w[5] * xi, s6 += w[6] * xi, s7 += w[7] * xi;
        }
        s[0] = s0, s[1] = s1, s[2] = s2, s[3] = s3, s[4] = s4, s[5] = s5, s[6] = s6, s[7] = s7;
    }
}

/* The same for ROWS rows: x[i * ROWS + row], s[j * ROWS + row]. Four units below at a time: s is read less. */
static void signals_of_rows(int l, const double *restrict x, double *restrict s)
{
    const int below = d[l], above = d[l + 1], columns = padded(above);
    for (int j = 0; j < above; j++, s += ROWS) {
        const double *w = W[l] + j, *xi = x;
        ROLLED
        for (int r = 0; r < ROWS; r++)
            s[r] = w[0];
        int i = 0;
        for (; i + 4 <= below; i += 4, xi += 4 * ROWS) {
            const double w1 = w[columns], w2 = w[2 * columns], w3 = w[3 * columns], w4 = w[4 * columns];
            w += 4 * columns;
            ROLLED
            for (int r = 0; r < ROWS; r++)
                s[r] = s[r] + w1 * xi[r] + w2 * xi[ROWS + r] + w3 * xi[2 * ROWS + r] + w4 * xi[3 * ROWS + r];
        }
        for (; i < below; i++, xi += ROWS) {
            w += columns;
            ROLLED
            for (int r = 0; r < ROWS; r++)
                s[r] += w[0] * xi[r];
        }
    }
}

/* The activations: s = theta(s) for `units` of `stride` numbers each, all in all a multiple of 8. */
"""

TANH = """\
/* y = -2 |x|, and -44 where it is less: e^y is then nothing beside 1. NaN stays. It has a loop of its own, since no
   vectors are made of what else would come after a branch. */
static inline double exponent_of(double x)
{
    const double y = -2 * fabs(x);
    return y < -44 ? -44 : y;
}

/* tanh x = -m / (2 + m) with m = e^y - 1, and the sign of x: neither overflows nor cancels. With y = k ln 2 + r,
   e^r - 1 is its series, and 2^k has k in its bits, where the sum with 1.5 * 2^52 has rounded it to. */
static inline double tanh_of(double x, double y)
{
    const double rounded = y * 1.4426950408889634074 + 6755399441055744.0, k = rounded - 6755399441055744.0;
    const double r = y - k * 6.93147180369123816490e-01 - k * 1.90821492927058770002e-10, r2 = r * r, r4 = r2 * r2;
    uint64_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    bits = (bits + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    const double e = r + r2 * ((0.5 + r * (1.0 / 6) + r2 * (1.0 / 24 + r * (1.0 / 120))) +
                               r4 * (1.0 / 720 + r * (1.0 / 5040) + r2 * (1.0 / 40320 + r * (1.0 / 362880)) +
                                     r4 * (1.0 / 3628800 + r * (1.0 / 39916800) +
                                           r2 * (1.0 / 479001600 + r * (1.0 / 6227020800)))));
    const double m = e * power + (power - 1);
    return copysign(m / (2 + m), x);
}
"""

EACH = """\
static void theta_{name}(double *s, int units, int stride)
{{
    for (int end = units * stride, k = 0; k < end; k += 8) {{{before}
        for (int r = 0; r < 8; r++)
            s[k + r] = {value};
    }}
}}
"""

EXPONENT = """
        double y[8];
        ROLLED
        for (int r = 0; r < 8; r++)
            y[r] = exponent_of({0});"""

SOFTMAX = """\
static void theta_softmax(double *s, int units, int stride)
{
    (void)units; /* those of the padding take no part */
    for (int r = 0; r < stride; r++) {
        double most = s[r], sum = 0;
        for (int k = 1; k < OUTPUTS; k++)
            most = s[k * stride + r] > most ? s[k * stride + r] : most;
        for (int k = 0; k < OUTPUTS; k++)
            sum += s[k * stride + r] = exp(s[k * stride + r] - most);
        for (int k = 0; k < OUTPUTS; k++)
            s[k * stride + r] /= sum;
    }
}
"""

IDENTITY = """\
static void theta_identity(double *s, int units, int stride)
{
    (void)s, (void)units, (void)stride;
}
"""


class Theta(NamedTuple):
    """c: a function that applies it. slope: replaces v[count] by v times θ'(s), where x = θ(s)."""

    c: str
    slope: str


def _each(name: str, value: str, slope: str, before: str = "") -> Theta:
    return Theta(
        EACH.format(name=name, value=value, before=before), f"for (int k = 0; k < count; k++)\n        v[k] *= {slope};"
    )


THETAS = {
    "tanh": _each("tanh", "tanh_of(s[k + r], y[r])", "1 - x[k] * x[k]", EXPONENT.format("s[k + r]")),
    "logistic": _each(
        "logistic",
        "0.5 * (1 + tanh_of(0.5 * s[k + r], y[r]))",
        "x[k] * (1 - x[k])",
        EXPONENT.format("0.5 * s[k + r]"),
    ),
    "relu": _each("relu", "s[k + r] <= 0 ? 0 : s[k + r]", "x[k] > 0"),
    "sign": _each("sign", "s[k + r] >= 0 ? 1 : s[k + r] < 0 ? -1 : s[k + r]", ""),
    "identity": Theta(IDENTITY, "(void)x, (void)v, (void)count;"),
    "softmax": Theta(
        SOFTMAX,
        "double sum = 0;\n    for (int k = 0; k < count; k++)\n        sum += x[k] * v[k];\n"
        "    for (int k = 0; k < count; k++)\n        v[k] = x[k] * (v[k] - sum);",
    ),
}

SINGLE = """
/* Infinite inputs become NaN by z - z: activations would make numbers of them. */
static void standardised(const double *x, double *out, int stride)
{
    @ENCODE@
    for (int i = 0; i < FEATURES; i++)
        out[i * stride] = (z[i] - shift[i] - mean[i]) / divisor[i] + (z[i] - z[i]);
}

static double undone(const double *x, int stride, double *y)
{
    double first = 0;
    for (int k = 0; k < OUTPUTS; k++) {
        const double value = @RESTORED@;
        if (k == 0)
            first = value;
        if (y)
            y[k] = value;
    }
    return first;
}

double @MODEL@_evaluate(const double *x, double *y)
{
    double a[WIDEST] = {0}, b[WIDEST], *below = a, *above = b;
    standardised(x, below, 1);
    for (int l = 0; l < LAYERS; l++) {
        signals(l, below, above);
        (l < LAYERS - 1 ? @HIDDEN@ : @OUTPUT_THETA@)(above, padded(d[l + 1]), 1);
        double *const swapped = below;
        below = above, above = swapped;
    }
    return undone(below, 1, y);
}
"""

BATCHED = """
void @MODEL@_evaluate_rows(size_t rows, const double *x, double *y)
{
    for (size_t start = 0; start < rows; start += ROWS) {
        double a[WIDEST * ROWS], b[WIDEST * ROWS], *below = a, *above = b;
        const size_t some = rows - start < ROWS ? rows - start : ROWS;
        for (size_t r = 0; r < ROWS; r++) /* where there are fewer, the last one again */
            standardised(x + (start + (r < some ? r : some - 1)) * INPUTS, below + r, ROWS);
        for (int l = 0; l < LAYERS; l++) {
            signals_of_rows(l, below, above);
            (l < LAYERS - 1 ? @HIDDEN@ : @OUTPUT_THETA@)(above, d[l + 1], ROWS);
            double *const swapped = below;
            below = above, above = swapped;
        }
        for (size_t r = 0; r < some; r++)
            undone(below + r, ROWS, y + (start + r) * OUTPUTS);
    }
}
"""

DERIVATIVES = """
/* v = v theta'(s), where x = theta(s): of the hidden layers, and of the output layer. */
static void hidden_slope(const double *x, double *v, int count)
{
    @HIDDEN_SLOPE@
}

static void output_slope(const double *x, double *v, int count)
{
    @OUTPUT_SLOPE@
}

double @MODEL@_derivatives(const double *x, double *y, double *dydx)
{
    double units[UNITS], *at[LAYERS + 1] = {units};
    standardised(x, units, 1);
    for (int l = 0; l < LAYERS; l++) {
        at[l + 1] = at[l] + padded(d[l]);
        signals(l, at[l], at[l + 1]);
        (l < LAYERS - 1 ? @HIDDEN@ : @OUTPUT_THETA@)(at[l + 1], padded(d[l + 1]), 1);
    }
    double all[OUTPUTS];
    const double first = undone(at[LAYERS], 1, all);
    for (int k = 0; k < OUTPUTS; k++) { /* backwards from each output */
        if (y)
            y[k] = all[k];
        double a[WIDEST] = {0}, b[WIDEST], *above = a, *below = b;
        above[k] = 1;
        output_slope(at[LAYERS], above, OUTPUTS);
        for (int l = LAYERS - 1; l >= 0; l--) {
            const int columns = padded(d[l + 1]);
            const double *w = W[l];
            for (int i = 0; i < d[l]; i++) {
                w += columns;
                below[i] = 0;
                for (int j = 0; j < d[l + 1]; j++)
                    below[i] += w[j] * above[j];
            }
            if (l > 0)
                hidden_slope(at[l], below, d[l]);
            double *const swapped = below;
            below = above, above = swapped;
        }
        for (int i = 0; i < FEATURES; i++)
            @INTO@ = above[i] @SCALE@ / divisor[i];@BY_COLUMNS@
    }
    return first;
}
"""
