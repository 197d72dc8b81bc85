/* Cross-entropy of a block's outputs, and delta^(L), in one pass: SoftmaxCrossEntropy and LogisticCrossEntropy of
   network/error_functions.py, which have the formulas, and do the same in numpy, to the same bits. Included by
   passes.h, after squared.h. */

#ifndef FEW
#define FEW 64 /* examples whose s, y and delta of many outputs stay in the second level */
#endif

/* delta = found, times weight, if any. */
INLINE void NAME(write_delta)(size examples, const REAL *found, const REAL *weight, REAL *delta) {
    for (size c = 0; c < examples; c++)
        delta[c] = weight != NULL ? found[c] * weight[c] : found[c];
}

/* Of at most FEW examples, as the next one: e = sum_j y_j (ln sum_k exp s_k - s_j), the
   largest s subtracted first; and delta = x sum_k y_k - y, times weight, unless NULL. */
TARGET static void NAME(softmax_error)(size outputs, size examples, const REAL *s, size s_row, const REAL *y,
                                       size y_row, const REAL *weight, double *e, REAL *delta, size delta_row) {
    REAL largest[FEW], sum_y[FEW] = {0}, norm[FEW] = {0}, x[FEW] = {0}, log_norm[FEW];
    memcpy(largest, s, examples * sizeof(REAL));
    for (size j = 1; j < outputs; j++)
        for (size c = 0; c < examples; c++) {
            const REAL other = s[j * s_row + c];
            largest[c] = ((other > largest[c]) | (other != other)) ? other : largest[c]; /* NaN stays */
        }
    memset(e, 0, examples * sizeof *e);
    for (size j = 0; j < outputs; j++) {
        const REAL *target = y + j * y_row, *signal = s + j * s_row;
        for (size c = 0; c < examples; c++) {
            const double below = (double)signal[c] - largest[c];
            e[c] += target[c] * below;
            sum_y[c] += target[c];
            x[c] = (REAL)below;
        }
        NAME(elementwise)(EXP, 1, examples, x, 0, x, 0);
        for (size c = 0; c < examples; c++)
            norm[c] += x[c];
        if (delta != NULL)
            memcpy(delta + j * delta_row, x, examples * sizeof(REAL));
    }
    NAME(elementwise)(LOG, 1, examples, norm, 0, log_norm, 0);
    for (size c = 0; c < examples; c++) {
        const REAL sum = sum_y[c] * log_norm[c];
        e[c] = sum - e[c];
        norm[c] = sum_y[c] / norm[c];
    }
    for (size j = 0; delta != NULL && j < outputs; j++) {
        REAL *to = delta + j * delta_row;
        for (size c = 0; c < examples; c++)
            x[c] = to[c] * norm[c] - y[j * y_row + c];
        NAME(write_delta)(examples, x, weight, to);
    }
}

/* e = sum_j max(s_j, 0) - y_j s_j + ln(1 + exp -|s_j|); delta = x - y. */
TARGET static void NAME(logistic_error)(size outputs, size examples, const REAL *s, size s_row, const REAL *y,
                                        size y_row, const REAL *weight, double *e, REAL *delta, size delta_row) {
    REAL x[FEW], rest[FEW];
    memset(e, 0, examples * sizeof *e);
    for (size j = 0; j < outputs; j++) {
        const REAL *target = y + j * y_row, *signal = s + j * s_row;
        for (size c = 0; c < examples; c++)
            rest[c] = signal[c] < 0 ? signal[c] : -signal[c];
        NAME(elementwise)(EXP, 1, examples, rest, 0, rest, 0);
        NAME(elementwise)(LOG1P, 1, examples, rest, 0, rest, 0);
        for (size c = 0; c < examples; c++)
            e[c] += (signal[c] <= 0 ? 0 : signal[c]) - (double)target[c] * signal[c] + rest[c];
        if (delta == NULL)
            continue;
        NAME(elementwise)(LOGISTIC, 1, examples, signal, 0, x, 0);
        for (size c = 0; c < examples; c++)
            x[c] -= target[c];
        NAME(write_delta)(examples, x, weight, delta + j * delta_row);
    }
}

/* The sum over examples of weight e, by lanes; and delta, unless NULL. */
TARGET static double NAME(cross_entropy)(int softmax, size outputs, size examples, const REAL *s, size s_row,
                                         const REAL *y, size y_row, const REAL *weight, REAL *delta, size delta_row) {
    enum { SOME = SUM_BYTES / sizeof(double) }; /* so that `total` of all e is the sum of those of parts */
    double all = 0, e[SOME];
    for (size first = 0; first < examples; first += SOME) {
        const size columns = LEAST(examples - first, SOME);
        for (size c = 0; c < columns; c += FEW) {
            const size at = first + c, few = LEAST(columns - c, FEW);
            (softmax ? NAME(softmax_error) : NAME(logistic_error))(outputs, few, s + at, s_row, y + at, y_row,
                                                                   weight != NULL ? weight + at : NULL, e + c,
                                                                   delta != NULL ? delta + at : NULL, delta_row);
        }
        if (weight != NULL)
            for (size c = 0; c < columns; c++)
                e[c] *= weight[first + c];
        all += OF_DOUBLE(total)(columns, e);
    }
    return all;
}
