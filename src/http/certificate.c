// SPDX-License-Identifier: Apache-2.0
/*
 * What certificates say (RFC 5280). An authority lives as long as the data that it belongs to, the
 * certificates of servers for as long as the strictest clients accept. Any thread.
 */
#include "http/certificate.h"

#include "base/id.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define DAY_S (24L * 3600)
#define AUTHORITY_DAYS 7300
#define SERVER_DAYS 397 /* the longest that browsers accept */
#define SERIAL_BITS 127
#define NAME_MAX_BYTES 64 /* of a common name: ub-common-name */

struct extension {
    int nid;
    const char *value;
};

static const struct extension of_authority[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_subject_key_identifier, "hash"},
    {NID_name_constraints,
     "critical,permitted;DNS:localhost,permitted;DNS:amazonaws.com,permitted;DNS:api.aws"},
};
static const struct extension of_server[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
};

static const struct extension of_signer[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
};

static bool add_extensions(X509 *certificate, X509 *issuer, const struct extension *extensions,
                           size_t count)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        X509_EXTENSION *one =
            X509V3_EXT_conf_nid(NULL, &context, extensions[i].nid, extensions[i].value);
        bool good = one && X509_add_ext(certificate, one, -1) == 1;
        X509_EXTENSION_free(one);
        if (!good)
            return false;
    }
    return true;
}

static bool set_serial(X509 *certificate)
{
    BIGNUM *serial = BN_new();
    bool good = serial && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
                BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate));
    BN_free(serial);
    return good;
}

/* Since yesterday, for clients whose clock is behind. */
static bool set_facts(X509 *certificate, EVP_PKEY *key, long days)
{
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
           X509_set_pubkey(certificate, key) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), days * DAY_S);
}

static bool set_subject(X509 *certificate, const char *common_name)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"kintoun", -1,
                                      -1, 0) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                      -1, -1, 0) == 1;
}

static X509 *finished(X509 *certificate, bool good, EVP_PKEY *issuer_key)
{
    if (good && X509_sign(certificate, issuer_key, EVP_sha256()) > 0)
        return certificate;
    ERR_clear_error();
    X509_free(certificate);
    return NULL;
}

EVP_PKEY *certificate_key(void)
{
    return EVP_EC_gen("P-256");
}

EVP_PKEY *certificate_rsa_key(void)
{
    return EVP_RSA_gen(2048);
}

/* Two authorities have two names, so that a client who knows both asks the right one. */
static bool name_authority(X509 *certificate)
{
    char name[NAME_MAX_BYTES];
    uint32_t number;
    random_bytes(&number, sizeof number);
    snprintf(name, sizeof name, "kintoun authority %08x", number);
    return set_subject(certificate, name) &&
           X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1;
}

X509 *certificate_of_authority(EVP_PKEY *key, const struct pem_pair *unused)
{
    X509 *certificate = X509_new();
    bool good = certificate && set_facts(certificate, key, AUTHORITY_DAYS) &&
                name_authority(certificate) &&
                add_extensions(certificate, certificate, of_authority, ARRAY_LEN(of_authority));
    return finished(certificate, good, key);
}

X509 *certificate_of_signer(EVP_PKEY *key, const struct pem_pair *issuer)
{
    X509 *certificate = X509_new();
    bool good =
        certificate && set_facts(certificate, key, AUTHORITY_DAYS) &&
        set_subject(certificate, "kintoun instance identity") &&
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer->certificate)) == 1 &&
        add_extensions(certificate, issuer->certificate, of_signer, ARRAY_LEN(of_signer));
    return finished(certificate, good, issuer->key);
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

/* NULL when one of them is none. */
static const char *alternative_names(struct arena *arena, const struct span *names, size_t count)
{
    struct span text = S("");
    for (size_t i = 0; i < count; i++) {
        uint8_t address[16];
        const char *name = arena_cstr(arena, names[i]);
        bool ip = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
        if (!is_plain_name(names[i]))
            return NULL;
        text = arena_printf(arena, "%.*s%s%s:%s", SPAN_ARG(text), i ? "," : "", ip ? "IP" : "DNS",
                            name);
    }
    return count ? arena_cstr(arena, text) : NULL;
}

X509 *certificate_issue(struct arena *arena, const struct certificate_wish *wish)
{
    const char *names = alternative_names(arena, wish->names, wish->count);
    X509 *certificate = names ? X509_new() : NULL;
    if (!certificate)
        return NULL;
    const struct extension own = {NID_subject_alt_name, names};
    bool short_enough = wish->names[0].len <= NAME_MAX_BYTES;
    bool good =
        set_facts(certificate, wish->key, SERVER_DAYS) &&
        set_subject(certificate, short_enough ? arena_cstr(arena, wish->names[0]) : "kintoun") &&
        X509_set_issuer_name(certificate, X509_get_subject_name(wish->issuer->certificate)) == 1 &&
        add_extensions(certificate, wish->issuer->certificate, of_server, ARRAY_LEN(of_server)) &&
        add_extensions(certificate, wish->issuer->certificate, &own, 1);
    return finished(certificate, good, wish->issuer->key);
}
