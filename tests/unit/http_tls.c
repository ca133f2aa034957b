// SPDX-License-Identifier: Apache-2.0
/* Cases for TLS: the generated certificate, and exchanges with OpenSSL's client, which verifies. */
#include "http_world.h"

#include "http/authority.h"
#include "http/tls.h"

#include <dirent.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>

static struct {
    char dir[64], certificate[96], key[96];
    struct authority *authority;
    struct tls_context *context;
    SSL_CTX *client_context;
    SSL *client;
} tls;

static void remove_files(void)
{
    unlink(tls.certificate);
    unlink(tls.key);
    rmdir(tls.dir);
}

static void open_folder(const char *name)
{
    memset(&tls, 0, sizeof tls);
    snprintf(tls.dir, sizeof tls.dir, "/tmp/tls-test-XXXXXX");
    CHECK(mkdtemp(tls.dir) != NULL);
    snprintf(tls.certificate, sizeof tls.certificate, "%s/%s-cert.pem", tls.dir, name);
    snprintf(tls.key, sizeof tls.key, "%s/%s-key.pem", tls.dir, name);
}

/* Those of localhost, unless somebody asks for what there is not; "number.localhost" are many. */
static void find_names(struct arena *arena, struct span asked, struct tls_names *ret)
{
    *ret = (struct tls_names){0};
    if (span_eq(asked, S("nobody.localhost")))
        return;
    if (span_ends(asked, S(".many.localhost")))
        ret->at[ret->count++] = asked;
    else if (span_eq(asked, S("example.org")))
        ret->at[ret->count++] = asked;
    ret->at[ret->count++] = S("localhost");
    ret->at[ret->count++] = S("*.s3.localhost");
    ret->at[ret->count++] = S("127.0.0.1");
    ret->at[ret->count++] = S("::1");
    ret->at[ret->count++] = S("10.1.2.3");
}

static void begin(void)
{
    open_folder("ca");
    tls.authority = authority_new(tls.dir);
    CHECK_INT(tls_context_new(&tls.context, tls.authority, find_names), 0);
    tls.client_context = SSL_CTX_new(TLS_client_method());
    CHECK(tls.client_context != NULL);
    CHECK_INT(SSL_CTX_load_verify_locations(tls.client_context, tls.certificate, NULL), 1);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(tls.client_context), X509_V_FLAG_X509_STRICT);
    SSL_CTX_set_verify(tls.client_context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls.client_context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    world_begin_with(NULL, tls.context);
}

static void end(void)
{
    SSL_free(tls.client);
    SSL_CTX_free(tls.client_context);
    world_end();
    tls_context_free(tls.context);
    authority_free(tls.authority);
    remove_files();
}

/* One round of the handshake or of data; what the client got goes to world.reply. */
static void client_turn(void)
{
    char some[20000];
    size_t n;
    world_turn();
    ERR_clear_error();
    while (SSL_read_ex(tls.client, some, sizeof some, &n) == 1)
        buf_append(&world.reply, span_of(some, n));
    int error = SSL_get_error(tls.client, 0);
    if (error == SSL_ERROR_ZERO_RETURN || error == SSL_ERROR_SYSCALL || error == SSL_ERROR_SSL)
        world.reply_ended = true;
}

#define CLIENT_WAIT(condition)                                                                     \
    for (int round_ = 0; round_ < 3000 && !(condition); round_++) {                                \
        client_turn();                                                                             \
        if (round_ > 10)                                                                           \
            usleep(1000);                                                                          \
    }

static void connect_as(const char *host)
{
    world_connect();
    SSL_free(tls.client);
    tls.client = SSL_new(tls.client_context);
    CHECK_INT(SSL_set_fd(tls.client, world.fd), 1);
    CHECK_INT(SSL_set1_host(tls.client, host), 1);
    if (!X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls.client), host))
        CHECK_INT(SSL_set_tlsext_host_name(tls.client, (char *)(uintptr_t)host),
                  1); /* not written */
    ERR_clear_error();
    SSL_set_connect_state(tls.client);
    CLIENT_WAIT(SSL_is_init_finished(tls.client) || world.reply_ended);
}

