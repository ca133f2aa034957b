// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A question for the resolvers of a resolv.conf(5): each is asked in turn, by the protocol that the
 * question came by. One socket per question, from a random port with a random id (RFC 5452). The
 * loop's thread.
 */
#include "base/buf.h"
#include "loop/loop.h"
#include "services/ec2/dns_message.h"

struct dns_forward {
    /* the caller's, kept until `answered` */
    struct loop *loop;
    struct span message;
    const struct dns_question *question;
    const char *resolv_conf;
    int type; /* SOCK_DGRAM, SOCK_STREAM */
    /* Once, never from inside dns_forward_begin; the answer has the question's id and is gone
     * afterwards. Absent: nobody has answered. */
    void (*answered)(struct dns_forward *forward, struct span answer);
    /* private */
    struct watch watch;
    struct timer timer;
    size_t server;
    uint16_t id;
    struct buf received;
};
void dns_forward_begin(struct dns_forward *forward);
/* Without an answer. */
void dns_forward_end(struct dns_forward *forward);
