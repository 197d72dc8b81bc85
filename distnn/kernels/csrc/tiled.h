/* Wider networks: layer after layer for some panels of columns, in tiles (tile.h). Included by passes.h.

   TILED_BYTES of each row are a panel. Arrays are kept panel by panel, the rows of a panel one after the other, and
   weights by tiles, so that every product reads what it needs in order: nothing is copied for it, but for delta^T.
   x^(0) is read where it lies, in rows that are far apart. G is summed in parts of TILED_GROUP panels. */

#ifndef TILED_GROUP
#define TILED_GROUP 16 /* panels that are summed into G at a time: the first level has that much of a tile of x */
#define TERMS 8192    /* bytes of the a_rk of one r, before the next tile: the second level has a tile's, and their x */
#define SUM_PANELS 8  /* of delta^T that the second level has, while they are summed into G with all of x */
#define SINGLE_ROWS 8 /* of x that are summed into G at a time where delta has one row */
#define LOADED 8      /* rows of weights that are read together */
#define AHEAD 4       /* rows that are far apart and on their way from the memory, while they are copied */
#define SPREAD 24     /* terms of a tile, after which some of the next x^(0) is asked for: not all at once */
#define CROWDED 1024  /* bytes from row to row of x^(0), or a multiple: then it has few places in the cache */

/* One network, its weights and its memory; see class Tiled of network/passes/tiled.py. */
struct tiled {
    size L, theta;
    const size *d;
    void *w;             /* as `tiled_load` writes them */
    void *x;             /* x^(0), ..., x^(L-1), of all panels of a piece, and some room; the rows of ones are set */
    size x_rows;         /* from one panel to the next */
    size together;       /* panels that go through all layers before the next ones */
    void *delta, *below; /* delta of two layers, of a group of panels */
    void *turned;        /* delta^T */
    void *inputs; /* x^(0), and from one of its rows to the next; NULL if products do not read it where it lies */
    size inputs_row;
};

int tiled_panel_bytes(void) { return TILED_BYTES; }
int tiled_group(void) { return TILED_GROUP; }
int tiled_tile(void) { return TILED_ROWS; }

static size tiles(size rows) { return (rows + TILED_ROWS - 1) / TILED_ROWS * TILED_ROWS; }
#endif

/* How many of so many terms are added up at a time: about equal parts, whole tiles. */
INLINE size NAME(run)(size terms) {
    size parts = (terms * sizeof(REAL) + TERMS - 1) / TERMS;
    return tiles((terms + parts - 1) / parts);
}

/* s = W^T x for some columns. W: a x b, by tiles. later: an x that comes next and is asked for meanwhile, if any. */
TARGET static void NAME(signals)(size a, size b, const REAL *W, size columns, struct NAME(panels) x,
                                 struct NAME(panels) s, struct NAME(panels) later) {
    size run = NAME(run)(a), share = (a * TILED_ROWS + b - 1) / b; /* rows of `later` for each tile */
    for (size k = 0; k < a; k += run)
        for (size j = 0; j < b; j += TILED_ROWS) {
            size terms = LEAST(a - k, run), spread = later.at ? SPREAD : terms;
            struct NAME(factors) of = {W + j * a + k * TILED_ROWS, 1, TILED_ROWS, spread, spread * TILED_ROWS, {0}};
            for (size c = 0, p = 0; c < columns; c += COLUMNS, p++) {
                if (later.at)
                    of.later = (struct NAME(later)){later.at + p * later.panel + j / TILED_ROWS * share * later.row,
                                                    later.row, share * SPREAD / terms + 1};
                NAME(tile)(LEAST(b - j, TILED_ROWS), LEAST(columns - c, COLUMNS), of, terms,
                           x.at + p * x.panel + k * x.row, x.row, s.at + p * s.panel + j * s.row, s.row, k > 0);
            }
        }
}

