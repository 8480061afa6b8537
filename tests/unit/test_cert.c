#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/alloc.h"
#include "dtls/cert.h"

#define FP256                                                                                    \
    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:" \
    "1E:FF"
#define FP384 FP256 ":20:21:22:23:24:25:26:27:28:29:2A:2B:2C:2D:2E:2F"
#define FP512 FP384 ":30:31:32:33:34:35:36:37:38:39:3A:3B:3C:3D:3E:3F"

static void test_fingerprint_text(void **state)
{
    static const struct {
        const char *text;
        int result;
        uint8_t len;
    } rows[] = {
        { "sha-256 " FP256, 0, 32 },
        { "SHA-256 " FP256, 0, 32 },
        { "Sha-384 " FP384, 0, 48 },
        { "sha-512 " FP512, 0, 64 },
        { "sha-256  \t" FP256 " ", 0, 32 },
        { "sha-1 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13", -ENOTSUP, 0 },
        { "md5 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F", -ENOTSUP, 0 },
        { "sha-224 00", -ENOTSUP, 0 },
        { "sha-2566 " FP256, -ENOTSUP, 0 },
        { "", -EINVAL, 0 },
        { " ", -EINVAL, 0 },
        { "sha-256", -EINVAL, 0 },
        { "sha-256 ", -EINVAL, 0 },
        { "sha-256:" FP256, -EINVAL, 0 },
        { "sha-256 " FP256 ":00", -EINVAL, 0 },
        { "sha-256 " FP256 "0", -EINVAL, 0 },
        { "sha-256 " FP256 " x", -EINVAL, 0 },
        { "sha-256 " FP384, -EINVAL, 0 },
        { "sha-384 " FP256, -EINVAL, 0 },
        { "sha-256 0:01", -EINVAL, 0 },
        { "sha-256 00-01", -EINVAL, 0 },
        { "sha-256 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", -EINVAL, 0 },
        { "sha-256 GG" FP256, -EINVAL, 0 },
        { "\x01sha-256 " FP256, -EINVAL, 0 },
        { "sha-256" FP256, -EINVAL, 0 },
    };
    char out[ADIT_FINGERPRINT_STR];

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_fingerprint fp = { .len = 99 }, again;
        size_t len = strlen(rows[i].text);
        char *exact = malloc(len ? len : 1); /* no zero byte behind it */

        memcpy(exact, rows[i].text, len);
        int result = adit_fingerprint_parse(&fp, exact, len);
        if (result != rows[i].result)
            print_message("%s\n", rows[i].text);
        assert_int_equal(result, rows[i].result);
        for (size_t cut = 0; result == 0 && cut < len; cut++) { /* every truncation */
            int r = adit_fingerprint_parse(&again, exact, cut);
            assert_true(r < 0 || exact[len - 1] == ' ');
        }
        free(exact);
        if (result < 0) {
            assert_int_equal(fp.len, 99); /* untouched */
            continue;
        }
        assert_int_equal(fp.len, rows[i].len);
        assert_int_equal(fp.value[1], 1);
        assert_int_equal(fp.value[31], 0xff);
        assert_ptr_equal(adit_fingerprint_print(&fp, out), out);
        assert_true(strlen(out) < sizeof out);
        assert_memory_equal(out, "sha-", 4);
        assert_int_equal(atoi(out + 4), 8 * fp.len);
        assert_int_equal(adit_fingerprint_parse(&again, out, strlen(out)), 0);
        assert_memory_equal(&fp, &again, sizeof fp);
    }
}

/* DER of a certificate, through the one door there is. */
static unsigned char *der_of(const struct adit_cert *cert, int *ret_len)
{
    SSL_CTX *ctx = SSL_CTX_new(DTLS_method());
    unsigned char *der = NULL;

    assert_int_equal(adit_cert_use(cert, ctx), 0);
    assert_int_equal(SSL_CTX_check_private_key(ctx), 1);
    *ret_len = i2d_X509(SSL_CTX_get0_certificate(ctx), &der);
    assert_true(*ret_len > 0);
    SSL_CTX_free(ctx);
    return der;
}

