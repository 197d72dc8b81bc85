/* Powers of two above the largest terms of each row of a sum, and from where to where these may go while the powers
   stay right: class Exponents of parallel/fixed_point.py, which does the same in numpy, says which. */

#include <math.h>

#include "library.h"

/* The smallest number with x < 2^number. */
static size above(double x) {
    int exponent;
    frexp(x, &exponent);
    return exponent;
}

/* Whether all parts can be summed. largest: of each row; parts below `limit` can be. part, below: the last exponents,
   which are changed. */
size exponents(size parts, const size *heights, size bits, size step, size row_step, size finest, double limit,
               const double *largest, size *part, size *below, size *rows, double *lower, double *upper) {
    size all = 1;
    for (size p = 0, r = 0; p < parts; p++) {
        const size end = r + heights[p];
        double most = 0;
        for (size i = r; i < end; i++)
            most = largest[i] > most ? largest[i] : most;
        all = all && most < limit;
        if (most > 0 && most < limit) {
            size least = above(most);
            part[p] = least > 0 ? (least + step - 1) / step * step : least / step * step; /* C rounds towards 0 */
        }
        for (; r < end; r++) {
            const int vanishes = largest[r] == 0;
            if (!vanishes && most < limit) {
                size room = part[p] - above(largest[r]);
                below[r] = room > 0 ? room / row_step * row_step : 0;
            }
            rows[r] = part[p] - below[r];
            const size down = largest[r] == most ? step : row_step;
            lower[r] = vanishes || bits - rows[r] >= finest ? 0 : ldexp(1, (int)(rows[r] - down));
            upper[r] = ldexp(1, (int)(vanishes ? -finest : rows[r]));
        }
    }
    return all;
}
