// SPDX-License-Identifier: Apache-2.0
/*
 * Requests that end within HTTP: too large, too slow, not HTTP at all. HTTP fixes the status; the
 * words come from here, in the form of the service that was addressed, or S3's where no head told
 * which. Loop thread.
 */
#include "gate/request.h"

struct words {
    int status;
    struct error_kind xml, json;
    const char *message;
};

/* Sources: "Error responses" of S3; "Common Errors" of the JSON services. */
static const struct words table[] = {
    {408,
     {"RequestTimeout", NULL, 408},
     {"RequestTimeoutException", NULL, 408},
     "Your socket connection to the server was not read from or written to within the timeout "
     "period."},
    {413,
     {"EntityTooLarge", NULL, 413},
     {"RequestEntityTooLargeException", NULL, 413},
     "Your proposed upload exceeds the maximum allowed size"},
    {501,
     {"NotImplemented", NULL, 501},
     {"UnsupportedOperationException", NULL, 501},
     "A header you provided implies functionality that is not implemented"},
    {0,
     {"BadRequest", NULL, 400},
     {"BadRequestException", NULL, 400},
     "An error occurred when parsing the HTTP request."},
};

static const struct words *words_of(int status)
{
    const struct words *words = table;
    while (words->status && words->status != status)
        words++;
    return words;
}

static void answer_plain(struct http_exchange *x, const struct words *words, struct span *ret_type,
                         struct span *ret_body)
{
    *ret_type = S("application/xml");
    *ret_body = arena_printf(x->arena,
                             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code>"
                             "<Message>%s</Message></Error>",
                             words->xml.code, words->message);
}

RESULT malformed_refuse(struct request *r, int status)
{
    const struct words *words = words_of(status);
    return refuse(&r->call, &words->json, "%s", words->message);
}

void malformed_answer(struct http_handler *handler, struct http_exchange *x, int status,
                      struct span *ret_type, struct span *ret_body)
{
    const struct words *words = words_of(status);
    struct request *r = x->user;
    if (!r || r->internal) {
        answer_plain(x, words, ret_type, ret_body);
        return;
    }
    bool xml = r->route.protocol == PROTOCOL_REST_XML || r->route.protocol == PROTOCOL_QUERY ||
               r->route.protocol == PROTOCOL_EC2;
    struct wire_reply reply = {0};
    wire_encode_refusal(
        &r->call, refuse(&r->call, xml ? &words->xml : &words->json, "%s", words->message), &reply);
    for (size_t i = 0; i < reply.header_count; i++)
        if (span_eq_nocase(reply.headers[i].name, S("content-type")))
            *ret_type = reply.headers[i].value;
    *ret_body = reply.body;
}
