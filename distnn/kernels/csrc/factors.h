/* Triangular factors of symmetric matrices as numpy has them, row by row, in float64: kernels/factors.py. Included by
   passes.h, after algebra.h, with whose products all but the blocks on the diagonal is computed. */

#ifndef FACTOR_BLOCK
#define FACTOR_BLOCK 64 /* rows and columns of a triangular factor that are computed together */
#endif

#ifdef DOUBLE
INLINE double NAME(fma_of_one)(double a, double b, double c) {
#if WIDE == 16
    return FMA(ALL(a), ALL(b), ALL(c))[0];
#else
    return __builtin_fma(a, b, c);
#endif
}

/* L of a block of A, in its place: its lower triangle, at most FACTOR_BLOCK rows. Returns whether all pivots are > 0.
   Columns are computed one after another, some rows of each at a time. */
TARGET static int NAME(factor_block)(size n, struct NAME(matrix) A) {
    enum { SOME = 4 }; /* vectors */
    double columns[FACTOR_BLOCK][FACTOR_BLOCK] __attribute__((aligned(LINE)));
    memset(columns, 0, sizeof columns);
    for (size i = 0; i < n; i++)
        for (size j = 0; j <= i; j++)
            columns[j][i] = A.at[i * A.row + j];
    for (size j = 0; j < n; j++) {
        double pivot = 0;
        for (size i = j / (SOME * EACH) * SOME * EACH; i < n; i += SOME * EACH) {
            VECTOR sum[SOME];
            UNROLLED (int v = 0; v < SOME; v++)
                sum[v] = AT(columns[j] + i + v * EACH);
            for (size k = 0; k < j; k++)
                UNROLLED (int v = 0; v < SOME; v++)
                    sum[v] = FMA(AT(columns[k] + i + v * EACH), ALL(-columns[k][j]), sum[v]);
            UNROLLED (int v = 0; v < SOME; v++)
                AT(columns[j] + i + v * EACH) = sum[v];
            if (pivot == 0) { /* it is among these rows */
                if (!(columns[j][j] > 0 && columns[j][j] < __builtin_inf()))
                    return 0;
                pivot = sqrt(columns[j][j]);
            }
            UNROLLED (int v = 0; v < SOME; v++)
                AT(columns[j] + i + v * EACH) /= ALL(pivot);
        }
        columns[j][j] = pivot;
    }
    for (size i = 0; i < n; i++)
        for (size j = 0; j <= i; j++)
            A.at[i * A.row + j] = columns[j][i];
    return 1;
}

/* x with x L^T = a for some rows a, in their place; L has at most FACTOR_BLOCK rows. */
TARGET static void NAME(divide_rows)(size rows, struct NAME(matrix) a, size n, struct NAME(matrix) L) {
    enum { SOME = 32 };
    double turned[FACTOR_BLOCK][SOME] __attribute__((aligned(LINE)));
    for (size first = 0; first < rows; first += SOME, a.at += SOME * a.row) {
        size some = LEAST(rows - first, SOME);
        memset(turned, 0, sizeof turned);
        for (size r = 0; r < some; r++)
            for (size j = 0; j < n; j++)
                turned[j][r] = a.at[r * a.row + j];
        for (size j = 0; j < n; j++)
            for (size c = 0; c < SOME; c += 4 * EACH) {
                VECTOR sum[4];
                for (int v = 0; v < LEAST(4, SOME / EACH); v++)
                    sum[v] = AT(turned[j] + c + v * EACH);
                for (size k = 0; k < j; k++)
                    for (int v = 0; v < LEAST(4, SOME / EACH); v++)
                        sum[v] = FMA(ALL(-L.at[j * L.row + k]), AT(turned[k] + c + v * EACH), sum[v]);
                for (int v = 0; v < LEAST(4, SOME / EACH); v++)
                    AT(turned[j] + c + v * EACH) = sum[v] / L.at[j * L.row + j];
            }
        for (size r = 0; r < some; r++)
            for (size j = 0; j < n; j++)
                a.at[r * a.row + j] = turned[j][r];
    }
}

/* L with L L^T = A in the place of A, of which the lower triangle is read. Returns 0 where a pivot is not > 0. */
TARGET size NAME(cholesky)(size n, double *A, size row) {
    for (size j = 0; j < n; j += FACTOR_BLOCK) {
        size some = LEAST(n - j, FACTOR_BLOCK);
        struct NAME(matrix) block = {A + j * row + j, row}, left = {A + j * row, row};
        struct NAME(matrix) under = {block.at + some * row, row}, left_under = {left.at + some * row, row};
        if (j > 0) {
            NAME(products)(some, left, some, left, j, block, SUBTRACT, 1);
            NAME(products)(n - j - some, left_under, some, left, j, under, SUBTRACT, 0);
        }
        if (!NAME(factor_block)(some, block))
            return 0;
        NAME(divide_rows)(n - j - some, under, some, block);
    }
    for (size i = 0; i < n; i++)
        memset(A + i * row + i + 1, 0, (n - i - 1) * sizeof(double));
    return 1;
}

