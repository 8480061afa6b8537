/* Other stacks: one of our engines against a bare OpenSSL with all kinds of settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "unit/dtls_raw.h"

static const struct raw_settings rows[] = {
    { .name = "P-256", .key = P256, .result = ADIT_DTLS_CONNECTED },
    { .name = "P-384", .key = P384, .result = ADIT_DTLS_CONNECTED },
    { .name = "RSA", .key = RSA_KEY, .result = ADIT_DTLS_CONNECTED },
    { .name = "no use_srtp", .key = P256, .no_srtp = true, .result = ADIT_DTLS_CONNECTED },
    { .name = "small mtu", .key = RSA_KEY, .mtu = 300, .result = ADIT_DTLS_CONNECTED },
    { .name = "no p384", .key = P256, .groups = "X25519:P-256", .result = ADIT_DTLS_CONNECTED },
    { .name = "p256 alone", .key = P256, .groups = "P-256", .result = ADIT_DTLS_CONNECTED },
    { .name = "p384 first", .key = P256, .groups = "P-384:P-256", .result = ADIT_DTLS_CONNECTED },
    { .name = "1.0 or 1.2", .key = P256, .min = DTLS1_VERSION, .result = ADIT_DTLS_CONNECTED },
    { .name = "aes128 alone",
      .key = P256,
      .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256",
      .result = ADIT_DTLS_CONNECTED },
    { .name = "chacha alone",
      .key = P256,
      .ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305",
      .result = ADIT_DTLS_CONNECTED },
    { .name = "CBC first, as aiortc",
      .key = P256,
      .ciphers = "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-AES128-GCM-SHA256",
      .result = ADIT_DTLS_CONNECTED },
    { .name = "CBC alone",
      .key = P256,
      .ciphers = "ECDHE-ECDSA-AES128-SHA",
      .result = ADIT_DTLS_FAILED,
      .reason = ADIT_REASON_PROTOCOL },
    { .name = "no forward secrecy",
      .key = RSA_KEY,
      .ciphers = "AES128-GCM-SHA256",
      .result = ADIT_DTLS_FAILED,
      .reason = ADIT_REASON_PROTOCOL },
    { .name = "anonymous",
      .key = NO_KEY,
      .ciphers = "AECDH-AES128-SHA:ADH-AES128-GCM-SHA256:@SECLEVEL=0",
      .result = ADIT_DTLS_FAILED,
      .reason = ADIT_REASON_PROTOCOL },
    { .name = "other group",
      .key = P256,
      .groups = "P-521",
      .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256",
      .result = ADIT_DTLS_FAILED,
      .reason = ADIT_REASON_PROTOCOL },
    { .name = "DTLS 1.0",
      .key = P256,
      .min = DTLS1_VERSION,
      .max = DTLS1_VERSION,
      .result = ADIT_DTLS_FAILED,
      .reason = ADIT_REASON_PROTOCOL },
};

static void test_settings(void **state)
{
    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        for (int raw_index = 0; raw_index < 2; raw_index++) {
            const struct raw_settings *s = &rows[i];
            struct world *w;
            struct raw r;

            raw_meet(s, raw_index, &w, &r);
            struct end *e = &w->end[!raw_index];
            if (e->state != s->result)
                print_message("%s, role %d: %s, %s\n", s->name, raw_index,
                              adit_dtls_state_name(e->state), e->cause.text);
            assert_int_equal(e->state, s->result);
            if (s->result == ADIT_DTLS_FAILED) {
                assert_int_equal(e->cause.reason, s->reason);
                assert_int_equal(e->up_at, 0);
            } else {
                SRTP_PROTECTION_PROFILE *srtp = SSL_get_selected_srtp_profile(r.ssl);
                assert_true(s->no_srtp ? !srtp : srtp && srtp->id == SRTP_AES128_CM_SHA1_80);
                assert_int_equal(adit_dtls_write(e->d, "hello", 5), 0);
                assert_int_equal(SSL_write(r.ssl, "back", 4), 4);
                raw_flush(&r, w);
                world_run(w, w->now + ADIT_SEC);
                assert_int_equal(e->bytes, 4);
                assert_string_equal(r.got, "hello");
                adit_dtls_close(e->d);
                world_run(w, w->now + ADIT_SEC);
                assert_true(r.closed);
            }
            world_free(w);
            raw_done(&r);
        }
}

/* As seen by us as a server: Certificate is empty. A client always gets one. */
static void test_no_certificate(void **state)
{
    const struct raw_settings s = { .key = NO_KEY };
    struct world *w;
    struct raw r;

    (void)state;
    raw_meet(&s, 0, &w, &r);
    assert_int_equal(w->end[1].state, ADIT_DTLS_FAILED);
    assert_int_equal(w->end[1].cause.reason, ADIT_REASON_NOT_AUTHENTIC);
    assert_int_equal(w->end[1].up_at, 0);
    world_free(w);
    raw_done(&r);
}

/* A server that does not ask for our certificate is still checked by us. */
static void test_server_asks_nothing(void **state)
{
    const struct raw_settings s = { .key = P256, .request_nothing = true };
    struct world *w;
    struct raw r;

    (void)state;
    raw_meet(&s, 1, &w, &r);
    assert_int_equal(w->end[0].state, ADIT_DTLS_CONNECTED);
    r.fp.value[0] ^= 1;
    adit_dtls_expect(w->end[0].d, &r.fp, 1, w->now); /* a later, different promise */
    assert_int_equal(w->end[0].state, ADIT_DTLS_FAILED);
    assert_int_equal(w->end[0].cause.reason, ADIT_REASON_NOT_AUTHENTIC);
    world_free(w);
    raw_done(&r);
}

