/* Narrow networks: a panel of columns goes through all layers in the first-level cache. Included by passes.h.

   FUSED_BYTES of each row are a panel; the last one is filled up with its last column, which has no delta. Arrays are
   kept panel by panel, the rows of a panel one after the other. s and W delta are summed term by term, G by lanes
   (columns c, c + LANES, c + 2 LANES, ...) that are added up at the end. */

#ifndef FUSED_BYTES
#define FUSED_BYTES 256
#define FUSED_GROUP 8 /* panels whose x and delta stay in the second-level cache while they are summed into G */

/* One network, its weights and its memory; see class Fused of network/passes/fused.py. */
struct fused {
    size L, theta;
    const size *d;
    const void *w;
    void *x;     /* x^(0), ..., x^(L-1), of all panels of a piece; the rows of ones are set */
    void *delta; /* delta^(1), ..., delta^(L), of a group of panels */
    void *sums;  /* a cache line for each weight, zero before the first call of `backward` for a block */
};

int fused_panel_bytes(void) { return FUSED_BYTES; }
int fused_group(void) { return FUSED_GROUP; }
#endif

/* Outputs that a tile keeps in registers. */
#if REGISTERS == 32
#define TILE_ROWS 6
#define TILE_VECTORS 4
#define SUM_ROWS 4
#define SUM_COLUMNS 6
#else
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define SUM_ROWS 3
#define SUM_COLUMNS 4
#endif

#define PANEL ((size)(FUSED_BYTES / sizeof(REAL)))

/* Copy the columns of a panel; from `columns` on the last one again, or zeros. */
INLINE void NAME(copy)(REAL *to, const REAL *from, size stride, size rows, size columns, int again) {
    for (size r = 0; r < rows; r++, to += PANEL, from += stride) {
        if (columns >= PANEL) {
            memcpy(to, from, FUSED_BYTES);
        } else {
            memcpy(to, from, columns * sizeof(REAL));
            for (size c = columns; c < PANEL; c++)
                to[c] = again ? to[columns - 1] : 0;
        }
    }
}

/* out_r = sum over k of a[r row + k term] x_k: `rows` rows and TILE_VECTORS vectors of it. */
INLINE void NAME(product_tile)(int rows, const REAL *a, size row, size term, size terms, const REAL *x, REAL *out,
                               size stride) {
    VECTOR sum[TILE_ROWS][TILE_VECTORS] = {0};
    for (size k = 0; k < terms; k++)
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < TILE_VECTORS; v++)
                sum[r][v] = FMA(ALL(a[r * row + k * term]), AT(x + k * PANEL + v * EACH), sum[r][v]);
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < TILE_VECTORS; v++)
            AT(out + r * stride + v * EACH) = sum[r][v];
}

/* The same for all rows and a panel of columns. */
TARGET static void NAME(product)(size rows, const REAL *a, size row, size term, size terms, const REAL *x, REAL *out,
                                 size stride) {
#define TILE(most) NAME(product_tile)(most, a + r * row, row, term, terms, x + c, out + r * stride + c, stride)
    for (size c = 0; c < PANEL; c += TILE_VECTORS * EACH) {
        size r = 0;
        for (; r + TILE_ROWS <= rows; r += TILE_ROWS)
            TILE(TILE_ROWS);
        LAST_TILE(rows - r, TILE_ROWS)
    }
#undef TILE
}

/* Two sides of G: the rows of x and of delta in the first of some panels, and the way from one panel to the next. */
struct NAME(sides) {
    const REAL *x, *delta;
    size x_step, delta_step, panels;
};

/* sums[i][j] += x_i delta_j over all columns, lane by lane, for a tile of G that has b columns. */
INLINE void NAME(sum_tile)(int rows, int columns, struct NAME(sides) of, size b, REAL *sums) {
    for (size part = 0; part < LANES; part += EACH) { /* of a line */
        VECTOR sum[SUM_ROWS][SUM_COLUMNS];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                sum[i][j] = AT(sums + (i * b + j) * LANES + part);
        for (size p = 0; p < of.panels; p++) {
            const REAL *x = of.x + p * of.x_step + part, *delta = of.delta + p * of.delta_step + part;
            for (size c = 0; c < PANEL; c += LANES)
                for (int i = 0; i < rows; i++)
                    for (int j = 0; j < columns; j++)
                        sum[i][j] = FMA(AT(x + i * PANEL + c), AT(delta + j * PANEL + c), sum[i][j]);
        }
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                AT(sums + (i * b + j) * LANES + part) = sum[i][j];
    }
}

INLINE void NAME(sum_rows)(int rows, struct NAME(sides) of, size b, REAL *sums) {
#define TILE(most) NAME(sum_tile)(rows, most, of, b, sums)
    size j = 0;
    for (; j + SUM_COLUMNS <= b; j += SUM_COLUMNS, of.delta += SUM_COLUMNS * PANEL, sums += SUM_COLUMNS * LANES)
        TILE(SUM_COLUMNS);
    LAST_TILE(b - j, SUM_COLUMNS)
#undef TILE
}

