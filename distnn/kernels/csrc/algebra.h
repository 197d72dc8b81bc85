/* Sums and products of arrays as numpy has them, row by row: kernels/algebra.py. Included by passes.h.

   Two orders of adding: *by lanes*, where the numbers of a row are multiplied with those of another: those at places
   k, k + LANES, k + 2 LANES, ... of SUM_TERMS are added one after the other, then the lanes in pairs, then the parts of
   SUM_TERMS; and *term by term*, where rows are multiplied with numbers and added. */

#ifndef SUM_BYTES
#define SUM_BYTES 4096 /* of the terms added up by lanes at a time: rows of a tile stay in the first level */
#define SUM_SIDE 96    /* rows whose terms stay in the second level */
#define NEAR (1 << 18) /* bytes of x that are multiplied before the next ones, */
#define FEWEST 4       /* but at least so many panels: they share the way of the weights from the memory */
#define DIRECT 64      /* terms of a product whose panels are read where they are */
enum { WRITE, ADD, SUBTRACT };
#endif

#define SUM_TERMS ((size)(SUM_BYTES / sizeof(REAL)))
#define STORE(address) (*(UNALIGNED *)(address))

/* Rows of numbers: the first, and from one to the next. */
struct NAME(matrix) {
    REAL *at;
    size row;
};

/* The first numbers of a vector, zeros after them; and the same to the memory. */
INLINE VECTOR NAME(load_some)(const REAL *from, size numbers) {
    VECTOR some = {0};
    if (numbers >= EACH)
        memcpy(&some, from, sizeof some);
    else if (numbers > 0)
        memcpy(&some, from, numbers * sizeof(REAL));
    return some;
}

INLINE void NAME(store)(REAL *to, VECTOR some, size numbers) {
    if (numbers >= EACH)
        STORE(to) = some;
    else
        memcpy(to, &some, numbers * sizeof(REAL));
}

INLINE void NAME(put)(REAL *out, REAL number, int how) {
    *out = how == WRITE ? number : how == ADD ? *out + number : *out - number;
}

/* A tile of row_products, over at most SUM_TERMS terms. */
INLINE void NAME(row_tile)(int rows, int columns, const REAL *a, size a_row, const REAL *b, size b_row, size terms,
                           REAL *out, size stride, int how) {
    REAL lanes[SUM_ROWS * SUM_COLUMNS][LINE / sizeof(REAL)] __attribute__((aligned(LINE)));
    size whole = terms / LANES * LANES;
    for (size part = 0; part < LANES; part += EACH) { /* of a line */
        VECTOR sum[SUM_ROWS][SUM_COLUMNS] = {0};
        for (size k = part; k < whole; k += LANES)
            UNROLLED (int i = 0; i < rows; i++)
                UNROLLED (int j = 0; j < columns; j++)
                    sum[i][j] = FMA(LOAD(a + i * a_row + k), LOAD(b + j * b_row + k), sum[i][j]);
        if (whole + part < terms) {
            VECTOR right[SUM_COLUMNS];
            for (int j = 0; j < columns; j++)
                right[j] = NAME(load_some)(b + j * b_row + whole + part, terms - whole - part);
            UNROLLED (int i = 0; i < rows; i++) {
                VECTOR left = NAME(load_some)(a + i * a_row + whole + part, terms - whole - part);
                UNROLLED (int j = 0; j < columns; j++)
                    sum[i][j] = FMA(left, right[j], sum[i][j]);
            }
        }
        UNROLLED (int i = 0; i < rows; i++)
            UNROLLED (int j = 0; j < columns; j++)
                AT(lanes[i * columns + j] + part) = sum[i][j];
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++)
            NAME(put)(out + i * stride + j, NAME(sum_of_line)(lanes[i * columns + j]), how);
}

INLINE void NAME(row_tiles)(int rows, size columns, const REAL *a, size a_row, const REAL *b, size b_row, size terms,
                            REAL *out, size stride, int how) {
#define TILE(most) NAME(row_tile)(rows, most, a, a_row, b + j * b_row, b_row, terms, out + j, stride, how)
    size j = 0;
    for (; j + SUM_COLUMNS <= columns; j += SUM_COLUMNS)
        TILE(SUM_COLUMNS);
    LAST_TILE(columns - j, SUM_COLUMNS)
#undef TILE
}

/* out_ij = sum over k of a_ik b_jk, by lanes; or that added to out_ij, or subtracted. lower: only j <= i is asked for,
   and some others are written. */
