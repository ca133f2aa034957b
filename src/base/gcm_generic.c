// SPDX-License-Identifier: Apache-2.0
/* CPUs for which nothing is better than libcrypto. Pure, any thread. */
#include "base/gcm.h"

#include "base/log.h"

bool gcm_is_here(void)
{
    return false;
}

void gcm_begin(struct gcm *gcm, const uint8_t key[32])
{
    log_fatal("no wide AES on this CPU");
}

void gcm_seal(const struct gcm *gcm, const struct gcm_run *run, uint8_t tag[GCM_TAG_SIZE])
{
    log_fatal("no wide AES on this CPU");
}

void gcm_open(const struct gcm *gcm, const struct gcm_run *run, uint8_t tag[GCM_TAG_SIZE])
{
    log_fatal("no wide AES on this CPU");
}
