// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Restorations of archived objects: a copy that can be read, from some time after it was asked for
 * until some days later. Both times are fixed when it is asked for, so that nothing has to be done
 * when they come. Source: "Working with archived objects", "Restoring an archived object".
 */
#include "services/s3/attributes.h"
#include "services/s3/s3.api.h"

enum RESTORE_STATE { RESTORE_NONE, RESTORE_UNDER_WAY, RESTORE_DONE };
enum RESTORE_STATE restore_state(const struct s3_attributes *attributes, int64_t now_ms);

/* What may be read now: not archived, or restored. `message` is for the refusal. */
RESULT restore_check_readable(struct call *c, const struct s3_attributes *attributes,
                              const char *message);
/* x-amz-restore; absent where nothing was restored. */
struct span restore_text(struct call *c, const struct s3_attributes *attributes);
/* RestoreStatus of a listing; NULL where nothing was restored. */
struct s3_restore_status *restore_status(struct call *c, const struct s3_attributes *attributes);
/* A copy is not restored. */
void restore_forget(struct s3_attributes *attributes);
