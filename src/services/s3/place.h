// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A bucket as a call meets it: its record, and its index inside the call's transaction. Every
 * handler opens its bucket through here, so the checks that all operations share are made once: the
 * bucket's name, x-amz-expected-bucket-owner, and headers that ask for what is not built. Who may
 * and which region was asked for before (access.h).
 */
#include "engines/object/object.h"
#include "services/s3/s3.records.h"
#include "wire/call.h"

struct place {
    struct s3_bucket_record bucket;
    struct object_bucket index;
};

struct place_name {
    struct span bucket;
    struct span expected_owner; /* absent: anybody */
};

/* For reading. */
RESULT place_open(struct call *c, struct place_name name, struct place *out);
/* For writing: holds the lock of these keys of the bucket from here on. */
RESULT place_open_locked(struct call *c, struct place_name name, const struct span *keys,
                         size_t key_count, struct place *out);
/* In another transaction than the call's, whose locks are the caller's business. */
RESULT place_open_in(struct call *c, struct txn *txn, struct place_name name, struct place *out);

/* The same index with the server's own key: for what is never under a customer's. */
struct object_bucket place_own_index(const struct place *place);

/* The record under c->txn, for bucket operations. */
RESULT place_record(struct call *c, struct place_name name, struct s3_bucket_record *out);

/* 3-63 of a-z 0-9 . - as AWS wants a general-purpose bucket. Pure. */
bool place_name_is_valid(struct span name);
RESULT place_refuse_name(struct call *c, struct span name);
RESULT place_refuse_missing(struct call *c, struct span name);
/* MalformedXML, for what a body must have beyond its schema. */
RESULT place_refuse_xml(struct call *c);
/* 1 to 1024 bytes. */
RESULT place_check_key(struct call *c, struct span key);
/* Headers that imply what is not built are never ignored. */
RESULT place_check_headers(struct call *c);

/* The canonical user id of an account: 64 hex digits, stable. */
struct span place_owner_id(struct call *c, struct span account);
/* arn:aws:s3:::bucket or arn:aws:s3:::bucket/key */
struct span place_arn(struct call *c, struct span bucket, struct span key);
/* NoSuchKey, or AccessDenied for a caller who may not list the bucket. */
RESULT place_refuse_key(struct call *c, const struct place *place, struct span key);
