// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Random identifiers from the kernel's generator (getrandom, buffered per thread). Any thread. */
#include "base/arena.h"

void random_bytes(void *to, size_t len);
uint64_t random_u64(void);
/* 8-4-4-4-12, version 4. */
struct span id_uuid(struct arena *arena);
/* prefix + `digits` lower-case hex digits, as in vol-0123456789abcdef0 (17). */
struct span id_hex(struct arena *arena, struct span prefix, int digits);
/* prefix + `letters` of A-Z2-7, as in AIDA… and AKIA… */
struct span id_base32(struct arena *arena, struct span prefix, int letters);
/* prefix + letters and digits of both cases, as S3's request ids and version ids. */
struct span id_alnum(struct arena *arena, struct span prefix, int letters);
