/* exp, exp - 1, log, log(1 + x) and tanh, each the same operations whatever the vectors' width. Included by passes.h.

   Those but tanh are computed in float64, for numbers in float32, too. */

/* r with y = k ln 2 + r and |r| <= ln 2 / 2; k + ROUND in *rounded. */
INLINE VECTOR NAME(reduced)(VECTOR y, VECTOR *rounded) {
    *rounded = FMA(y, ALL(LOG2_E), ALL(OF_TYPE(ROUND)));
    VECTOR k = *rounded - OF_TYPE(ROUND);
    return FMA(k, ALL(-OF_TYPE(LN2_LOW)), FMA(k, ALL(-OF_TYPE(LN2_HIGH)), y));
}

/* 2^k, with k in the low bits. Above them may be anything, as in a NaN: so nothing may overflow. */
INLINE VECTOR NAME(power_of_2)(MASK k) { return (VECTOR)(((WORDS)k + OF_TYPE(BIAS)) << OF_TYPE(MANTISSA)); }

/* e^r - 1 for such an r, by its series. */
INLINE VECTOR NAME(series_of)(VECTOR r) {
    VECTOR r2 = r * r, r4 = r2 * r2;
#define TERMS_OF(k, l) FMA(r, ALL(l), ALL(k))
    VECTOR first = FMA(r2, TERMS_OF(1.0 / 24, 1.0 / 120), TERMS_OF(1.0 / 2, 1.0 / 6));
    if (sizeof(REAL) == 4)
        return FMA(r2, FMA(r4, TERMS_OF(1.0 / 720, 1.0 / 5040), first), r);
    VECTOR second = FMA(r2, TERMS_OF(1.0 / 40320, 1.0 / 362880), TERMS_OF(1.0 / 720, 1.0 / 5040));
    VECTOR third = FMA(r2, TERMS_OF(1.0 / 479001600, 1.0 / 6227020800), TERMS_OF(1.0 / 3628800, 1.0 / 39916800));
#undef TERMS_OF
    return FMA(r2, FMA(r4, FMA(r4, third, second), first), r);
}

/* y, or `least` where it is below that. NaN stays. */
INLINE VECTOR NAME(at_least)(VECTOR least, VECTOR y) {
#if WIDE == 64
    return JOIN2(_mm512_max_, PACKED)(least, y); /* the second one where either is NaN */
#elif WIDE == 32
    return JOIN2(_mm256_max_, PACKED)(least, y);
#else
    return NAME(choose)(y < least, least, y);
#endif
}

/* tanh x = -m / (2 + m) with m = e^(-2|x|) - 1, and the sign of x: neither overflows nor cancels. */
INLINE VECTOR NAME(tanh_of)(VECTOR x) {
    const VECTOR zero = {0};
    MASK sign = (MASK)-zero;
    VECTOR half = (VECTOR)((MASK)x | sign), rounded; /* -|x|, which is added to itself: multiplying has enough to do */
    VECTOR y = NAME(at_least)(ALL(OF_TYPE(LOWEST)), half + half);
    VECTOR r = NAME(reduced)(y, &rounded);
    VECTOR power = NAME(power_of_2)((MASK)rounded);
    VECTOR m = FMA(NAME(series_of)(r), power, power - 1);
    return (VECTOR)((MASK)((zero - m) / (2 + m)) | ((MASK)x & sign)); /* zero - m: 0 for 0, not -0 */
}

#ifdef DOUBLE
/* e^y: 2^k in two factors, since it may be beyond the range where e^y is not. */
INLINE VECTOR NAME(exp_of)(VECTOR y) {
    VECTOR rounded;
    y = NAME(at_least)(ALL(-800), y);
    y = NAME(choose)(y > 800, ALL(800), y);
    VECTOR r = NAME(reduced)(y, &rounded);
    MASK k = (MASK)rounded - (MASK)ALL(FLOAT64_ROUND), half = k >> 1;
    return (1 + NAME(series_of)(r)) * NAME(power_of_2)(half) * NAME(power_of_2)(k - half);
}

/* e^y - 1: for y above 40 the nearest float64 to e^y, too. */
INLINE VECTOR NAME(expm1_of)(VECTOR y) {
    VECTOR rounded, within = NAME(at_least)(ALL(-44), y);
    within = NAME(choose)(y > 40, ALL(40), within);
    VECTOR r = NAME(reduced)(within, &rounded);
    VECTOR power = NAME(power_of_2)((MASK)rounded);
    return NAME(choose)(y > 40, NAME(exp_of)(y), FMA(NAME(series_of)(r), power, power - 1));
}

/* ln x: x = 2^e (1 + f) with sqrt(1/2) <= 1 + f < sqrt 2, and ln(1 + f) = f - f^2/2 + s (f^2/2 + R(s^2)) with
   s = f / (2 + f): log of FreeBSD's msun (e_log.c), whose R is here. */
INLINE VECTOR NAME(log_of)(VECTOR x) {
    const VECTOR infinity = ALL(__builtin_inf());
    MASK tiny = x < 0x1p-1022;
    VECTOR y = NAME(choose)(tiny, x * 0x1p54, x);
    MASK bits = (MASK)y & INT64_MAX; /* without a sign, so that nothing overflows */
    MASK e = (bits - 0x3fe6a09e667f3bcd) >> FLOAT64_MANTISSA;
    VECTOR f = (VECTOR)(bits - (e << FLOAT64_MANTISSA)) - 1;
    VECTOR k = (VECTOR)(e - (tiny & 54) + (MASK)ALL(FLOAT64_ROUND)) - FLOAT64_ROUND;
    VECTOR s = f / (2 + f), z = s * s, z2 = z * z, half = 0.5 * f * f;
    VECTOR odd = FMA(
        z2,
        FMA(z2, FMA(z2, ALL(1.479819860511658591e-01), ALL(1.818357216161805012e-01)), ALL(2.857142874366239149e-01)),
        ALL(6.666666666666735130e-01));
    VECTOR even =
        FMA(z2, FMA(z2, ALL(1.531383769920937332e-01), ALL(2.222219843214978396e-01)), ALL(3.999999999940941908e-01));
    VECTOR R = z * FMA(z, even, odd);
    VECTOR small = FMA(s, half + R, k * FLOAT64_LN2_LOW);
    VECTOR found = FMA(k, ALL(FLOAT64_LN2_HIGH), f - (half - small));
    found = NAME(choose)(x == 0, -infinity, found);
    found = NAME(choose)((x < 0) | (x != x), ALL(__builtin_nan("")), found);
    return NAME(choose)(x == infinity, infinity, found);
}

/* ln(1 + x), with what is lost of x in u = 1 + x made up for. */
INLINE VECTOR NAME(log1p_of)(VECTOR x) {
    VECTOR u = 1 + x, lost = (x - (u - 1)) / u;
    return NAME(log_of)(u) + NAME(choose)((u > 0) & (u < __builtin_inf()), lost, ALL(0));
}
#endif
