/* Forward propagation and backpropagation of networks with hidden layers: fused.h for narrow ones, tiled.h for wider
   ones, which network/passes/fused.py and tiled.py call. Both for float64 and float32, each for AVX-512 and for AVX2,
   in the vector extensions of gcc and clang. */

#include "library.h"

#define LINE 64 /* bytes of a cache line */
#define LEAST(a, b) ((a) < (b) ? (a) : (b))

#ifdef __x86_64__

#define NAME(name) JOINED(name, TYPE, SET)

enum { TANH, LOGISTIC, RELU, IDENTITY }; /* THETAS of kernels/library.py */

/* For tanh, with y = k ln 2 + r:
   LOWEST: below, e^y is nothing beside 1; ROUND + y: y rounded to whole numbers, which are then its lowest bits;
   BIAS, MANTISSA: of the exponent, and the bits before it. EXPM1(r, r2, r4): e^r - 1 for |r| <= ln 2 / 2, by its
   series; r2, r4: powers of r. */
#define LOG2_E 1.4426950408889634074

#define FLOAT64_LOWEST -44.0
#define FLOAT64_ROUND 6755399441055744.0
#define FLOAT64_LN2_HIGH 6.93147180369123816490e-01
#define FLOAT64_LN2_LOW 1.90821492927058770002e-10
#define FLOAT64_BIAS 1023
#define FLOAT64_MANTISSA 52
#define FLOAT64_EXPM1(r, r2, r4)                                                                                       \
    (r + r2 * ((0.5 + r * (1.0 / 6) + r2 * (1.0 / 24 + r * (1.0 / 120))) +                                             \
               r4 * (1.0 / 720 + r * (1.0 / 5040) + r2 * (1.0 / 40320 + r * (1.0 / 362880)) +                          \
                     r4 * (1.0 / 3628800 + r * (1.0 / 39916800) + r2 * (1.0 / 479001600 + r * (1.0 / 6227020800))))))

#define FLOAT32_LOWEST -20.0f
#define FLOAT32_ROUND 12582912.0f
#define FLOAT32_LN2_HIGH 0.693359375f
#define FLOAT32_LN2_LOW -2.12194440e-4f
#define FLOAT32_BIAS 127
#define FLOAT32_MANTISSA 23
#define FLOAT32_EXPM1(r, r2, r4)                                                                                       \
    (r + r2 * ((0.5f + r * (1.0f / 6) + r2 * (1.0f / 24 + r * (1.0f / 120))) + r4 * (1.0f / 720 + r * (1.0f / 5040))))

#define REAL double
#define BITS int64_t
#define TYPE float64
#define OF_TYPE(name) FLOAT64_##name
#define WIDE 64
#include "passes.h"
#define WIDE 32
#include "passes.h"
#undef REAL
#undef BITS
#undef TYPE
#undef OF_TYPE

#define REAL float
#define BITS int32_t
#define TYPE float32
#define OF_TYPE(name) FLOAT32_##name
#define WIDE 64
#include "passes.h"
#define WIDE 32
#include "passes.h"

#endif
