/* immintrin.h asks for it (see tests/test_windows.py). */