/* W delta without its first row, which has a rows then, for some columns. W: (a + 1) x b, by tiles. */
TARGET static void NAME(push_back)(size a, size b, const REAL *W, size columns, struct NAME(panels) delta,
                                   struct NAME(panels) below) {
    size run = NAME(run)(b);
    for (size k = 0; k < b; k += run)
        for (size i = 0; i < a; i += TILED_ROWS) {
            size terms = LEAST(b - k, run), next = (a + 1) * TILED_ROWS;
            struct NAME(factors) of = {W + k * (a + 1) + (i + 1) * TILED_ROWS, TILED_ROWS, 1, TILED_ROWS, next, {0}};
            for (size c = 0, p = 0; c < columns; c += COLUMNS, p++)
                NAME(tile)(LEAST(a - i, TILED_ROWS), LEAST(columns - c, COLUMNS), of, terms,
                           delta.at + p * delta.panel + k * delta.row, COLUMNS,
                           below.at + p * below.panel + i * below.row, below.row, k > 0);
        }
}

/* G = x delta^T, or G += that, over the columns of a group. G: a x b, its rows `row` apart; turned: delta^T. lower:
   only what is not above the diagonal is asked for. */
TARGET static void NAME(group_sum)(size a, size b, size columns, struct NAME(panels) x, const REAL *turned, REAL *G,
                                   size row, int add, int lower) {
    for (size first = 0; first < b; first += SUM_PANELS * COLUMNS)
        for (size i = 0; i < a; i += TILED_ROWS)
            for (size j = first; j < LEAST(b, first + SUM_PANELS * COLUMNS); j += COLUMNS) {
                if (lower && j >= i + TILED_ROWS)
                    continue;
                struct NAME(factors) of = {x.at + i * x.row, x.row, 1, COLUMNS, x.panel, {0}};
                NAME(tile)(LEAST(a - i, TILED_ROWS), LEAST(b - j, COLUMNS), of, columns,
                           turned + j * TILED_GROUP * COLUMNS, COLUMNS, G + i * row + j, row, add);
            }
}

/* The same where delta has one row: sums over columns are kept apart by their place in a line, which is filled up. */
TARGET static void NAME(single_sum)(size a, size columns, struct NAME(panels) x, struct NAME(panels) delta, REAL *G,
                                    int add) {
    for (size i = 0; i < a; i += SINGLE_ROWS) {
        VECTOR sum[SINGLE_ROWS][LINE / WIDE] = {0};
        for (size c = 0, p = 0; c < columns; c += COLUMNS, p++)
            for (size k = 0; k < LEAST(columns - c, COLUMNS); k += LANES)
                UNROLLED (int r = 0; r < SINGLE_ROWS; r++)
                    UNROLLED (int v = 0; v < LINE / WIDE; v++)
                        sum[r][v] = FMA(AT(x.at + p * x.panel + (i + r) * x.row + k + v * EACH),
                                        AT(delta.at + p * delta.panel + k + v * EACH), sum[r][v]);
        for (size r = 0; r < LEAST(a - i, SINGLE_ROWS); r++) {
            REAL all = NAME(sum_of_line)((REAL *)sum[r]);
            G[i + r] = add ? G[i + r] + all : all;
        }
    }
}

/* Write delta^T to turned: for each COLUMNS rows of delta those of the first column, of the second, ... */
TARGET static void NAME(turn)(size rows, size columns, struct NAME(panels) delta, REAL *turned) {
#ifndef __clang__
    MASK low, high; /* of two vectors, the numbers of the first and of the second by turns */
    for (int k = 0; k < EACH; k++) {
        low[k] = k / 2 + k % 2 * EACH;
        high[k] = low[k] + EACH / 2;
    }
#endif
    for (size c = 0, p = 0; c < columns; c += COLUMNS, p++)
        for (size j = 0; j < rows; j += EACH)
            for (size i = 0; i < COLUMNS; i += EACH) {
                const REAL *from = delta.at + p * delta.panel + j * delta.row + i;
                REAL *to = turned + (j / COLUMNS * TILED_GROUP * COLUMNS + c + i) * COLUMNS + j % COLUMNS;
#ifdef __clang__ /* which has no shuffle by a vector */
                for (size k = 0; k < EACH; k++)
                    for (size m = 0; m < EACH; m++)
                        to[k * COLUMNS + m] = from[m * delta.row + k];
#else
                VECTOR some[EACH], other[EACH];
                UNROLLED (int k = 0; k < EACH; k++)
                    some[k] = AT(from + k * delta.row);
                UNROLLED (int step = 1; step < EACH; step *= 2) {
                    UNROLLED (int k = 0; k < EACH / 2; k++) {
                        other[2 * k] = __builtin_shuffle(some[k], some[k + EACH / 2], low);
                        other[2 * k + 1] = __builtin_shuffle(some[k], some[k + EACH / 2], high);
                    }
                    UNROLLED (int k = 0; k < EACH; k++)
                        some[k] = other[k];
                }
                UNROLLED (int k = 0; k < EACH; k++)
                    AT(to + k * COLUMNS) = some[k];
#endif
            }
}

