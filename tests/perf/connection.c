// SPDX-License-Identifier: Apache-2.0
/*
 * A small reply is collected whole and then looked at; a large one is counted, and thrown away
 * without being copied (MSG_TRUNC), unless it is one of those that are compared. One thread.
 */
#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t connection_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int watch(struct connection *c, int how, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    return epoll_ctl(c->epoll, how, c->fd, &event) < 0 ? -errno : 0;
}

int connection_open(struct connection *c)
{
    const struct options *options = c->scenario->options;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(options->port)};
    int on = 1;
    inet_pton(AF_INET, options->address, &to.sin_addr);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return -errno;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->wants_out = false;
    c->tally->connects++;
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0)
        return -errno;
    return watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

void connection_close(struct connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

/* What is to be sent next; empty when all was. */
static struct span unsent(const struct connection *c)
{
    if (c->out_sent < c->out_len)
        return span_of(c->out + c->out_sent, c->out_len - c->out_sent);
    size_t from = c->pattern_sent % PATTERN_SIZE;
    uint64_t left = c->request ? c->request->pattern_len - c->pattern_sent : 0;
    return span_first(span_of(scenario_pattern() + from, PATTERN_SIZE - from), left);
}

static int flush(struct connection *c)
{
    struct span piece;
    while ((piece = unsent(c)).len) {
        ssize_t sent = send(c->fd, piece.at, piece.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0)
            return -errno;
        if (c->out_sent < c->out_len)
            c->out_sent += (size_t)sent;
        else
            c->pattern_sent += (uint64_t)sent;
    }
    bool left = piece.len;
    if (left == c->wants_out)
        return 0;
    c->wants_out = left;
    return watch(c, EPOLL_CTL_MOD, left ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

int connection_send(struct connection *c, int64_t now_ms)
{
    c->request = scenario_next(c->scenario);
    c->verify = c->tally->sent++ % c->scenario->options->sample == 0;
    c->in_len = c->head_len = c->out_sent = 0;
    c->pattern_sent = 0;
    c->status = 0;
    c->begun_us = connection_now_us();
    c->out_len = scenario_write(c->scenario, c->request, now_ms, c->out, sizeof c->out);
    return flush(c);
}

static struct span head_of(const struct connection *c)
{
    return span_of(c->in, c->head_len);
}

/* The value of a field of the reply's head, or absent. */
static struct span field(const struct connection *c, struct span name)
{
    for (struct span rest = head_of(c); !span_is_absent(rest);) {
        struct span value = span_cut(&rest, '\n');
        if ((value.len && (value.at[0] | 0x20) != name.at[0]) || value.len <= name.len)
            continue;
        if (value.at[name.len] != ':' || !span_eq_nocase(span_first(value, name.len), name))
            continue;
        value = span_from(value, name.len + 1);
        return span_trim(span_first(value, value.len - span_ends(value, S("\r"))));
    }
    return SPAN_NONE;
}

static bool read_head(struct connection *c)
{
    size_t end = span_find(span_of(c->in, c->in_len), S("\r\n\r\n"));
    if (end == SPAN_NOT_FOUND || end < 12)
        return false;
    c->head_len = end + 4;
    c->status = (c->in[9] - '0') * 100 + (c->in[10] - '0') * 10 + (c->in[11] - '0');
    struct span length = field(c, S("content-length"));
    struct span connection = field(c, S("connection"));
    bool old = span_starts(head_of(c), S("HTTP/1.0"));
    c->closes =
        old ? !span_eq_nocase(connection, S("keep-alive")) : span_eq_nocase(connection, S("close"));
    c->chunked = span_eq_nocase(field(c, S("transfer-encoding")), S("chunked"));
    c->body_len = UINT64_MAX;
    c->until_end = !c->chunked && !span_to_u64(length, &c->body_len);
    c->body_at = 0;
    c->streamed = !c->chunked && !c->until_end && c->body_len > sizeof c->in - c->head_len;
    return true;
}

/* Takes the chunks' frames out of `body`, in place. False while the last chunk is not there. */
static bool unchunk(char *body, size_t len, size_t *ret_len)
{
    struct span rest = span_of(body, len);
    char *to = body;
    while (rest.len) {
        struct span line = span_cut(&rest, '\n');
        if (span_is_absent(rest))
            return false;
        uint64_t size = strtoull(line.at, NULL, 16);
        if (size > rest.len || rest.len - size < 2)
            return false;
        if (size == 0) {
            *ret_len = (size_t)(to - body);
            return true;
        }
        memmove(to, rest.at, size);
        to += size;
        rest = span_from(rest, size + 2);
    }
    return false;
}

static void note_error(struct connection *c, const char *what)
{
    struct tally *tally = c->tally;
    if (tally->errors++ == 0)
        snprintf(tally->first_error, sizeof tally->first_error, "%s: %.*s", what,
                 (int)(c->in_len < 400 ? c->in_len : 400), c->in);
}

static bool is_expected(const struct connection *c, struct span body)
{
    struct span expected = c->request->expected;
    switch (c->scenario->check) {
    case REPLY_CONTAINS:
        return span_find(body, expected) != SPAN_NOT_FOUND;
    case REPLY_EQUALS:
        return span_eq(body, expected);
    case REPLY_HEAD_CONTAINS:
        return span_find(head_of(c), expected) != SPAN_NOT_FOUND;
    case REPLY_PATTERN:
        return body.len == c->scenario->options->large; /* its bytes were compared on their way */
    case REPLY_STATUS:
        return true;
    }
    return false;
}

static void count_reply(struct connection *c, struct span body)
{
    struct tally *tally = c->tally;
    tally->done++;
    tally->bytes += c->request->pattern_len;
    latency_add(&tally->latency, connection_now_us() - c->begun_us);
    if (c->status != 200) {
        note_error(c, "status");
    } else if (c->verify || c->scenario->check == REPLY_PATTERN) {
        tally->verified += c->verify;
        if (!is_expected(c, body))
            note_error(c, "unexpected reply");
    }
    c->request = NULL;
}

static int begin_again(struct connection *c)
{
    connection_close(c);
    c->request = NULL;
    return connection_open(c);
}

/* The body is in the buffer as far as it has come. True when the reply is whole. */
static bool take_collected(struct connection *c, bool ended)
{
    char *begin = c->in + c->head_len;
    size_t len = c->in_len - c->head_len, whole = len;
    if (c->chunked) {
        struct span body = span_of(begin, len);
        if (!span_ends(body, S("0\r\n\r\n")) || !unchunk(begin, len, &whole))
            return false;
    } else if (c->until_end ? !ended : len < c->body_len) {
        return false;
    }
    c->tally->bytes += whole;
    count_reply(c, span_of(begin, whole));
    return true;
}

/* Counts `len` bytes of a streamed body; `bytes` is NULL where they were thrown away. */
static bool take_streamed(struct connection *c, const char *bytes, size_t len)
{
    const char *pattern = scenario_pattern();
    bool compared = bytes && c->scenario->check == REPLY_PATTERN;
    for (size_t at = 0; compared && at < len;) {
        size_t from = (c->body_at + at) % PATTERN_SIZE;
        size_t part = len - at < PATTERN_SIZE - from ? len - at : PATTERN_SIZE - from;
        if (memcmp(bytes + at, pattern + from, part) != 0) {
            note_error(c, "unexpected bytes");
            break;
        }
        at += part;
    }
    c->body_at += len;
    c->tally->bytes += len;
    if (c->body_at < c->body_len)
        return false;
    count_reply(c, (struct span){c->in, c->body_len});
    return true;
}

static bool receive_streamed(struct connection *c, ssize_t *got)
{
    uint64_t left = c->body_len - c->body_at;
    size_t most = c->verify ? sizeof c->in : (size_t)1 << 20;
    if (left < most)
        most = (size_t)left;
    *got = recv(c->fd, c->in, most, MSG_DONTWAIT | (c->verify ? 0 : MSG_TRUNC));
    return *got > 0 && take_streamed(c, c->verify ? c->in : NULL, (size_t)*got);
}

static bool receive(struct connection *c, ssize_t *got)
{
    if (c->status && c->streamed)
        return receive_streamed(c, got);
    if (c->in_len == sizeof c->in) {
        errno = EMSGSIZE;
        *got = -1;
        return false;
    }
    *got = recv(c->fd, c->in + c->in_len, sizeof c->in - c->in_len, MSG_DONTWAIT);
    c->in_len += *got > 0 ? (size_t)*got : 0;
    if (*got < 0 || (c->status == 0 && !read_head(c)))
        return false;
    if (!c->streamed)
        return take_collected(c, *got == 0);
    return take_streamed(c, c->in + c->head_len, c->in_len - c->head_len);
}

bool connection_advance(struct connection *c)
{
    ssize_t got = 0;
    if (c->wants_out && flush(c) < 0) {
        note_error(c, "sending failed");
        return begin_again(c) == 0;
    }
    if (receive(c, &got)) {
        if (!c->closes && !c->until_end)
            return true;
        return begin_again(c) == 0;
    }
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
        return false;
    note_error(c, got == 0 ? "closed before the reply was whole" : "receiving failed");
    return begin_again(c) == 0;
}
