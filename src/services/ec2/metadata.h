// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Instance metadata at 169.254.169.254 ("Access instance metadata"): HTTP on the control thread,
 * where records are read. It speaks HTTP itself, which handlers of the API never do: it is a server
 * beside the API. Control thread.
 */
#include "services/ec2/instance.h"
#include "services/ec2/network.h"

struct metadata;
struct metadata *metadata_new(struct cloud *cloud, struct network *network);
/* After the control loop has stopped. */
void metadata_free(struct metadata *metadata);

/* What is kept for an instance that is gone. */
void metadata_forget(struct call *c, const struct stored_instance *instance);

/* ---- within ---------------------------------------------------------------------------------- */

/* How it asks: without a session token, or with one. */
enum METADATA_VERSION { METADATA_V1, METADATA_V2 };

/* What is told of one instance: values by path, directories follow from them. */
struct metadata_leaf {
    struct span path; /* "meta-data/ami-id" */
    struct span value;
};
struct metadata_tree {
    struct call *c;
    const struct stored_instance *instance;
    const struct stored_interface *interface; /* by which it asks */
    struct span wanted;                       /* the path: what costs something is only made then */
    enum METADATA_VERSION version;
    struct metadata_leaf *leaves;
    size_t count, room;
};
void metadata_add(struct metadata_tree *tree, const char *path, struct span value);
/* metadata_tree.c: all of it. metadata_identity.c and others: their parts. */
RESULT metadata_grow(struct metadata_tree *tree);
RESULT metadata_grow_interfaces(struct metadata_tree *tree);
RESULT metadata_grow_identity(struct metadata_tree *tree);
RESULT metadata_grow_role(struct metadata_tree *tree);
/* The value at the path that is wanted, or the names in that directory; false: neither. */
bool metadata_find(struct metadata_tree *tree, struct span *ret);

/* metadata_token.c: session tokens of version 2. A token is good for one instance. */
#define METADATA_TOKEN_TTL_MAX_S 21600
struct metadata_tokens *metadata_tokens_new(void);
void metadata_tokens_free(struct metadata_tokens *tokens);
struct span metadata_token_new(const struct metadata_tokens *tokens, struct call *c,
                               struct span instance, int64_t ttl_s);
/* Seconds that are left, or 0: it is not good. */
int64_t metadata_token_left(const struct metadata_tokens *tokens, struct call *c,
                            struct span instance, struct span token);
