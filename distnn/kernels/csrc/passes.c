/* Forward propagation and backpropagation of networks with hidden layers: fused.h for narrow ones, tiled.h for wider
   ones, which network/passes/fused.py and tiled.py call; functions of numbers, in elementary.h; products of matrices,
   in algebra.h, and their factors, in factors.h. All for float64 and float32, each for AVX-512, for AVX2, and for every
   other CPU or ARM64's, in the vector extensions of gcc and clang. */

#include <math.h>
#include <stdlib.h>

#include "library.h"

#ifdef X86
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define LINE 64 /* bytes of a cache line */
#define LEAST(a, b) ((a) < (b) ? (a) : (b))
#define NAME(name) JOINED(name, TYPE, SET)

enum {
    TANH,
    LOGISTIC,
    RELU,
    IDENTITY,
    EXP,
    EXPM1,
    LOG,
    LOG1P
}; /* THETAS of kernels/library.py, and FUNCTIONS after them */
enum { SOFTMAX_ERROR = IDENTITY + 1, LOGISTIC_ERROR }; /* ERRORS after those of squared error, which are its theta's */

/* For tanh and exp, with y = k ln 2 + r:
   LOWEST: below, e^y is nothing beside 1; ROUND + y: y rounded to whole numbers, which are then its lowest bits;
   BIAS, MANTISSA: of the exponent, and the bits before it. */
#define LOG2_E 1.4426950408889634074

#define FLOAT64_LOWEST -44.0
#define FLOAT64_ROUND 6755399441055744.0
#define FLOAT64_LN2_HIGH 6.93147180369123816490e-01
#define FLOAT64_LN2_LOW 1.90821492927058770002e-10
#define FLOAT64_BIAS 1023
#define FLOAT64_MANTISSA 52

#define FLOAT32_LOWEST -20.0f
#define FLOAT32_ROUND 12582912.0f
#define FLOAT32_LN2_HIGH 0.693359375f
#define FLOAT32_LN2_LOW -2.12194440e-4f
#define FLOAT32_BIAS 127
#define FLOAT32_MANTISSA 23

#define DOUBLE
#define REAL double
#define BITS int64_t
#define WORD uint64_t
#define TYPE float64
#define OF_TYPE(name) FLOAT64_##name
#define PACKED pd
#define LANE f64
#include "all_sets.h"
#undef DOUBLE
#undef REAL
#undef BITS
#undef WORD
#undef TYPE
#undef OF_TYPE
#undef PACKED
#undef LANE

#define REAL float
#define BITS int32_t
#define WORD uint32_t
#define TYPE float32
#define OF_TYPE(name) FLOAT32_##name
#define PACKED ps
#define LANE f32
#include "all_sets.h"
