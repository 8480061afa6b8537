#include "dtls/cert.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/alloc.h"

#define PEM_SIZE_MAX (64 * 1024)

struct adit_cert {
    X509 *x509;
    EVP_PKEY *key;
    struct adit_fingerprint fingerprints[ADIT_HASH_SHA512 + 1];
};

struct adit_cert *adit_cert_free(struct adit_cert *cert)
{
    if (cert) {
        X509_free(cert->x509);
        EVP_PKEY_free(cert->key);
        adit_free(cert);
    }
    return NULL;
}

void adit_cert_fingerprint(const struct adit_cert *cert, enum adit_hash hash,
                           struct adit_fingerprint *ret_fp)
{
    *ret_fp = cert->fingerprints[hash];
}

int adit_cert_use(const struct adit_cert *cert, SSL_CTX *ctx)
{
    return SSL_CTX_use_certificate(ctx, cert->x509) == 1 &&
                   SSL_CTX_use_PrivateKey(ctx, cert->key) == 1
               ? 0
               : -EINVAL;
}

/* Both are taken, also on failure. */
static struct adit_cert *wrap(X509 *x509, EVP_PKEY *key)
{
    static const struct {
        const char *md;
        uint8_t len;
    } hashes[] = { { "SHA256", 32 }, { "SHA384", 48 }, { "SHA512", 64 } };
    struct adit_cert *cert = adit_zalloc(sizeof *cert);

    if (!cert) {
        X509_free(x509);
        EVP_PKEY_free(key);
        return NULL;
    }
    cert->x509 = x509;
    cert->key = key;
    for (size_t i = 0; i < ADIT_LEN(hashes); i++) {
        struct adit_fingerprint *fp = &cert->fingerprints[i];
        EVP_MD *md = EVP_MD_fetch(NULL, hashes[i].md, NULL);
        bool done = md && X509_digest(x509, md, fp->value, NULL) == 1;

        fp->hash = (enum adit_hash)i;
        fp->len = hashes[i].len;
        EVP_MD_free(md);
        if (!done)
            return adit_cert_free(cert);
    }
    return cert;
}

/* ---- a new one ------------------------------------------------------------------------------- */

static bool set_serial(X509 *x)
{
    uint64_t serial;

    /* RFC 5280 section 4.1.2.2: positive and not zero. */
    if (RAND_bytes((unsigned char *)&serial, sizeof serial) != 1)
        return false;
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), (serial >> 1) | 1) == 1;
}

/* RFC 5280 section 4.1.2.5: UTCTime up to 2049, GeneralizedTime after, and 9999-12-31 for "no
 * well-defined expiration date". The first second of the epoch is what a router without a clock
 * boots into. */
static bool set_validity(X509 *x)
{
    ASN1_TIME *t = ASN1_TIME_new();
    bool ok = t && ASN1_TIME_set_string_X509(t, "19700101000000Z") == 1 &&
              X509_set1_notBefore(x, t) == 1 &&
              ASN1_TIME_set_string_X509(t, "99991231235959Z") == 1 && X509_set1_notAfter(x, t) == 1;

    ASN1_TIME_free(t);
    return ok;
}

/* The name that browsers give theirs: nothing about this host. */
static bool set_name(X509 *x)
{
    X509_NAME *name = X509_get_subject_name(x);

    return name &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"WebRTC", -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(x, name) == 1;
}

struct adit_cert *adit_cert_generate(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
    struct adit_cert *cert = NULL;

    if (key && x && md && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
        set_validity(x) && set_name(x) && X509_set_pubkey(x, key) == 1 &&
        X509_sign(x, key, md) > 0) {
        cert = wrap(x, key);
    } else {
        X509_free(x);
        EVP_PKEY_free(key);
    }
    EVP_MD_free(md);
    ERR_clear_error();
    return cert;
}

/* ---- files ----------------------------------------------------------------------------------- */

static void complain(struct adit_cause *cause, int err, const char *path, const char *what)
{
    const char *name = strrchr(path, '/');

    adit_cause_set(cause, ADIT_REASON_RESOURCE, err, "%.40s: %s", name ? name + 1 : path,
                   what ? what : strerror(err));
}

/* The whole file as a memory BIO. `secret`: it holds a key, nobody else may have access. */
static BIO *read_file(const char *path, bool secret, struct adit_cause *cause)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    BIO *bio = NULL;
    struct stat st;
    char chunk[4096];
    size_t total = 0;
    ssize_t n = 0;

    if (fd < 0 || fstat(fd, &st) < 0) {
        complain(cause, errno, path, NULL);
        goto out;
    }
    if (secret && S_ISREG(st.st_mode) && (st.st_mode & 077)) {
        complain(cause, EACCES, path, "others have access to this key (chmod 600)");
        goto out;
    }
    bio = BIO_new(BIO_s_mem());
    while (bio && total <= PEM_SIZE_MAX && (n = read(fd, chunk, sizeof chunk)) > 0) {
        total += (size_t)n;
        if (BIO_write(bio, chunk, (int)n) != n)
            n = -(errno = ENOMEM);
    }
    if (!bio || n < 0 || total > PEM_SIZE_MAX) {
        complain(cause, !bio ? ENOMEM : n < 0 ? errno : EFBIG, path, NULL);
        BIO_free(bio);
        bio = NULL;
    }
    OPENSSL_cleanse(chunk, sizeof chunk);
