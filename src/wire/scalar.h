// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Single values as text, in both directions: numbers, booleans, times, blobs as XML, forms, headers
 * and labels carry them. Pure, any thread.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "wire/shape.h"

/* A decimal number with optional fraction and exponent, or NaN, Infinity, -Infinity. */
MUST_CHECK bool scalar_to_double(struct span text, double *out);
/* Towards zero, and to the nearest bound of the kind (KIND_INTEGER or KIND_LONG). */
int64_t scalar_truncate(double value, uint8_t kind);
/* Milliseconds; TIME_NONE when `text` is not a time of that format. */
int64_t scalar_to_time(struct span text, enum TIME_FORMAT format);

/* Any scalar, string or blob (base64) from its text into `to`, which lies as wire/shape.h says.
 * False when it is none. Strings are borrowed. */
MUST_CHECK bool scalar_read(struct arena *arena, uint8_t kind, enum TIME_FORMAT format,
                            struct span text, void *to);

/* What the value of a kind is called in messages: String, Integer, … */
const char *scalar_name(uint8_t kind);

enum FRACTION { FRACTION_NONE, FRACTION_WHERE_NEEDED, FRACTION_ALWAYS };

/* How a protocol prints times as ISO 8601. */
struct scalar_style {
    enum TIME_FORMAT format;
    enum FRACTION fraction;
};

#define SCALAR_TEXT_SIZE 64
/* The text of a number, boolean or time in `room`; of a string as it is. Not for blobs. */
struct span scalar_text(uint8_t kind, struct scalar_style style, const void *value,
                        char room[SCALAR_TEXT_SIZE]);
/* Shortest text that reads back as the same double (or float), NaN and infinities in words. */
struct span scalar_double_text(double value, uint8_t kind, char room[SCALAR_TEXT_SIZE]);
