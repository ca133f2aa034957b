// SPDX-License-Identifier: Apache-2.0
/*
 * The key is written first, and each file appears whole or not at all: a certificate never stands
 * there without its key, and a key without a certificate is one that was being made when the
 * process ended, so it gets one. Any thread, one at a time for a folder.
 */
#include "http/pem_pair.h"

#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <sys/stat.h>

struct paths {
    char certificate[4096], key[4096];
};

static int find_paths(struct paths *paths, const char *dir, const char *name)
{
    int a = snprintf(paths->certificate, sizeof paths->certificate, "%s/%s-cert.pem", dir, name);
    int b = snprintf(paths->key, sizeof paths->key, "%s/%s-key.pem", dir, name);
    return a < (int)sizeof paths->certificate && b < (int)sizeof paths->key ? 0 : -ENAMETOOLONG;
}

void pem_pair_close(struct pem_pair *pair)
{
    X509_free(TAKE(pair->certificate));
    EVP_PKEY_free(TAKE(pair->key));
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static void read_certificate(struct pem_pair *pair, FILE *file)
{
    pair->certificate = PEM_read_X509(file, NULL, NULL, NULL);
}

static void read_key(struct pem_pair *pair, FILE *file)
{
    pair->key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
}

/* False: there is no such file. */
static bool read_pem(const char *path, void (*read)(struct pem_pair *pair, FILE *file),
                     struct pem_pair *pair)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return errno != ENOENT;
    read(pair, file);
    fclose(file);
    return true;
}

/* ---- making ------------------------------------------------------------------------------------
 */

static bool print_key(FILE *file, const struct pem_pair *pair)
{
    return PEM_write_PKCS8PrivateKey(file, pair->key, NULL, NULL, 0, NULL, NULL) == 1;
}

static bool print_certificate(FILE *file, const struct pem_pair *pair)
{
    return PEM_write_X509(file, pair->certificate) == 1;
}

static int write_pem(const char *path, mode_t mode,
                     bool (*print)(FILE *file, const struct pem_pair *pair),
                     const struct pem_pair *pair)
{
    char unfinished[4096 + 8];
    snprintf(unfinished, sizeof unfinished, "%s.new", path);
    unlink(unfinished);
    AUTO_FD fd = open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    FILE *file = fdopen(fd, "w");
    if (!file)
        return -errno;
    int written = TAKE_FD(fd); /* the file closes it */
    bool good = print(file, pair) && fflush(file) == 0 && fsync(written) == 0;
    int r = good ? 0 : -EIO;
    if (fclose(file) != 0 && !r)
        r = -errno;
    if (!r && rename(unfinished, path) < 0)
        r = -errno;
    return r;
}

static int make_key(struct pem_pair *pair, const char *path, const struct pem_maker *maker)
{
    pair->key = maker->key();
    return pair->key ? write_pem(path, S_IRUSR | S_IWUSR, print_key, pair) : -EIO;
}

static int make_certificate(struct pem_pair *pair, const char *path, const struct pem_maker *maker)
{
    pair->certificate = maker->certificate(pair->key, maker->issuer);
    return pair->certificate
               ? write_pem(path, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH, print_certificate, pair)
               : -EIO;
}

static int read_or_make(struct pem_pair *pair, const struct paths *paths,
                        const struct pem_maker *maker)
{
    bool has_certificate = read_pem(paths->certificate, read_certificate, pair);
    bool has_key = read_pem(paths->key, read_key, pair);
    int r = has_key || has_certificate ? 0 : make_key(pair, paths->key, maker);
    if (!r && pair->key && !has_certificate)
        r = make_certificate(pair, paths->certificate, maker);
    if (!r && (!pair->key || !pair->certificate ||
               X509_check_private_key(pair->certificate, pair->key) != 1))
        r = -EINVAL;
    ERR_clear_error();
    return r;
}

int pem_pair_open(struct pem_pair *ret, const char *dir, const char *name,
                  const struct pem_maker *maker)
{
    struct paths paths;
    *ret = (struct pem_pair){0};
    int r = find_paths(&paths, dir, name);
    if (!r)
        r = read_or_make(ret, &paths, maker);
    if (r)
        pem_pair_close(ret);
    return r;
}
