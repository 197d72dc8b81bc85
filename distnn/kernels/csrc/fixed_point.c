/* Adding a term to an exact sum in one pass, and reading the sum: class InC of parallel/fixed_point.py. */

#include "library.h"

/* For each row p in [from, to) of the term g, whose numbers go to sum[first[p]] up to sum[first[p + 1]]: raise
   largest[p] to their magnitudes, and add the integers behind g + magic[p] to sum, modulo 2^64. g begins with row
   `from`. Magnitudes are compared as the integers behind them, which are in the same order, with NaN above infinity: so
   the compiler can use vectors, and NaN stays. begins: of how many terms this is the first one: what sum held is not
   used then, and takes off at once what all of them will bring along of magic; or 0. */
#define ADD_ROWS(TYPE, REAL, BITS, MAGNITUDE, SET)                                                                     \
    TARGET_##SET static inline void add_rows_##TYPE##_##SET(const REAL *restrict g, size from, size to,                \
                                                            const size *first, const double *magic,                    \
                                                            uint64_t *restrict sum, double *largest, size begins) {    \
        sum += first[from];                                                                                            \
        for (size p = from; p < to; p++) {                                                                             \
            const double at = magic[p];                                                                                \
            const size count = first[p + 1] - first[p];                                                                \
            BITS most;                                                                                                 \
            REAL found = (REAL)largest[p]; /* a REAL before, or NaN or 0 */                                            \
            uint64_t before;                                                                                           \
            memcpy(&most, &found, sizeof most);                                                                        \
            memcpy(&before, &at, sizeof before);                                                                       \
            before *= -(uint64_t)begins;                                                                               \
            for (size i = 0; i < count; i++) {                                                                         \
                double t = g[i] + at;                                                                                  \
                uint64_t integer;                                                                                      \
                BITS magnitude;                                                                                        \
                memcpy(&integer, &t, sizeof integer);                                                                  \
                memcpy(&magnitude, g + i, sizeof magnitude);                                                           \
                magnitude &= MAGNITUDE;                                                                                \
                most = magnitude > most ? magnitude : most;                                                            \
                sum[i] = (begins ? before : sum[i]) + integer;                                                         \
            }                                                                                                          \
            g += count, sum += count;                                                                                  \
            memcpy(&found, &most, sizeof found);                                                                       \
            largest[p] = found;                                                                                        \
        }                                                                                                              \
    }

/* The same for all rows: `narrow` ones of TYPE in g, those after them, up to `rows`, float64 in tail. */
#define ADD_TERM(TYPE, REAL, SET)                                                                                      \
    TARGET_##SET void add_term_##TYPE##_##SET(const REAL *restrict g, size narrow, const double *restrict tail,        \
                                              size rows, const size *first, const double *magic,                       \
                                              uint64_t *restrict sum, double *largest, size begins) {                  \
        add_rows_##TYPE##_##SET(g, 0, narrow, first, magic, sum, largest, begins);                                     \
        add_rows_float64_##SET(tail, narrow, rows, first, magic, sum, largest, begins);                                \
    }

/* Write the multiples over as numbers. */
#define DECODE(SET)                                                                                                    \
    TARGET_##SET void decode_float64_##SET(uint64_t *sum, size rows, const size *first, const double *unit) {          \
        for (size p = 0; p < rows; p++) {                                                                              \
            const double one = unit[p];                                                                                \
            for (size i = first[p]; i < first[p + 1]; i++) {                                                           \
                double number = (double)(int64_t)sum[i] * one;                                                         \
                memcpy(sum + i, &number, sizeof number);                                                               \
            }                                                                                                          \
        }                                                                                                              \
    }

#define ALL_OF(SET)                                                                                                    \
    ADD_ROWS(float64, double, int64_t, INT64_MAX, SET)                                                                 \
    ADD_ROWS(float32, float, int32_t, INT32_MAX, SET)                                                                  \
    ADD_TERM(float64, double, SET)                                                                                     \
    ADD_TERM(float32, float, SET)                                                                                      \
    DECODE(SET)

#ifdef X86
ALL_OF(avx512)
ALL_OF(avx2)
#endif
ALL_OF(BASIC)