static void test_generated(void **state)
{
    struct adit_cert *cert = adit_cert_generate(), *other = adit_cert_generate();
    struct adit_fingerprint a, b;
    int len;
    unsigned char *der = der_of(cert, &len);
    const unsigned char *p = der;
    X509 *x = d2i_X509(NULL, &p, len);
    static const struct {
        enum adit_hash hash;
        const EVP_MD *(*md)(void);
        unsigned len;
    } rows[] = { { ADIT_HASH_SHA256, EVP_sha256, 32 },
                 { ADIT_HASH_SHA384, EVP_sha384, 48 },
                 { ADIT_HASH_SHA512, EVP_sha512, 64 } };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        uint8_t md[64];
        unsigned n;

        adit_cert_fingerprint(cert, rows[i].hash, &a);
        adit_cert_fingerprint(other, rows[i].hash, &b);
        assert_int_equal(EVP_Digest(der, (size_t)len, md, &n, rows[i].md(), NULL), 1);
        assert_int_equal(a.hash, rows[i].hash);
        assert_int_equal(a.len, rows[i].len);
        assert_int_equal(n, rows[i].len);
        assert_memory_equal(a.value, md, n);
        assert_memory_not_equal(a.value, b.value, n);
        assert_int_equal(adit_fingerprint_match(&a, 1, der, (size_t)len), 0);
        assert_int_equal(adit_fingerprint_match(&b, 1, der, (size_t)len), -EKEYREJECTED);
    }
    assert_int_equal(adit_fingerprint_match(NULL, 0, der, (size_t)len), -EKEYREJECTED);
    /* RFC 5280: UTCTime before 2050, GeneralizedTime after, four digits of year, no fractions */
    const ASN1_TIME *from = X509_get0_notBefore(x), *to = X509_get0_notAfter(x);
    assert_int_equal(ASN1_STRING_type(from), V_ASN1_UTCTIME);
    assert_string_equal((const char *)ASN1_STRING_get0_data(from), "700101000000Z");
    assert_int_equal(ASN1_STRING_type(to), V_ASN1_GENERALIZEDTIME);
    assert_string_equal((const char *)ASN1_STRING_get0_data(to), "99991231235959Z");
    assert_int_equal(X509_get_version(x), X509_VERSION_3);
    assert_false(ASN1_INTEGER_get(X509_get0_serialNumber(x)) <= 0);
    assert_int_equal(X509_get_signature_nid(x), NID_ecdsa_with_SHA256);
    char group[32];
    assert_int_equal(EVP_PKEY_get_group_name(X509_get0_pubkey(x), group, sizeof group, NULL), 1);
    assert_string_equal(group, "prime256v1");
    assert_int_equal(X509_verify(x, X509_get0_pubkey(x)), 1);
    assert_true(len < 420); /* it travels in every handshake */
    X509_free(x);
    OPENSSL_free(der);
    adit_cert_free(cert);
    adit_cert_free(other);
    assert_null(adit_cert_free(NULL));
}

/* ---- files --------------------------------------------------------------------------------------
 */

static char dir[64];
static char path[6][128];

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/adit-cert-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    for (size_t i = 0; i < ADIT_LEN(path); i++)
        snprintf(path[i], sizeof path[i], "%s/%zu.pem", dir, i);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    for (size_t i = 0; i < ADIT_LEN(path); i++)
        unlink(path[i]);
    return rmdir(dir); /* fails if anything else was left there */
}

