/* How many threads are worth having: environment, affinity, cgroup quota. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "threadpool.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <unistd.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

#define PATH_BYTES 4096
#define MOUNT "/sys/fs/cgroup"

/* The whole CPUs that a quota needs, or 0 where it sets no limit (v1 writes -1). */
static int whole_cpus(long long quota, long long period) {
    if (quota <= 0 || period <= 0) return 0;
    long long cpus = quota / period + (quota % period != 0);
    return cpus < INT_MAX ? (int)cpus : INT_MAX;
}

static int smaller_limit(int a, int b) { return a == 0 || (b != 0 && b < a) ? b : a; }

/* One number, or two, from directory/name; returns how many were there. */
static int read_numbers(const char *directory, const char *name, long long *first, long long *second) {
    char path[PATH_BYTES + 32];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) return 0;
    int found = fscanf(file, "%lld %lld", first, second);
    fclose(file);
    return found;
}

/* The limit that one cgroup directory sets itself. A file that is missing, or says "max", sets none. */
static int limit_of(const char *directory) {
    long long quota, period, unused;
    if (read_numbers(directory, "cpu.max", &quota, &period) == 2) return whole_cpus(quota, period);
    if (read_numbers(directory, "cpu.cfs_quota_us", &quota, &unused) >= 1 &&
        read_numbers(directory, "cpu.cfs_period_us", &period, &unused) >= 1)
        return whole_cpus(quota, period);
    return 0;
}

/* The least limit from mount/group up to the mount. Inside a container the group may be named as seen from outside:
   directories that do not exist are passed over, and the mount itself is then the container's group. */
static int limit_from(const char *root, const char *mount, const char *group) {
    char path[PATH_BYTES];
    int limit = 0;
    if (strstr(group, "/..") != NULL) /* outside our namespace: nothing of it to be seen but the mount */
        group = "";
    size_t fixed = strlen(root) + strlen(mount);
    if (fixed + strlen(group) >= sizeof path) return 0;
    snprintf(path, sizeof path, "%s%s%s", root, mount, group);
    for (;;) {
        limit = smaller_limit(limit, limit_of(path));
        char *slash = strrchr(path + fixed, '/');
        if (slash == NULL) return limit;
        *slash = '\0';
    }
}

/* Is "cpu" one of the comma-separated controllers? */
static int has_cpu(const char *controllers) {
    for (const char *item = controllers; item != NULL; item = strchr(item, ',')) {
        item += *item == ',';
        if (strncmp(item, "cpu", 3) == 0 && (item[3] == ',' || item[3] == '\0')) return 1;
    }
    return 0;
}

/* Each line of /proc/self/cgroup is hierarchy:controllers:group; version 2 has no controllers. */
int fastml_cpu_limit(const char *root) {
    char line[PATH_BYTES], mount[PATH_BYTES + sizeof MOUNT];
    int limit = 0;
    snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
    FILE *file = fopen(line, "r");
    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
        if (group == NULL) continue;
        *group++ = '\0';
        controllers++;
        if (*controllers == '\0') {
            limit = smaller_limit(limit, limit_from(root, MOUNT, group));
        } else if (has_cpu(controllers)) {
            /* mounted under the full list, the single name, or both */
            snprintf(mount, sizeof mount, MOUNT "/%s", controllers);
            limit = smaller_limit(limit, limit_from(root, mount, group));
            limit = smaller_limit(limit, limit_from(root, MOUNT "/cpu", group));
        }
    }
    fclose(file);
    return limit;
}

/* The CPUs that the scheduler may give us, at least 1. */
static int usable_cpus(void) {
    long cpus = 1;
#if defined(_WIN32)
    cpus = (long)GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    DWORD_PTR ours, all;
    if (GetProcessAffinityMask(GetCurrentProcess(), &ours, &all) && ours != 0 && ours != all)
        for (cpus = 0; ours != 0; ours &= ours - 1) cpus++;
#else
    cpus = sysconf(_SC_NPROCESSORS_ONLN);
#if defined(__linux__)
    cpu_set_t sets[8]; /* one holds 1024 CPUs, and the kernel refuses a mask smaller than its own */
    memset(sets, 0, sizeof sets);
    if (sched_getaffinity(0, sizeof sets, sets) == 0) cpus = CPU_COUNT_S(sizeof sets, sets);
#endif
#endif
    return cpus < 1 ? 1 : cpus < FASTML_MAX_THREADS ? (int)cpus : FASTML_MAX_THREADS;
}

/* The positive integer in an environment variable, clipped to the pool's maximum, or 0. A list's first item counts
   where lists are allowed (OpenMP: one item per nesting level). */
static int threads_from(const char *variable, int list_allowed) {
    const char *text = getenv(variable);
    char *end;
    if (text == NULL) return 0;
    long value = strtol(text, &end, 10);
    end += strspn(end, " \t\r\n");
    if (end == text || value < 1 || !(*end == '\0' || (list_allowed && *end == ','))) return 0;
    return value < FASTML_MAX_THREADS ? (int)value : FASTML_MAX_THREADS;
}

int fastml_default_num_threads(void) {
    int threads = threads_from("FASTML_NUM_THREADS", 0);
    if (threads == 0) threads = threads_from("OMP_NUM_THREADS", 1);
    return threads != 0 ? threads : smaller_limit(usable_cpus(), fastml_cpu_limit(""));
}
