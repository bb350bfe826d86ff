/* What the kernels use of the C library's fenv.h, as Windows has it (see tests/test_windows.py). */
#ifndef FENV_H
#define FENV_H

#define FE_INVALID 0x10
#define FE_DIVBYZERO 0x08
#define FE_OVERFLOW 0x04
#define FE_UNDERFLOW 0x02
#define FE_INEXACT 0x01
#define FE_ALL_EXCEPT 0x1f

int __cdecl fetestexcept(int flags);
int __cdecl feclearexcept(int flags);

#endif
