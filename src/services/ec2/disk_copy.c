// SPDX-License-Identifier: Apache-2.0
/* Copies of disks for images: one entry per copy, found by the image's id; a job on a worker copies
 * and ends here by mail. Control thread, but for the job's own part. */
#include "services/ec2/disk_copy.h"

#include "base/log.h"
#include "base/map.h"
#include "loop/workers.h"
#include "services/ec2/machine.h"
#include "services/ec2/step.h"
#include "store/store.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FOLDER "images"
#define PATH_SIZE 512

struct disk_copies {
    struct cloud *cloud;
    struct steps *steps;
    struct map by_image; /* struct copy */
    char folder[PATH_SIZE];
};

struct copy {
    struct job job;
    struct disk_copies *all;
    struct arena arena; /* of what follows */
    struct span image, account, region;
    const char *from, *to; /* from: the folder of an instance, or a disk */
    bool of_instance;
    enum SANDBOX_SAVE how;
    enum DISK_COPY state;
    int error;
};

static struct disk_copies *copies_of(const struct call *c)
{
    return ec2_disk_copies(c->cloud->ec2);
}

const char *disk_copy_path(struct call *c, struct span image)
{
    return arena_printf(c->arena, "%s/%.*s", copies_of(c)->folder, SPAN_ARG(image)).at;
}

static void forget(struct copy *copy)
{
    map_remove(&copy->all->by_image, copy->image);
    arena_done(&copy->arena);
    free(copy);
}

/* ---- one ---------------------------------------------------------------------------------------
 */

static struct copy *copy_of(struct job *job)
{
    return (struct copy *)((char *)job - offsetof(struct copy, job));
}

static void run(struct job *job)
{
    struct copy *copy = copy_of(job);
    copy->error = copy->of_instance ? sandbox_save(copy->from, copy->to, copy->how)
                                    : sandbox_copy_disk(copy->from, copy->to);
}

/* The step forgets the copy; nobody does when the image has gone meanwhile. */
static void done(struct job *job)
{
    struct copy *copy = copy_of(job);
    struct disk_copies *all = copy->all;
    struct arena names;
    copy->state = copy->error ? DISK_COPY_FAILED : DISK_COPY_DONE;
    if (copy->error)
        log_error("ec2: the disk of %.*s: %s", SPAN_ARG(copy->image), strerror(-copy->error));
    arena_init(&names, 256, 4096);
    struct span image = arena_copy(&names, copy->image);
    step_take_now(all->steps, arena_copy(&names, copy->account), arena_copy(&names, copy->region),
                  image);
    copy = map_get(&all->by_image, image);
    if (copy) {
        unlink(copy->to);
        forget(copy);
    }
    arena_done(&names);
}

int disk_copy_begin(struct call *c, const struct disk_copy_wish *wish)
{
    struct disk_copies *all = copies_of(c);
    if (map_get(&all->by_image, wish->image))
        return -EAGAIN;
    struct copy *copy = calloc(1, sizeof *copy);
    if (!copy)
        log_fatal("out of memory");
    arena_init(&copy->arena, 1024, 65536);
    copy->all = all;
    copy->job = (struct job){.run = run, .done = done, .home = all->cloud->control};
    copy->image = arena_copy(&copy->arena, wish->image);
    copy->account = arena_copy(&copy->arena, c->account);
    copy->region = arena_copy(&copy->arena, c->region);
    copy->of_instance = wish->instance.at != NULL;
    copy->how = wish->how;
    copy->state = DISK_COPY_WORKING;
    copy->from = arena_copy(&copy->arena,
                            span_of_cstr(copy->of_instance ? machine_folder(c, wish->instance)
                                                           : disk_copy_path(c, wish->source_image)))
                     .at;
    copy->to = arena_copy(&copy->arena, span_of_cstr(disk_copy_path(c, wish->image))).at;
    map_set(&all->by_image, copy->image, copy);
    int error = workers_submit(all->cloud->workers, &copy->job);
    if (error)
        forget(copy);
    return error;
}

enum DISK_COPY disk_copy_state(struct call *c, struct span image, struct span *ret_why)
{
    const struct copy *copy = map_get(&copies_of(c)->by_image, image);
    *ret_why = copy && copy->error ? arena_copy(c->arena, span_of_cstr(strerror(-copy->error)))
                                   : SPAN_NONE;
    return copy ? copy->state : DISK_COPY_NONE;
}

void disk_copy_forget(struct call *c, struct span image)
{
    struct copy *copy = map_get(&copies_of(c)->by_image, image);
    if (copy && copy->state != DISK_COPY_WORKING)
        forget(copy);
}

void disk_copy_drop(struct call *c, struct span image)
{
    const char *path = disk_copy_path(c, image);
    disk_copy_forget(c, image);
    if (unlink(path) < 0 && errno != ENOENT)
        log_error("ec2: deleting the disk of %.*s: %s", SPAN_ARG(image), strerror(errno));
}

/* ---- all ---------------------------------------------------------------------------------------
 */

struct disk_copies *disk_copies_new(struct cloud *cloud, struct steps *steps)
{
    char link[64];
    struct disk_copies *copies = calloc(1, sizeof *copies);
    if (!copies)
        log_fatal("out of memory");
    copies->cloud = cloud;
    copies->steps = steps;
    int fd = store_folder(cloud->store, FOLDER);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (fd < 0 || readlink(link, copies->folder, sizeof copies->folder - 64) < 0)
        log_error("ec2: there is no folder for images: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return copies;
}

void disk_copies_free(struct disk_copies *copies)
{
    size_t at = 0;
    struct span id;
    void *value;
    while (map_next(&copies->by_image, &at, &id, &value)) {
        struct copy *copy = value;
        arena_done(&copy->arena);
        free(copy);
    }
    map_done(&copies->by_image);
    free(copies);
}
