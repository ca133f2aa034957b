// SPDX-License-Identifier: Apache-2.0
/* RFC 1035, 4: header, question, records. Names are only read from questions, where nothing is
 * compressed, and written as pointers to the question's; in answers of others they are skipped. */
#include "services/ec2/dns_message.h"

#include "base/buf.h"

#include <errno.h>

#define FLAG_ANSWER 0x8000u
#define FLAG_OPCODE 0x7800u
#define FLAG_TRUNCATED 0x0200u
#define FLAG_RECURSION 0x0100u
#define FLAG_AVAILABLE 0x0080u
#define POINTER 0xc0u
#define POINTER_TO_QUESTION 0xc00cu
#define RECORD_HEAD 10 /* behind the name: type, class, time, length */
#define OUR_ROOM 4096
#define DNS_NEGATIVE_S 60

static uint16_t get16(const char *at)
{
    return (uint16_t)((uint8_t)at[0] << 8 | (uint8_t)at[1]);
}

static void put16(char *at, uint32_t value)
{
    at[0] = (char)(value >> 8);
    at[1] = (char)value;
}

/* The name at `at`; bytes it takes, or 0 when it is malformed. */
static size_t read_name(struct arena *arena, struct span message, size_t at, struct span *ret)
{
    char *text = arena_alloc(arena, DNS_NAME_MAX + 1);
    size_t len = 0, from = at;
    while (at < message.len) {
        size_t label = (uint8_t)message.at[at++];
        if (!label) {
            *ret = span_of(text, len);
            return at - from;
        }
        if (label > DNS_LABEL_MAX || at + label > message.len || len + label + 1 > DNS_NAME_MAX)
            return 0;
        if (len)
            text[len++] = '.';
        for (size_t i = 0; i < label; i++) {
            char letter = message.at[at++];
            text[len++] = letter >= 'A' && letter <= 'Z' ? (char)(letter + 32) : letter;
        }
    }
    return 0;
}

/* An OPT record behind the question, where a query has it: name 0, type, size. */
static void read_extension(struct span message, size_t at, struct dns_question *to)
{
    to->room = DNS_UDP_PLAIN;
    if (get16(message.at + 10) == 0 || at + 11 > message.len || message.at[at] != 0 ||
        get16(message.at + at + 1) != DNS_OPT)
        return;
    uint16_t room = get16(message.at + at + 3);
    to->extended = true;
    to->room = room < DNS_UDP_PLAIN ? DNS_UDP_PLAIN : room > OUR_ROOM ? OUR_ROOM : room;
}

int dns_read(struct arena *arena, struct span message, struct dns_question *ret)
{
    *ret = (struct dns_question){0};
    if (message.len < DNS_HEADER || (get16(message.at + 2) & FLAG_ANSWER))
        return -EBADMSG;
    uint16_t flags = get16(message.at + 2);
    ret->id = get16(message.at);
    ret->recursion = (flags & FLAG_RECURSION) != 0;
    ret->section = span_of(message.at + DNS_HEADER, 0);
    ret->room = DNS_UDP_PLAIN;
    if (flags & FLAG_OPCODE)
        return -EOPNOTSUPP;
    if (get16(message.at + 4) != 1 || get16(message.at + 6) || get16(message.at + 8))
        return -EINVAL;
    size_t size = read_name(arena, message, DNS_HEADER, &ret->name);
    if (!size || DNS_HEADER + size + 4 > message.len)
        return -EINVAL;
    ret->section = span_of(message.at + DNS_HEADER, size + 4);
    ret->type = get16(message.at + DNS_HEADER + size);
    ret->class = get16(message.at + DNS_HEADER + size + 2);
    read_extension(message, DNS_HEADER + size + 4, ret);
    return 0;
}

static void add16(struct buf *out, uint32_t value)
{
    buf_append_byte(out, (char)(value >> 8));
    buf_append_byte(out, (char)value);
}

static void add32(struct buf *out, uint32_t value)
{
    add16(out, value >> 16);
    add16(out, value & 0xffff);
}

/* What follows the name. */
static void add_data(struct buf *out, uint16_t type, uint32_t ttl_s, struct span data)
{
    add16(out, type);
    add16(out, DNS_IN);
    add32(out, ttl_s);
    add16(out, (uint32_t)data.len);
    buf_append(out, data);
}

static void add_record(struct buf *out, uint16_t type, uint32_t ttl_s, struct span data)
{
    add16(out, POINTER_TO_QUESTION);
    add_data(out, type, ttl_s, data);
}

static struct span name_bytes(struct arena *arena, struct span name)
{
    struct buf *out = arena_buf(arena, DNS_NAME_MAX + 16);
    while (name.len) {
        struct span label = span_cut(&name, '.');
        buf_append_byte(out, (char)label.len);
        buf_append(out, label);
    }
    buf_append_byte(out, 0);
    return buf_span(out);
}

static void add_header(struct buf *out, const struct dns_question *question, uint32_t flags,
                       size_t answers, size_t authorities)
{
    add16(out, question->id);
    add16(out, FLAG_ANSWER | FLAG_AVAILABLE | (question->recursion ? FLAG_RECURSION : 0) | flags);
    add16(out, question->section.len ? 1 : 0);
    add16(out, (uint32_t)answers);
    add16(out, (uint32_t)authorities);
    add16(out, question->extended ? 1 : 0);
    buf_append(out, question->section);
}