TARGET static void NAME(products)(size m, struct NAME(matrix) a, size n, struct NAME(matrix) b, size terms,
                                  struct NAME(matrix) out, int how, int lower) {
    size k = 0;
    do {
        size some = LEAST(terms - k, SUM_TERMS);
        for (size first = 0; first < n; first += SUM_SIDE)
            for (size i = lower ? first / SUM_ROWS * SUM_ROWS : 0; i < m; i += SUM_ROWS) {
                size end = LEAST(n, first + SUM_SIDE);
                if (lower)
                    end = LEAST(end, i + SUM_ROWS);
                if (end <= first)
                    continue;
#define ROWS(most)                                                                                                     \
    NAME(row_tiles)(most, end - first, a.at + i * a.row + k, a.row, b.at + first * b.row + k, b.row, some,             \
                    out.at + i * out.row + first, out.row, how)
                switch (LEAST(m - i, SUM_ROWS)) {
                    case 1: ROWS(1); break;
                    case 2: ROWS(2); break;
                    case 3: ROWS(3); break;
                    case 4: ROWS(UP_TO(SUM_ROWS + 1, 4)); break;
                }
#undef ROWS
            }
        k += some;
        how = how == WRITE ? ADD : how;
    } while (k < terms);
}

TARGET void NAME(row_products)(size m, REAL *a, size a_row, size n, REAL *b, size b_row, size terms, REAL *out,
                               size out_row, size lower) {
    struct NAME(matrix) left = {a, a_row}, right = {b, b_row}, to = {out, out_row};
    NAME(products)(m, left, n, right, terms, to, WRITE, lower != 0);
}

/* The symmetric matrix of n rows of which the lower triangle is given, row by row: some rows at a time, and with them
   their columns above the diagonal. */
TARGET void NAME(symmetric)(size n, const REAL *lower, REAL *out) {
    for (size first = 0; first < n; first += LANES) {
        size end = LEAST(n, first + LANES);
        for (size i = first; i < end; i++)
            memcpy(out + i * n, lower + i * (i + 1) / 2, (i + 1) * sizeof(REAL));
        for (size j = 0; j < end; j++)
            for (size i = first > j ? first : j; i < end; i++)
                out[j * n + i] = lower[i * (i + 1) / 2 + j];
    }
}

/* out_i = sum over k of a_ik v_k, as row_products makes it, of rows that lie anywhere: row i begins at apart[i]. */
TARGET void NAME(products_apart)(size rows, REAL *const *apart, size terms, const REAL *v, REAL *out) {
    for (size k = 0; k < terms; k += SUM_TERMS)
        for (size i = 0; i < rows; i++)
            NAME(row_tile)(1, 1, apart[i] + k, 0, v + k, 0, LEAST(terms - k, SUM_TERMS), out + i, 0, k ? ADD : WRITE);
}

/* out_c = sum over i of factor_i a_ic, term by term; or that added to out_c. Row i begins at a + i row, or, if there is
   `apart`, at apart[i]. */
INLINE void NAME(combine)(size rows, const REAL *factor, const REAL *a, size row, REAL *const *apart, size columns,
                          REAL *out, size add) {
#define ROW(i) (apart ? apart[i] : a + (i) * row)
    for (size c = 0; c < columns; c += 4 * EACH) {
        VECTOR sum[4] = {0};
        if (columns - c >= 4 * EACH) {
            if (add)
                for (int v = 0; v < 4; v++)
                    sum[v] = LOAD(out + c + v * EACH);
            for (size i = 0; i < rows; i++)
                for (int v = 0; v < 4; v++)
                    sum[v] = FMA(ALL(factor[i]), LOAD(ROW(i) + c + v * EACH), sum[v]);
            for (int v = 0; v < 4; v++)
                STORE(out + c + v * EACH) = sum[v];
            continue;
        }
        for (size at = c; at < columns; at += EACH) {
            VECTOR some = {0};
            if (add)
                some = NAME(load_some)(out + at, columns - at);
            for (size i = 0; i < rows; i++)
                some = FMA(ALL(factor[i]), NAME(load_some)(ROW(i) + at, columns - at), some);
            NAME(store)(out + at, some, columns - at);
        }
    }
#undef ROW
}

TARGET void NAME(combination)(size rows, const REAL *factor, const REAL *a, size row, size columns, REAL *out,
                              size add) {
    NAME(combine)(rows, factor, a, row, NULL, columns, out, add);
}

TARGET void NAME(combination_apart)(size rows, const REAL *factor, REAL *const *apart, size columns, REAL *out) {
    NAME(combine)(rows, factor, NULL, 0, apart, columns, out, 0);
}

/* out = a + factor b, rounded twice. */
TARGET void NAME(moved)(size numbers, const REAL *a, const REAL *factor, const REAL *b, REAL *restrict out) {
    const REAL by = *factor;
    for (size i = 0; i < numbers; i++)
        out[i] = a[i] + by * b[i];
}

