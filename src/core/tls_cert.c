#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/addr.h"
#include "core/file.h"
#include "core/tls_inner.h"

#define PEM_MAX   (256 * 1024)
#define CHAIN_MAX 16

static int complain(struct adit_cause *cause, int err, const char *path, const char *what)
{
    const char *name = strrchr(path, '/');

    adit_cause_set(cause, ADIT_REASON_RESOURCE, -err, "%.40s: %s", name ? name + 1 : path,
                   what ? what : strerror(-err));
    return err;
}

/* ---- files ----------------------------------------------------------------------------------- */

static void forget(struct adit_buf *pem)
{
    if (pem->data)
        OPENSSL_cleanse(pem->data, pem->len);
    adit_buf_done(pem);
}

static BIO *open_pem(struct adit_buf *pem, const char *path, int *ret_err)
{
    adit_buf_init(pem, PEM_MAX);
    *ret_err = adit_file_read(pem, path);
    BIO *bio = *ret_err ? NULL : BIO_new_mem_buf(pem->data ? (void *)pem->data : "", (int)pem->len);
    if (!bio && !*ret_err)
        *ret_err = -ENOMEM;
    return bio;
}

/* Asked for a passphrase: there is nobody to ask. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)buf, (void)size, (void)writing, (void)arg;
    return -1;
}

static int use_key(SSL_CTX *ctx, const char *path, struct adit_cause *cause)
{
    struct adit_buf pem;
    struct stat st;
    int err = 0;

    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 007))
        return complain(cause, -EACCES, path, "everybody has access to this key (chmod 600)");
    BIO *bio = open_pem(&pem, path, &err);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    if (err)
        complain(cause, err, path, NULL);
    else if (!key)
        err = complain(cause, -EINVAL, path, "no usable private key (PEM, no passphrase)");
    else if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
        err = complain(cause, -EINVAL, path, "the key does not belong to the certificate");
    EVP_PKEY_free(key);
    BIO_free(bio);
    forget(&pem);
    return err;
}

static int use_chain(SSL_CTX *ctx, const char *path, uint8_t ret_hash[32], struct adit_cause *cause)
{
    struct adit_buf pem;
    int err, count = 0;
    BIO *bio = open_pem(&pem, path, &err);
    X509 *cert;

    if (err)
        complain(cause, err, path, NULL);
    while (!err && (cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
        bool good = count == 0 ? SSL_CTX_use_certificate(ctx, cert) == 1 &&
                                     adit_tls_key_hash(ret_hash, cert)
                               : SSL_CTX_add1_chain_cert(ctx, cert) == 1;
        if (!good || count++ == CHAIN_MAX)
            err = complain(cause, -EINVAL, path, "a certificate there cannot be used");
        X509_free(cert);
    }
    if (!err && !count)
        err = complain(cause, -EINVAL, path, "no certificate (PEM)");
    BIO_free(bio);
    forget(&pem); /* the key may be in the same file */
    return err;
}

int adit_tls_cert_load(SSL_CTX *ctx, const char *cert, const char *key, uint8_t ret_hash[32],
                       struct adit_cause *ret_cause)
{
    int err = use_chain(ctx, cert, ret_hash, ret_cause);

    return err ? err : use_key(ctx, key, ret_cause);
}

/* ---- a self-made one ------------------------------------------------------------------------- */

static bool add_name(GENERAL_NAMES *names, const char *name)
{
    GENERAL_NAME *entry = GENERAL_NAME_new();
    ASN1_STRING *value = ASN1_IA5STRING_new();
    struct adit_addr addr;
    bool ip = adit_addr_parse(&addr, name, strlen(name)) == 0;
    int n = ip ? addr.family == ADIT_FAMILY_V6 ? 16 : 4 : (int)strlen(name);

    if (!entry || !value || ASN1_STRING_set(value, ip ? (const void *)addr.ip : name, n) != 1 ||
        sk_GENERAL_NAME_push(names, entry) <= 0) {
        ASN1_STRING_free(value);
        GENERAL_NAME_free(entry);
        return false;
    }
    if (ip)
        value->type = V_ASN1_OCTET_STRING;
    GENERAL_NAME_set0_value(entry, ip ? GEN_IPADD : GEN_DNS, value);
    return true;
}

/* For itself and for who calls from the same host. */
static bool set_names(X509 *x, const char *name)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    X509_NAME *subject = X509_get_subject_name(x);
    bool good = names && add_name(names, name) && add_name(names, "localhost") &&
                add_name(names, "127.0.0.1") && add_name(names, "::1") &&
                X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1 &&
                X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                           (const unsigned char *)"adit", -1, -1, 0) == 1 &&
                X509_set_issuer_name(x, subject) == 1;

    GENERAL_NAMES_free(names);
    return good;
}

/* RFC 5280 section 4.1.2.5, as in dtls/cert.c: a router may have booted into 1970, and the key is
 * what counts. */
static bool set_dates(X509 *x)
{
    ASN1_TIME *t = ASN1_TIME_new();
    bool good = t && ASN1_TIME_set_string_X509(t, "19700101000000Z") == 1 &&
                X509_set1_notBefore(x, t) == 1 &&
                ASN1_TIME_set_string_X509(t, "99991231235959Z") == 1 &&
                X509_set1_notAfter(x, t) == 1;

    ASN1_TIME_free(t);
    return good;
}

static bool set_serial(X509 *x)
{
    uint64_t serial;

    if (RAND_bytes((unsigned char *)&serial, sizeof serial) != 1)
        return false;
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), (serial >> 1) | 1) == 1;
}

static bool make(X509 *x, EVP_PKEY *key, const char *name)
{
    EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
    bool good = x && key && md && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
                set_dates(x) && set_names(x, name) && X509_set_pubkey(x, key) == 1 &&
                X509_sign(x, key, md) > 0;

    EVP_MD_free(md);
    return good;
}

static int keep(const char *path, X509 *x, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long n = 0;
    int err = -ENOMEM;

    if (bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
        PEM_write_bio_X509(bio, x) == 1) {
        n = BIO_get_mem_data(bio, &data);
        err = adit_file_write(path, data, (size_t)n, 0600);
    }
    if (n > 0)
        OPENSSL_cleanse(data, (size_t)n);
    BIO_free(bio);
    return err;
}

int adit_tls_cert_make(SSL_CTX *ctx, const char *name, const char *kept, uint8_t ret_hash[32],
                       struct adit_cause *ret_cause)
{
    struct stat st;

    if (kept && stat(kept, &st) == 0)
        return adit_tls_cert_load(ctx, kept, kept, ret_hash, ret_cause);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    int err = make(x, key, name) && SSL_CTX_use_certificate(ctx, x) == 1 &&
                      SSL_CTX_use_PrivateKey(ctx, key) == 1 && adit_tls_key_hash(ret_hash, x)
                  ? 0
                  : -ENOMEM;
    if (!err && kept && (err = keep(kept, x, key)) < 0)
        complain(ret_cause, err, kept, NULL);
    X509_free(x);
    EVP_PKEY_free(key);
    return err;
}
