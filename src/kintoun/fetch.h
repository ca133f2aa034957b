// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Asking the one that runs on this machine; for the subcommands that only look. */
#include "base/buf.h"

/* The body of the reply to a GET, in `reply`; absent on failure. */
struct span fetch_local(uint16_t port, const char *path, struct buf *reply);
/* The same of a POST of this text. */
struct span fetch_post(uint16_t port, const char *path, struct span body, struct buf *reply);
/* The port of `--port N`, if that is what the words are, else of KINTOUN_PORT, else 4566. -EINVAL
 * after saying on standard error what is wrong. */
MUST_CHECK int fetch_read_port(const char *command, int argc, char **argv, uint16_t *ret);
