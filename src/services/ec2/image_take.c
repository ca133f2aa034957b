// SPDX-License-Identifier: Apache-2.0
/* Like a handler of its own: checks, writes the image in `pending`, and answers once that is
 * durable; the step has a worker move the disk. Control thread, but for what the flusher calls. */
#include "services/ec2/image_take.h"

#include "base/time.h"
#include "services/ec2/disk_copy.h"
#include "services/ec2/ec2.api.h"
#include "services/ec2/image.h"
#include "services/ec2/image_make.h"
#include "store/store.h"
#include "store/txn.h"

#include <stddef.h>

#define ARCHIVE_GIB_MAX 256

/* Room for four times the archive: as large as the host's image, or more. */
uint64_t ec2_image_gib(uint64_t archive_bytes)
{
    uint64_t gib = archive_bytes / (1 << 28) + 1;
    return gib < IMAGE_DISK_GIB ? IMAGE_DISK_GIB : gib < ARCHIVE_GIB_MAX ? gib : ARCHIVE_GIB_MAX;
}

static struct ec2_image_take *take_of(struct mail *mail)
{
    return (struct ec2_image_take *)(void *)((char *)mail - offsetof(struct ec2_image_take, mail));
}

static void on_home(struct mail *mail)
{
    struct ec2_image_take *take = take_of(mail);
    take->taken(take);
}

/* On the flusher's thread, or on control's. */
static void go_home(void *thing)
{
    struct ec2_image_take *take = thing;
    take->mail.deliver = on_home;
    loop_post(take->home, &take->mail);
}

static bool is_incoming(struct span folder)
{
    for (size_t i = 0; i < folder.len; i++)
        if (!memchr("abcdefghijklmnopqrstuvwxyz0123456789-", folder.at[i], 37))
            return false;
    return span_starts(folder, S(EC2_INCOMING));
}

static RESULT take_in(struct call *c, struct ec2_image_take *take)
{
    const struct ec2_tag_specification_list untagged = {0};
    struct stored_image image = {
        .name = take->name, .description = take->description, .incoming = take->folder};
    if (is_incoming(take->folder))
        image.gib = disk_copy_gib(c, arena_printf(c->arena, "%.*s/disk", SPAN_ARG(take->folder)));
    if (!image.gib)
        return refuse(c, &EC2_INVALID_PARAMETER, "there is no such folder with a disk");
    return image_make(c, &image, &untagged, &take->id);
}

static void on_control(struct mail *mail)
{
    uint64_t ticket;
    struct ec2_image_take *take = take_of(mail);
    struct call c = {.arena = take->arena,
                     .now_ms = clock_now_ms(),
                     .account = take->account,
                     .region = take->region,
                     .request_id = S("image import"),
                     .service = &ec2_service,
                     .protocol = ec2_service.protocol,
                     .txn = txn_begin(take->cloud->store),
                     .cloud = take->cloud};
    const struct refusal *refusal = take_in(&c, take);
    if (refusal) {
        take->why = refusal->message;
        txn_rollback(c.txn);
        go_home(take);
        return;
    }
    txn_after_durable(c.txn, go_home, take);
    if (txn_commit(c.txn, &ticket) == 0) {
        store_want(take->cloud->store, ticket);
        return;
    }
    take->why = S("the store takes no commits");
    go_home(take);
}

void ec2_image_take(struct ec2_image_take *take)
{
    take->mail.deliver = on_control;
    loop_post(take->cloud->control, &take->mail);
}
