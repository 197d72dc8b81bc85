/* What fused.h and tiled.h share, and both of them, for one type of numbers and one width of vectors: included by
   passes.c for each, which says REAL, BITS (the integers of its size), TYPE, OF_TYPE (its constants) and WIDE (bytes of
   a vector).

   Examples are columns. Every sum is made in the same order whatever WIDE is, so that the bits are the same on all
   CPUs. */

#if WIDE == 64
#define SET avx512
#define TARGET TARGET_avx512
#else
#define SET avx2
#define TARGET TARGET_avx2
#endif

#define INLINE static inline __attribute__((always_inline)) TARGET
#define VECTOR NAME(vector)
#define MASK NAME(mask)
typedef REAL VECTOR __attribute__((vector_size(WIDE), may_alias));
typedef BITS MASK __attribute__((vector_size(WIDE)));
#define AT(address) (*(VECTOR *)(address))
#define EACH ((size)(WIDE / sizeof(REAL))) /* numbers of a vector */
#define LANES ((size)(LINE / sizeof(REAL)))

/* For what is left over of tiles: never more than fits, so that the compiler sees no case that could not be. */
#define UP_TO(most, number) ((number) < (most) ? (number) : 1)

/* tanh x = -m / (2 + m) with m = e^(-2|x|) - 1, and the sign of x: neither overflows nor cancels. */
INLINE VECTOR NAME(tanh_of)(VECTOR x) {
    const VECTOR zero = {0};
    MASK sign = (MASK)x & (MASK)-zero;
    VECTOR y = -2 * (VECTOR)((MASK)x ^ sign);
    MASK low = y < OF_TYPE(LOWEST); /* not for NaN, which stays */
    y = (VECTOR)(((MASK)y & ~low) | ((MASK)(zero + OF_TYPE(LOWEST)) & low));
    VECTOR rounded = y * (REAL)LOG2_E + OF_TYPE(ROUND);
    VECTOR k = rounded - OF_TYPE(ROUND);
    VECTOR r = y - k * OF_TYPE(LN2_HIGH) - k * OF_TYPE(LN2_LOW);
    VECTOR r2 = r * r, r4 = r2 * r2;
    VECTOR power = (VECTOR)(((MASK)rounded + OF_TYPE(BIAS)) << OF_TYPE(MANTISSA)); /* 2^k */
    VECTOR m = OF_TYPE(EXPM1)(r, r2, r4) * power + (power - 1);
    return (VECTOR)((MASK)((zero - m) / (2 + m)) | sign); /* zero - m: 0 for 0, not -0 */
}

#define EACH_VECTOR for (size k = 0; k < numbers; k += EACH)

/* x = theta(x), as activations.py has it, for whole lines of numbers. NaN stays. */
INLINE void NAME(apply_theta)(size theta, REAL *x, size numbers) {
    switch (theta) {
        case TANH: EACH_VECTOR AT(x + k) = NAME(tanh_of)(AT(x + k)); break;
        case LOGISTIC: EACH_VECTOR AT(x + k) = (REAL)0.5 * (1 + NAME(tanh_of)((REAL)0.5 * AT(x + k))); break;
        case RELU: EACH_VECTOR AT(x + k) = (VECTOR)((MASK)AT(x + k) & ~(AT(x + k) <= 0)); break;
    }
}

/* delta *= theta'(s), where x = theta(s), for whole lines of numbers. */
INLINE void NAME(chain_theta)(size theta, const REAL *x, REAL *delta, size numbers) {
    switch (theta) {
        case TANH: EACH_VECTOR AT(delta + k) *= 1 - AT(x + k) * AT(x + k); break;
        case LOGISTIC: EACH_VECTOR AT(delta + k) *= AT(x + k) * (1 - AT(x + k)); break;
        case RELU: EACH_VECTOR AT(delta + k) = (VECTOR)((MASK)AT(delta + k) & ~(AT(x + k) == 0)); break;
    }
}

TARGET void NAME(theta)(size theta, REAL *x, size numbers) { NAME(apply_theta)(theta, x, numbers); }

TARGET void NAME(chain)(size theta, const REAL *x, REAL *delta, size numbers) {
    NAME(chain_theta)(theta, x, delta, numbers);
}

/* Sums over columns that were kept apart by their place in a line, added up. */
INLINE REAL NAME(sum_of_line)(REAL *lanes) {
    for (size half = LANES / 2; half > 0; half /= 2)
        for (size lane = 0; lane < half; lane++)
            lanes[lane] += lanes[lane + half];
    return lanes[0];
}

#include "fused.h"
#include "tile.h"
#include "tiled.h"

#undef SET
#undef TARGET
#undef INLINE
#undef VECTOR
#undef MASK
#undef AT
#undef EACH
#undef LANES
#undef EACH_VECTOR
#undef UP_TO
#undef WIDE
