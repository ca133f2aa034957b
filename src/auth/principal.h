// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * From records to identities. Used by the cache, and by services that act for a user or role that
 * did not sign the request. Everything read lives in the given arena. The transaction's thread.
 */
#include "auth/auth.records.h"
#include "auth/identity.h"

/* Names are unique without regard to case: this is the form in keys. */
struct span principal_lname(struct arena *arena, struct span name);
/* "user/", "group/" or "role/" + lname, as inline_policy records say it. */
struct span principal_holder(struct arena *arena, const char *kind, struct span lname);
/* arn:aws:iam::ACCOUNT:KIND PATH NAME, e.g. kind "user". */
struct span principal_arn(struct arena *arena, struct span account, const char *kind,
                          struct span path, struct span name);

/* The default document of a managed policy, of AWS or an account. 0, -ENOENT, other errno. */
MUST_CHECK int principal_policy_document(struct txn *txn, struct arena *arena, struct span arn,
                                         struct span *ret_document);

/* What a user or role may do, without credentials. 0, -ENOENT, other errno; -EBADMSG when a stored
 * policy cannot be read. */
MUST_CHECK int principal_user(struct txn *txn, struct arena *arena, struct span account,
                              struct span lname, struct identity *out);
MUST_CHECK int principal_role(struct txn *txn, struct arena *arena, struct span account,
                              struct span lname, struct identity *out);
void principal_root(struct arena *arena, struct span account, struct identity *out);

/* The unique id of a user or role by its ARN (arn:aws:iam::ACCOUNT:user/…): 0, -ENOENT, other
 * errno. */
MUST_CHECK int principal_id_of_arn(struct txn *txn, struct arena *arena, struct span arn,
                                   struct span *ret_id);
/* Is this value of a Principal element an ARN that principal_id_of_arn can find? */
bool principal_is_bindable(struct span type, struct span value);

/* The identity behind a stored key or session: 0, -ENOENT when there is none (any more). */
MUST_CHECK int principal_of_key(struct txn *txn, struct arena *arena, struct span access_key,
                                struct identity *out);
