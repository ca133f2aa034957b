// SPDX-License-Identifier: Apache-2.0
/*
 * The states of import tasks. A worker reads the archive (disk_copy.c); a step looks what became of
 * it, so that it may be taken at any time, also after a restart, when the archive is read again:
 *
 *   active     the disk is whole: an image, available -> completed
 *              it failed                              -> deleted, with why, as AWS's tasks
 *   deleting   the worker has ended                   -> deleted
 *   completed, deleted: a week later the record goes
 *
 * Control thread.
 */
#include "base/time.h"
#include "services/ec2/disk_copy.h"
#include "services/ec2/image.h"
#include "services/ec2/import_task.h"

#include <errno.h>

#define AGAIN_MS 2000
#define TOLD_MS (7 * DAY_MS)

static RESULT end(struct call *c, struct stored_import_task *task, enum IMPORT_STATE state,
                  int64_t *ret_due_ms)
{
    task->state = state;
    task->ended = c->now_ms;
    disk_copy_forget(c, task->id);
    resource_put(c, &import_task_kind, task);
    *ret_due_ms = c->now_ms + TOLD_MS;
    return OK;
}

static RESULT begin(struct call *c, const struct stored_import_task *task)
{
    const struct disk_archive archive = {task->bucket, task->key, task->role};
    const struct disk_copy_wish wish = {
        .waiting = task->id, .image = task->image, .archive = &archive};
    int error = disk_copy_begin(c, &wish);
    return error && error != -EAGAIN ? refuse_errno(c, error, "beginning an import") : OK;
}

/* Its name is the task's, as AWS has it. */
static RESULT complete(struct call *c, struct stored_import_task *task, int64_t *ret_due_ms)
{
    struct stored_image image = {.name = task->id,
                                 .description = task->description,
                                 .state = IMAGE_AVAILABLE,
                                 .created = c->now_ms,
                                 .gib = disk_copy_gib(c, task->image)};
    resource_key(c, task->image, &image);
    resource_put(c, &image_kind, &image);
    return end(c, task, IMPORT_COMPLETED, ret_due_ms);
}

static RESULT step_active(struct call *c, struct stored_import_task *task, int64_t *ret_due_ms)
{
    struct span why;
    switch (disk_copy_state(c, task->id, &why)) {
    case DISK_COPY_NONE:
        *ret_due_ms = c->now_ms + AGAIN_MS;
        return begin(c, task);
    case DISK_COPY_WORKING:
        *ret_due_ms = c->now_ms + AGAIN_MS;
        return OK;
    case DISK_COPY_DONE:
        return complete(c, task, ret_due_ms);
    case DISK_COPY_FAILED:
        break;
    }
    task->failure = arena_printf(c->arena, "ClientError: %.*s", SPAN_ARG(why));
    return end(c, task, IMPORT_DELETED, ret_due_ms);
}

/* What has been finished at the last moment is not an image. */
static RESULT step_deleting(struct call *c, struct stored_import_task *task, int64_t *ret_due_ms)
{
    struct span why;
    if (disk_copy_state(c, task->id, &why) == DISK_COPY_WORKING) {
        disk_copy_cancel(c, task->id);
        *ret_due_ms = c->now_ms + AGAIN_MS;
        return OK;
    }
    disk_copy_drop(c, task->image);
    return end(c, task, IMPORT_DELETED, ret_due_ms);
}

RESULT import_task_step(struct call *c, void *record, int64_t *ret_due_ms)
{
    struct stored_import_task *task = record;
    if (task->state == IMPORT_ACTIVE)
        return step_active(c, task, ret_due_ms);
    if (task->state == IMPORT_DELETING)
        return step_deleting(c, task, ret_due_ms);
    if (c->now_ms >= task->ended + TOLD_MS)
        resource_drop(c, &import_task_kind, task);
    return OK;
}
