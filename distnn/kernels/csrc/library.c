/* What kernels/library.py asks of the library before it uses it. */

#include "library.h"

#include <unistd.h>

#define INTERFACE 21 /* that of kernels/library.py: a library built from sources with another one is not used */

int library_interface(void) { return INTERFACE; }

const char *library_compiler(void) {
#ifdef __clang__
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

/* Bytes of the second-level cache of a core; 0 where the system does not tell. */
int library_second_level(void) {
#ifdef _SC_LEVEL2_CACHE_SIZE
    long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return bytes > 0 && bytes < 1 << 30 ? (int)bytes : 0;
#else
    return 0;
#endif
}

/* Whether this CPU can run the functions that end in _avx2, in _avx512, in that of every CPU. */
int library_runs_avx2(void) {
#ifdef X86
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return 0;
#endif
}

int library_runs_avx512(void) {
#ifdef X86
    return library_runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
#else
    return 0;
#endif
}

#ifdef __aarch64__
int library_runs_neon(void) { return 1; }
#else
int library_runs_portable(void) { return 1; }
#endif
