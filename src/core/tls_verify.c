#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/digest.h"
#include "base/str.h"
#include "core/reactor.h"
#include "core/tls_inner.h"

/* ---- keys ------------------------------------------------------------------------------------ */

bool adit_tls_key_hash(uint8_t out[32], const X509 *cert)
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

    if (len <= 0)
        return false;
    adit_sha256(out, der, (size_t)len);
    OPENSSL_free(der);
    return true;
}

char *adit_tls_pin_print(char out[ADIT_TLS_PIN_SIZE], const uint8_t hash[32])
{
    memcpy(out, "sha256/", 7);
    adit_base64_encode(out + 7, hash, 32, false);
    return out;
}

static bool is_pinned(const struct adit_tls_client *c, const X509 *cert)
{
    uint8_t hash[32];

    if (!adit_tls_key_hash(hash, cert))
        return false;
    for (size_t i = 0; i < c->pin_count; i++)
        if (memcmp(c->pins[i], hash, sizeof hash) == 0)
            return true;
    return false;
}

/* ---- words ----------------------------------------------------------------------------------- */

#define DATE_SIZE 16

static char *print_date(char out[DATE_SIZE], const struct tm *tm)
{
    if (strftime(out, DATE_SIZE, "%Y-%m-%d", tm) == 0)
        strcpy(out, "?");
    return out;
}

static char *date_of(char out[DATE_SIZE], const ASN1_TIME *at)
{
    struct tm tm;

    return ASN1_TIME_to_tm(at, &tm) == 1 ? print_date(out, &tm) : strcpy(out, "?");
}

static char *today(char out[DATE_SIZE])
{
    time_t wall = (time_t)adit_loop_wall();
    struct tm tm;

    return gmtime_r(&wall, &tm) ? print_date(out, &tm) : strcpy(out, "?");
}

/* The first name in the certificate, for a person. */
static char *name_of(char *out, size_t size, X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int i = X509_NAME_get_index_by_NID(X509_get_subject_name(cert), NID_commonName, -1);
    const ASN1_STRING *text = NULL;

    for (int n = 0; !text && n < sk_GENERAL_NAME_num(names); n++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, n);
        if (name->type == GEN_DNS)
            text = name->d.dNSName;
    }
    if (!text && i >= 0)
        text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(X509_get_subject_name(cert), i));
    if (text)
        adit_str_printable(out, size, ASN1_STRING_get0_data(text),
                           (size_t)ASN1_STRING_length(text));
    else
        (void)!adit_str_copy(out, size, "others", 6);
    GENERAL_NAMES_free(names);
    return out;
}

static void explain(struct adit_cause *cause, int error, X509 *cert, X509 *leaf, const char *wanted)
{
    char date[DATE_SIZE], now[DATE_SIZE], name[32], pin[ADIT_TLS_PIN_SIZE];
    uint8_t hash[32];

    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        adit_cause_set(cause, ADIT_REASON_NOT_AUTHENTIC, EKEYEXPIRED,
                       "its certificate expired on %s; the clock of this machine says %s",
                       date_of(date, X509_get0_notAfter(cert)), today(now));
        return;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        adit_cause_set(cause, ADIT_REASON_NOT_AUTHENTIC, EKEYREJECTED,
                       "its certificate is valid from %s; the clock of this machine says %s",
                       date_of(date, X509_get0_notBefore(cert)), today(now));
        return;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        adit_cause_set(cause, ADIT_REASON_NOT_AUTHENTIC, EKEYREJECTED,
                       "its certificate is for %s, not for %.40s", name_of(name, sizeof name, leaf),
                       wanted);
        return;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        if (adit_tls_key_hash(hash, leaf)) {
            adit_cause_set(cause, ADIT_REASON_NOT_AUTHENTIC, EKEYREJECTED,
                           "no known CA signed its certificate; key: %s",
                           adit_tls_pin_print(pin, hash));
            return;
        }
        break;
    default:
        break;
    }
    adit_cause_set(cause, ADIT_REASON_NOT_AUTHENTIC, EKEYREJECTED, "its certificate: %s",
                   X509_verify_cert_error_string(error));
}

/* ---- the chain ------------------------------------------------------------------------------- */

