/* passes.h for each set of instructions. Included by passes.c for each type of numbers. */

#ifdef __x86_64__
#define WIDE 64
#include "passes.h"
#define WIDE 32
#include "passes.h"
#endif
#define WIDE 16
#include "passes.h"