/* Copy columns of rows that are far apart into panels; after the last column, that again, or zeros. */
TARGET static void NAME(gather)(size rows, size columns, const REAL *from, size stride, struct NAME(panels) to,
                                int again) {
    for (size r = 0; r < rows; r++, from += stride, to.at += to.row)
        for (size c = 0, p = 0; c < columns; c += COLUMNS, p++) {
            size some = LEAST(columns - c, COLUMNS);
            REAL *panel = to.at + p * to.panel;
            if (r + AHEAD < rows)
                for (size k = 0; k < COLUMNS; k += LANES)
                    __builtin_prefetch(from + AHEAD * stride + c + k);
            memcpy(panel, from + c, some * sizeof(REAL));
            for (size k = some; k < COLUMNS; k++)
                panel[k] = again ? panel[some - 1] : 0;
        }
}

/* So many columns and what fills up the last line of them. */
INLINE size NAME(lines)(size columns) { return (columns + LANES - 1) / LANES * LANES; }

/* Use these weights, by tiles: TILED_ROWS columns of all rows of a W, filled up with zeros, then the next ones. Some
   rows at a time, whose lines stay in the cache from one tile to the next. */
TARGET void NAME(tiled_load)(const struct tiled *network, const double *w) {
    REAL *W = network->w;
    for (size l = 1; l <= network->L; l++) {
        size a = network->d[l - 1] + 1, b = network->d[l];
        for (size first = 0; first < a; first += LOADED)
            for (size j = 0; j < b; j += TILED_ROWS)
                for (size i = first; i < LEAST(a, first + LOADED); i++) {
                    const double *from = w + i * b + j;
                    REAL *to = W + j * a + i * TILED_ROWS;
                    if (j + TILED_ROWS <= b)
                        for (size r = 0; r < TILED_ROWS; r++)
                            to[r] = (REAL)from[r];
                    else
                        for (size r = 0; r < TILED_ROWS; r++)
                            to[r] = j + r < b ? (REAL)from[r] : 0;
                }
        w += a * b, W += a * tiles(b);
    }
}

/* Whether products read x^(0) where it lies, in rows so far apart, for a first layer of b units. For one `single_sum`
   reads whole lines; and for many, whose G takes x^(0) several times, a copy pays. */
INLINE int NAME(in_place)(size b, size stride) {
    return b > 1 && b <= 2 * SUM_PANELS * COLUMNS && stride * (size)sizeof(REAL) % CROWDED != 0;
}

/* Write s^(L) of `columns` columns of x0, and keep x^(1), ..., x^(L-1), and x^(0) or where it lies. Of x^(0) the last
   panel is copied in any case if columns do not fill it: they are followed by the last one again. */
