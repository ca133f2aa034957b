// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Versions as S3 names them: an opaque id of 32 letters, or "null" for the one that a bucket keeps
 * while it does not number versions. The id is the version's stamp, scrambled, with a digest, so
 * that invented ids are told from those of versions that are gone. Source: "How S3 Versioning
 * works".
 */
#include "engines/object/object.h"
#include "wire/call.h"

enum VERSIONING { VERSIONING_NONE, VERSIONING_ENABLED, VERSIONING_SUSPENDED };

struct span version_id(struct call *c, const struct object *version);
struct span version_id_of_stamp(struct call *c, uint64_t stamp);
/* False when the text is no id. */
bool version_id_read(struct span text, struct object_version *out);
/* InvalidArgument when it is none; an absent one is fine. */
RESULT version_check(struct call *c, struct span id);
/* How the engine keeps versions. */
enum OBJECT_KEEPING version_keeping(uint64_t versioning);
