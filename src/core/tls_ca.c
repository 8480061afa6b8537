#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "core/tls_inner.h"

/* A static program knows only where its own OpenSSL was meant to live; distributions differ. */
static const char *const directories[] = {
    "/etc/ssl/certs",               /* Debian, Alpine, OpenWrt, SUSE */
    "/etc/pki/tls/certs",           /* Fedora, RHEL */
    "/system/etc/security/cacerts", /* Android, in the older naming */
};
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Alpine, OpenWrt, Arch */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora, RHEL */
    "/etc/pki/tls/certs/ca-bundle.crt",                  /* the same, older */
    "/etc/ssl/ca-bundle.pem",                            /* SUSE */
    "/etc/ssl/cert.pem",                                 /* Alpine, OpenWrt */
    "/usr/local/etc/ssl/cert.pem",
    "/opt/etc/ssl/certs/ca-certificates.crt", /* Entware */
};

static bool add_bundle(X509_STORE *store, const char *path)
{
    return path && access(path, R_OK) == 0 && X509_STORE_load_locations(store, path, NULL) == 1;
}

static bool add_directory(X509_STORE *store, const char *path)
{
    return path && access(path, R_OK | X_OK) == 0 &&
           X509_STORE_load_locations(store, NULL, path) == 1;
}

static bool search_directories(X509_STORE *store)
{
    const char *own = getenv(X509_get_default_cert_dir_env());
    bool any = add_directory(store, own ? own : X509_get_default_cert_dir());

    for (size_t i = 0; !own && i < ADIT_LEN(directories); i++)
        any |= add_directory(store, directories[i]);
    return any;
}

static bool read_bundle(X509_STORE *store)
{
    const char *own = getenv(X509_get_default_cert_file_env());

    if (own)
        return add_bundle(store, own);
    if (add_bundle(store, X509_get_default_cert_file()))
        return true;
    for (size_t i = 0; i < ADIT_LEN(bundles); i++)
        if (add_bundle(store, bundles[i]))
            return true;
    return false;
}

bool adit_tls_ca_add(X509_STORE *store, int step)
{
    bool found = step == 0 ? search_directories(store) : read_bundle(store);

    ERR_clear_error();
    return found;
}
