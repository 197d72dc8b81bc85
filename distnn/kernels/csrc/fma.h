/* FMA(a, b, c): a b + c, rounded once, number by number. Included by passes.h.

   Where the CPU has no such instruction it is made of others, which give the same bits: S. Boldo, G. Melquiond,
   "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd", IEEE Transactions on
   Computers 57 (2008). */

#if WIDE == 64
#define FMA(a, b, c) JOIN2(_mm512_fmadd_, PACKED)(a, b, c)
#elif WIDE == 32
#define FMA(a, b, c) JOIN2(_mm256_fmadd_, PACKED)(a, b, c)
#elif defined(__aarch64__)
#define FMA(a, b, c) JOIN2(vfmaq_, LANE)(c, a, b)
#else
#define FMA(a, b, c) NAME(fma)(a, b, c)
#if defined(__FMA__) || defined(__FP_FAST_FMA)
INLINE VECTOR NAME(fma)(VECTOR a, VECTOR b, VECTOR c) {
    for (int k = 0; k < (int)EACH; k++)
        a[k] = sizeof(REAL) == 8 ? __builtin_fma(a[k], b[k], c[k]) : __builtin_fmaf(a[k], b[k], c[k]);
    return a;
}
#else
#ifndef ODD
#define ODD /* once for both types of numbers */
typedef double PAIR __attribute__((vector_size(16), may_alias));
typedef float QUAD __attribute__((vector_size(16), may_alias));
typedef int64_t PAIR_MASK __attribute__((vector_size(16)));

static inline __attribute__((always_inline)) PAIR_MASK near(PAIR x, double low, double high) {
    PAIR magnitude = (PAIR)((PAIR_MASK)x & INT64_MAX);
    return (magnitude >= low) & (magnitude <= high);
}

/* x + y, and in *error what rounding took off. */
static inline __attribute__((always_inline)) PAIR sum_of_two(PAIR x, PAIR y, PAIR *error) {
    PAIR sum = x + y, part = sum - x;
    *error = (x - (sum - part)) + (y - part);
    return sum;
}

/* x + y, rounded to the neighbour whose last bit is 1 unless it is exact: to be rounded again, to fewer bits. */
static inline __attribute__((always_inline)) PAIR odd_sum(PAIR x, PAIR y) {
    PAIR error, sum = sum_of_two(x, y, &error);
    PAIR_MASK inexact = (error < 0) | (error > 0), even = ((PAIR_MASK)sum & 1) - 1;
    PAIR_MASK step = 1 + 2 * ((error > 0) ^ (sum > 0)); /* away from 0, or towards it */
    return (PAIR)((PAIR_MASK)sum + (step & inexact & even));
}

/* Where the products of two halves, or the sum, might be too large or too small for this: C's own, which is slow. */
static __attribute__((noinline)) PAIR slow_fma(PAIR a, PAIR b, PAIR c) {
    for (int k = 0; k < 2; k++)
        a[k] = __builtin_fma(a[k], b[k], c[k]);
    return a;
}

/* The first 26 bits of a number. */
static inline __attribute__((always_inline)) PAIR first_half(PAIR x) {
    PAIR large = x * 134217729.0; /* 2^27 + 1 */
    return large - (large - x);
}

static __attribute__((noinline)) PAIR fma_of_pair(PAIR a, PAIR b, PAIR c) {
    PAIR product = a * b;
    PAIR_MASK zero = (a == 0) | (b == 0), small = near(a, 0, 0x1p500) & near(b, 0, 0x1p500) & near(c, 0, 0x1p1000);
    PAIR_MASK fine = small & (zero | near(product, 0x1p-900, 0x1p1000));
    if (!(fine[0] & fine[1]))
        return slow_fma(a, b, c);
    PAIR a_high = first_half(a), b_high = first_half(b), a_low = a - a_high, b_low = b - b_high;
    PAIR rest = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
    PAIR low, lowest, middle = sum_of_two(c, rest, &low), high = sum_of_two(product, middle, &lowest);
    PAIR sum = high + odd_sum(low, lowest);
    PAIR_MASK nothing = sum == 0; /* which has the sign of the plain sum: 0, or of -0 and -0 */
    return (PAIR)(((PAIR_MASK)sum & ~nothing) | ((PAIR_MASK)(product + c) & nothing));
}

/* The same in float32, whose products are exact in float64. */
static __attribute__((noinline)) QUAD fma_of_four(QUAD a, QUAD b, QUAD c) {
    for (int k = 0; k < 4; k += 2) {
        PAIR sum = odd_sum((PAIR){a[k], a[k + 1]} * (PAIR){b[k], b[k + 1]}, (PAIR){c[k], c[k + 1]});
        a[k] = (float)sum[0], a[k + 1] = (float)sum[1];
    }
    return a;
}
#endif

INLINE VECTOR NAME(fma)(VECTOR a, VECTOR b, VECTOR c) {
    if (sizeof(REAL) == 8)
        return (VECTOR)fma_of_pair((PAIR)a, (PAIR)b, (PAIR)c);
    return (VECTOR)fma_of_four((QUAD)a, (QUAD)b, (QUAD)c);
}
#endif
#endif
