// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Parsed policies of buckets, a few per thread, by the edition in the bucket's record, which is
 * another one with every change; so what is found here needs no look at the document. A policy is
 * good until the thread asks for another one. Private to this folder.
 */
#include "auth/policy.h"

/* Room for the policy of this edition; *ret_policy is NULL where it has to be filled. */
struct arena *policy_cache_at(uint64_t edition, const struct policy ***ret_policy);