/* RFC 6891, 6.1: root, type, our size, no flags, no options. */
static void add_extension(struct buf *out, const struct dns_question *question)
{
    static const char record[] = {0, 0, DNS_OPT, OUR_ROOM >> 8, OUR_ROOM & 0xff, 0, 0, 0, 0, 0, 0};
    if (question->extended)
        buf_append(out, span_of(record, sizeof record));
}

/* RFC 1035, 3.3.13, with the numbers that AWS's resolver has for the names of a VPC. */
static void add_authority(struct buf *out, struct arena *arena, const struct dns_answer *answer)
{
    static const uint32_t numbers[] = {2012103100, 3600, 3600, 3600, DNS_NEGATIVE_S};
    struct buf *data = arena_buf(arena, 4 * DNS_NAME_MAX);
    buf_append(data, name_bytes(arena, arena_printf(arena, "ns0.%.*s", SPAN_ARG(answer->zone))));
    buf_append(data, name_bytes(arena, S("hostmaster.amazon.com")));
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        add32(data, numbers[i]);
    buf_append(out, name_bytes(arena, answer->zone));
    add_data(out, DNS_SOA, DNS_NEGATIVE_S, buf_span(data));
}

struct span dns_write(struct arena *arena, const struct dns_question *question,
                      const struct dns_answer *answer)
{
    struct buf *out = arena_buf(arena, DNS_MESSAGE_MAX);
    size_t count = answer->count < DNS_ANSWERS_MAX ? answer->count : DNS_ANSWERS_MAX;
    size_t count6 = answer->count6 < DNS_ANSWERS_MAX ? answer->count6 : DNS_ANSWERS_MAX;
    size_t all = count + count6 + (answer->name.len ? 1 : 0);
    bool soa = !all && answer->zone.len;
    add_header(out, question, answer->code, all, soa);
    for (size_t i = 0; i < count; i++) {
        uint32_t a = answer->addresses[i];
        const char bytes[] = {(char)(a >> 24), (char)(a >> 16), (char)(a >> 8), (char)a};
        add_record(out, DNS_A, answer->ttl_s, span_of(bytes, sizeof bytes));
    }
    for (size_t i = 0; i < count6; i++)
        add_record(out, DNS_AAAA, answer->ttl_s, span_of(answer->addresses6[i], 16));
    if (answer->name.len)
        add_record(out, DNS_PTR, answer->ttl_s, name_bytes(arena, answer->name));
    if (soa)
        add_authority(out, arena, answer);
    add_extension(out, question);
    return buf_span(out);
}

bool dns_answers(struct span message, uint16_t id, const struct dns_question *question)
{
    struct span section = question->section;
    return message.len >= DNS_HEADER + section.len && get16(message.at) == id &&
           (get16(message.at + 2) & FLAG_ANSWER) && get16(message.at + 4) == 1 &&
           span_eq_nocase(span_of(message.at + DNS_HEADER, section.len), section);
}

struct span dns_ask(struct arena *arena, struct span name, enum DNS_TYPE type,
                    struct dns_question *ret)
{
    struct buf *out = arena_buf(arena, DNS_HEADER + DNS_NAME_MAX + 16);
    const uint32_t header[] = {0, FLAG_RECURSION, 1, 0, 0, 0};
    for (size_t i = 0; i < ARRAY_LEN(header); i++)
        add16(out, header[i]);
    buf_append(out, name_bytes(arena, name));
    add16(out, type);
    add16(out, DNS_IN);
    struct span section = span_from(buf_span(out), DNS_HEADER);
    *ret = (struct dns_question){.type = (uint16_t)type,
                                 .class = DNS_IN,
                                 .recursion = true,
                                 .room = DNS_UDP_PLAIN,
                                 .name = name,
                                 .section = section};
    return buf_span(out);
}

/* Behind the name at `at`, which may end in a pointer; 0 when it is malformed. */
static size_t skip_name(struct span message, size_t at)
{
    while (at < message.len) {
        size_t label = (uint8_t)message.at[at];
        if (label == 0)
            return at + 1;
        if (label > DNS_LABEL_MAX)
            return (label & POINTER) == POINTER ? at + 2 : 0;
        at += 1 + label;
    }
    return 0;
}

bool dns_has_address(struct span message, const struct dns_question *question, uint32_t address)
{
    const char wanted[] = {(char)(address >> 24), (char)(address >> 16), (char)(address >> 8),
                           (char)address};
    size_t at = DNS_HEADER + question->section.len;
    if (message.len < at)
        return false;
    for (uint16_t left = get16(message.at + 6); left; left--) {
        at = skip_name(message, at);
        if (!at || at + RECORD_HEAD > message.len)
            return false;
        struct span data = span_of(message.at + at + RECORD_HEAD, get16(message.at + at + 8));
        if (at + RECORD_HEAD + data.len > message.len)
            return false;
        if (get16(message.at + at) == DNS_A && get16(message.at + at + 2) == DNS_IN &&
            span_eq(data, span_of(wanted, sizeof wanted)))
            return true;
        at += RECORD_HEAD + data.len;
    }
    return false;
}

void dns_set_id(char *message, uint16_t id)
{
    put16(message, id);
}

struct span dns_truncated(struct arena *arena, struct span message,
                          const struct dns_question *question)
{
    struct buf *out = arena_buf(arena, DNS_MESSAGE_MAX);
    add_header(out, question, FLAG_TRUNCATED | (get16(message.at + 2) & 0xfu), 0, 0);
    add_extension(out, question);
    return buf_span(out);
}
