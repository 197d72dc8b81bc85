/* passes.h for each set of instructions. Included by passes.c for each type of numbers. */

#ifdef X86
#define WIDE 64
#include "passes.h"
#define WIDE 32
#include "passes.h"
#endif
#define WIDE 16
#include "passes.h"