static void client_send(struct span bytes)
{
    size_t done = 0;
    for (int i = 0; i < 100000 && done < bytes.len; i++) {
        size_t n = 0;
        if (SSL_write_ex(tls.client, bytes.at + done, bytes.len - done, &n) == 1)
            done += n;
        client_turn();
    }
    CHECK_INT(done, bytes.len);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define REPLY(len, body) "HTTP/1.1 200 OK\r\nContent-Length: " #len "\r\n\r\n" body

TEST(a_round_trip_with_a_verified_name_and_alpn)
{
    static const unsigned char offered[] = "\x08http/1.1";
    const unsigned char *chosen;
    unsigned chosen_len;
    begin();
    SSL_CTX_set_alpn_protos(tls.client_context, offered, sizeof offered - 1);
    connect_as("localhost");
    CHECK(SSL_is_init_finished(tls.client));
    SSL_get0_alpn_selected(tls.client, &chosen, &chosen_len);
    CHECK_SPAN(span_of(chosen, chosen_len), S("http/1.1"));
    client_send(S(GET("/a") "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok"));
    struct span want = S(REPLY(9, "[GET /a ]") REPLY(12, "[POST /b ok]"));
    CLIENT_WAIT(world_text().len >= want.len);
    CHECK_SPAN(world_text(), want);
    end();
}

TEST(frames_after_alpn)
{
    static const unsigned char offered[] = "\x08http/1.1\x02h2";
    const unsigned char *chosen;
    unsigned chosen_len;
    begin();
    SSL_CTX_set_alpn_protos(tls.client_context, offered, sizeof offered - 1);
    connect_as("localhost");
    SSL_get0_alpn_selected(tls.client, &chosen, &chosen_len);
    CHECK_SPAN(span_of(chosen, chosen_len), S("h2"));
    /* The preface, an empty SETTINGS, a PING: its acknowledgement is the last that comes. */
    client_send(S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
                  "\0\0\x08\6\0\0\0\0\0pingpong"));
    struct span answer = S("\0\0\x08\6\1\0\0\0\0pingpong");
    CLIENT_WAIT(span_find(buf_span(&world.reply), answer) != SPAN_NOT_FOUND);
    CHECK(span_find(buf_span(&world.reply), answer) != SPAN_NOT_FOUND);
    end();
}

TEST(both_versions_and_no_older_one)
{
    static const struct {
        int version;
        bool good;
    } cases[] = {{TLS1_3_VERSION, true}, {TLS1_2_VERSION, true}, {TLS1_1_VERSION, false}};
    begin();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SSL_CTX_set_min_proto_version(tls.client_context, cases[i].version);
        SSL_CTX_set_max_proto_version(tls.client_context, cases[i].version);
        connect_as("localhost");
        CHECK_INT(SSL_is_init_finished(tls.client), cases[i].good);
    }
    end();
}

static X509 *shown_for(const char *host)
{
    connect_as(host);
    return SSL_get1_peer_certificate(tls.client);
}

TEST(a_certificate_names_what_it_should)
{
    static const struct {
        const char *host;
        bool good;
    } cases[] = {
        {"localhost", true},

        {"bucket.s3.localhost", true},
        {"127.0.0.1", true},
        {"::1", true},
        {"10.1.2.3", true},
        {"10.1.2.4", false},
        {"a.b.c.localhost", false},
        {"bucket.localhost", false}, /* OpenSSL wants two labels behind a star, others one */
        {"nobody.localhost", false}, /* no certificate at all */
        {"example.org", false},      /* one that the authority may not issue */
    };
    struct stat state;
    begin();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        connect_as(cases[i].host);
        if (SSL_is_init_finished(tls.client) != cases[i].good)
            test_fail(__FILE__, __LINE__, "%s", cases[i].host);
    }
    X509 *certificate = shown_for("localhost");
    CHECK_INT(X509_check_ca(certificate), 0);
    CHECK_INT(EVP_PKEY_get_bits(X509_get0_pubkey(certificate)), 256);
    X509_free(certificate);
    CHECK_INT(stat(tls.key, &state), 0);
    CHECK_INT(state.st_mode & 0777, 0600);
    end();
}

TEST(certificates_are_kept_and_there_are_never_many)
{
    char host[64];
    begin();
    X509 *first = shown_for("a.many.localhost"), *again = shown_for("A.many.LOCALHOST");
    CHECK(first && again && X509_cmp(first, again) == 0);
    X509_free(again);
    for (int i = 0; i < 64; i++) {
        snprintf(host, sizeof host, "%d.many.localhost", i);
        connect_as(host);
        CHECK(SSL_is_init_finished(tls.client));
    }
    again = shown_for("a.many.localhost");
    CHECK(again && X509_cmp(first, again) != 0); /* it had made room */
    X509_free(again);
    again = shown_for("63.many.localhost");
    clock_advance(25LL * 3600 * 1000);
    for (int i = 0; i < 3; i++)
        world_turn(); /* the loop sees how late it is */
    X509 *later = shown_for("63.many.localhost");
    CHECK(again && later && X509_cmp(again, later) != 0);
    X509_free(later);
    X509_free(again);
    X509_free(first);
    end();
}

static struct span read_whole(const char *path, char *to, size_t size)
{
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    size_t len = fread(to, 1, size, file);
    fclose(file);
    return span_of(to, len);
}

