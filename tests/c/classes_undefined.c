/* Labels that are no classes, NaN and 1e30 among them, are counted by a build that UndefinedBehaviorSanitizer watches. */
#include "convert.h"
#include "fastml.h"

#include <math.h>
#include <stdio.h>

int main(void)
{
    const double labels[] = {2, 0, NAN, -1, 2.5, 3, 1e30, -1e30, INFINITY, -INFINITY, 1099511627776, 2147483648};
    for (int i = 0; i < (int)(sizeof labels / sizeof labels[0]); i++) {
        double wide[9] = {0, 1, 2, 0, 1, 2, 0, 1, labels[i]};
        float narrow[9] = {0, 1, 2, 0, 1, 2, 0, 1, (float)labels[i]};
        ptrdiff_t expected = i < 2 ? 9 : 8;
        if (fastml_count_classes(wide, FASTML_F64, 9, 3) != expected ||
            fastml_count_classes(narrow, FASTML_F32, 9, 3) != expected) {
            printf("%g\n", labels[i]);
            return 1;
        }
    }
    return 0;
}