static int refuse(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

/* The other side does not like our certificate and says so, in either role. */
static void test_refused_by_the_peer(void **state)
{
    const struct raw_settings s = { .key = P256 };

    (void)state;
    for (int raw_index = 0; raw_index < 2; raw_index++) {
        struct world *w = world_new();
        struct raw r;

        raw_init(&r, &s, raw_index);
        SSL_CTX_set_cert_verify_callback(r.ctx, refuse, NULL);
        w->deliver = raw_deliver;
        w->user = &r;
        struct end *e = &w->end[!raw_index];
        e->d = adit_dtls_new(&e->conf, world_ops(), e, w->now);
        adit_dtls_expect(e->d, &r.fp, 1, w->now);
        adit_dtls_start(e->d, w->now);
        raw_go(&r, w);
        world_run(w, w->now + 40 * ADIT_SEC);
        assert_int_equal(e->state, ADIT_DTLS_FAILED);
        assert_int_equal(e->cause.reason, ADIT_REASON_NOT_AUTHENTIC);
        assert_non_null(strstr(e->cause.text, "refused our certificate"));
        world_free(w);
        raw_done(&r);
    }
}

static void connect_raw(struct world **w, struct raw *r, int raw_index)
{
    const struct raw_settings s = { .key = P256 };

    raw_meet(&s, raw_index, w, r);
    assert_int_equal((*w)->end[!raw_index].state, ADIT_DTLS_CONNECTED);
}

static void count_handshake(struct end *e, const void *bytes, size_t n)
{
    (void)n;
    if (*(const uint8_t *)bytes == 22)
        e->w->what++;
}

/* A peer that asks for it may end the connection over our refusal, as OpenSSL does. */
static void test_renegotiation_is_refused(void **state)
{
    (void)state;
    for (int raw_index = 0; raw_index < 2; raw_index++) {
        struct world *w;
        struct raw r;

        connect_raw(&w, &r, raw_index);
        struct end *e = &w->end[!raw_index];
        e->tap = count_handshake;
        SSL_renegotiate(r.ssl);
        SSL_do_handshake(r.ssl);
        raw_flush(&r, w);
        world_run(w, w->now + 10 * ADIT_SEC);
        assert_int_equal(w->what, 0);
        assert_true(e->state == ADIT_DTLS_CONNECTED || e->cause.reason == ADIT_REASON_PROTOCOL);
        world_free(w);
        raw_done(&r);
    }
}

static void test_close_notify_from_peer(void **state)
{
    (void)state;
    for (int raw_index = 0; raw_index < 2; raw_index++) {
        struct world *w;
        struct raw r;

        connect_raw(&w, &r, raw_index);
        SSL_shutdown(r.ssl);
        raw_flush(&r, w);
        world_run(w, w->now + ADIT_SEC);
        assert_int_equal(w->end[!raw_index].state, ADIT_DTLS_CLOSED);
        assert_int_equal(w->end[!raw_index].cause.reason, ADIT_REASON_REMOTE);
        assert_true(r.closed);
        world_free(w);
        raw_done(&r);
    }
}

/* CVE-2022-29222: the promised certificate shown by somebody without its key. On its way the
 * forger's certificate is replaced by the honest one; what is signed is still the forger's. */
struct swap {
    struct raw *r;
    unsigned char *forged, *honest;
    int forged_len, honest_len;
    unsigned swaps;
};

static struct swap swap; /* the raw peer writes through a plain function */

static void swap_certificate(struct world *w, int to, const void *bytes, size_t n)
{
    uint8_t copy[DATAGRAM_MAX];
    uint8_t *at;

    memcpy(copy, bytes, n);
    if (to != swap.r->index && (at = memmem(copy, n, swap.forged, (size_t)swap.forged_len))) {
        memcpy(at, swap.honest, (size_t)swap.honest_len);
        swap.swaps++;
    }
    raw_deliver(w, to, copy, n);
}

static void test_certificate_without_its_key(void **state)
{
    (void)state;
    for (int raw_index = 0; raw_index < 2; raw_index++) {
        const struct raw_settings s = { .key = P256 };
        struct world *w = world_new();
        struct raw r, honest;

        do { /* DER signatures differ in length; an equal one needs no change of headers */
            raw_init(&r, &s, raw_index);
            raw_init(&honest, &s, raw_index);
            swap = (struct swap){ .r = &r };
            swap.forged_len = i2d_X509(r.x509, &swap.forged);
            swap.honest_len = i2d_X509(honest.x509, &swap.honest);
            if (swap.forged_len == swap.honest_len)
                break;
            OPENSSL_free(swap.forged);
            OPENSSL_free(swap.honest);
            raw_done(&r);
            raw_done(&honest);
        } while (true);
        w->deliver = swap_certificate;
        w->user = &r;
        struct end *e = &w->end[!raw_index];
        e->d = adit_dtls_new(&e->conf, world_ops(), e, w->now);
        adit_dtls_expect(e->d, &honest.fp, 1, w->now);
        adit_dtls_start(e->d, w->now);
        raw_go(&r, w);
        world_run(w, w->now + 40 * ADIT_SEC);
        assert_true(swap.swaps > 0);
        assert_int_equal(e->state, ADIT_DTLS_FAILED);
        assert_int_equal(e->up_at, 0);
        OPENSSL_free(swap.forged);
        OPENSSL_free(swap.honest);
        world_free(w);
        raw_done(&r);
        raw_done(&honest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_no_certificate),
        cmocka_unit_test(test_server_asks_nothing),
        cmocka_unit_test(test_refused_by_the_peer),
        cmocka_unit_test(test_renegotiation_is_refused),
        cmocka_unit_test(test_close_notify_from_peer),
        cmocka_unit_test(test_certificate_without_its_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
