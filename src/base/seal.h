// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Sealed bytes: AES-256-GCM (NIST SP 800-38D) in frames, so that a part can be opened alone. A
 * frame is SEAL_FRAME bytes, the last one of a run perhaps fewer, followed by its tag; its number
 * is its nonce, so a key seals one run and no other. That key is made for the run, and kept wrapped
 * under another one: who may read gets the wrapping key, and may change without the bytes. Any
 * thread; each keeps its cipher contexts.
 */
#include "base/span.h"

#define SEAL_KEY_SIZE 32
#define SEAL_WRAPPED_SIZE 60 /* nonce, key, tag */
#define SEAL_TAG_SIZE 16
#define SEAL_NONCE_SIZE 12
#define SEAL_FRAME ((uint64_t)64 * 1024) /* bytes */

struct seal_key {
    uint8_t bytes[SEAL_KEY_SIZE];
};

/* How a run of bytes is sealed. All zero: it is plain. */
struct sealing {
    bool sealed;
    bool open;                          /* `key` is known */
    struct seal_key key;                /* never stored */
    uint8_t wrapped[SEAL_WRAPPED_SIZE]; /* the key under the one that it was stored with */
};

void seal_key_make(struct seal_key *ret);
/* Sealed from now on, with a key of its own. */
void seal_begin(struct sealing *sealing);
/* Wraps the key, which is open. */
void seal_wrap(struct sealing *sealing, const struct seal_key *with);
/* Finds the key; without effect on what is plain or open. False: it is wrapped with another one, or
 * damaged. */
bool seal_open(struct sealing *sealing, const struct seal_key *with);
/* A key that follows from another and a label. */
void seal_derive(const struct seal_key *from, struct span label, struct seal_key *ret);

/* Bytes of a run of `len` bytes when it is sealed, and back. */
uint64_t seal_sealed_len(uint64_t len);
uint64_t seal_plain_len(uint64_t sealed_len);
/* Seals `plain` from frame `first` on; `to` has room for seal_sealed_len. */
void seal_frames(const struct seal_key *key, uint64_t first, struct span plain, char *to);
/* The reverse, from the first byte of frame `first`; false: damaged, or another key. */
MUST_CHECK bool seal_open_frames(const struct seal_key *key, uint64_t first, struct span sealed,
                                 char *to);

/* One text alone, by a nonce of the caller's that comes once with this key. `to` has room for the
 * text and its tag, and may be where the text is. `beside` is not sealed, but must be the same. */
struct seal_nonce {
    uint8_t bytes[SEAL_NONCE_SIZE];
};
void seal_text(const struct seal_key *key, const struct seal_nonce *nonce, struct span beside,
               struct span plain, char *to);
/* `to` has room for the text. */
MUST_CHECK bool seal_open_text(const struct seal_key *key, const struct seal_nonce *nonce,
                               struct span beside, struct span sealed, char *to);
