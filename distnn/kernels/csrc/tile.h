/* A tile of a product, whose sums stay in registers. Included by passes.h, for tiled.h.

   The three products of a layer are the same sums over k of a_rk x_k; only the way from one a_rk to the next differs.
   Sums are made term by term. */

#ifndef TILED_BYTES
#define TILED_BYTES 128  /* of each row are a panel */
#define TILED_ROWS 12    /* of a tile */
#define WEIGHTS_AHEAD 32 /* terms of weights that are on their way from the cache */
#endif

/* Outputs that are kept in registers. */
#if REGISTERS == 32
#define REGISTER_ROWS 12
#else
#define REGISTER_ROWS 6
#endif
#define REGISTER_VECTORS 2

#define COLUMNS ((size)(TILED_BYTES / sizeof(REAL))) /* of a panel */

/* An array of panels: its first row and column, and from one row, one panel to the next. */
struct NAME(panels) {
    REAL *at;
    size row, panel;
};

/* Rows of columns to come, `row` apart, that are asked for: so many after each run of factors. */
struct NAME(later) {
    const REAL *at;
    size row, rows;
};

/* Numbers a_rk: from one r to the next; from one k to the next within a run, and from there to the next run. */
struct NAME(factors) {
    const REAL *a;
    size row, term, run, next;
    struct NAME(later) later;
};

INLINE void NAME(add_terms)(int rows, int vectors, struct NAME(factors) of, size terms, const REAL *x, size x_row,
                            VECTOR sum[REGISTER_ROWS][REGISTER_VECTORS]) {
    const size ahead = of.row == 1 ? WEIGHTS_AHEAD * TILED_ROWS : 2 * of.next; /* two runs, where these are far apart */
    for (size k = 0; k < terms; k++, x += x_row) {
        __builtin_prefetch(of.a + ahead + k * TILED_ROWS);
        if (TILED_ROWS * sizeof(REAL) > LINE)
            __builtin_prefetch(of.a + ahead + k * TILED_ROWS + LANES);
        UNROLLED (int r = 0; r < rows; r++)
            UNROLLED (int v = 0; v < vectors; v++)
                sum[r][v] = FMA(ALL(of.a[r * of.row + k * of.term]), LOAD(x + v * EACH), sum[r][v]);
    }
}

/* out = sum, or out += sum, for the first columns of a vector. */
static TARGET __attribute__((noinline)) void NAME(store_some)(size columns, VECTOR sum, REAL *out, int add) {
    for (size c = 0; c < columns; c++)
        out[c] = add ? out[c] + sum[c] : sum[c];
}

/* As `tile`, for what fits in the registers. */
INLINE void NAME(registers)(int rows, int vectors, size columns, struct NAME(factors) of, size terms, const REAL *x,
                            size x_row, REAL *out, size stride, int add) {
    VECTOR sum[REGISTER_ROWS][REGISTER_VECTORS];
    UNROLLED (int r = 0; r < rows; r++)
        UNROLLED (int v = 0; v < vectors; v++) {
            sum[r][v] = (VECTOR){0};
            if (add) /* it comes from the memory meanwhile, */
                __builtin_prefetch(out + r * stride + v * EACH, 1, 2);
        }
    for (; terms > of.run; terms -= of.run, of.a += of.next, x += of.run * x_row) {
        NAME(add_terms)(rows, vectors, of, of.run, x, x_row, sum);
        for (size r = 0; r < of.later.rows; r++, of.later.at += of.later.row)
            for (size k = 0; k < COLUMNS; k += LANES)
                __builtin_prefetch(of.later.at + k, 0, 2);
    }
    if (add) /* and from the second level during the last terms: before, x would drive it out of the first */
        UNROLLED (int r = 0; r < rows; r++)
            UNROLLED (int v = 0; v < vectors; v++)
                __builtin_prefetch(out + r * stride + v * EACH);
    NAME(add_terms)(rows, vectors, of, terms, x, x_row, sum);
    UNROLLED (int r = 0; r < rows; r++)
        UNROLLED (int v = 0; v < vectors; v++) {
            REAL *to = out + r * stride + v * EACH;
            VECTOR some = sum[r][v];
            if (columns < (v + 1) * EACH) {
                NAME(store_some)(columns - v * EACH, some, to, add);
            } else {
                if (add)
                    some += *(UNALIGNED *)to;
                *(UNALIGNED *)to = some;
            }
        }
}

/* out_r = sum over k of a_rk x_k, or out_r += that: at most TILED_ROWS rows, `stride` apart, and the first columns of a
   panel. x_row: from one x_k to the next. Nothing else is read. */
INLINE void NAME(tile)(size rows, size columns, struct NAME(factors) of, size terms, const REAL *x, size x_row,
                       REAL *out, size stride, int add) {
    while (rows > 0) {
        size most = rows >= 12 ? 12 : rows >= 8 ? 8 : rows >= 6 ? 6 : rows >= 4 ? 4 : rows >= 2 ? 2 : 1;
        most = LEAST(most, REGISTER_ROWS);
        for (size c = 0; c < columns; c += REGISTER_VECTORS * EACH) {
#define KEPT(most, vectors)                                                                                            \
    NAME(registers)(UP_TO(REGISTER_ROWS + 1, most), vectors, columns - c, of, terms, x + c, x_row, out + c, stride, add)
#define ROWS(most)                                                                                                     \
    case most:                                                                                                         \
        if (columns - c > EACH)                                                                                        \
            KEPT(most, REGISTER_VECTORS);                                                                              \
        else                                                                                                           \
            KEPT(most, 1);                                                                                             \
        break;
            switch (most) { ROWS(1) ROWS(2) ROWS(4) ROWS(6) ROWS(8) ROWS(12) }
#undef KEPT
#undef ROWS
        }
        rows -= most, of.a += most * of.row, out += most * stride;
    }
}
