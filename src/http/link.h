// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A ring of links embedded in their owners, with a head that is one too. One thread. */
#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *before, *after; /* NULL: in no ring */
};

#define LINK_OWNER(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

static inline void link_init(struct link *head)
{
    head->before = head->after = head;
}

static inline bool link_is_in(const struct link *link)
{
    return link->after != NULL;
}

static inline bool link_is_empty(const struct link *head)
{
    return head->after == head;
}

/* At the end of the ring. */
static inline void link_add(struct link *head, struct link *link)
{
    link->before = head->before;
    link->after = head;
    head->before->after = link;
    head->before = link;
}

static inline void link_remove(struct link *link)
{
    if (!link->after)
        return;
    link->before->after = link->after;
    link->after->before = link->before;
    link->before = link->after = NULL;
}

/* Takes out the first of the ring, or NULL. */
static inline struct link *link_take(struct link *head)
{
    struct link *link = head->after;
    if (link == head)
        return NULL;
    link_remove(link);
    return link;
}

/* Moves all links of `from` to the empty ring `to`. */
static inline void link_move(struct link *to, struct link *from)
{
    link_init(to);
    for (struct link *link; (link = link_take(from));)
        link_add(to, link);
}
