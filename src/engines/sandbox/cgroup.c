// SPDX-License-Identifier: Apache-2.0
/*
 * Two tables, one per version: which files of which controller take the limits. A group is a folder
 * of the same name under each controller (v1) or under the one root (v2), beside those of everybody
 * else, so that it outlives whatever started this program. One thread; only libc.
 */
#include "engines/sandbox/cgroup.h"

#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PERIOD_US 100000
#define PATH_SIZE 256

static int limit_memory(char *to, size_t size, const struct sandbox_limits *limits)
{
    return snprintf(to, size, "%llu", (unsigned long long)limits->memory_bytes);
}

static int limit_swap(char *to, size_t size, const struct sandbox_limits *limits)
{
    return snprintf(to, size, "0");
}

static int limit_tasks(char *to, size_t size, const struct sandbox_limits *limits)
{
    return snprintf(to, size, "%u", limits->tasks);
}

static int limit_period(char *to, size_t size, const struct sandbox_limits *limits)
{
    return snprintf(to, size, "%d", PERIOD_US);
}

static int limit_quota(char *to, size_t size, const struct sandbox_limits *limits)
{
    return snprintf(to, size, "%u", limits->cpu_percent * (PERIOD_US / 100));
}

static int limit_quota_and_period(char *to, size_t size, const struct sandbox_limits *limits)
{
    return snprintf(to, size, "%u %d", limits->cpu_percent * (PERIOD_US / 100), PERIOD_US);
}

enum NEED { NEEDED, WHERE_THERE }; /* kernels without swap have no file for it */
struct setting {
    const char *controller, *file;
    int (*print)(char *to, size_t size, const struct sandbox_limits *limits);
    enum NEED need;
};

static const struct setting settings_v1[] = {
    {"memory", "memory.limit_in_bytes", limit_memory, NEEDED},
    {"memory", "memory.memsw.limit_in_bytes", limit_memory, WHERE_THERE},
    {"cpu", "cpu.cfs_period_us", limit_period, NEEDED},
    {"cpu", "cpu.cfs_quota_us", limit_quota, NEEDED},
    {"pids", "pids.max", limit_tasks, NEEDED},
};
static const struct setting settings_v2[] = {
    {"", "memory.max", limit_memory, NEEDED},
    {"", "memory.swap.max", limit_swap, WHERE_THERE},
    {"", "cpu.max", limit_quota_and_period, NEEDED},
    {"", "pids.max", limit_tasks, NEEDED},
};
static const struct {
    const struct setting *settings;
    size_t setting_count;
    const char *controllers[4]; /* folders; NULL at the end */
    const char *members;
} versions[] = {
    [CGROUP_NONE] = {NULL, 0, {NULL}, ""},
    [CGROUP_V1] = {settings_v1, ARRAY_LEN(settings_v1), {"memory", "cpu", "pids"}, "tasks"},
    [CGROUP_V2] = {settings_v2, ARRAY_LEN(settings_v2), {""}, "cgroup.procs"},
};

static bool is_there(const char *root, const char *controller, const char *file)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s/%s", root, controller, file);
    return access(path, F_OK) == 0;
}

static bool has_controllers(const char *root)
{
    char path[PATH_SIZE], text[256] = " ";
    snprintf(path, sizeof path, "%s/cgroup.controllers", root);
    AUTO_FD file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, text + 1, sizeof text - 3);
    if (got <= 0)
        return false;
    text[got] = ' '; /* the line end */
    text[got + 1] = '\0';
    return strstr(text, " memory ") && strstr(text, " cpu ") && strstr(text, " pids ");
}

enum CGROUP_VERSION cgroup_version(const char *root)
{
    if (has_controllers(root))
        return CGROUP_V2;
    bool v1 = is_there(root, "memory", "memory.limit_in_bytes") &&
              is_there(root, "cpu", "cgroup.procs") && is_there(root, "pids", "cgroup.procs");
    return v1 ? CGROUP_V1 : CGROUP_NONE;
}

static int write_text(const char *path, const char *text)
{
    AUTO_FD file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return -errno;
    return write(file, text, strlen(text)) < 0 ? -errno : 0;
}

static int put(const char *root, const char *name, const struct setting *setting,
               const struct sandbox_limits *limits)
{
    char path[PATH_SIZE], text[64];
    snprintf(path, sizeof path, "%s/%s/%s/%s", root, setting->controller, name, setting->file);
    setting->print(text, sizeof text, limits);
    int error = write_text(path, text);
    return error == -ENOENT && setting->need == WHERE_THERE ? 0 : error;
}

int cgroup_make(const char *root, const char *name, const struct sandbox_limits *limits)
{
    char path[PATH_SIZE];
    enum CGROUP_VERSION version = cgroup_version(root);
    int error = version == CGROUP_NONE ? -ENOSYS : 0;
    if (version == CGROUP_V2) { /* what the root does not hand down, a group does not have */
        snprintf(path, sizeof path, "%s/cgroup.subtree_control", root);
        error = write_text(path, "+memory +cpu +pids");
    }
    for (const char *const *it = versions[version].controllers; !error && *it; it++) {
        snprintf(path, sizeof path, "%s/%s/%s", root, *it, name);
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            error = -errno;
    }
    for (size_t i = 0; !error && i < versions[version].setting_count; i++)
        error = put(root, name, &versions[version].settings[i], limits);
    return error;
}

/* "0" is the writer. One thread that moves itself need not wait until no process of the host is in
 * the middle of fork or exec, which takes ten milliseconds (kernel, cgroup_procs_write_start). */
int cgroup_join(const char *root, const char *name)
{
    char path[PATH_SIZE];
    enum CGROUP_VERSION version = cgroup_version(root);
    int error = 0;
    for (const char *const *it = versions[version].controllers; !error && *it; it++) {
        snprintf(path, sizeof path, "%s/%s/%s/%s", root, *it, name, versions[version].members);
        error = write_text(path, "0");
    }
    return error;
}

int cgroup_remove(const char *root, const char *name)
{
    char path[PATH_SIZE];
    for (const char *const *it = versions[cgroup_version(root)].controllers; *it; it++) {
        snprintf(path, sizeof path, "%s/%s/%s", root, *it, name);
        if (rmdir(path) < 0 && errno != ENOENT)
            return -errno;
    }
    return 0;
}

FILE *cgroup_members(const char *root, const char *name)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s/%s/cgroup.procs", root,
             cgroup_version(root) == CGROUP_V1 ? "pids" : "", name);
    return fopen(path, "re");
}
