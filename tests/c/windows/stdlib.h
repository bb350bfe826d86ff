/* immintrin.h asks for it (see tests/test_windows.py). */
#ifndef STDLIB_H
#define STDLIB_H

#include <stddef.h>

void *__cdecl malloc(size_t n);
void __cdecl free(void *p);

#endif
