/* All calls of fixed_point.c for three rows of up to MOST numbers, with any numbers: for Frama-C's value analysis, by
   test_value_analysis.py. */

#include "__fc_builtin.h"
#include "fixed_point.c"

#define ROWS 3
#define MOST 2

static void once(size narrow, size a, size b, size c) {
    size first[ROWS + 1] = {0, a, a + b, a + b + c};
    double g[ROWS * MOST], magic[ROWS], largest[ROWS], unit[ROWS];
    float f[ROWS * MOST];
    uint64_t sum[ROWS * MOST];
    for (int p = 0; p < ROWS; p++) {
        magic[p] = Frama_C_double_interval(-1e308, 1e308);
        unit[p] = Frama_C_double_interval(0, 1e308);
        largest[p] = Frama_C_double_interval(0, 1e308);
    }
    for (int i = 0; i < a + b + c; i++) { /* what is after them must not be read */
        g[i] = Frama_C_double_interval(-1e308, 1e308);
        f[i] = Frama_C_float_interval(-1e38, 1e38);
        sum[i] = Frama_C_unsigned_long_long_interval(0, UINT64_MAX);
    }
    add_term_float64_portable(g, narrow, g + first[narrow], ROWS, first, magic, sum, largest);
    add_term_float32_portable(f, narrow, g, ROWS, first, magic, sum, largest);
    decode_float64_portable(sum, ROWS, first, unit);
}

void main(void) {
    for (size narrow = 0; narrow <= ROWS; narrow++)
        for (size a = 0; a <= MOST; a++)
            for (size b = 0; b <= MOST; b++)
                for (size c = 0; c <= MOST; c++)
                    once(narrow, a, b, c);
}
