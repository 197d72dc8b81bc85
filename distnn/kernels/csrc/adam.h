/* A step of Adam in one pass over the weights: optimizers/adam.py, which has the formulas, and does the same in numpy,
   to the same bits. Included by passes.h, after algebra.h. */

#ifdef DOUBLE
/* The square roots, each rounded. */
INLINE VECTOR NAME(roots)(VECTOR x) {
#if WIDE == 64
    return _mm512_sqrt_pd(x);
#elif WIDE == 32
    return _mm256_sqrt_pd(x);
#else
    for (size k = 0; k < EACH; k++)
        x[k] = sqrt(x[k]);
    return x;
#endif
}

/* number: the settings and what is the same for all weights, as kernels/adam.py has them. decayed: NULL for no decay.
   to: the weights, m and v after the step. */
TARGET void NAME(adam)(size weights, const double *number, const double *w, const double *G, const double *m,
                       const double *v, const double *decayed, double *to, double *to_m, double *to_v) {
    const VECTOR beta1 = ALL(number[0]), beta2 = ALL(number[1]), mean = ALL(number[2]), square = ALL(number[3]);
    const VECTOR epsilon = ALL(number[4]), decay = ALL(number[5]), rate = ALL(number[6]);
    for (size i = 0; i < weights; i += EACH) {
        const size some = weights - i;
#define SOME_OF(a) NAME(load_some)((a) + i, some)
        const VECTOR g = SOME_OF(G), at = SOME_OF(w);
        const VECTOR new_m = beta1 * SOME_OF(m) + (1 - beta1) * g, new_v = beta2 * SOME_OF(v) + (1 - beta2) * g * g;
        VECTOR direction = new_m / mean / (NAME(roots)(new_v / square) + epsilon);
        if (decayed != NULL)
            direction += decay * SOME_OF(decayed) * at;
#undef SOME_OF
        NAME(store)(to + i, at - rate * direction, some);
        NAME(store)(to_m + i, new_m, some);
        NAME(store)(to_v + i, new_v, some);
    }
}
#endif
