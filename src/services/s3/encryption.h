// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Server-side encryption: what requests ask for, what objects have, and the key that opens them.
 * SSE-S3 is what happens by itself unless the server was started with --encrypt-at-rest=off: the
 * keys of the bytes are wrapped under the store's master key. SSE-C wraps them under the key that
 * comes with each request; of it only a mark is kept. A copy shares sealed bytes and wraps their
 * keys anew; bytes that were stored plain stay plain, and the reply then does not say otherwise.
 * Sources: "Using server-side encryption with Amazon S3 managed keys", "… with customer-provided
 * keys", "Blocking or unblocking SSE-C for a general purpose bucket".
 */
#include "services/s3/attributes.h"
#include "services/s3/place.h"

/* In records: for ever. */
enum ENCRYPTION { ENCRYPTION_NONE, ENCRYPTION_S3, ENCRYPTION_CUSTOMER };

/* Members of a request, as they came. */
struct encryption_headers {
    struct span method; /* x-amz-server-side-encryption */
    bool no_method;     /* it may not be sent */
    struct span algorithm, key, key_md5;
};

#define ENCRYPTION_KEY_OF(in)                                                                      \
    .algorithm = (in)->sse_customer_algorithm, .key = (in)->sse_customer_key,                      \
    .key_md5 = (in)->sse_customer_key_md5
#define ENCRYPTION_OF(in)                                                                          \
    ((struct encryption_headers){.method = (in)->server_side_encryption, ENCRYPTION_KEY_OF(in)})
#define ENCRYPTION_READ_OF(in)                                                                     \
    ((struct encryption_headers){.no_method = true, ENCRYPTION_KEY_OF(in)})

/* What a request asks for. */
struct encryption {
    enum ENCRYPTION kind;
    bool demanded;              /* by the request itself */
    const struct seal_key *key; /* the customer's, in the arena; or NULL */
    struct span key_md5;        /* as it came */
};

/* Refuses what is contradictory, malformed or not built. */
RESULT encryption_read(struct call *c, struct encryption_headers headers, struct encryption *out);
/* For a new object or upload: may it be in this bucket? Sets what is remembered, and the key. */
RESULT encryption_begin(struct call *c, const struct encryption *wish, struct place *place,
                        struct span key, struct s3_attributes *attributes);
/* For reading an object, or writing a part of an upload: is the key there that it needs? Sets it.
 */
enum ENCRYPTION_OF_WHAT { ENCRYPTION_OF_OBJECT, ENCRYPTION_OF_UPLOAD };
RESULT encryption_open(struct call *c, const struct encryption *wish, enum ENCRYPTION_OF_WHAT what,
                       const struct s3_attributes *attributes, struct place *place);
/* For content that is shared with a new object or part: after encryption_begin or _open. */
RESULT encryption_share(struct call *c, const struct encryption *wish,
                        const struct content *content, struct s3_attributes *attributes);

/* The three members of an output. */
#define ENCRYPTION_SHOW(attributes, wish, out)                                                     \
    do {                                                                                           \
        (out)->server_side_encryption = encryption_shown((attributes), ENCRYPTION_S3);             \
        (out)->sse_customer_algorithm = encryption_shown((attributes), ENCRYPTION_CUSTOMER);       \
        if (!span_is_absent((out)->sse_customer_algorithm))                                        \
            (out)->sse_customer_key_md5 = (wish)->key_md5;                                         \
    } while (0)
/* AES256 when the object is encrypted in this way. */
struct span encryption_shown(const struct s3_attributes *attributes, enum ENCRYPTION kind);
