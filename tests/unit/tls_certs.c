#include "tls_certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <dirent.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct pair {
    X509 *cert;
    EVP_PKEY *key;
};

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
}

/* by: NULL = itself. names: of subjectAltName; NULL = it is a CA. */
static struct pair make(const char *cn, const struct pair *by, const char *names, const char *from,
                        const char *to)
{
    static long serial = 1;
    struct pair p = { .cert = X509_new(), .key = EVP_EC_gen("P-256") };
    const struct pair *issuer = by ? by : &p;
    X509_NAME *subject = X509_get_subject_name(p.cert);

    assert_true(p.cert && p.key);
    assert_int_equal(X509_set_version(p.cert, X509_VERSION_3), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(p.cert), serial++);
    assert_int_equal(ASN1_TIME_set_string_X509(X509_getm_notBefore(p.cert), from), 1);
    assert_int_equal(ASN1_TIME_set_string_X509(X509_getm_notAfter(p.cert), to), 1);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
    X509_set_issuer_name(p.cert, X509_get_subject_name(issuer->cert));
    X509_set_pubkey(p.cert, p.key);
    add_extension(p.cert, issuer->cert, NID_basic_constraints,
                  names ? "critical,CA:FALSE" : "critical,CA:TRUE");
    add_extension(p.cert, issuer->cert, NID_subject_key_identifier, "hash");
    if (names)
        add_extension(p.cert, issuer->cert, NID_subject_alt_name, names);
    assert_true(X509_sign(p.cert, issuer->key, EVP_sha256()) > 0);
    return p;
}

static void save(struct certs *c, const char *name, const struct pair *p, const struct pair *chain,
                 EVP_PKEY *key, const char *password)
{
    FILE *f = fopen(certs_path(c, name), "w");

    assert_non_null(f);
    assert_int_equal(fchmod(fileno(f), 0600), 0);
    if (p)
        assert_int_equal(PEM_write_X509(f, p->cert), 1);
    if (chain)
        assert_int_equal(PEM_write_X509(f, chain->cert), 1);
    if (key)
        assert_int_equal(PEM_write_PrivateKey(f, key, password ? EVP_aes_128_cbc() : NULL,
                                              (const unsigned char *)password,
                                              password ? (int)strlen(password) : 0, NULL, NULL),
                         1);
    fclose(f);
}

void certs_make(struct certs *c)
{
    static const char then[] = "20200101000000Z", later[] = "21200101000000Z";
    static const char names[] = "DNS:good.test,DNS:*.wild.test,IP:127.0.0.1,IP:::1";

    strcpy(c->dir, "/tmp/adit-certs-XXXXXX");
    assert_non_null(mkdtemp(c->dir));
    struct pair ca = make("A CA", NULL, NULL, then, later);
    struct pair other = make("Another CA", NULL, NULL, then, later);
    struct pair inner = make("Intermediate", &ca, NULL, then, later);
    struct pair good = make("good", &ca, names, then, later);
    struct pair old = make("old", &ca, names, "20010101000000Z", "20011231000000Z");
    struct pair early = make("early", &ca, names, "21990101000000Z", "22000101000000Z");
    struct pair deep = make("deep", &inner, names, then, later);
    struct pair self = make("self", NULL, names, then, later);

    save(c, "ca.pem", &ca, NULL, NULL, NULL);
    save(c, "other-ca.pem", &other, NULL, NULL, NULL);
    save(c, "good.pem", &good, NULL, NULL, NULL);
    save(c, "good.key", NULL, NULL, good.key, NULL);
    save(c, "both.pem", &good, NULL, good.key, NULL);
    save(c, "old.pem", &old, NULL, old.key, NULL);
    save(c, "early.pem", &early, NULL, early.key, NULL);
    save(c, "deep.pem", &deep, &inner, deep.key, NULL);
    save(c, "self.pem", &self, NULL, self.key, NULL);
    save(c, "secret.pem", &good, NULL, good.key, "passphrase");
    save(c, "mixed.pem", &good, NULL, self.key, NULL);
    save(c, "empty.pem", NULL, NULL, NULL, NULL);
    struct pair *all[] = { &ca, &other, &inner, &good, &old, &early, &deep, &self };
    for (size_t i = 0; i < ADIT_LEN(all); i++) {
        X509_free(all[i]->cert);
        EVP_PKEY_free(all[i]->key);
    }
}

const char *certs_path(struct certs *c, const char *name)
{
    int n = snprintf(c->path, sizeof c->path, "%s/%s", c->dir, name);

    assert(n > 0 && (size_t)n < sizeof c->path);
    return c->path;
}

void certs_hash_ca(struct certs *c)
{
    FILE *f = fopen(certs_path(c, "ca.pem"), "r");
    X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
    char name[32];

    assert_non_null(x);
    fclose(f);
    snprintf(name, sizeof name, "%08lx.0", X509_subject_name_hash(x));
    save(c, name, &(struct pair){ .cert = x }, NULL, NULL, NULL);
    X509_free(x);
}

void certs_remove(struct certs *c)
{
    DIR *dir = opendir(c->dir);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        unlink(certs_path(c, entry->d_name));
    if (dir)
        closedir(dir);
    rmdir(c->dir);
}
