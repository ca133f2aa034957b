// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Listening sockets. The accepting loop deals connections round robin to the servers of all loops.
 */
#include "http/server.h"

struct listener;

/* `address` is "127.0.0.1", "::1", "0.0.0.0" …; port 0 takes a free one (see listener_port).
 * Negative errno on failure; -EINVAL when it is no IP address. */
MUST_CHECK int listener_open(struct listener **ret, struct span address, uint16_t port);
/* Takes over a listening, non-blocking socket. */
void listener_take(struct listener **ret, int fd);
uint16_t listener_port(const struct listener *listener);
/* Connections speak TLS from now on; the context outlives the servers. Before it starts. */
void listener_secure(struct listener *listener, struct tls_context *tls);
/* Accepts on `loop`; each connection goes by mail to the next of `servers` with its loop. Both
 * arrays stay the caller's and outlive the listener. */
MUST_CHECK int listener_start(struct listener *listener, struct loop *loop,
                              struct http_server *const *servers, struct loop *const *loops,
                              size_t count);
/* No further connections. On its loop. What was dealt before is still in the mail: the servers end
 * after their loops have delivered it. */
void listener_stop(struct listener *listener);
/* Stopped before, or never started. Accepts NULL. */
void listener_free(struct listener *listener);
