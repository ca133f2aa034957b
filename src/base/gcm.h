// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * AES-256-GCM (NIST SP 800-38D) of long runs on CPUs with wide AES and carry-less multiplication,
 * where libcrypto 3.0 uses narrow ones: three to four times as fast. Only what long runs need: 12
 * bytes of nonce, nothing beside the text, whole strides. Everything else is libcrypto's. Pure, any
 * thread.
 */
#include "base/span.h"

#define GCM_STRIDE 256 /* bytes; a run is a multiple of it */
#define GCM_TAG_SIZE 16

struct gcm {
    uint8_t rounds[15][16]; /* keys of AES-256's rounds */
    uint8_t powers[16][16]; /* of the hash's key, the highest first */
};

/* Whether this CPU can; otherwise nothing else here may be called. */
bool gcm_is_here(void);
void gcm_begin(struct gcm *gcm, const uint8_t key[32]);

struct gcm_run {
    const uint8_t *nonce; /* 12 bytes */
    const char *from;
    char *to; /* as many bytes as are read; may be `from` */
    size_t len;
};
void gcm_seal(const struct gcm *gcm, const struct gcm_run *run, uint8_t tag[GCM_TAG_SIZE]);
/* Opens, and answers the tag that the sealed bytes should have: the caller compares. */
void gcm_open(const struct gcm *gcm, const struct gcm_run *run, uint8_t tag[GCM_TAG_SIZE]);
