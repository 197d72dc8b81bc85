/* Adding a term to an exact sum in one pass, and reading the sum: class InC of parallel/fixed_point.py. */

#include "library.h"

#ifdef __x86_64__

/* For each part p of the term g, from first[p] up to first[p + 1]: raise largest[p] to the magnitudes of g, and add the
   integers behind g + magic[p] to sum, modulo 2^64. Magnitudes are compared as the integers behind them, which are in
   the same order, with NaN above infinity: so the compiler can use vectors, and NaN stays. */
#define ADD_TERM(TYPE, REAL, BITS, MAGNITUDE, SET)                                                                     \
    TARGET_##SET void add_term_##TYPE##_##SET(const REAL *restrict g, size parts, const size *first,                   \
                                              const double *magic, uint64_t *restrict sum, double *largest) {          \
        for (size p = 0; p < parts; p++) {                                                                             \
            const double at = magic[p];                                                                                \
            BITS most;                                                                                                 \
            REAL found = (REAL)largest[p]; /* a REAL before, or NaN or 0 */                                            \
            memcpy(&most, &found, sizeof most);                                                                        \
            for (size i = first[p]; i < first[p + 1]; i++) {                                                           \
                double t = g[i] + at;                                                                                  \
                uint64_t integer;                                                                                      \
                BITS magnitude;                                                                                        \
                memcpy(&integer, &t, sizeof integer);                                                                  \
                memcpy(&magnitude, g + i, sizeof magnitude);                                                           \
                magnitude &= MAGNITUDE;                                                                                \
                most = magnitude > most ? magnitude : most;                                                            \
                sum[i] += integer;                                                                                     \
            }                                                                                                          \
            memcpy(&found, &most, sizeof found);                                                                       \
            largest[p] = found;                                                                                        \
        }                                                                                                              \
    }

/* Write the multiples over as numbers. */
#define DECODE(SET)                                                                                                    \
    TARGET_##SET void decode_float64_##SET(uint64_t *sum, size parts, const size *first, const double *unit) {         \
        for (size p = 0; p < parts; p++) {                                                                             \
            const double one = unit[p];                                                                                \
            for (size i = first[p]; i < first[p + 1]; i++) {                                                           \
                double number = (double)(int64_t)sum[i] * one;                                                         \
                memcpy(sum + i, &number, sizeof number);                                                               \
            }                                                                                                          \
        }                                                                                                              \
    }

ADD_TERM(float64, double, int64_t, INT64_MAX, avx512)
ADD_TERM(float64, double, int64_t, INT64_MAX, avx2)
ADD_TERM(float32, float, int32_t, INT32_MAX, avx512)
ADD_TERM(float32, float, int32_t, INT32_MAX, avx2)
DECODE(avx512)
DECODE(avx2)

#endif
