// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The pieces of CBOR that errors are made of too. Pure, any thread. */
#include "wire/encoder.h"

struct span cbor_content_type(const struct call *c);
void cbor_begin_map(struct buf *out); /* of indefinite length */
void cbor_end_map(struct buf *out);
void cbor_append_text(struct buf *out, struct span text);
