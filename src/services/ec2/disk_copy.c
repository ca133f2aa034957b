// SPDX-License-Identifier: Apache-2.0
/*
 * Disks for images in the making: one entry per piece of work, found by the id of what waits for
 * it; a job on a worker does it and ends here by mail. An archive is unpacked in a folder beside
 * the disks, from which the disk is moved once it is whole. Control thread, but for the job's own
 * part.
 */
#include "services/ec2/disk_copy.h"

#include "base/log.h"
#include "base/map.h"
#include "loop/workers.h"
#include "services/ec2/archive_object.h"
#include "services/ec2/image_take.h"
#include "services/ec2/machine.h"
#include "services/ec2/step.h"
#include "store/store.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 512

struct disk_copies {
    struct cloud *cloud;
    struct steps *steps;
    struct map by_waiting; /* struct copy */
    char folder[PATH_SIZE];
    atomic_bool stopping;
};

struct copy {
    struct job job;
    struct disk_copies *all;
    struct arena arena; /* of what follows */
    struct span waiting, account, region;
    int (*work)(struct copy *copy); /* on a worker */
    const char *from, *to;          /* from: the folder of an instance, a disk, or a new folder */
    struct archive_object archive;
    enum SANDBOX_SAVE how;
    enum DISK_COPY state;
    int error;
    const char *why; /* or NULL: what the error says */
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
    map_remove(&copy->all->by_waiting, copy->waiting);
    arena_done(&copy->arena);
    free(copy);
}

/* ---- one ---------------------------------------------------------------------------------------
 */

static struct copy *copy_of(struct job *job)
{
    return (struct copy *)((char *)job - offsetof(struct copy, job));
}

static int save(struct copy *copy)
{
    return sandbox_save(copy->from, copy->to, copy->how);
}

static int copy_image(struct copy *copy)
{
    return sandbox_copy_disk(copy->from, copy->to);
}

/* A process that was killed may have got as far as the disk's new place. */
static int adopt(struct copy *copy)
{
    char disk[PATH_SIZE + 8];
    snprintf(disk, sizeof disk, "%s/disk", copy->from);
    if (rename(disk, copy->to) < 0 && access(copy->to, F_OK) < 0)
        return -errno;
    return sandbox_remove(copy->from);
}

/* In AWS's words, where it has some ("VM Import/Export troubleshooting"). */
static const char *why_not_unpacked(int error)
{
    static const struct {
        int error;
        const char *why;
    } reasons[] = {
        {-EBADMSG, "Disk validation failed [Unsupported specified file format]"},
        {-ENOEXEC, "Unknown OS / Missing OS files."},
        {-ENOSPC, "The file system does not fit on its disk"},
    };
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].error == error)
            return reasons[i].why;
    return NULL;
}

static int unpack(struct copy *copy)
{
    const char *step;
    const struct sandbox_source source = {archive_object_read, &copy->archive};
    char disk[PATH_SIZE + 8];
    snprintf(disk, sizeof disk, "%s/disk", copy->from);
    int error = archive_object_open(&copy->archive);
    if (!error && mkdir(copy->from, 0700) < 0)
        error = -errno;
    if (error)
        return error;
    uint64_t bytes = ec2_image_gib(atomic_load(&copy->archive.size)) << 30;
    error = sandbox_make_disk_from(copy->from, bytes, &source, &step);
    if (error)
        log_warn("ec2: an image of s3://%.*s/%.*s: %s: %s", SPAN_ARG(copy->archive.bucket),
                 SPAN_ARG(copy->archive.key), step, strerror(-error));
    copy->why = why_not_unpacked(error);
    return error ? error : rename(disk, copy->to) < 0 ? -errno : 0;
}

/* An earlier process may have left its folder. */
static int unpack_in_folder(struct copy *copy)
{
    int error = sandbox_remove(copy->from);
    if (!error)
        error = unpack(copy);
    int removed = sandbox_remove(copy->from);
    if (error == -EACCES)
        copy->why = copy->archive.why;
    return error ? error : removed;
}

static void run(struct job *job)
{
    struct copy *copy = copy_of(job);
    copy->error = copy->work(copy);
}

/* The step forgets the copy; nobody does when what waited has gone meanwhile. */
static void done(struct job *job)
{
    struct copy *copy = copy_of(job);
    struct disk_copies *all = copy->all;
    struct arena names;
    copy->state = copy->error ? DISK_COPY_FAILED : DISK_COPY_DONE;
    if (copy->error)
        log_error("ec2: the disk for %.*s: %s", SPAN_ARG(copy->waiting), strerror(-copy->error));
    arena_init(&names, 256, 4096);
    struct span waiting = arena_copy(&names, copy->waiting);
    step_take_now(all->steps, arena_copy(&names, copy->account), arena_copy(&names, copy->region),
                  waiting);
    copy = map_get(&all->by_waiting, waiting);
    if (copy) {
        unlink(copy->to);
        forget(copy);
    }
    arena_done(&names);
}