out:
    if (fd >= 0)
        close(fd);
    return bio;
}

/* Asked for a passphrase: there is nobody to ask. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)buf, (void)size, (void)writing, (void)arg;
    return -1;
}

struct adit_cert *adit_cert_load(const char *cert_path, const char *key_path,
                                 struct adit_cause *ret_cause)
{
    BIO *cert_bio, *key_bio = NULL;
    X509 *x = NULL;
    EVP_PKEY *key = NULL;
    struct adit_cert *cert = NULL;

    ERR_clear_error();
    cert_bio = read_file(cert_path, !key_path, ret_cause);
    if (!cert_bio)
        return NULL;
    if (key_path && !(key_bio = read_file(key_path, true, ret_cause)))
        goto out;
    if (!key_path) { /* the same bytes again: either may come first */
        char *data;
        long len = BIO_get_mem_data(cert_bio, &data);
        key_bio = BIO_new_mem_buf(data, (int)len);
    }
    /* The key first: reading the certificate consumes the bytes both share. */
    if (!key_bio || !(key = PEM_read_bio_PrivateKey(key_bio, NULL, no_passphrase, NULL))) {
        complain(ret_cause, EINVAL, key_path ? key_path : cert_path,
                 "no usable private key (PEM, no passphrase)");
        goto out;
    }
    if (!(x = PEM_read_bio_X509(cert_bio, NULL, no_passphrase, NULL))) {
        complain(ret_cause, EINVAL, cert_path, "no certificate (PEM)");
        goto out;
    }
    if (X509_check_private_key(x, key) != 1) {
        complain(ret_cause, EINVAL, cert_path, "certificate and key do not belong together");
        goto out;
    }
    cert = wrap(x, key);
    x = NULL;
    key = NULL;
    if (!cert)
        complain(ret_cause, ENOMEM, cert_path, NULL);
out:
    X509_free(x);
    EVP_PKEY_free(key);
    BIO_free(cert_bio);
    BIO_free(key_bio);
    ERR_clear_error();
    return cert;
}

/* Key and certificate as PEM into fd, and onto the disk. */
static int write_pem(int fd, const struct adit_cert *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    long len, done = 0;
    ssize_t n;
    int err = 0;

    if (!bio || PEM_write_bio_PrivateKey(bio, cert->key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_X509(bio, cert->x509) != 1) {
        BIO_free(bio);
        return -ENOMEM;
    }
    len = BIO_get_mem_data(bio, &data);
    while (!err && done < len) {
        if ((n = write(fd, data + done, (size_t)(len - done))) > 0)
            done += n;
        else if (n == 0 || errno != EINTR)
            err = n ? -errno : -EIO;
    }
    if (!err && fsync(fd) < 0)
        err = -errno;
    OPENSSL_cleanse(data, (size_t)len);
    BIO_free(bio);
    return err;
}

/* Another process may do the same at the same time: the first one wins, so that both have one
 * identity. -EEXIST: it was not us. */
static int store(const char *path, const struct adit_cert *cert)
{
    size_t size = strlen(path) + sizeof ".XXXXXX";
    char *tmp = adit_malloc(size);
    int fd, err;

    if (!tmp)
        return -ENOMEM;
    snprintf(tmp, size, "%s.XXXXXX", path);
    fd = mkostemp(tmp, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) {
        err = -errno;
        adit_free(tmp);
        return err;
    }
    err = write_pem(fd, cert);
    if (close(fd) < 0 && !err)
        err = -errno;
    if (!err && link(tmp, path) < 0)
        err = -errno;
    if (err == -EPERM || err == -ENOTSUP || err == -ENOSYS) { /* no hard links here (FAT) */
        err = rename(tmp, path) < 0 ? -errno : 0;
        if (!err)
            *tmp = '\0';
    }
    if (*tmp)
        unlink(tmp);
    adit_free(tmp);
    return err;
}

struct adit_cert *adit_cert_load_or_create(const char *path, struct adit_cause *ret_cause)
{
    struct adit_cert *cert;
    int err;

    if (access(path, F_OK) == 0 || errno != ENOENT)
        return adit_cert_load(path, NULL, ret_cause);
    cert = adit_cert_generate();
    if (!cert) {
        complain(ret_cause, ENOMEM, path, NULL);
        return NULL;
    }
    err = store(path, cert);
    if (!err)
        return cert;
    cert = adit_cert_free(cert);
    if (err == -EEXIST)
        return adit_cert_load(path, NULL, ret_cause);
    complain(ret_cause, -err, path, NULL);
    return NULL;
}
