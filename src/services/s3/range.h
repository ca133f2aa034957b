// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Byte ranges of HTTP as S3 takes them: one range; anything else is ignored (RFC 9110, 14.2). Pure.
 */
#include "base/span.h"

enum RANGE { RANGE_WHOLE, RANGE_PART, RANGE_UNSATISFIABLE };

struct range {
    uint64_t first, len; /* bytes */
};

/* The part of `size` bytes that a Range header (or absent) asks for. RANGE_WHOLE sets it too. */
enum RANGE range_read(struct span header, uint64_t size, struct range *out);

/* x-amz-copy-source-range: exactly bytes=first-last. False when malformed; whether it lies within
 * the source is for the caller to see. */
bool range_read_strict(struct span header, struct range *out);
