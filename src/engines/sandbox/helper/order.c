// SPDX-License-Identifier: Apache-2.0
/* Reads what the program wants from its memory file. The program is trusted; lengths are checked
 * all the same, since a mistake here would be made as root. */
#include "engines/sandbox/helper/helper.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int take_list(const char **list, size_t *count, const char *text)
{
    if (*count + 1 >= HELPER_LIST)
        return -E2BIG;
    list[(*count)++] = text;
    return 0;
}

static int take_struct(void *to, size_t size, const char *bytes, uint32_t length)
{
    if (length != size)
        return -EBADMSG;
    memcpy(to, bytes, size);
    return 0;
}

static int take_network(struct order *order, const char *bytes, uint32_t length)
{
    if (order->network_count == ARRAY_LEN(order->networks))
        return -E2BIG;
    return take_struct(&order->networks[order->network_count++], sizeof *order->networks, bytes,
                       length);
}

static int take_file(struct order *order, const struct request_field *field, const char *bytes)
{
    if (field->number == REQUEST_FILE_PATH) {
        if (order->file_count == HELPER_LIST)
            return -E2BIG;
        order->files[order->file_count++].path = bytes;
        return 0;
    }
    if (!order->file_count)
        return -EBADMSG;
    struct helper_file *file = &order->files[order->file_count - 1];
    if (field->number == REQUEST_FILE_MODE)
        return take_struct(&file->mode, sizeof file->mode, bytes, field->length);
    file->body = bytes;
    file->length = field->length;
    return 0;
}

static int take(struct order *order, const struct request_field *field, const char *bytes)
{
    const char **texts[REQUEST_FIELDS] = {[REQUEST_FOLDER] = &order->folder,
                                          [REQUEST_NAME] = &order->name,
                                          [REQUEST_HOSTNAME] = &order->hostname};
    switch ((enum REQUEST_FIELD)field->number) {
    case REQUEST_FOLDER:
    case REQUEST_NAME:
    case REQUEST_HOSTNAME:
        *texts[field->number] = bytes;
        return 0;
    case REQUEST_LIMITS:
        return take_struct(&order->limits, sizeof order->limits, bytes, field->length);
    case REQUEST_NETWORK:
        return take_network(order, bytes, field->length);
    case REQUEST_BOOT:
        return take_list(order->boot, &order->boot_count, bytes);
    case REQUEST_HIDDEN:
        return take_list(order->hidden, &order->hidden_count, bytes);
    case REQUEST_FILE_PATH:
    case REQUEST_FILE_MODE:
    case REQUEST_FILE_BODY:
        return take_file(order, field, bytes);
    case REQUEST_FIELDS:
        break;
    }
    return -EBADMSG;
}

int order_read(int fd, struct order *ret)
{
    struct stat info;
    struct request_field field;
    if (fstat(fd, &info) < 0)
        return -errno;
    size_t left = (size_t)info.st_size;
    const char *at = mmap(NULL, left, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED)
        return -errno;
    *ret = (struct order){0};
    int error = 0;
    while (!error && left) {
        if (left < sizeof field)
            return -EBADMSG;
        memcpy(&field, at, sizeof field);
        if (field.length >= left - sizeof field) /* the NUL behind it counts */
            return -EBADMSG;
        error = take(ret, &field, at + sizeof field);
        at += sizeof field + field.length + 1;
        left -= sizeof field + field.length + 1;
    }
    bool whole = ret->folder && ret->name && ret->hostname && ret->boot_count;
    return error ? error : whole ? 0 : -EBADMSG;
}
