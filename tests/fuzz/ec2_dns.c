// SPDX-License-Identifier: Apache-2.0
/* DNS messages: what is read is answered with the question as it was sent, in no more bytes than a
 * message may have; an answer is recognised as such, and one of another is not. */
#include "services/ec2/dns_message.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;

static void check_answer(const struct dns_question *question, const struct dns_answer *answer)
{
    struct span written = dns_write(&arena, question, answer);
    struct span cut = dns_truncated(&arena, written, question);
    if (written.len > DNS_MESSAGE_MAX || cut.len > written.len || cut.len > DNS_UDP_PLAIN)
        abort();
    if (question->section.len && (!dns_answers(written, question->id, question) ||
                                  dns_answers(written, (uint16_t)(question->id + 1), question) ||
                                  !dns_answers(cut, question->id, question)))
        abort();
}

/* A question of our own is read again, its answer has the addresses that were written and no other;
 * with anything behind it, nothing beyond is read. */
static void check_asked(struct span data)
{
    static const uint32_t addresses[] = {0x0a000105, 0xac1f0002};
    struct dns_question asked, read;
    struct span message = dns_ask(&arena, S("mail.example.com"), DNS_A, &asked);
    if (dns_read(&arena, message, &read) || !span_eq(read.section, asked.section))
        abort();
    struct span answer = dns_write(
        &arena, &asked,
        &(struct dns_answer){.ttl_s = 60, .name = S("x"), .addresses = addresses, .count = 2});
    if (!dns_has_address(answer, &asked, addresses[1]) || dns_has_address(answer, &asked, 1) ||
        dns_has_address(message, &asked, addresses[0]))
        abort();
    const struct span parts[] = {span_first(answer, DNS_HEADER + asked.section.len), data};
    (void)dns_has_address(arena_join(&arena, parts, ARRAY_LEN(parts)), &asked, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t addresses[] = {0x0a000105, 0xac1f0002};
    static const uint8_t addresses6[][16] = {{0x20, 1, 0x0d, 0xb8, [15] = 1}};
    struct dns_question question;
    if (!arena.end)
        arena_init(&arena, 64 * 1024, 64 << 20);
    if (size > 4096)
        return 0;
    int error = dns_read(&arena, span_of(data, size), &question);
    if (!error && (question.name.len > DNS_NAME_MAX || question.section.len > size ||
                   question.room < DNS_UDP_PLAIN))
        abort();
    if (error != -EBADMSG) {
        check_answer(&question,
                     &(struct dns_answer){.code = error ? DNS_FORMAT : DNS_NO_NAME,
                                          .zone = error ? SPAN_NONE : S("ec2.internal")});
        check_answer(
            &question,
            &(struct dns_answer){.ttl_s = 60, .addresses6 = addresses6, .count6 = error ? 0 : 1});
        check_answer(&question, &(struct dns_answer){
                                    .ttl_s = 60, .addresses = addresses, .count = error ? 0 : 2});
        check_answer(&question,
                     &(struct dns_answer){.ttl_s = 60, .name = S("ip-10-0-1-5.ec2.internal")});
    }
    check_asked(span_of(data, size));
    (void)dns_answers(span_of(data, size), 1, &question);
    arena_reset(&arena);
    return 0;
}
