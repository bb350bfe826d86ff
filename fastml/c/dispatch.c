/* Chooses the kernel table. */
#include "fastml.h"

#include <string.h>

const fastml_table *fastml_kernels = &fastml_table_base;

#if defined(__clang__)
const char *const fastml_compiler = "Clang " __clang_version__;
#elif defined(__GNUC__)
const char *const fastml_compiler = "GCC " __VERSION__;
#else
const char *const fastml_compiler = "unknown";
#endif

#ifdef FASTML_X86_TABLES
#include "cpu_features.h"
#endif

static int runs_base(void) { return 1; }

static const struct {
    const fastml_table *table;
    int (*runs)(void);
} choices[] = {
    {&fastml_table_base, runs_base},
#ifdef FASTML_X86_TABLES
    {&fastml_table_avx2, cpu_has_avx2},
    {&fastml_table_avx512, cpu_has_avx512},
#endif
};

const fastml_table *fastml_select_isa(const char *name, int *known) {
    const fastml_table *found = NULL;
    *known = name == NULL;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        if (name && strcmp(name, choices[i].table->isa) != 0) continue;
        *known = 1;
        if (choices[i].runs()) found = choices[i].table;
    }
    if (found) fastml_kernels = found;
    return found;
}