/* The sum of a_k b_k, by lanes. */
TARGET REAL NAME(dot)(size terms, const REAL *a, const REAL *b) {
    REAL all = 0;
    for (size k = 0; k < terms; k += SUM_TERMS)
        NAME(row_tile)(1, 1, a + k, 0, b + k, 0, LEAST(terms - k, SUM_TERMS), &all, 0, ADD);
    return all;
}

/* The sum of (a_k - b_k)^2, by lanes: of `part` terms, and of these sums. */
TARGET REAL NAME(square_distance)(size terms, const REAL *a, const REAL *b, size part) {
    REAL all = 0, step[SUM_BYTES / sizeof(REAL)];
    for (size first = 0; first < terms; first += part) {
        REAL square = 0;
        const size end = LEAST(terms, first + part);
        for (size k = first; k < end; k += SUM_TERMS) {
            const size some = LEAST(end - k, SUM_TERMS);
            for (size i = 0; i < some; i++)
                step[i] = a[k + i] - b[k + i];
            NAME(row_tile)(1, 1, step, 0, step, 0, some, &square, 0, ADD);
        }
        all += square;
    }
    return all;
}

/* The sum of some numbers, by lanes. */
TARGET REAL NAME(total)(size numbers, const REAL *a) {
    REAL all = 0;
    for (size first = 0; first < numbers; first += SUM_TERMS) {
        REAL lanes[LINE / sizeof(REAL)] __attribute__((aligned(LINE)));
        size terms = LEAST(numbers - first, SUM_TERMS);
        VECTOR sum[LINE / WIDE] = {0};
        for (size k = 0; k < terms; k += LANES)
            for (int v = 0; v < LINE / WIDE; v++) {
                size at = k + v * EACH;
                sum[v] += NAME(load_some)(a + first + at, terms - at);
            }
        memcpy(lanes, sum, LINE);
        all += NAME(sum_of_line)(lanes);
    }
    return all;
}

/* Memory that begins at a cache line, to be given to free. */
static REAL *NAME(memory)(size numbers) {
    size bytes = (numbers * (size)sizeof(REAL) + LINE - 1) / LINE * LINE;
    return aligned_alloc(LINE, bytes > 0 ? bytes : LINE);
}

/* W^T x, or W x, for whole panels of an x of few rows, which is read where it is; tile: from one of W to the next. */
TARGET static void NAME(directly)(size outputs, struct NAME(factors) of, size tile, size terms, size columns,
                                  const REAL *x, size x_row, REAL *out, size out_row) {
    for (size c = 0; c < columns; c += COLUMNS)
        for (size i = 0; i < outputs; i += TILED_ROWS) {
            struct NAME(factors) some = {of.a + i / TILED_ROWS * tile, of.row, of.term, of.run, of.next};
            NAME(tile)(LEAST(outputs - i, TILED_ROWS), COLUMNS, some, terms, x + c, x_row, out + i * out_row + c,
                       out_row, 0);
        }
}

/* out = W^T x, or W x if `across`: W a x b; x of a rows (b, if across) and `columns` columns. Term by term, as forward
   propagation and backpropagation do. Returns whether there was memory for it. */
TARGET size NAME(product_of)(size across, size a, size b, const REAL *W, size W_row, REAL *x, size x_row, size columns,
                             REAL *out, size out_row) {
    size above = across ? 1 : 0, terms = across ? b : a; /* `push_back` leaves out the first row */
    size once = NEAR / (terms * TILED_BYTES + 1);
    once = (once > FEWEST ? once : FEWEST) * COLUMNS;
    once = LEAST(once, (columns + COLUMNS - 1) / COLUMNS * COLUMNS);
    REAL *by_tiles = NAME(memory)((a + above) * tiles(b));
    REAL *panels = NAME(memory)((terms + TILED_ROWS) * once);
    if (by_tiles != NULL && panels != NULL) {
        REAL *to = by_tiles;
        memset(by_tiles, 0, (a + above) * tiles(b) * sizeof(REAL));
        for (size j = 0; j < b; j += TILED_ROWS) {
            to += above * TILED_ROWS;
            for (size i = 0; i < a; i++, to += TILED_ROWS)
                for (size r = 0; r < LEAST(b - j, TILED_ROWS); r++)
                    to[r] = W[i * W_row + j + r];
        }
        struct NAME(panels) some = {panels, COLUMNS, terms * COLUMNS};
        size direct = terms <= DIRECT ? columns / COLUMNS * COLUMNS : 0;
        struct NAME(factors) of = {by_tiles, 1, TILED_ROWS, terms, 0, {0}};
        if (across)
            of = (struct NAME(factors)){by_tiles + TILED_ROWS, TILED_ROWS, 1, TILED_ROWS, (a + 1) * TILED_ROWS, {0}};
        NAME(directly)(across ? a : b, of, (across ? TILED_ROWS : a) * TILED_ROWS, terms, direct, x, x_row, out,
                       out_row);
        for (size c = direct; c < columns; c += once) {
            size now = LEAST(columns - c, once);
            struct NAME(panels) written = {out + c, out_row, COLUMNS};
            NAME(gather)(terms, now, x + c, x_row, some, 0);
            if (across)
                NAME(push_back)(a, b, by_tiles, now, some, written);
            else
                NAME(signals)(a, b, by_tiles, now, some, written, (struct NAME(panels)){0});
        }
    }
    size done = by_tiles != NULL && panels != NULL;
    free(by_tiles);
    free(panels);
    return done;
}