static bool set_wanted(X509_STORE_CTX *ctx, const struct adit_tls_conn *conn)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set_auth_level(param, SSL_CTX_get_security_level(conn->client->ctx));
    if (conn->client->store) /* what the user named is believed, self-signed or not */
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    return conn->is_address ? X509_VERIFY_PARAM_set1_ip_asc(param, conn->name) == 1
                            : X509_VERIFY_PARAM_set1_host(param, conn->name, 0) == 1;
}

static bool chain_has_pin(const struct adit_tls_client *c, X509_STORE_CTX *ctx)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);

    for (int i = 0; i < sk_X509_num(chain); i++)
        if (is_pinned(c, sk_X509_value(chain, i)))
            return true;
    return false;
}

/* Returns X509_V_OK or why not, and then explains. */
static int check(struct adit_tls_conn *conn, X509_STORE *store, X509 *leaf,
                 STACK_OF(X509) * untrusted)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int error = X509_V_ERR_OUT_OF_MEM;
    X509 *cert = leaf;

    if (ctx && X509_STORE_CTX_init(ctx, store, leaf, untrusted) == 1 &&
        X509_STORE_CTX_set_default(ctx, "ssl_server") == 1 && set_wanted(ctx, conn)) {
        bool good = X509_verify_cert(ctx) == 1;

        error = X509_STORE_CTX_get_error(ctx);
        if (!good && error == X509_V_OK)
            error = X509_V_ERR_UNSPECIFIED;
        if (X509_STORE_CTX_get_current_cert(ctx))
            cert = X509_STORE_CTX_get_current_cert(ctx);
    }
    if (error != X509_V_OK) {
        explain(&conn->refused, error, cert, leaf, conn->name);
    } else if (conn->client->pin_count && !chain_has_pin(conn->client, ctx)) {
        error = X509_V_ERR_CERT_UNTRUSTED;
        adit_cause_set(&conn->refused, ADIT_REASON_NOT_AUTHENTIC, EKEYREJECTED,
                       "its key is not the pinned one");
    } else {
        conn->refused.reason = ADIT_REASON_NONE;
    }
    X509_STORE_CTX_free(ctx);
    return error;
}

static bool may_be_elsewhere(int error)
{
    return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
           error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
           error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
           error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
           error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
}

/* A directory gives the one CA that is wanted; a bundle has to be read whole, so it comes second.
 */
static int check_system(struct adit_tls_conn *conn, X509 *leaf, STACK_OF(X509) * untrusted)
{
    X509_STORE *store = X509_STORE_new();
    int error = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    bool any = false;

    for (int step = 0; store && step < ADIT_TLS_CA_STEPS && may_be_elsewhere(error); step++) {
        if (!adit_tls_ca_add(store, step))
            continue;
        any = true;
        error = check(conn, store, leaf, untrusted);
    }
    if (!any)
        adit_cause_set(
            &conn->refused, ADIT_REASON_NOT_AUTHENTIC, ENOENT,
            "this system has no list of CAs: install ca-certificates, or name a CA file");
    X509_STORE_free(store);
    return error;
}

int adit_tls_verify(X509_STORE_CTX *presented, void *arg)
{
    const struct adit_tls_client *client = arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(presented, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct adit_tls_conn *conn = SSL_get_app_data(ssl);
    X509 *leaf = X509_STORE_CTX_get0_cert(presented);
    STACK_OF(X509) *untrusted = X509_STORE_CTX_get0_untrusted(presented);
    int error = X509_V_OK;

    if (is_pinned(client, leaf)) {
        error = X509_V_OK;
    } else if (client->insecure) {
        error = client->pin_count ? X509_V_ERR_CERT_UNTRUSTED : X509_V_OK;
        if (error)
            adit_cause_set(&conn->refused, ADIT_REASON_NOT_AUTHENTIC, EKEYREJECTED,
                           "its key is not the pinned one");
    } else if (client->store) {
        error = check(conn, client->store, leaf, untrusted);
    } else {
        error = check_system(conn, leaf, untrusted);
    }
    X509_STORE_CTX_set_error(presented, error);
    ERR_clear_error();
    return error == X509_V_OK;
}