/* sums += x delta^T over some panels, for a G of a rows and b columns. */
TARGET static void NAME(outer_sum)(size a, size b, struct NAME(sides) of, REAL *sums) {
    size i = 0;
    for (; i + SUM_ROWS <= a; i += SUM_ROWS, of.x += SUM_ROWS * PANEL, sums += SUM_ROWS * b * LANES)
        NAME(sum_rows)(SUM_ROWS, of, b, sums);
    switch (a - i) {
        case 1: NAME(sum_rows)(1, of, b, sums); break;
        case 2: NAME(sum_rows)(2, of, b, sums); break;
        case 3: NAME(sum_rows)(UP_TO(SUM_ROWS, 3), of, b, sums); break;
    }
}

/* x^(1), ..., x^(L-1) of one panel, below whose x^(0) they lie, and s^(L), whose rows are `stride` apart. Meanwhile
   some rows of the next panel, at `next`, come from memory: a few lines with each row of theta, since a burst would
   keep the products waiting. */
TARGET static void NAME(forward_panel)(const struct fused *network, REAL *x, REAL *s, size stride, const REAL *next,
                                       size next_stride, size next_rows) {
    const size *d = network->d;
    const REAL *W = network->w;
    for (size l = 1; l < network->L; l++) {
        size a = d[l - 1] + 1, b = d[l];
        REAL *above = x + (a + 1) * PANEL; /* below its row of ones */
        NAME(product)(b, W, 1, b, a, x, above, PANEL);
        for (size r = 0; r < b; r++) {
            if (next_rows > 0) {
                for (size line = 0; line < PANEL; line += LANES)
                    __builtin_prefetch(next + line);
                next += next_stride, next_rows--;
            }
            NAME(apply_theta)(network->theta, above + r * PANEL, PANEL);
        }
        x += a * PANEL, W += a * b;
    }
    NAME(product)(d[network->L], W, 1, d[network->L], d[network->L - 1] + 1, x, s, stride);
}

/* delta^(L-1), ..., delta^(1) of one panel, above whose delta^(L) they lie; x, W: the ends of x^(L-1) and W^(L). */
TARGET static void NAME(backward_panel)(const struct fused *network, const REAL *x, REAL *delta, const REAL *W) {
    const size *d = network->d;
    for (size l = network->L; l > 1; l--) {
        size a = d[l - 1], b = d[l];
        REAL *below = delta - a * PANEL;
        x -= a * PANEL, W -= (a + 1) * b;
        NAME(product)(a, W + b, b, 1, b, delta, below, PANEL);
        NAME(chain_theta)(network->theta, x, below, a * PANEL);
        x -= PANEL, delta = below;
    }
}

struct NAME(rows) {
    size x, delta, weights;
};

static struct NAME(rows) NAME(count)(const struct fused *network) {
    struct NAME(rows) rows = {0, 0, 0};
    for (size l = 1; l <= network->L; l++) {
        rows.x += network->d[l - 1] + 1;
        rows.delta += network->d[l];
        rows.weights += (network->d[l - 1] + 1) * network->d[l];
    }
    return rows;
}

/* Write s^(L) of `columns` columns of x0, and keep x^(0), ..., x^(L-1). s: in whole panels. */
TARGET void NAME(fused_forward)(const struct fused *network, const REAL *x0, size x0_stride, size columns, REAL *s,
                                size s_stride) {
    size x_rows = NAME(count)(network).x, inputs = network->d[0] + 1;
    REAL *x = network->x;
    for (size c = 0; c < columns; c += PANEL, x += x_rows * PANEL) {
        NAME(copy)(x, x0 + c, x0_stride, inputs, columns - c, 1);
        NAME(forward_panel)(network, x, s + c, s_stride, x0 + c + PANEL, x0_stride, columns - c > PANEL ? inputs : 0);
    }
}

/* After `fused_forward`: write the gradient of all columns to G, from delta^(L); with `add`, that of the columns before
   them, too, whose sums are kept. G: NULL where it is not asked for before the next columns. */
TARGET void NAME(fused_backward)(const struct fused *network, const REAL *delta_L, size stride, size columns, REAL *G,
                                 size add) {
    struct NAME(rows) rows = NAME(count)(network);
    if (!add)
        memset(network->sums, 0, rows.weights * LINE);
    size x_step = rows.x * PANEL, delta_step = rows.delta * PANEL, outputs = network->d[network->L];
    REAL *x = network->x, *deltas = network->delta;
    for (size c = 0; c < columns;) {
        size panels = 0;
        for (; panels < FUSED_GROUP && c < columns; panels++, c += PANEL) {
            REAL *delta = deltas + (panels + 1) * delta_step - outputs * PANEL;
            NAME(copy)(delta, delta_L + c, stride, outputs, columns - c, 0);
            NAME(backward_panel)(network, x + (panels + 1) * x_step, delta, (REAL *)network->w + rows.weights);
        }
        struct NAME(sides) of = {x, deltas, x_step, delta_step, panels};
        REAL *sums = network->sums;
        for (size l = 1; l <= network->L; l++) {
            size a = network->d[l - 1] + 1, b = network->d[l];
            NAME(outer_sum)(a, b, of, sums);
            of.x += a * PANEL, of.delta += b * PANEL, sums += a * b * LANES;
        }
        x += panels * x_step;
    }
    for (size k = 0; G != NULL && k < rows.weights; k++)
        G[k] = NAME(sum_of_line)((REAL *)network->sums + k * LANES);
}

#undef TILE_ROWS
#undef TILE_VECTORS
#undef PANEL
