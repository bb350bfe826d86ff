/* What the kernels use of math.h (see tests/test_windows.py). */
#ifndef MATH_H
#define MATH_H

double __cdecl sqrt(double x);
float __cdecl sqrtf(float x);

#endif
