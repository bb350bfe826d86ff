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

#if defined(FASTML_X86_TABLES) && defined(_WIN32)
#include "cpu_features.h"

static void ask_processor(void) {}
static int runs_avx2(void) { return cpu_has_avx2(); }
static int runs_avx512(void) { return cpu_has_avx512(); }
#elif defined(FASTML_X86_TABLES)
static void ask_processor(void) { __builtin_cpu_init(); }

static int runs_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

static int runs_avx512(void) {
    return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

static int runs_base(void) { return 1; }

static const struct {
    const fastml_table *table;
    int (*runs)(void);
} choices[] = {
    {&fastml_table_base, runs_base},
#ifdef FASTML_X86_TABLES
    {&fastml_table_avx2, runs_avx2},
    {&fastml_table_avx512, runs_avx512},
#endif
};

const fastml_table *fastml_select_isa(const char *name, int *known) {
#ifdef FASTML_X86_TABLES
    ask_processor();
#endif
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
