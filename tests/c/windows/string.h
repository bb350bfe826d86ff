/* What the C uses of string.h (see tests/test_windows.py). */
#ifndef STRING_H
#define STRING_H

#include <stddef.h>

void *__cdecl memcpy(void *to, const void *from, size_t n);
void *__cdecl memset(void *to, int value, size_t n);
void *__cdecl memmove(void *to, const void *from, size_t n);
int __cdecl strcmp(const char *a, const char *b);

#endif