/* X with X L^T = A for some rows A, in their place. */
TARGET void NAME(divide)(size rows, double *A, size A_row, size n, double *L, size L_row) {
    for (size j = 0; j < n; j += FACTOR_BLOCK) {
        size some = LEAST(n - j, FACTOR_BLOCK);
        struct NAME(matrix) known = {A, A_row}, here = {A + j, A_row}, left = {L + j * L_row, L_row};
        struct NAME(matrix) block = {left.at + j, L_row};
        if (j > 0)
            NAME(products)(rows, known, some, left, j, here, SUBTRACT, 0);
        NAME(divide_rows)(rows, here, some, block);
    }
}

/* x with L x = b, in the place of b. */
TARGET void NAME(solve_lower)(size n, double *L, size row, double *b) {
    for (size i = 0; i < n; i += FACTOR_BLOCK) {
        size end = LEAST(n, i + FACTOR_BLOCK);
        struct NAME(matrix) rows = {L + i * row, row}, known = {b, 0}, here = {b + i, 1};
        if (i > 0)
            NAME(products)(end - i, rows, 1, known, i, here, SUBTRACT, 0);
        for (size r = i; r < end; r++) {
            for (size k = i; k < r; k++)
                b[r] = NAME(fma_of_one)(-L[r * row + k], b[k], b[r]);
            b[r] /= L[r * row + r];
        }
    }
}

/* b - L^T x for some rows of numbers L, in the place of b: block after block of rows, the last one first. */
TARGET void NAME(subtract_columns)(size n, const double *L, size row, const double *x, size columns, double *b) {
    for (size i = (n - 1) / FACTOR_BLOCK * FACTOR_BLOCK; i >= 0; i -= FACTOR_BLOCK) {
        double minus[FACTOR_BLOCK];
        size some = LEAST(n - i, FACTOR_BLOCK);
        for (size r = 0; r < some; r++)
            minus[r] = -x[i + r];
        NAME(combination)(some, minus, L + i * row, row, columns, b, 1);
    }
}

/* x with L^T x = b, in the place of b. */
TARGET void NAME(solve_upper)(size n, double *L, size row, double *b) {
    for (size i = (n - 1) / FACTOR_BLOCK * FACTOR_BLOCK; i >= 0; i -= FACTOR_BLOCK) {
        size end = LEAST(n, i + FACTOR_BLOCK);
        for (size r = end - 1; r >= i; r--) {
            for (size k = r + 1; k < end; k++)
                b[r] = NAME(fma_of_one)(-L[k * row + r], b[k], b[r]);
            b[r] /= L[r * row + r];
        }
        NAME(subtract_columns)(end - i, L + i * row, row, b + i, i, b);
    }
}

/* T = L^-1, lower triangular, rows `row` apart like those of L; above its diagonal zeros. turned: memory for n x n, in
   which T^T is left. Sums over k begin at the block of columns that k is in. */
TARGET void NAME(invert)(size n, double *L, size row, double *T, double *turned) {
    memset(turned, 0, n * n * sizeof(double));
    for (size i = 0; i < n; i++)
        memset(T + i * row, 0, n * sizeof(double));
    for (size i = 0; i < n; i += FACTOR_BLOCK) {
        size end = LEAST(n, i + FACTOR_BLOCK);
        for (size j = 0; j < i; j += FACTOR_BLOCK) {
            struct NAME(matrix) left = {L + i * row + j, row}, right = {turned + j * n + j, n},
                                to = {T + i * row + j, row};
            NAME(products)(end - i, left, FACTOR_BLOCK, right, i - j, to, SUBTRACT, 0);
        }
        for (size r = i; r < end; r++) {
            double *own = T + r * row, minus[FACTOR_BLOCK];
            for (size k = i; k < r; k++)
                minus[k - i] = -L[r * row + k];
            own[r] = 1;
            NAME(combination)(r - i, minus, T + i * row, row, r, own, 1);
            for (size c = 0; c <= r; c++)
                own[c] /= L[r * row + r];
        }
        for (size r = i; r < end; r++)
            for (size c = 0; c <= r; c++)
                turned[c * n + r] = T[r * row + c];
    }
}
#endif
