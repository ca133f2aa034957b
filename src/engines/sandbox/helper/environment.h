// SPDX-License-Identifier: Apache-2.0
#pragma once
/* /etc/environment, as logins read it (pam_env(7)): NAME=VALUE a line, perhaps after "export" and
 * with quotes around the value. Pure. */
#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline char *environment_trim(char *line)
{
    while (isspace((unsigned char)*line))
        line++;
    size_t len = strlen(line);
    while (len && isspace((unsigned char)line[len - 1]))
        line[--len] = '\0';
    return line;
}

/* The length of the name before "=", or 0: there is none. */
static inline size_t environment_name(const char *line)
{
    size_t len = 0;
    while (isalnum((unsigned char)line[len]) || line[len] == '_')
        len++;
    return line[len] == '=' ? len : 0;
}

static inline void environment_unquote(char *value)
{
    size_t len = strlen(value);
    if (len < 2 || (*value != '"' && *value != '\'') || value[len - 1] != *value)
        return;
    memmove(value, value + 1, len - 2);
    value[len - 2] = '\0';
}

/* Cuts `text` (NUL-terminated) into at most `room` of them, in place; their number. */
static inline size_t environment_split(char *text, char **ret, size_t room)
{
    size_t count = 0;
    char *rest = text;
    while (rest && count < room) {
        char *end = strchr(rest, '\n'), *line = rest;
        if (end)
            *end = '\0';
        rest = end ? end + 1 : NULL;
        line = environment_trim(line);
        if (strncmp(line, "export ", 7) == 0)
            line = environment_trim(line + 7);
        size_t name = environment_name(line);
        if (!name)
            continue;
        environment_unquote(line + name + 1);
        ret[count++] = line;
    }
    return count;
}

static inline bool environment_has(char *const *all, size_t count, const char *one)
{
    size_t name = environment_name(one) + 1;
    for (size_t i = 0; i < count; i++)
        if (strncmp(all[i], one, name) == 0)
            return true;
    return false;
}
