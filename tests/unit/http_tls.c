// SPDX-License-Identifier: Apache-2.0
/* Cases for TLS: the generated certificate, and exchanges with OpenSSL's client, which verifies. */
#include "http_world.h"

#include <dirent.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>

static struct {
    char dir[64], certificate[96], key[96];
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

static void open_folder(void)
{
    memset(&tls, 0, sizeof tls);
    snprintf(tls.dir, sizeof tls.dir, "/tmp/tls-test-XXXXXX");
    CHECK(mkdtemp(tls.dir) != NULL);
    snprintf(tls.certificate, sizeof tls.certificate, "%s/tls-cert.pem", tls.dir);
    snprintf(tls.key, sizeof tls.key, "%s/tls-key.pem", tls.dir);
}

static void begin(void)
{
    static const struct span names[] = {S_INIT("*.s3.localhost"), S_INIT("10.1.2.3")};
    open_folder();
    CHECK_INT(tls_context_open(&tls.context, tls.dir, names, ARRAY_LEN(names)), 0);
    tls.client_context = SSL_CTX_new(TLS_client_method());
    CHECK(tls.client_context != NULL);
    CHECK_INT(SSL_CTX_load_verify_locations(tls.client_context, tls.certificate, NULL), 1);
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

TEST(the_certificate_names_what_it_should)
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
        {"example.org", false},
        {"10.1.2.4", false},
        {"a.b.c.localhost", false},
        {"bucket.localhost", false}, /* OpenSSL wants two labels behind a star, others one */
    };
    begin();
    FILE *file = fopen(tls.certificate, "r");
    CHECK(file != NULL);
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    CHECK(certificate != NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool matches = X509_check_host(certificate, cases[i].host, 0, 0, NULL) == 1 ||
                       X509_check_ip_asc(certificate, cases[i].host, 0) == 1;
        if (matches != cases[i].good)
            test_fail(__FILE__, __LINE__, "%s", cases[i].host);
    }
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    CHECK_INT(EVP_PKEY_get_bits(key), 256);
    CHECK_INT(X509_verify(certificate, key), 1);
    CHECK_INT(X509_check_ca(certificate), 1);
    X509_free(certificate);
    struct stat state;
    CHECK_INT(stat(tls.key, &state), 0);
    CHECK_INT(state.st_mode & 0777, 0600);
    connect_as("example.org");
    CHECK(!SSL_is_init_finished(tls.client));
    end();
}

TEST(a_second_start_keeps_the_certificate)
{
    char before[4096], after[4096];
    struct tls_context *again;
    begin();
    FILE *file = fopen(tls.certificate, "r");
    size_t len = fread(before, 1, sizeof before, file);
    fclose(file);
    CHECK(len > 100);
    CHECK_INT(tls_context_open(&again, tls.dir, NULL, 0), 0);
    tls_context_free(again);
    file = fopen(tls.certificate, "r");
    CHECK_SPAN(span_of(after, fread(after, 1, sizeof after, file)), span_of(before, len));
    fclose(file);
    end();
}

TEST(what_is_there_and_cannot_be_used_is_not_overwritten)
{
    struct tls_context *context;
    open_folder();
    FILE *file = fopen(tls.key, "w");
    fputs("no key", file);
    fclose(file);
    CHECK_INT(tls_context_open(&context, tls.dir, NULL, 0), -EINVAL);
    file = fopen(tls.key, "r");
    char text[10];
    CHECK_SPAN(span_of(text, fread(text, 1, sizeof text, file)), S("no key"));
    fclose(file);
    remove_files();
    CHECK_INT(tls_context_open(&context, tls.dir, NULL, 0), -ENOENT);
    struct span bad = S("a,DNS:example.org");
    open_folder();
    CHECK_INT(tls_context_open(&context, tls.dir, &bad, 1), -EINVAL);
    remove_files();
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