static void write_file(const char *p, const void *bytes, size_t n, mode_t mode)
{
    unlink(p);
    FILE *f = fopen(p, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
    assert_int_equal(chmod(p, mode), 0);
}

static size_t read_file(const char *p, char *out, size_t size)
{
    FILE *f = fopen(p, "rb");
    assert_non_null(f);
    size_t n = fread(out, 1, size - 1, f);
    fclose(f);
    out[n] = '\0';
    return n;
}

static void test_stored_identity(void **state)
{
    struct adit_cause cause = { 0 };
    struct adit_fingerprint a, b;
    struct stat st;
    mode_t mask = umask(0);

    (void)state;
    struct adit_cert *cert = adit_cert_load_or_create(path[0], &cause);
    umask(mask);
    assert_non_null(cert);
    assert_int_equal(stat(path[0], &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_nlink, 1);
    adit_cert_fingerprint(cert, ADIT_HASH_SHA256, &a);
    adit_cert_free(cert);
    cert = adit_cert_load_or_create(path[0], &cause);
    assert_non_null(cert);
    adit_cert_fingerprint(cert, ADIT_HASH_SHA256, &b);
    assert_memory_equal(&a, &b, sizeof a);
    adit_cert_free(cert);
    /* the key in a file of its own, certificate readable by all */
    char pem[8192], *border;
    size_t n = read_file(path[0], pem, sizeof pem);
    border = strstr(pem, "-----BEGIN CERTIFICATE");
    assert_non_null(border);
    write_file(path[1], border, n - (size_t)(border - pem), 0644);
    write_file(path[2], pem, (size_t)(border - pem), 0400);
    cert = adit_cert_load(path[1], path[2], &cause);
    assert_non_null(cert);
    adit_cert_fingerprint(cert, ADIT_HASH_SHA256, &b);
    assert_memory_equal(&a, &b, sizeof a);
    adit_cert_free(cert);
}

static void assert_refused(const char *cert_path, const char *key_path, int err, const char *word)
{
    struct adit_cause cause = { 0 };

    assert_null(adit_cert_load(cert_path, key_path, &cause));
    if (cause.err != err || !strstr(cause.text, word))
        print_message("%d %s\n", cause.err, cause.text);
    assert_int_equal(cause.err, err);
    assert_non_null(strstr(cause.text, word));
    assert_int_equal(cause.reason, ADIT_REASON_RESOURCE);
}

static void test_bad_files(void **state)
{
    char pem[8192], other[8192], *border;
    struct adit_cause cause = { 0 };

    (void)state;
    unlink(path[1]);
    adit_cert_free(adit_cert_load_or_create(path[0], &cause));
    adit_cert_free(adit_cert_load_or_create(path[1], &cause));
    size_t n = read_file(path[0], pem, sizeof pem);
    read_file(path[1], other, sizeof other);
    border = strstr(pem, "-----BEGIN CERTIFICATE");
    size_t key_len = (size_t)(border - pem);

    assert_refused("/nonexistent/x.pem", NULL, ENOENT, "x.pem");
    assert_refused(dir, NULL, EISDIR, "adit-cert");
    write_file(path[2], "", 0, 0600);
    assert_refused(path[2], NULL, EINVAL, "no usable private key");
    write_file(path[2], pem, key_len, 0600);
    assert_refused(path[2], NULL, EINVAL, "no certificate");
    write_file(path[2], border, n - key_len, 0600);
    assert_refused(path[2], NULL, EINVAL, "no usable private key");
    assert_refused(path[0], path[1], EINVAL, "belong together");
    assert_refused(path[0], "/nonexistent/k", ENOENT, "k:");
    write_file(path[2], pem, n, 0640);
    assert_refused(path[2], NULL, EACCES, "chmod");
    assert_refused(path[0], path[2], EACCES, "chmod");
    for (size_t cut = 0; cut < n - 2; cut += 7) { /* truncated anywhere */
        write_file(path[2], pem, cut, 0600);
        assert_null(adit_cert_load(path[2], NULL, &cause));
    }
    char *big = calloc(1, 100000);
    write_file(path[2], big, 100000, 0600);
    free(big);
    assert_refused(path[2], NULL, EFBIG, "2.pem");
    /* never overwritten, whatever it is */
    write_file(path[2], "precious", 8, 0600);
    assert_null(adit_cert_load_or_create(path[2], &cause));
    assert_int_equal(read_file(path[2], pem, sizeof pem), 8);
    assert_null(adit_cert_load_or_create("/nonexistent/dir/x.pem", &cause));
    assert_int_equal(cause.err, ENOENT);
}

static void test_key_with_passphrase(void **state)
{
    struct adit_cause cause = { 0 };
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *f;

    (void)state;
    adit_cert_free(adit_cert_load_or_create(path[0], &cause));
    unlink(path[3]);
    f = fopen(path[3], "wb");
    assert_int_equal(PEM_write_PKCS8PrivateKey(f, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL),
                     1);
    fclose(f);
    chmod(path[3], 0600);
    EVP_PKEY_free(key);
    assert_refused(path[0], path[3], EINVAL, "no passphrase");
}

static void test_out_of_memory(void **state)
{
    struct adit_cause cause;

    (void)state;
    for (unsigned n = 0;; n++) {
        adit_alloc_fail_at(n);
        struct adit_cert *cert = adit_cert_load_or_create(path[4], &cause);
        adit_alloc_fail_at(UINT64_MAX);
        if (cert) {
            adit_cert_free(cert);
            break;
        }
        assert_int_equal(cause.err, ENOMEM);
        assert_int_equal(access(path[4], F_OK), -1);
    }
    adit_alloc_fail_at(0);
    assert_null(adit_cert_load(path[4], NULL, &cause));
    assert_null(adit_cert_generate());
    adit_alloc_fail_at(UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fingerprint_text),    cmocka_unit_test(test_generated),
        cmocka_unit_test(test_stored_identity),     cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_key_with_passphrase), cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
