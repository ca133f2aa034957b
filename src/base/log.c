// SPDX-License-Identifier: Apache-2.0
/* Log lines on standard error, one write each. Any thread. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static enum LOG_LEVEL lowest = LOG_WARN;
static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_set_level(enum LOG_LEVEL level)
{
    __atomic_store_n(&lowest, level, __ATOMIC_RELAXED);
}

bool log_enabled(enum LOG_LEVEL level)
{
    return level >= __atomic_load_n(&lowest, __ATOMIC_RELAXED);
}

PRINTF_LIKE(2, 0) static void write_line(enum LOG_LEVEL level, const char *format, va_list args)
{
    char line[2048];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
    len += (size_t)snprintf(line + len, sizeof line - len, ".%03dZ %s ",
                            (int)(now.tv_nsec / 1000000), level_names[level]);
    int text = vsnprintf(line + len, sizeof line - len - 1, format, args);
    if (text > 0)
        len += (size_t)text < sizeof line - len - 1 ? (size_t)text : sizeof line - len - 2;
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, len) < 0)
        return; /* nowhere left to say it */
}

#define DEFINE_LEVEL(name, level)                                                                  \
    void name(const char *format, ...)                                                             \
    {                                                                                              \
        va_list args;                                                                              \
        if (!log_enabled(level))                                                                   \
            return;                                                                                \
        va_start(args, format);                                                                    \
        write_line(level, format, args);                                                           \
        va_end(args);                                                                              \
    }

DEFINE_LEVEL(log_debug, LOG_DEBUG)
DEFINE_LEVEL(log_info, LOG_INFO)
DEFINE_LEVEL(log_warn, LOG_WARN)
DEFINE_LEVEL(log_error, LOG_ERROR)

void log_fatal(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_line(LOG_ERROR, format, args);
    va_end(args);
    abort();
}
