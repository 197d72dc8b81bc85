/* Vectors, functions of numbers, theta and theta', for one type of numbers and one width of vectors: included by
   passes.c for each, which says REAL, BITS and WORD (the integers of its size, with a sign and without), TYPE, OF_TYPE
   (its constants), PACKED and LANE (ends of intrinsics' names) and WIDE (bytes of a vector).

   Examples are columns. Every sum is made in the same order whatever WIDE is, and a multiplication and an addition are
   rounded once where it says FMA, and twice where not: so the bits are the same on all CPUs. */

#if WIDE == 64
#define SET avx512
#define TARGET TARGET_avx512
#define REGISTERS 32
#elif WIDE == 32
#define SET avx2
#define TARGET TARGET_avx2
#define REGISTERS 16
#else
#define SET BASIC
#define TARGET
#ifdef __aarch64__
#define REGISTERS 32
#else
#define REGISTERS 16
#endif
#endif

#define INLINE static inline __attribute__((always_inline)) TARGET
#define VECTOR NAME(vector)
#define MASK NAME(mask)
#define WORDS NAME(words)
#define UNALIGNED NAME(unaligned)
typedef REAL VECTOR __attribute__((vector_size(WIDE), may_alias));
typedef REAL UNALIGNED __attribute__((vector_size(WIDE), aligned(sizeof(REAL)), may_alias));
typedef BITS MASK __attribute__((vector_size(WIDE)));
typedef WORD WORDS __attribute__((vector_size(WIDE))); /* whose sums wrap */
#define AT(address) (*(VECTOR *)(address))
#define LOAD(address) (*(const UNALIGNED *)(address)) /* of a vector that may lie anywhere */
#define EACH ((size)(WIDE / sizeof(REAL)))            /* numbers of a vector */
#define LANES ((size)(LINE / sizeof(REAL)))

/* For what is left over of tiles: never more than fits, so that the compiler sees no case that could not be. */
#define UP_TO(most, number) ((number) < (most) ? (number) : 1)
/* TILE of the rows or columns that are left over, fewer than `most` and at most 5. */
#define LAST_TILE(left, most)                                                                                          \
    switch (left) {                                                                                                    \
        case 1: TILE(1); break;                                                                                        \
        case 2: TILE(2); break;                                                                                        \
        case 3: TILE(3); break;                                                                                        \
        case 4: TILE(UP_TO(most, 4)); break;                                                                           \
        case 5: TILE(UP_TO(most, 5)); break;                                                                           \
    }
#define UNROLLED(...) _Pragma("GCC unroll 16") for (__VA_ARGS__) /* a loop whose vectors must stay in registers */

#include "fma.h"

/* One number in all places; x - 0 is x, while x + 0 loses the sign of -0. */
INLINE VECTOR NAME(all)(REAL number) { return number - (VECTOR){0}; }
#define ALL(number) NAME(all)((REAL)(number))

/* `yes` where the mask says so, else `no`. */
INLINE VECTOR NAME(choose)(MASK mask, VECTOR yes, VECTOR no) {
    return (VECTOR)(((MASK)yes & mask) | ((MASK)no & ~mask));
}

#include "elementary.h"

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
        case TANH: EACH_VECTOR AT(delta + k) *= FMA(-AT(x + k), AT(x + k), ALL(1)); break;
        case LOGISTIC: EACH_VECTOR AT(delta + k) *= AT(x + k) * (1 - AT(x + k)); break;
        case RELU: EACH_VECTOR AT(delta + k) = (VECTOR)((MASK)AT(delta + k) & ~(AT(x + k) == 0)); break;
    }
}

TARGET void NAME(theta)(size theta, REAL *x, size numbers) { NAME(apply_theta)(theta, x, numbers); }

TARGET void NAME(chain)(size theta, const REAL *x, REAL *delta, size numbers) {
    NAME(chain_theta)(theta, x, delta, numbers);
}

/* f of all numbers of some rows, to other rows, which may be the same. */
TARGET void NAME(elementwise)(size function, size rows, size columns, const REAL *from, size row, REAL *to,
                              size to_row) {
    enum { SOME = 64 };
    for (size r = 0; r < rows; r++, from += row, to += to_row)
        for (size c = 0; c < columns; c += SOME) {
            size numbers = LEAST(columns - c, SOME);
            REAL x[SOME] __attribute__((aligned(LINE))) = {0};
            memcpy(x, from + c, numbers * sizeof(REAL));
            if (function < EXP) {
                NAME(apply_theta)(function, x, SOME);
            } else {
                double y[SOME] __attribute__((aligned(LINE)));
                for (size k = 0; k < SOME; k++)
                    y[k] = x[k];
#define OF_DOUBLE(name) JOINED(name, float64, SET)
#define EACH_DOUBLE(f)                                                                                                 \
    for (size k = 0; k < numbers; k += WIDE / sizeof(double))                                                          \
    *(OF_DOUBLE(vector) *)(y + k) = OF_DOUBLE(f)(*(OF_DOUBLE(vector) *)(y + k))
                switch (function) {
                    case EXP: EACH_DOUBLE(exp_of); break;
                    case EXPM1: EACH_DOUBLE(expm1_of); break;
                    case LOG: EACH_DOUBLE(log_of); break;
                    case LOG1P: EACH_DOUBLE(log1p_of); break;
                }
                for (size k = 0; k < SOME; k++)
                    x[k] = (REAL)y[k];
            }
            memcpy(to + c, x, numbers * sizeof(REAL));
        }
}

/* Sums over columns that were kept apart by their place in a line, added up. */
INLINE REAL NAME(sum_of_line)(const REAL *lanes) {
#ifndef __clang__ /* which has no shuffle by a vector */
    VECTOR some[LINE / WIDE];
    MASK place;
    memcpy(some, lanes, LINE);
    UNROLLED (int k = 0; k < EACH; k++)
        place[k] = k;
    UNROLLED (int half = LINE / WIDE / 2; half > 0; half /= 2)
        UNROLLED (int v = 0; v < half; v++)
            some[v] += some[v + half];
    UNROLLED (int half = EACH / 2; half > 0; half /= 2)
        some[0] += __builtin_shuffle(some[0], place + half);
    return some[0][0];
#else
    REAL some[LANES];
    memcpy(some, lanes, LINE);
    for (size half = LANES / 2; half > 0; half /= 2)
        for (size lane = 0; lane < half; lane++)
            some[lane] += some[lane + half];
    return some[0];
#endif
}

#include "fused.h"

#include "tile.h"

#include "tiled.h"

#include "algebra.h"

#include "factors.h"

#include "squared.h"

#include "cross_entropy.h"

#include "error_total.h"

#include "adam.h"

#undef SUM_TERMS
#undef STORE
#undef SUM_ROWS
#undef SUM_COLUMNS
#undef REGISTER_ROWS
#undef REGISTER_VECTORS
#undef COLUMNS
#undef SET
#undef TARGET
#undef REGISTERS
#undef INLINE
#undef VECTOR
#undef MASK
#undef WORDS
#undef UNALIGNED
#undef FMA
#undef ALL
#undef UNROLLED
#undef AT
#undef LOAD
#undef EACH
#undef LANES
#undef EACH_VECTOR
#undef UP_TO
#undef LAST_TILE
#undef WIDE