TARGET void NAME(tiled_forward)(struct tiled *network, REAL *x0, size stride, size columns, REAL *s, size s_stride) {
    const size *d = network->d, L = network->L, panel = network->x_rows * COLUMNS, once = network->together * COLUMNS;
    network->inputs = NAME(in_place)(d[1], stride) ? x0 : NULL;
    network->inputs_row = stride;
    for (size c = 0, some; c < columns; c += some) {
        some = LEAST(columns - c, once);
        if (network->inputs && some > COLUMNS)
            some -= some % COLUMNS;
        const REAL *W = network->w;
        struct NAME(panels) x = {(REAL *)network->x + c / COLUMNS * panel, COLUMNS, panel}, inputs = x;
        struct NAME(panels) later = {c + some < columns ? x0 + c + some : NULL, stride, COLUMNS};
        if (network->inputs && some >= COLUMNS)
            inputs = (struct NAME(panels)){x0 + c, stride, COLUMNS};
        else
            NAME(gather)(d[0] + 1, some, x0 + c, stride, x, 1);
        size whole = NAME(lines)(some); /* what fills up has no delta: nothing in `single_sum` */
        for (size l = 1; l < L; l++) {
            size a = d[l - 1] + 1, b = d[l];
            struct NAME(panels) above = {x.at + (a + 1) * COLUMNS, COLUMNS, panel}; /* below its row of ones */
            NAME(signals)(a, b, W, whole, inputs, above, later);
            for (size k = 0; k < whole; k += COLUMNS, above.at += panel)
                NAME(apply_theta)(network->theta, above.at, b * COLUMNS);
            x.at += a * COLUMNS, W += a * tiles(b), inputs = x, later.at = NULL;
        }
        NAME(signals)(d[L - 1] + 1, d[L], W, whole, x, (struct NAME(panels)){s + c, s_stride, COLUMNS}, later);
    }
}

/* delta of the layer below, whose theta(s) is x. W: (a + 1) x b, by tiles. */
TARGET static void NAME(layer_below)(const struct tiled *network, size a, size b, const REAL *W, size columns,
                                     struct NAME(panels) x, struct NAME(panels) delta, struct NAME(panels) below) {
    size once = network->together * COLUMNS;
    for (size c = 0; c < columns; c += once) {
        size some = LEAST(columns - c, once);
        NAME(push_back)(a, b, W, some, delta, below);
        for (size k = 0; k < some; k += COLUMNS) {
            NAME(chain_theta)(network->theta, x.at, below.at, a * COLUMNS);
            x.at += x.panel, below.at += below.panel, delta.at += delta.panel;
        }
    }
}

/* What one group of panels gives to G, from delta^(L). */
TARGET static void NAME(group)(const struct tiled *network, struct NAME(panels) inputs, struct NAME(panels) x,
                               const REAL *delta_L, size stride, size columns, REAL *G, int add) {
    const size *d = network->d, L = network->L;
    const REAL *W = network->w;
    struct NAME(panels) delta = {network->delta, COLUMNS, d[L] * COLUMNS}, below = {network->below, COLUMNS, 0};
    for (size l = 1; l <= L; l++) /* to the ends of x^(L-1), of W^(L) and of G^(L) */
        x.at += (d[l - 1] + 1) * COLUMNS, W += (d[l - 1] + 1) * tiles(d[l]), G += (d[l - 1] + 1) * d[l];
    NAME(gather)(d[L], columns, delta_L, stride, delta, 0);
    for (size l = L; l > 0; l--) {
        size a = d[l - 1] + 1, b = d[l];
        x.at -= a * COLUMNS, W -= a * tiles(b), G -= a * b;
        if (b == 1) {
            NAME(single_sum)(a, columns, x, delta, G, add);
        } else {
            NAME(turn)(b, columns, delta, network->turned);
            NAME(group_sum)(a, b, columns, l > 1 ? x : inputs, network->turned, G, b, add, 0);
        }
        if (l > 1) {
            struct NAME(panels) without_ones = {x.at + COLUMNS, COLUMNS, x.panel}, used = delta;
            below.panel = d[l - 1] * COLUMNS;
            NAME(layer_below)(network, d[l - 1], b, W, NAME(lines)(columns), without_ones, delta, below);
            delta = below, below = used;
        }
    }
}

/* After `tiled_forward`: write the gradient of all columns to G, or add it, from delta^(L). */
TARGET void NAME(tiled_backward)(const struct tiled *network, const REAL *delta_L, size stride, size columns, REAL *G,
                                 size add) {
    size panel = network->x_rows * COLUMNS;
    struct NAME(panels) x = {network->x, COLUMNS, panel};
    for (size c = 0; c < columns; c += TILED_GROUP * COLUMNS, x.at += TILED_GROUP * panel, add = 1) {
        struct NAME(panels) inputs = {(REAL *)network->inputs + c, network->inputs_row, COLUMNS};
        NAME(group)(network, network->inputs ? inputs : x, x, delta_L + c, stride,
                    LEAST(columns - c, TILED_GROUP * COLUMNS), G, add != 0);
    }
}