/* out = x delta^T, for x: a x columns, delta: b x columns, term by term in groups of columns, as gradients are summed.
   lower: only what is not above the diagonal is asked for. Returns whether there was memory for it. */
TARGET size NAME(outer_sum_of)(size a, REAL *x, size x_row, size b, REAL *delta, size delta_row, size columns,
                               REAL *out, size out_row, size lower) {
    size group = TILED_GROUP * COLUMNS, wide = (b + COLUMNS - 1) / COLUMNS * COLUMNS;
    REAL *left = NAME(memory)((a + TILED_ROWS) * group), *right = NAME(memory)(wide * group);
    REAL *turned = NAME(memory)(wide * group);
    size done = left != NULL && right != NULL && turned != NULL;
    struct NAME(panels) of_x = {left, COLUMNS, (a + TILED_ROWS) * COLUMNS}, of_delta = {right, COLUMNS, wide * COLUMNS};
    if (done && wide > b)
        memset(right, 0, wide * group * sizeof(REAL));
    for (size c = 0; done && c < columns; c += group) {
        size some = LEAST(columns - c, group);
        NAME(gather)(a, some, x + c, x_row, of_x, 0);
        NAME(gather)(b, some, delta + c, delta_row, of_delta, 0);
        NAME(turn)(b, some, of_delta, turned);
        NAME(group_sum)(a, b, some, of_x, turned, out, out_row, c > 0, lower != 0);
    }
    free(left);
    free(right);
    free(turned);
    return done;
}

/* A layer's part of J^T: the products of each of a rows of x with each of b rows of delta, over the same columns. */
struct NAME(outer) {
    size a;
    const REAL *x;
    size x_row, b;
    const REAL *delta;
    size delta_row;
};

/* Write J^T for some columns, from column c of x and delta on, to panels, which end with zeros. */
TARGET static void NAME(jacobian)(size layers, const struct NAME(outer) * layer, size c, size columns,
                                  struct NAME(panels) J) {
    for (size p = 0, first = 0; first < columns; first += COLUMNS, p++) {
        REAL *to = J.at + p * J.panel;
        for (size l = 0; l < layers; l++)
            for (size i = 0; i < layer[l].a; i++) {
                const REAL *x = layer[l].x + i * layer[l].x_row + c + first, *delta = layer[l].delta + c + first;
                VECTOR left[TILED_BYTES / WIDE];
                for (int v = 0; v < TILED_BYTES / WIDE; v++)
                    left[v] = NAME(load_some)(x + v * EACH, columns - first - v * EACH);
                for (size j = 0; j < layer[l].b; j++, delta += layer[l].delta_row, to += J.row)
                    for (int v = 0; v < TILED_BYTES / WIDE; v++)
                        AT(to + v * EACH) = left[v] * NAME(load_some)(delta + v * EACH, columns - first - v * EACH);
            }
    }
}

/* out = J^T J, its lower triangle, of `size` rows: as outer_sum_of makes it, of a J that is never there as a whole.
   Returns whether there was memory for it. */
TARGET size NAME(jacobian_square)(size layers, const struct NAME(outer) * layer, size rows, size columns, REAL *out,
                                  size out_row) {
    size group = TILED_GROUP * COLUMNS, wide = (rows + COLUMNS - 1) / COLUMNS * COLUMNS;
    REAL *left = NAME(memory)((rows + TILED_ROWS) * group), *turned = NAME(memory)(wide * group);
    size done = left != NULL && turned != NULL;
    struct NAME(panels) J = {left, COLUMNS, (rows + TILED_ROWS) * COLUMNS};
    if (done)
        memset(left, 0, (rows + TILED_ROWS) * group * sizeof(REAL));
    for (size c = 0; done && c < columns; c += group) {
        size some = LEAST(columns - c, group);
        NAME(jacobian)(layers, layer, c, some, J);
        NAME(turn)(rows, some, J, turned);
        NAME(group_sum)(rows, rows, some, J, turned, out, out_row, c > 0, 1);
    }
    free(left);
    free(turned);
    return done;
}
