// SPDX-License-Identifier: Apache-2.0
/*
 * `kintoun image import FILE`: the root file system of an archive (tar; plain, or packed by gzip,
 * zstd or xz) becomes an image of the default account. The disk is made here, in a folder of the
 * data directory, and the one that runs takes it from there; whoever may write that folder needs no
 * other permission. Needs root.
 */
#include "kintoun/commands.h"
#include "kintoun/fetch.h"

#include "base/json.h"
#include "base/scope.h"
#include "engines/sandbox/sandbox.h"
#include "services/ec2/image_take.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REPLY_MAX 65536
#define TAKE_WAIT_MS 30000

struct wanted {
    const char *file, *name, *description, *region, *data, *port;
};

struct import {
    const struct wanted *wanted;
    char folder[PATH_MAX + 64];
    const char *folder_name; /* in it */
    int file;
    uint64_t size, read;
    unsigned told; /* percent */
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    stopped = 1;
}

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "kintoun image: %s%s%s\n", what, why ? ": " : "", why ? why : "");
    return 1;
}

/* ---- words -------------------------------------------------------------------------------------
 */

static const char *or_environment(const char *variable, const char *otherwise)
{
    const char *value = getenv(variable);
    return value ? value : otherwise;
}

static bool read_words(char **argv, struct wanted *ret)
{
    const struct {
        const char *name;
        const char **to;
    } options[] = {{"--name", &ret->name},
                   {"--description", &ret->description},
                   {"--region", &ret->region},
                   {"--data", &ret->data},
                   {"--port", &ret->port}};
    if (!argv[0] || strcmp(argv[0], "import") != 0)
        return false;
    for (argv++; *argv; argv++) {
        const char **to = NULL;
        for (size_t i = 0; i < ARRAY_LEN(options); i++)
            to = strcmp(*argv, options[i].name) == 0 ? options[i].to : to;
        if (to && argv[1])
            *to = *++argv;
        else if (!to && !ret->file && **argv != '-')
            ret->file = *argv;
        else
            return false;
    }
    return ret->file && ret->name;
}

/* ---- the disk ----------------------------------------------------------------------------------
 */

static void tell_progress(struct import *import)
{
    unsigned percent = import->size ? (unsigned)(100 * import->read / import->size) : 100;
    if (percent == import->told || !isatty(2))
        return;
    import->told = percent;
    fprintf(stderr, "\rkintoun image: %u %%%s", percent, percent == 100 ? "\n" : "");
}

static ssize_t read_file(void *user, char *to, size_t size)
{
    struct import *import = user;
    ssize_t got = stopped ? -1 : read(import->file, to, size);
    if (got < 0)
        return stopped ? -ECANCELED : -errno;
    import->read += (uint64_t)got;
    tell_progress(import);
    return got;
}

static const char *say(int error)
{
    return error == -EBADMSG ? "it is no archive that can be read, or has paths that lead out of it"
           : error == -ENOEXEC ? "there is no /bin/sh in it"
           : error == -ENOSPC  ? "what is in it does not fit on its disk"
                               : strerror(-error);
}

static int make_folder(struct import *import)
{
    char data[PATH_MAX];
    if (!realpath(import->wanted->data, data))
        return -errno;
    snprintf(import->folder, sizeof import->folder, "%s/" EC2_IMAGES "/" EC2_INCOMING "%d-%lld",
             data, (int)getpid(), (long long)time(NULL));
    import->folder_name = strrchr(import->folder, '/') + 1;
    return mkdir(import->folder, 0700) < 0 ? -errno : 0;
}

static int make_disk(struct import *import)
{
    const char *step;
    const struct sandbox_source source = {read_file, import};
    int error =
        sandbox_make_disk_from(import->folder, ec2_image_gib(import->size) << 30, &source, &step);
    return error ? complain(step, say(error)) : 0;
}

/* ---- the one that runs -------------------------------------------------------------------------
 */

static struct span body_of(const struct import *import, struct buf *to)
{
    struct json_writer json = {.out = to};
    const struct {
        const char *name, *value;
    } members[] = {{"folder", import->folder_name},
                   {"name", import->wanted->name},
                   {"description", import->wanted->description},
                   {"region", import->wanted->region}};
    json_begin_object(&json);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (!members[i].value)
            continue;
        json_key(&json, span_of_cstr(members[i].name));
        json_string(&json, span_of_cstr(members[i].value));
    }
    json_end_object(&json);
    return buf_span(to);
}

static void wait_until_taken(const struct import *import)
{
    for (int waited = 0; waited < TAKE_WAIT_MS && access(import->folder, F_OK) == 0; waited += 5)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

static int tell_refusal(struct span answer)
{
    fprintf(stderr, "kintoun image: %.*s", SPAN_ARG(answer));
    return 1;
}

static int hand_over(const struct import *import, uint16_t port)
{
    struct buf body, reply;
    buf_init(&body, REPLY_MAX);
    buf_init(&reply, REPLY_MAX);
    struct span answer = fetch_post(port, "/_kintoun/images", body_of(import, &body), &reply);
    bool good = span_starts(buf_span(&reply), S("HTTP/1.1 200 "));
    int status = 0;
    if (span_is_absent(answer))
        status = complain("nothing answers on that port of this machine", NULL);
    else if (good)
        printf("%.*s", SPAN_ARG(answer));
    else
        status = tell_refusal(answer);
    if (!status)
        wait_until_taken(import);
    buf_done(&body);
    buf_done(&reply);
    return status;
}

static int import_file(const struct wanted *wanted, uint16_t port)
{
    struct stat info;
    struct import import = {.wanted = wanted, .told = UINT_MAX};
    AUTO_FD file = open(wanted->file, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &info) < 0)
        return complain(wanted->file, strerror(errno));
    import.file = file;
    import.size = (uint64_t)info.st_size;
    int error = make_folder(&import);
    if (error)
        return complain(wanted->data, strerror(-error));
    int status = make_disk(&import);
    if (!status)
        status = hand_over(&import, port);
    error = status ? sandbox_remove(import.folder) : 0;
    return error ? complain(import.folder, strerror(-error)) : status;
}

int command_image(int argc, char **argv)
{
    uint16_t port;
    const char *why;
    struct wanted wanted = {.data = or_environment("KINTOUN_DATA", "./data")};
    if (!read_words(argv, &wanted)) {
        fprintf(stderr, "kintoun image import FILE --name NAME [--description TEXT] [--region R] "
                        "[--data DIR] [--port N]\n");
        return 2;
    }
    char *port_words[] = {(char[]){"--port"}, (char *)(uintptr_t)wanted.port, NULL};
    if (fetch_read_port("image", wanted.port ? 2 : 0, port_words, &port) < 0)
        return 2;
    if (sandbox_check(&why) < 0)
        return complain("no disk can be made here", why);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    return import_file(&wanted, port);
}
