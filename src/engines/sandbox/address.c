// SPDX-License-Identifier: Apache-2.0
/*
 * A further device of a machine that runs. Its address is set by a thread that is made for that,
 * joins the machine's network namespace and ends: no thread of the process changes its namespace.
 */
#include "engines/sandbox/inside.h"
#include "engines/sandbox/network.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

struct visit {
    int netns, result;
    const struct sandbox_network *network;
};

static void *run(void *user)
{
    struct visit *visit = user;
    visit->result =
        setns(visit->netns, CLONE_NEWNET) < 0 ? -errno : network_configure(visit->network);
    return NULL;
}

int sandbox_configure(const struct sandbox *sandbox, const struct sandbox_network *network)
{
    pthread_t thread;
    struct visit visit = {.netns = sandbox->network, .network = network};
    int error = pthread_create(&thread, NULL, run, &visit);
    if (error)
        return -error;
    pthread_join(thread, NULL);
    return visit.result;
}