static struct span keep(struct copy *copy, struct span text)
{
    return arena_copy(&copy->arena, text);
}

static void put_archive(struct call *c, const struct disk_archive *archive, struct copy *copy)
{
    copy->work = unpack_in_folder;
    copy->from = arena_printf(&copy->arena, "%s.import", copy->to).at;
    copy->archive.cloud = c->cloud;
    copy->archive.account = copy->account;
    copy->archive.region = copy->region;
    copy->archive.role = keep(copy, archive->role);
    copy->archive.bucket = keep(copy, archive->bucket);
    copy->archive.key = keep(copy, archive->key);
    copy->archive.stopping = &copy->all->stopping;
}

static void put_source(struct call *c, const struct disk_copy_wish *wish, struct copy *copy)
{
    const char *from;
    if (wish->archive) {
        put_archive(c, wish->archive, copy);
        return;
    }
    copy->work = wish->incoming.at ? adopt : wish->instance.at ? save : copy_image;
    if (wish->instance.at)
        from = machine_folder(c, wish->instance);
    else
        from = disk_copy_path(c, wish->incoming.at ? wish->incoming : wish->source_image);
    copy->from = keep(copy, span_of_cstr(from)).at;
    copy->how = wish->how;
}

int disk_copy_begin(struct call *c, const struct disk_copy_wish *wish)
{
    struct disk_copies *all = copies_of(c);
    if (map_get(&all->by_waiting, wish->waiting))
        return -EAGAIN;
    struct copy *copy = calloc(1, sizeof *copy);
    if (!copy)
        log_fatal("out of memory");
    arena_init(&copy->arena, 1024, 65536);
    copy->all = all;
    copy->job = (struct job){.run = run, .done = done, .home = all->cloud->control};
    copy->waiting = keep(copy, wish->waiting);
    copy->account = keep(copy, c->account);
    copy->region = keep(copy, c->region);
    copy->state = DISK_COPY_WORKING;
    copy->to = keep(copy, span_of_cstr(disk_copy_path(c, wish->image))).at;
    put_source(c, wish, copy);
    map_set(&all->by_waiting, copy->waiting, copy);
    int error = workers_submit(all->cloud->workers, &copy->job);
    if (error)
        forget(copy);
    return error;
}

enum DISK_COPY disk_copy_state(struct call *c, struct span waiting, struct span *ret_why)
{
    const struct copy *copy = map_get(&copies_of(c)->by_waiting, waiting);
    *ret_why = SPAN_NONE;
    if (copy && copy->state == DISK_COPY_FAILED)
        *ret_why =
            arena_copy(c->arena, span_of_cstr(copy->why ? copy->why : strerror(-copy->error)));
    return copy ? copy->state : DISK_COPY_NONE;
}

unsigned disk_copy_percent(struct call *c, struct span waiting)
{
    const struct copy *copy = map_get(&copies_of(c)->by_waiting, waiting);
    return copy ? archive_object_percent(&copy->archive) : 0;
}

void disk_copy_cancel(struct call *c, struct span waiting)
{
    struct copy *copy = map_get(&copies_of(c)->by_waiting, waiting);
    if (copy)
        atomic_store(&copy->archive.cancelled, true);
}

void disk_copy_forget(struct call *c, struct span waiting)
{
    struct copy *copy = map_get(&copies_of(c)->by_waiting, waiting);
    if (copy && copy->state != DISK_COPY_WORKING)
        forget(copy);
}

void disk_copy_drop(struct call *c, struct span image)
{
    if (unlink(disk_copy_path(c, image)) < 0 && errno != ENOENT)
        log_error("ec2: deleting the disk of %.*s: %s", SPAN_ARG(image), strerror(errno));
}

uint64_t disk_copy_gib(struct call *c, struct span image)
{
    struct stat info;
    return stat(disk_copy_path(c, image), &info) < 0 ? 0 : (uint64_t)info.st_size >> 30;
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
    int fd = store_folder(cloud->store, EC2_IMAGES);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (fd < 0 || readlink(link, copies->folder, sizeof copies->folder - 64) < 0)
        log_error("ec2: there is no folder for images: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return copies;
}

void disk_copies_stop(struct disk_copies *copies)
{
    atomic_store(&copies->stopping, true);
}

void disk_copies_free(struct disk_copies *copies)
{
    size_t at = 0;
    struct span id;
    void *value;
    while (map_next(&copies->by_waiting, &at, &id, &value)) {
        struct copy *copy = value;
        arena_done(&copy->arena);
        free(copy);
    }
    map_done(&copies->by_waiting);
    free(copies);
}