TEST(a_second_start_keeps_the_authority)
{
    char before[4096], after[4096];
    begin();
    struct span pem = read_whole(tls.certificate, before, sizeof before);
    CHECK_SPAN(authority_pem(tls.authority), pem);
    struct authority *again = authority_new(tls.dir);
    CHECK_INT(authority_open(again), 0);
    CHECK_SPAN(authority_pem(again), pem);
    CHECK_INT(authority_hash(again), authority_hash(tls.authority));
    authority_free(again);
    /* Killed between its two files: the key is the same, so is the authority to who had it. */
    struct span key = read_whole(tls.key, before, sizeof before);
    unlink(tls.certificate);
    again = authority_new(tls.dir);
    CHECK_INT(authority_open(again), 0);
    CHECK_SPAN(read_whole(tls.key, after, sizeof after), key);
    authority_free(again);
    end();
}

TEST(what_is_there_and_cannot_be_used_is_not_overwritten)
{
    static const char *const names[] = {"ca", "tls"};
    char text[10];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct tls_context *context;
        open_folder(names[i]);
        struct authority *authority = authority_new(tls.dir);
        CHECK_INT(tls_context_load(&context, tls.dir), -ENOENT);
        FILE *file = fopen(tls.key, "w");
        fputs("no key", file);
        fclose(file);
        if (i == 0)
            CHECK_INT(tls_context_new(&context, authority, find_names), -EINVAL);
        else
            CHECK_INT(tls_context_load(&context, tls.dir), -EINVAL);
        CHECK_SPAN(read_whole(tls.key, text, sizeof text), S("no key"));
        remove_files();
        CHECK_INT(tls_context_new(&context, authority, find_names), -ENOENT);
        authority_free(authority);
    }
}

#define MEBIBYTE (1 << 20)

TEST(large_bodies_both_ways)
{
    static char body[MEBIBYTE];
    char head[] = "PUT /w HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n";
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)('a' + (i * 7 + i / 1000) % 26);
    begin();
    connect_as("localhost");
    client_send(S("PUT /w HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n"));
    client_send(span_of(body, sizeof body));
    CLIENT_WAIT(world.finishes && world.reply.len >= world.bytes_out);
    size_t at = span_find(buf_span(&world.reply), S("[PUT /w "));
    CHECK(at != SPAN_NOT_FOUND);
    CHECK_SPAN(span_first(span_from(buf_span(&world.reply), at + 8), MEBIBYTE),
               span_of(body, MEBIBYTE));
    CHECK_INT(world.bytes_in, sizeof head - 1 + MEBIBYTE);
    end();
}

TEST(a_file_goes_through_records)
{
    static char content[3 * MEBIBYTE];
    char name[] = "/tmp/tls-file-XXXXXX";
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (char)(i * 13 + i / 777);
    begin();
    world.file = mkstemp(name);
    unlink(name);
    CHECK_INT(write(world.file, content, sizeof content), sizeof content);
    world.file_len = sizeof content;
    connect_as("localhost");
    client_send(S(GET("/file")));
    CLIENT_WAIT(world.finishes && world.reply.len >= world.bytes_out);
    size_t at = span_find(buf_span(&world.reply), S("\r\n\r\n<"));
    CHECK(at != SPAN_NOT_FOUND);
    CHECK_SPAN(span_first(span_from(buf_span(&world.reply), at + 5), sizeof content),
               span_of(content, sizeof content));
    CHECK_INT(world.reply.len, at + 4 + sizeof content + 2);
    close(world.file);
    end();
}

TEST(a_refusal_is_readable_and_the_connection_ends)
{
    begin();
    connect_as("localhost");
    client_send(S("PUT /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nsome"));
    CLIENT_WAIT(world.reply_ended);
    CHECK_SPAN(world_text(),
               S("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"));
    CHECK_INT(SSL_get_shutdown(tls.client), SSL_RECEIVED_SHUTDOWN);
    end();
}

TEST(what_is_not_tls_is_dropped_and_a_slow_handshake_too)
{
    begin();
    world_connect();
    world_send(S("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    COMES(http_server_connections(world.server), 0);
    CHECK_INT(world.heads, 0);
    world_connect();
    world_send(S("\x16\x03\x01"));
    COMES(http_server_connections(world.server), 1);
    clock_advance(10500);
    COMES(http_server_connections(world.server), 0);
    end();
}

TEST(a_client_that_does_not_know_our_protocol_is_refused)
{
    static const unsigned char offered[] = "\x06spdy/3";
    begin();
    SSL_CTX_set_alpn_protos(tls.client_context, offered, sizeof offered - 1);
    connect_as("localhost");
    CHECK(!SSL_is_init_finished(tls.client));
    end();
}
