/* What all compiled code shares: names, and the instructions it is compiled for. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef ptrdiff_t size;

/* X86: are there sets of instructions beside BASIC? -DBASIC_ONLY leaves them out, for a third of the compiler's time.
 */
#if defined(__x86_64__) && !defined(BASIC_ONLY)
#define X86
#endif

/* BASIC: the set of instructions that every CPU has that the compiler was told of. */
#ifdef __aarch64__
#define BASIC neon
#else
#define BASIC portable
#endif
#define TARGET_neon
#define TARGET_portable
#define TARGET_avx512 __attribute__((target("avx512f,avx512dq,avx2,fma")))
#define TARGET_avx2 __attribute__((target("avx2,fma")))

#define JOIN_TWO(a, b) a##b
#define JOIN2(a, b) JOIN_TWO(a, b)
#define JOIN(a, b, c) a##_##b##_##c
#define JOINED(a, b, c) JOIN(a, b, c) /* such as forward_float64_avx512 */
