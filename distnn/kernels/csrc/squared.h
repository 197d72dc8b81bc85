/* Squared error of a block's outputs, and delta^(L), in one pass: SquaredError of network/error_functions.py, which has
   the formulas, and does the same in numpy, to the same bits. Included by passes.h, after algebra.h. */

/* delta *= theta'(s) as activations.py has it, where x = theta(s): each operation is rounded. */
INLINE void NAME(chain_output)(size theta, const REAL *x, REAL *delta, size numbers) {
    switch (theta) {
        case TANH: EACH_VECTOR AT(delta + k) *= 1 - AT(x + k) * AT(x + k); break;
        case LOGISTIC: EACH_VECTOR AT(delta + k) = AT(delta + k) * AT(x + k) * (1 - AT(x + k)); break;
        case RELU: EACH_VECTOR AT(delta + k) = NAME(choose)(AT(x + k) > 0, AT(delta + k), 0 * AT(delta + k)); break;
    }
}

/* The sum over examples of weight e, with e = sum_j share_j (x_j - y_j)^2, float64, by lanes; and delta, unless NULL:
   2 (x_j - y_j) share_j theta'(s_j) weight. s, y, delta: `outputs` rows; share, float64, and weight: NULL for 1. */
TARGET static double NAME(squared_error)(size theta, size outputs, size examples, const REAL *s, size s_row,
                                         const REAL *y, size y_row, const double *share, const REAL *weight,
                                         REAL *delta, size delta_row) {
    enum { SOME = SUM_BYTES / sizeof(double) }; /* so that `total` of all e is the sum of those of parts */
    double all = 0;
    for (size first = 0; first < examples; first += SOME) {
        double e[SOME];
        REAL x[SOME] __attribute__((aligned(LINE))), slope[SOME] __attribute__((aligned(LINE)));
        const size columns = LEAST(examples - first, SOME), whole = (columns + LANES - 1) / LANES * LANES;
        for (size j = 0; j < outputs; j++) {
            const REAL *target = y + j * y_row + first;
            const double share_j = share != NULL ? share[j] : 1;
            memcpy(x, s + j * s_row + first, columns * sizeof(REAL));
            memset(x + columns, 0, (whole - columns) * sizeof(REAL));
            NAME(apply_theta)(theta, x, whole);
            for (size c = 0; c < columns; c++) {
                slope[c] = x[c] - target[c];
                double square = (double)slope[c] * slope[c] * share_j;
                e[c] = j > 0 ? e[c] + square : square;
            }
            if (delta == NULL)
                continue;
            for (size c = 0; c < columns; c++)
                slope[c] = (slope[c] + slope[c]) * (REAL)share_j;
            memset(slope + columns, 0, (whole - columns) * sizeof(REAL));
            NAME(chain_output)(theta, x, slope, whole);
            if (weight != NULL)
                for (size c = 0; c < columns; c++)
                    slope[c] *= weight[first + c];
            memcpy(delta + j * delta_row + first, slope, columns * sizeof(REAL));
        }
        if (weight != NULL)
            for (size c = 0; c < columns; c++)
                e[c] *= weight[first + c];
        all += OF_DOUBLE(total)(columns, e);
    }
    return all;
}
