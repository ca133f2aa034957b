// SPDX-License-Identifier: Apache-2.0
/*
 * An ECDSA P-256 key (its signatures cost a fifteenth of RSA-2048's) and a certificate that is its
 * own authority, so that a client who trusts this one file needs no other. The key is written
 * first: a certificate never stands there without it. Any thread.
 */
#include "http/certificate.h"

#include "base/arena.h"
#include "base/scope.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>

#define DAY_S (24L * 3600)
#define VALID_DAYS 825 /* the longest that Apple's clients accept */
#define SERIAL_BITS 127

static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void free_certificate(X509 **certificate)
{
    X509_free(*certificate);
}

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool good = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

/* Only what cannot be read as syntax of the extension's text. */
static bool is_plain_name(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '*' || c == ':' || c == '_';
        if (!plain)
            return false;
    }
    return name.len > 0;
}

static struct span alternative_names(struct arena *arena, const struct span *names, size_t count)
{
    struct span text = S("DNS:localhost,DNS:*.localhost,IP:127.0.0.1,IP:::1");
    for (size_t i = 0; i < count; i++) {
        uint8_t address[16];
        const char *name = arena_cstr(arena, names[i]);
        bool ip = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
        if (!is_plain_name(names[i]))
            return SPAN_NONE;
        text = arena_printf(arena, "%.*s,%s:%s", SPAN_ARG(text), ip ? "IP" : "DNS", name);
    }
    return text;
}

static bool set_serial(X509 *certificate)
{
    BIGNUM *serial = BN_new();
    bool good = serial && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
                BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate));
    BN_free(serial);
    return good;
}

static bool set_name(X509 *certificate)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    const unsigned char organisation[] = "kintoun", common[] = "localhost";
    return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, organisation, -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1;
}

static bool fill(X509 *certificate, EVP_PKEY *key, const char *names)
{
    static const struct {
        int nid;
        const char *value;
    } extensions[] = {
        {NID_basic_constraints, "critical,CA:TRUE"},
        {NID_key_usage, "critical,digitalSignature,keyCertSign"},
        {NID_ext_key_usage, "serverAuth"},
        {NID_subject_key_identifier, "hash"},
    };
    if (X509_set_version(certificate, X509_VERSION_3) != 1 || !set_serial(certificate) ||
        !set_name(certificate) || X509_set_pubkey(certificate, key) != 1)
        return false;
    /* Since yesterday, for clients whose clock is behind. */
    if (!X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S) ||
        !X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_DAYS * DAY_S))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
        if (!add_extension(certificate, extensions[i].nid, extensions[i].value))
            return false;
    return add_extension(certificate, NID_subject_alt_name, names) &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

/* A new file of that mode which `print` fills; it appears whole, or not at all. */
static int write_pem(const char *path, mode_t mode, bool (*print)(FILE *file, void *thing),
                     void *thing)
{
    char unfinished[4096];
    if (snprintf(unfinished, sizeof unfinished, "%s.new", path) >= (int)sizeof unfinished)
        return -ENAMETOOLONG;
    unlink(unfinished);
    AUTO_FD fd = open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    FILE *file = fdopen(fd, "w");
    if (!file)
        return -errno;
    int written = TAKE_FD(fd); /* the file closes it */
    bool good = print(file, thing) && fflush(file) == 0 && fsync(written) == 0;
    int r = good ? 0 : -EIO;
    if (fclose(file) != 0 && !r)
        r = -errno;
    if (!r && rename(unfinished, path) < 0)
        r = -errno;
    return r;
}

static bool print_key(FILE *file, void *key)
{
    return PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
}

static bool print_certificate(FILE *file, void *certificate)
{
    return PEM_write_X509(file, certificate) == 1;
}

int certificate_make(const char *certificate_path, const char *key_path, const struct span *names,
                     size_t name_count)
{
    struct arena arena;
    arena_init(&arena, 4096, 1 << 20);
    struct span text = alternative_names(&arena, names, name_count);
    EVP_PKEY *key __attribute__((cleanup(free_key))) = EVP_EC_gen("P-256");
    X509 *certificate __attribute__((cleanup(free_certificate))) = X509_new();
    int r = -EIO;
    if (span_is_absent(text))
        r = -EINVAL;
    else if (key && certificate && fill(certificate, key, arena_cstr(&arena, text)))
        r = write_pem(key_path, S_IRUSR | S_IWUSR, print_key, key);
    if (!r)
        r = write_pem(certificate_path, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH, print_certificate,
                      certificate);
    arena_done(&arena);
    return r;
}
