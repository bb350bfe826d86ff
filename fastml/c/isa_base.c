/* The instruction set every machine of this architecture has: SSE2 on x86-64, NEON on arm64. */
#define ISA base
#include "kernels.inc.h"
