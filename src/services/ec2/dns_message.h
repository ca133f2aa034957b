// SPDX-License-Identifier: Apache-2.0
#pragma once
/* DNS messages (RFC 1035) as far as a resolver needs them that answers for some names and sends
 * every other question on. Pure, any thread. */
#include "base/arena.h"

#define DNS_HEADER 12
#define DNS_LABEL_MAX 63
#define DNS_NAME_MAX 253 /* letters of a name in text form */
#define DNS_MESSAGE_MAX 65535
#define DNS_UDP_PLAIN 512 /* of who does not say more */
#define DNS_ANSWERS_MAX 50

enum DNS_TYPE { DNS_A = 1, DNS_SOA = 6, DNS_PTR = 12, DNS_AAAA = 28, DNS_OPT = 41, DNS_ANY = 255 };
enum DNS_CLASS { DNS_IN = 1 };
enum DNS_CODE { DNS_OK, DNS_FORMAT, DNS_SERVER_FAILURE, DNS_NO_NAME, DNS_NOT_BUILT, DNS_REFUSED };

/* A query with one question. */
struct dns_question {
    uint16_t id, type, class;
    bool recursion;      /* wanted */
    bool extended;       /* it has an OPT record (RFC 6891) */
    uint16_t room;       /* of an answer by UDP */
    struct span name;    /* lower case, without the last dot */
    struct span section; /* as it was sent */
};

/* 0, or a negative errno when it is nothing that could be answered (-EBADMSG), or is to be answered
 * with DNS_FORMAT (-EINVAL) or DNS_NOT_BUILT (-EOPNOTSUPP): then id and recursion are set. Borrows
 * from the message. */
MUST_CHECK int dns_read(struct arena *arena, struct span message, struct dns_question *ret);

/* What is answered: a code, and with DNS_OK addresses (host order; IPv6 as it is) or a name, or
 * nothing. */
struct dns_answer {
    enum DNS_CODE code;
    uint32_t ttl_s;
    const uint32_t *addresses;
    size_t count; /* at most DNS_ANSWERS_MAX */
    const uint8_t (*addresses6)[16];
    size_t count6;
    struct span name; /* of PTR; absent: none */
    struct span zone; /* where nothing is answered, whose SOA says how long that holds (RFC 2308);
                         absent: none */
};
struct span dns_write(struct arena *arena, const struct dns_question *question,
                      const struct dns_answer *answer);
/* Whether a message answers that question: id, question and the bit. */
bool dns_answers(struct span message, uint16_t id, const struct dns_question *question);
void dns_set_id(char *message, uint16_t id);
/* A question of one's own for a name in text form, with labels that fit; as it is sent. `ret` as
 * dns_read reads it. */
struct span dns_ask(struct arena *arena, struct span name, enum DNS_TYPE type,
                    struct dns_question *ret);
/* Whether an answer to that question (dns_answers) has this address (host order), whatever names
 * lead to it. */
bool dns_has_address(struct span message, const struct dns_question *question, uint32_t address);
/* The same without its records and with the bit that says so, for who has no room for it. */
struct span dns_truncated(struct arena *arena, struct span message,
                          const struct dns_question *question);
