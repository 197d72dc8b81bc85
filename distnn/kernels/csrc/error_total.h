/* The sum of an error function's e over a block, and delta^(L): `total` of network/error_functions.py. Included by
   passes.h, after squared.h and cross_entropy.h. */

/* error: its place in ERRORS of kernels/library.py. share: of squared error. The rest as in squared_error. */
TARGET double NAME(error_total)(size error, size outputs, size examples, const REAL *s, size s_row, const REAL *y,
                                size y_row, const double *share, const REAL *weight, REAL *delta, size delta_row) {
    if (error == SOFTMAX_ERROR || error == LOGISTIC_ERROR)
        return NAME(cross_entropy)(error == SOFTMAX_ERROR, outputs, examples, s, s_row, y, y_row, weight, delta,
                                   delta_row);
    return NAME(squared_error)(error, outputs, examples, s, s_row, y, y_row, share, weight, delta, delta_row);
}

/* The sum of weight e over all columns in one call: piece by piece, forward, through the error and back. The gradient
   is written to G, unless NULL. s, delta: memory for s^(L) and delta^(L) of a piece. */
#define IN_ONE_CALL(WAY, G_NOW)                                                                                        \
    TARGET double NAME(WAY##_total)(struct WAY * network, REAL * x0, size x0_row, size columns, size piece, REAL * s,  \
                                    REAL * delta, size error, const REAL *y, size y_row, const double *share,          \
                                    const REAL *weight, REAL *G) {                                                     \
        double all = 0;                                                                                                \
        for (size c = 0; c < columns; c += piece) {                                                                    \
            size some = LEAST(columns - c, piece);                                                                     \
            NAME(WAY##_forward)(network, x0 + c, x0_row, some, s, piece);                                              \
            all += NAME(error_total)(error, network->d[network->L], some, s, piece, y + c, y_row, share,               \
                                     weight != NULL ? weight + c : NULL, G != NULL ? delta : NULL, piece);             \
            if (G != NULL)                                                                                             \
                NAME(WAY##_backward)(network, delta, piece, some, G_NOW, c > 0);                                       \
        }                                                                                                              \
        return all;                                                                                                    \
    }

IN_ONE_CALL(fused, c + piece < columns ? NULL : G)
IN_ONE_CALL(tiled, G)
#undef IN_ONE_CALL
