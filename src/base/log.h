// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * One line per event on standard error: time, level, text. Layers below `services` log at debug
 * only. Any thread; a line is one write.
 */
#include "base/span.h"

enum LOG_LEVEL { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Lines below this level are dropped; LOG_WARN at start. */
void log_set_level(enum LOG_LEVEL level);
bool log_enabled(enum LOG_LEVEL level);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *format, ...) PRINTF_LIKE(1, 2);
void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
/* For broken invariants only: prints and aborts. */
_Noreturn void log_fatal(const char *format, ...) PRINTF_LIKE(1, 2);
