// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The models' regular expressions (Java's dialect, whole value). Each is compiled when it is first
 * needed and kept for the life of the program, whose pools never move. Any thread.
 */
#include "base/span.h"

/* `pattern` is a text of a service's pool: its address is the key. True when the whole of `text`
 * matches, and when the expression is one that PCRE2 does not know; false also when matching passes
 * its limits. */
bool pattern_matches(struct span pattern, struct span text);
/* Whether PCRE2 takes it, for tests over all models. */
bool pattern_is_known(struct span pattern);
