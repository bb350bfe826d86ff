/* libFuzzer over cpu_count.c: the files that the kernel has for a process and its control groups, with any content.
 * Run by tools/fuzz_readers.py, in a folder of its own. The input is cut at every 0xFF into /proc/self/cgroup, cpu.max, cpu.cfs_quota_us and
 * cpu.cfs_period_us; the group "/a" has its own. */
#include "threadpool.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int fastml_cpu_limit(const char *root);

static char root[] = "fastml-cgroup-XXXXXX";
static const char *FOLDERS[] = {"/proc",
                                "/proc/self",
                                "/sys",
                                "/sys/fs",
                                "/sys/fs/cgroup",
                                "/sys/fs/cgroup/a",
                                "/sys/fs/cgroup/cpu",
                                "/sys/fs/cgroup/cpu,cpuacct"};
static const char *FILES[] = {"/proc/self/cgroup",
                              "/sys/fs/cgroup/cpu.max",
                              "/sys/fs/cgroup/cpu/cpu.cfs_quota_us",
                              "/sys/fs/cgroup/cpu/cpu.cfs_period_us",
                              "/sys/fs/cgroup/a/cpu.max",
                              "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us",
                              "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us"};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    char path[256];
    (void)argc, (void)argv;
    if (mkdtemp(root) == NULL) abort();
    for (size_t i = 0; i < sizeof FOLDERS / sizeof *FOLDERS; i++) {
        snprintf(path, sizeof path, "%s%s", root, FOLDERS[i]);
        mkdir(path, 0700);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[256];
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        const uint8_t *end = size ? memchr(data, 0xFF, size) : NULL;
        size_t length = end ? (size_t)(end - data) : size;
        snprintf(path, sizeof path, "%s%s", root, FILES[i]);
        FILE *file = fopen(path, "w");
        if (file == NULL) abort();
        fwrite(data, 1, length, file);
        fclose(file);
        data += length + (end != NULL);
        size -= length + (end != NULL);
    }
    if (fastml_cpu_limit(root) < 0) abort();
    return 0;
}
