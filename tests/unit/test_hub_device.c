/* test_hub_device.c - accounts, devices and what they say to each other, in both generations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "base/str.h"
#include "unit/hub_world.h"

#define ERROR(text) "{\"type\":\"error\",\"message\":\"" text "\"}"
#define REASON(text, reason, retry)                                                               \
    "{\"type\":\"error\",\"message\":\"" text "\",\"reason\":\"" reason "\",\"retryable\":" retry \
    "}"
#define ACK(id) "{\"type\":\"ack\",\"message\":\"Message delivered to " id "\"}"
#define CONNECTED(id)                             \
    "{\"type\":\"connected\",\"device_id\":\"" id \
    "\",\"message\":\"Connected to signaling server\"}"
#define ACCOUNT(mail) "{\"email\":\"" mail "\",\"password\":\"correct horse\"}"
#define TOKEN(x)      "{\"access_token\":\"$" x "\",\"token_type\":\"bearer\"}"

static void start(struct hub_world *w)
{
    hub_world_init(w);
    w->conf.registration = true;
    w->conf.limits.request_rate = 1000;
    w->conf.limits.request_burst = 1000;
    hub_world_start(w);
}

/* Account A with devices desk-01 and phone-9, account B with mallory. */
static void populate(struct hub_world *w)
{
    HUB_RUN(w, "z> POST /auth/register <- " ACCOUNT("a@example.org"), "+ 500", "z< 201 " TOKEN("A"),
            "z> POST /auth/register <- " ACCOUNT("b@example.org"), "+ 500", "z< 201 " TOKEN("B"),
            "z> POST /devices/register | Authorization: Bearer $A <- "
            "{\"device_id\":\"desk-01\",\"pubkey\":\"anything\"}",
            "z< 200 {\"id\":\"desk-01\",\"user_id\":1,\"pubkey\":\"anything\",\"created_at\":"
            "\"2023-11-14T22:13:21\",\"last_seen\":\"2023-11-14T22:13:21\"}",
            "z> POST /devices/register | Authorization: Bearer $A <- "
            "{\"device_id\":\"phone-9\",\"pubkey\":\"\"}",
            "z< 200 {\"id\":\"phone-9\",\"user_id\":1,\"pubkey\":\"\",\"created_at\":"
            "\"2023-11-14T22:13:21\",\"last_seen\":\"2023-11-14T22:13:21\"}",
            "z> POST /devices/register | Authorization: Bearer $B <- "
            "{\"device_id\":\"mallory\",\"pubkey\":\"x\"}",
            "z< 200 {\"id\":\"mallory\",\"user_id\":2,\"pubkey\":\"x\",\"created_at\":"
            "\"2023-11-14T22:13:21\",\"last_seen\":\"2023-11-14T22:13:21\"}");
}

static void accounts(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    populate(&w);
    HUB_RUN(&w, "z> POST /auth/register <- " ACCOUNT("a@example.org"),
            "z< 400 {\"detail\":\"Email already registered\"}",
            "z> POST /auth/login <- " ACCOUNT("a@example.org"), "+ 500", "z< 200 " TOKEN("C"),
            "z> POST /auth/login <- {\"email\":\"a@example.org\",\"password\":\"wrong\"}", "+ 500",
            "z< 401 WWW-Authenticate: Bearer | {\"detail\":\"Incorrect email or password\"}",
            "z> POST /auth/login <- " ACCOUNT("c@example.org"), "+ 500",
            "z< 401 WWW-Authenticate: Bearer | {\"detail\":\"Incorrect email or password\"}",
            "z> POST /auth/register <- {\"email\":\"c@example.org\",\"password\":\"1234567\"}",
            "z< 422 {\"detail\":\"password: should have 8 to 1024 characters\"}",
            "z> POST /auth/register <- {\"email\":\"c.example.org\",\"password\":\"12345678\"}",
            "z< 422 {\"detail\":\"email: value is not a valid email address\"}",
            "z> POST /auth/register <- no",
            "z< 422 {\"detail\":\"email: value is not a valid email address\"}",
            "z> GET /auth/login", "z< 404 {\"detail\":\"Not Found\"}");
    assert_null(strstr(w.kept, "correct horse"));
    hub_world_done(&w);
}

static void registration_may_be_closed(void **state)
{
    static const struct adit_hub_token tokens[] = { { "admin", "staff", NULL } };
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    w.conf.tokens = tokens;
    w.conf.token_count = 1;
    hub_world_start(&w);
    HUB_RUN(&w, "z> POST /auth/register <- " ACCOUNT("a@example.org"),
            "z< 403 {\"detail\":\"Registration is closed\"}",
            "z> POST /auth/register | Authorization: Bearer admin <- " ACCOUNT("a@example.org"),
            "+ 500", "z< 201 " TOKEN("A"));
    hub_world_done(&w);
}

static void devices_belong_to_accounts(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    populate(&w);
    HUB_RUN(&w, "z> GET /devices/", "z< 403 {\"detail\":\"Not authenticated\"}",
            "z> GET /devices/ | Authorization: Bearer nonsense",
            "z< 401 WWW-Authenticate: Bearer | {\"detail\":\"Invalid authentication credentials\"}",
            "z> GET /devices/ | authorization: bearer  $B",
            "z< 200 [{\"id\":\"mallory\",\"user_id\":2,\"pubkey\":\"x\",\"created_at\":"
            "\"2023-11-14T22:13:21\",\"last_seen\":\"2023-11-14T22:13:21\"}]",
            "z> POST /devices/register | Authorization: Bearer $B <- "
            "{\"device_id\":\"desk-01\",\"pubkey\":\"mine\"}",
            "z< 403 {\"detail\":\"Device ID belongs to another user\"}",
            "z> POST /devices/register | Authorization: Bearer $B <- {\"device_id\":\"n\"}",
            "z< 422 {\"detail\":\"pubkey: field required\"}",
            "z> POST /devices/register | Authorization: Bearer $B <- {\"pubkey\":\"n\"}",
            "z< 422 {\"detail\":\"device_id: 1 to 128 bytes, and what the token allows\"}",
            "z> POST /devices/dance | Authorization: Bearer $B <- {}",
            "z< 404 {\"detail\":\"Not Found\"}",
            /* at the handshake */
            "d> OPEN /signal?token=$B&device_id=desk-01",
            "d< 403 this device is not registered for this account\n",
            "d> OPEN /signal?token=$B&device_id=unknown",
            "d< 403 this device is not registered for this account\n", "d> OPEN /signal?token=$B",
            "d< 403 this device is not registered for this account\n",
            "d> OPEN /signal?token=nonsense&device_id=mallory",
            "d< 403 this device is not registered for this account\n");
    hub_world_done(&w);
}

static void an_exchange(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    populate(&w);
    HUB_RUN(
        &w, "d> OPEN /signal?token=$A&device_id=desk-01", "d< 101", "d< " CONNECTED("desk-01"),
        "p> OPEN /signal?device_id=phone%2D9&token=$A", "p< 101", "p< " CONNECTED("phone-9"),
        "d> "
        "{\"type\":\"offer\",\"target_device_id\":\"phone-9\",\"payload\":{\"sdp\":\"v=0\","
        "\"type\":"
        "\"offer\"},\"sender_device_id\":\"forged\",\"more\":[1]}",
        "p< "
        "{\"type\":\"offer\",\"target_device_id\":\"phone-9\",\"payload\":{\"sdp\":\"v=0\","
        "\"type\":"
        "\"offer\"},\"sender_device_id\":\"desk-01\",\"more\":[1]}",
        "d< " ACK("phone-9"),
        "p> "
        "{\"type\":\"ice-candidate\",\"target_device_id\":\"desk-01\",\"payload\":{\"candidate\":"
        "\"c\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0}}",
        "d< "
        "{\"type\":\"ice-candidate\",\"target_device_id\":\"desk-01\",\"payload\":{\"candidate\":"
        "\"c\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0},\"sender_device_id\":\"phone-9\"}",
        "p< " ACK("desk-01"), "p> {\"type\":\"dance\",\"target_device_id\":\"desk-01\"}",
        "d< {\"type\":\"dance\",\"target_device_id\":\"desk-01\",\"sender_device_id\":\"phone-9\"}",
        "p< " ACK("desk-01"),
        "p> {\"type\":\"connect-request\",\"target_device_id\":\"desk-01\",\"preferred_transport\":"
        "\"relay\",\"relay_session_id\":\"s-1\"}",
        "d< {\"type\":\"connect-request-received\",\"from_device_id\":\"phone-9\","
        "\"preferred_transport\":\"relay\",\"relay_session_id\":\"s-1\",\"relay_url\":null}",
        "p< " ACK("desk-01"), "p> {\"type\":\"connect-request\",\"target_device_id\":\"desk-01\"}",
        "d< {\"type\":\"connect-request-received\",\"from_device_id\":\"phone-9\","
        "\"preferred_transport\":\"auto\",\"relay_session_id\":null,\"relay_url\":null}",
        "p< " ACK("desk-01"),
        "d> {\"type\":\"connect-ack\",\"target_device_id\":\"phone-9\",\"transport\":\"relay\","
        "\"relay_session_id\":\"s-1\",\"status\":\"connected\"}",
        "p< "
        "{\"type\":\"connect-ack-received\",\"from_device_id\":\"desk-01\",\"transport\":\"relay\","
        "\"relay_session_id\":\"s-1\",\"status\":\"connected\"}",
        "d< " ACK("phone-9"));
    assert_non_null(strstr(w.events, "device met desk-01 phone-9\n"));
    hub_world_done(&w);
}

/* It is named as the client names the server. */
static void the_relay_of_this_server(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    w.conf.carry = true;
    populate(&w);
    HUB_RUN(&w, "d> OPEN /signal?token=$A&device_id=desk-01 | Host: sig.example:8000", "d< 101",
            "d< " CONNECTED("desk-01"), "p> OPEN /signal?device_id=phone%2D9&token=$A", "p< 101",
            "p< " CONNECTED("phone-9"),
            "d> {\"type\":\"connect-request\",\"target_device_id\":\"phone-9\","
            "\"preferred_transport\":\"relay\",\"relay_session_id\":\"d-p\"}",
            "p< {\"type\":\"connect-request-received\",\"from_device_id\":\"desk-01\","
            "\"preferred_transport\":\"relay\",\"relay_session_id\":\"d-p\",\"relay_url\":"
            "\"ws://sig.example:8000\"}",
            "d< " ACK("phone-9"), "x> OPEN /relay/d-p?token=$A", "x< 101",
            "y> OPEN /relay/d-p?token=$A", "y< 101", "y> BINARY hello", "x< BINARY hello");
    hub_world_done(&w);
}

static void mistakes(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    populate(&w);
    HUB_RUN(&w, "d> OPEN /signal?token=$A&device_id=desk-01", "d< 101", "d< " CONNECTED("desk-01"),
            "m> OPEN /signal?token=$B&device_id=mallory", "m< 101", "m< " CONNECTED("mallory"),
            /* another account, a device that is not connected, one that is not */
            "m> {\"type\":\"offer\",\"target_device_id\":\"desk-01\"}",
            "m< " ERROR("Target device desk-01 not connected"),
            "d> {\"type\":\"offer\",\"target_device_id\":\"phone-9\"}",
            "d< " ERROR("Target device phone-9 not connected"),
            "d> {\"type\":\"offer\",\"target_device_id\":\"\"}",
            "d< " ERROR("Target device  not connected"), "d> {\"type\":\"offer\"}",
            "d< " ERROR("Invalid message format: missing type or target_device_id"),
            "d> {\"target_device_id\":\"phone-9\"}",
            "d< " ERROR("Invalid message format: missing type or target_device_id"), "d> []",
            "d< " ERROR("Invalid message format: missing type or target_device_id"), "d> {",
            "d< " ERROR("Invalid JSON format"), "d> LONG 65536",
            "d< " ERROR("Invalid message format: missing type or target_device_id"),
            "d> LONG 65537", "d< " ERROR("Message exceeds 64 KB limit"),
            /* the newer one stays, whoever fails to be it */
            "e> OPEN /signal?token=$A&device_id=desk-01", "e< 101",
            "d< CLOSE 1008 a newer connection has this id", "e< " CONNECTED("desk-01"), "d> GONE",
            "m> GONE", "m> OPEN /signal?token=$B&device_id=desk-01",
            "m< 403 this device is not registered for this account\n",
            "p> OPEN /signal?token=$A&device_id=phone-9", "p< 101", "p< " CONNECTED("phone-9"),
            "p> {\"type\":\"x\",\"target_device_id\":\"desk-01\"}",
            "e< {\"type\":\"x\",\"target_device_id\":\"desk-01\",\"sender_device_id\":\"phone-9\"}",
            "p< " ACK("desk-01"));
    hub_world_done(&w);
}

static void logins_expire(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    populate(&w);
    hub_sleep(&w, (adit_time)(86400 - 2) * ADIT_SEC);
    HUB_RUN(&w, "d> OPEN /signal?token=$A&device_id=desk-01", "d< 101", "d< " CONNECTED("desk-01"),
            "d> GONE");
    hub_sleep(&w, 2 * ADIT_SEC);
    HUB_RUN(&w, "d> OPEN /signal?token=$A&device_id=desk-01",
            "d< 403 this device is not registered for this account\n");
    hub_world_done(&w);
}

static void a_restart_loses_nothing(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    populate(&w);
    hub_world_restart(&w);
    HUB_RUN(&w, "d> OPEN /signal?token=$A&device_id=desk-01", "d< 101", "d< " CONNECTED("desk-01"),
            "z> POST /auth/login <- " ACCOUNT("b@example.org"), "+ 500", "z< 200 " TOKEN("E"),
            "z> POST /auth/register <- " ACCOUNT("c@example.org"), "+ 500", "z< 201 " TOKEN("F"),
            "z> POST /devices/register | Authorization: Bearer $F <- "
            "{\"device_id\":\"n\",\"pubkey\":\"k\"}",
            "z< 200 {\"id\":\"n\",\"user_id\":3,\"pubkey\":\"k\",\"created_at\":"
            "\"$G\",\"last_seen\":\"$G\"}");
    hub_world_done(&w);
}

static void what_cannot_be_kept_is_not_done(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    populate(&w);
    w.full_disk = true;
    HUB_RUN(&w, "z> POST /auth/register <- " ACCOUNT("c@example.org"), "+ 500",
            "z< 507 {\"detail\":\"The account could not be kept\"}",
            "z> POST /devices/register | Authorization: Bearer $A <- "
            "{\"device_id\":\"new\",\"pubkey\":\"k\"}",
            "z< 507 {\"detail\":\"The device could not be kept\"}",
            "z> POST /devices/register | Authorization: Bearer $B <- "
            "{\"device_id\":\"mallory\",\"pubkey\":\"k\"}",
            "z< 507 {\"detail\":\"The device could not be kept\"}");
    w.full_disk = false;
    HUB_RUN(&w, "z> POST /auth/login <- " ACCOUNT("c@example.org"), "+ 500",
            "z< 401 WWW-Authenticate: Bearer | {\"detail\":\"Incorrect email or password\"}",
            "z> GET /devices/ | Authorization: Bearer $B",
            "z< 200 [{\"id\":\"mallory\",\"user_id\":2,\"pubkey\":\"x\",\"created_at\":\"$H\","
            "\"last_seen\":\"$I\"}]");
    hub_world_done(&w);
}

/* Logins are hashed a little at a time; whoever comes meanwhile is served, and one who leaves
 * costs nothing any more. */
static void a_flood_of_logins(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    for (int i = 0; i < 25; i++) {
        char line[128];
        snprintf(line, sizeof line, "%c> POST /auth/login <- " ACCOUNT("a@example.org"), 'a' + i);
        hub_step(&w, line);
    }
    assert_true(adit_hub_deadline(w.hub) <= w.now);
    adit_hub_tick(w.hub, w.now);
    assert_true(adit_hub_deadline(w.hub) == w.now + 1); /* after one link, not after all */
    HUB_RUN(&w, "z> GET /devices/", "z< 403 {\"detail\":\"Not authenticated\"}");
    for (int i = 0; i < 24; i++) {
        char line[16];
        snprintf(line, sizeof line, "%c> GONE", 'a' + i);
        hub_step(&w, line);
    }
    HUB_RUN(&w, "+ 500",
            "y< 401 WWW-Authenticate: Bearer | {\"detail\":\"Incorrect email or password\"}");
    hub_world_done(&w);
}

/* ---- the second generation ------------------------------------------------------------------- */

struct key {
    EVP_PKEY *pkey;
    char public_text[48];
};

static void key_make(struct key *k, uint8_t seed)
{
    uint8_t bytes[32];
    size_t n = sizeof bytes;

    memset(bytes, seed, sizeof bytes);
    k->pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes, sizeof bytes);
    assert_int_equal(EVP_PKEY_get_raw_public_key(k->pkey, bytes, &n), 1);
    k->public_text[adit_base64_encode(k->public_text, bytes, n, false)] = '\0';
}

/* Signs the text, and makes the result $name. */
static void key_sign(struct hub_world *w, const struct key *k, const char *text, char name)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t mac[64];
    size_t n = sizeof mac;

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pkey), 1);
    assert_int_equal(EVP_DigestSign(ctx, mac, &n, (const uint8_t *)text, strlen(text)), 1);
    EVP_MD_CTX_free(ctx);
    free(w->values[(int)name]);
    w->values[(int)name] = calloc(1, adit_base64_size(n));
    adit_base64_encode(w->values[(int)name], mac, n, false);
}

static void set(struct hub_world *w, char name, const char *text)
{
    free(w->values[(int)name]);
    w->values[(int)name] = text ? strdup(text) : NULL;
}

#define CHALLENGE(id)                                                                      \
    "z> POST /devices/challenge | Authorization: Bearer $A <- {\"device_id\":\"" id "\"}", \
        "z< 200 {\"device_id\":\"" id "\",\"challenge\":\"$N\",\"context\":"               \
        "\"lem-device-register-v1\",\"expires_in\":120}"
#define REGISTER(id, more)                                                         \
    "z> POST /devices/register | Authorization: Bearer $A <- {\"device_id\":\"" id \
    "\",\"pubkey\":\"$K\",\"challenge\":\"$N\",\"signature\":\"$S\"" more "}"

static void sign_for(struct hub_world *w, const struct key *k, const char *context, const char *id,
                     const char *more, char name)
{
    char text[512];

    snprintf(text, sizeof text, "%s:%s:%s%s%s", context, id, hub_value(w, 'N'), more ? ":" : "",
             more ? more : "");
    key_sign(w, k, text, name);
}

static void keys_are_pinned(void **state)
{
    struct hub_world w;
    struct key first, second;

    (void)state;
    start(&w);
    populate(&w);
    key_make(&first, 1);
    key_make(&second, 2);
    set(&w, 'K', first.public_text);
    HUB_RUN(&w, CHALLENGE("desk-01"));
    sign_for(&w, &first, "lem-device-register-v1", "desk-01", NULL, 'S');
    HUB_RUN(&w, REGISTER("desk-01", ""),
            "z< 200 {\"id\":\"desk-01\",\"user_id\":1,\"pubkey\":\"$K\",\"created_at\":\"$T\","
            "\"last_seen\":\"$U\"}",
            /* the same again is a replay */
            REGISTER("desk-01", ""),
            "z< 401 WWW-Authenticate: Bearer | {\"detail\":\"This challenge is not known, has "
            "expired, or was used before\"}",
            /* without proof, as the first generation does it */
            "z> POST /devices/register | Authorization: Bearer $A <- "
            "{\"device_id\":\"desk-01\",\"pubkey\":\"other\"}",
            "z< 403 {\"detail\":\"The key of this device is pinned: challenge and signature are "
            "needed\"}");
    /* Another key: its own proof is not enough, that of the key on file is. */
    set(&w, 'N', NULL);
    set(&w, 'K', second.public_text);
    HUB_RUN(&w, CHALLENGE("desk-01"));
    sign_for(&w, &second, "lem-device-register-v1", "desk-01", NULL, 'S');
    HUB_RUN(
        &w, REGISTER("desk-01", ""),
        "z< 403 {\"detail\":\"previous_signature by the key on file is needed to replace it\"}");
    set(&w, 'N', NULL);
    HUB_RUN(&w, CHALLENGE("desk-01"));
    sign_for(&w, &second, "lem-device-register-v1", "desk-01", NULL, 'S');
    sign_for(&w, &first, "lem-device-rotate-v1", "desk-01", second.public_text, 'P');
    HUB_RUN(&w, REGISTER("desk-01", ",\"previous_signature\":\"$P\""),
            "z< 200 {\"id\":\"desk-01\",\"user_id\":1,\"pubkey\":\"$K\",\"created_at\":\"$T\","
            "\"last_seen\":\"$U\"}");
    /* A signature for something else, and one that came too late. */
    set(&w, 'N', NULL);
    HUB_RUN(&w, CHALLENGE("desk-01"));
    sign_for(&w, &second, "lem-signaling-connect-v1", "desk-01", NULL, 'S');
    HUB_RUN(&w, REGISTER("desk-01", ""),
            "z< 401 WWW-Authenticate: Bearer | {\"detail\":\"Device key verification failed\"}");
    set(&w, 'N', NULL);
    HUB_RUN(&w, CHALLENGE("desk-01"));
    sign_for(&w, &second, "lem-device-register-v1", "desk-01", NULL, 'S');
    HUB_RUN(&w, "+ 120000", REGISTER("desk-01", ""),
            "z< 401 WWW-Authenticate: Bearer | {\"detail\":\"This challenge is not known, has "
            "expired, or was used before\"}",
            "z> POST /devices/register | Authorization: Bearer $A <- {\"device_id\":\"n\","
            "\"pubkey\":\"short\",\"challenge\":\"x\",\"signature\":\"y\"}",
            "z< 422 {\"detail\":\"pubkey is base64 of 32 bytes, and challenge and signature go "
            "together\"}");
    /* All of it outlives a restart. */
    hub_world_restart(&w);
    HUB_RUN(&w,
            "z> POST /devices/register | Authorization: Bearer $A <- "
            "{\"device_id\":\"desk-01\",\"pubkey\":\"other\"}",
            "z< 403 {\"detail\":\"The key of this device is pinned: challenge and signature are "
            "needed\"}");
    EVP_PKEY_free(first.pkey);
    EVP_PKEY_free(second.pkey);
    hub_world_done(&w);
}

/* Device id with this key, registered. */
static void pin(struct hub_world *w, const struct key *k, const char *id)
{
    char line[512];

    set(w, 'N', NULL);
    set(w, 'K', k->public_text);
    snprintf(line, sizeof line,
             "z> POST /devices/challenge | Authorization: Bearer $A <- {\"device_id\":\"%s\"}", id);
    hub_step(w, line);
    snprintf(line, sizeof line,
             "z< 200 {\"device_id\":\"%s\",\"challenge\":\"$N\",\"context\":"
             "\"lem-device-register-v1\",\"expires_in\":120}",
             id);
    hub_step(w, line);
    sign_for(w, k, "lem-device-register-v1", id, NULL, 'S');
    snprintf(line, sizeof line,
             "z> POST /devices/register | Authorization: Bearer $A <- {\"device_id\":\"%s\","
             "\"pubkey\":\"$K\",\"challenge\":\"$N\",\"signature\":\"$S\"}",
             id);
    hub_step(w, line);
    hub_forget(w);
    set(w, 'N', NULL);
}

#define SAY_AUTH(c, id) c "> {\"type\":\"auth\",\"token\":\"$A\",\"device_id\":\"" id "\"}"
#define ASKED(c, id)                                                                         \
    c "< {\"type\":\"challenge\",\"device_id\":\"" id "\",\"challenge\":\"$N\",\"context\":" \
      "\"lem-signaling-connect-v1\"}"
#define SAY_SIGNED(c) c "> {\"type\":\"auth-response\",\"signature\":\"$S\"}"
#define IN(c, id)                                                                                \
    c "< {\"type\":\"connected\",\"device_id\":\"" id "\",\"message\":\"Connected to signaling " \
      "server\",\"ice_servers\":[]}"

static void by_key(void **state)
{
    struct hub_world w;
    struct key k, other;

    (void)state;
    start(&w);
    populate(&w);
    key_make(&k, 1);
    key_make(&other, 2);
    pin(&w, &k, "desk-01");
    pin(&w, &k, "phone-9");
    w.conf.relay_url = "wss://relay.example";
    w.conf.carry = true;
    HUB_RUN(&w, "d> OPEN /signal", "d< 101", SAY_AUTH("d", "desk-01"), ASKED("d", "desk-01"));
    sign_for(&w, &k, "lem-signaling-connect-v1", "desk-01", NULL, 'S');
    HUB_RUN(&w, SAY_SIGNED("d"), IN("d", "desk-01"));
    /* The same answer again, for a new question. */
    set(&w, 'N', NULL);
    HUB_RUN(
        &w, "m> OPEN /signal", "m< 101", SAY_AUTH("m", "desk-01"), ASKED("m", "desk-01"),
        SAY_SIGNED("m"),
        "m< " REASON("Device key verification failed", "device-key-verification-failed", "false"),
        "m< CLOSE 1008 Device key verification failed", "m> GONE");
    set(&w, 'N', NULL);
    HUB_RUN(&w, "m> OPEN /", "m< 101", SAY_AUTH("m", "desk-01"), ASKED("m", "desk-01"));
    sign_for(&w, &other, "lem-signaling-connect-v1", "desk-01", NULL, 'S');
    HUB_RUN(
        &w, SAY_SIGNED("m"),
        "m< " REASON("Device key verification failed", "device-key-verification-failed", "false"),
        "m< CLOSE 1008 Device key verification failed", "m> GONE");
    /* The first one is still there. */
    set(&w, 'N', NULL);
    HUB_RUN(&w, "p> OPEN /", "p< 101", SAY_AUTH("p", "phone-9"), ASKED("p", "phone-9"));
    sign_for(&w, &k, "lem-signaling-connect-v1", "phone-9", NULL, 'S');
    HUB_RUN(&w, SAY_SIGNED("p"), IN("p", "phone-9"),
            "p> {\"type\":\"offer\",\"target_device_id\":\"desk-01\",\"payload\":1}",
            "d< {\"type\":\"offer\",\"target_device_id\":\"desk-01\",\"payload\":1,"
            "\"sender_device_id\":\"phone-9\"}",
            "p< " ACK("desk-01"), "p> {\"type\":\"offer\",\"target_device_id\":\"x\"}",
            "p< " REASON("Target device is not available", "target-unavailable", "true"),
            "p> {\"type\":\"offer\"}",
            "p< " REASON("Invalid message format: missing type or target_device_id",
                         "protocol-error", "false"),
            "p> {\"type\":\"connect-request\",\"target_device_id\":\"phone-9\"}",
            "p< " REASON("Cannot open a relay session to the same device", "same-device", "false"),
            "p> {\"type\":\"connect-request\",\"target_device_id\":\"desk-01\","
            "\"relay_session_id\":\"chosen\"}",
            "d< {\"type\":\"connect-request-received\",\"from_device_id\":\"phone-9\","
            "\"preferred_transport\":\"auto\",\"relay_session_id\":\"$R\",\"relay_url\":"
            "\"wss://relay.example\",\"relay_token\":\"$X\",\"relay_token_expires_in\":120}",
            "p< {\"type\":\"connect-request-sent\",\"target_device_id\":\"desk-01\","
            "\"relay_session_id\":\"$R\",\"relay_url\":\"wss://relay.example\",\"relay_token\":"
            "\"$Y\",\"relay_token_expires_in\":120}",
            /* which is what they are for */
            "x> OPEN /relay/$R", "x< 101", "x> {\"type\":\"auth\",\"token\":\"$X\"}",
            "y> OPEN /relay/$R", "y< 101", "y> {\"type\":\"auth\",\"token\":\"$Y\"}",
            "x> BINARY hello", "y< BINARY hello", "x> GONE", "y< CLOSE 1000 session-closed",
            "y> GONE",
            /* a grant is no login */
            "z> GET /devices/ | Authorization: Bearer $X",
            "z< 401 WWW-Authenticate: Bearer | {\"detail\":\"Invalid authentication credentials\"}",
            "p> {", "p< " REASON("Invalid JSON format", "protocol-error", "false"),
            "p< CLOSE 1008 Invalid JSON format", "d> LONG 65537",
            "d< " REASON("Message exceeds 64 KB limit", "protocol-error", "false"),
            "d< CLOSE 1008 Message exceeds 64 KB limit");
    assert_string_not_equal(hub_value(&w, 'R'), "chosen");
    assert_string_not_equal(hub_value(&w, 'X'), hub_value(&w, 'Y'));
    EVP_PKEY_free(k.pkey);
    EVP_PKEY_free(other.pkey);
    hub_world_done(&w);
}

static void by_key_refused(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    populate(&w);
    HUB_RUN(&w, "d> OPEN /signal", "d< 101",
            "d> {\"type\":\"offer\",\"target_device_id\":\"phone-9\"}",
            "d< " REASON("First message must be auth message", "protocol-error", "false"),
            "d< CLOSE 1008 First message must be auth message", "d> GONE", "d> OPEN /signal",
            "d< 101", "d> {\"type\":\"auth\",\"device_id\":\"desk-01\"}",
            "d< " REASON("Auth message missing token or device_id", "protocol-error", "false"),
            "d< CLOSE 1008 Auth message missing token or device_id", "d> GONE", "d> OPEN /signal",
            "d< 101", "d> {\"type\":\"auth\",\"token\":\"$B\",\"device_id\":\"desk-01\"}",
            "d< " REASON("Authentication failed", "auth-failed", "false"),
            "d< CLOSE 1008 Authentication failed", "d> GONE", "d> OPEN /signal", "d< 101",
            SAY_AUTH("d", "desk-01"), ASKED("d", "desk-01"), "d> {\"type\":\"offer\"}",
            "d< " REASON("Expected auth-response message", "protocol-error", "false"),
            "d< CLOSE 1008 Expected auth-response message", "d> GONE", "d> OPEN /signal", "d< 101",
            "+ 10000", "d< CLOSE 1008 nothing was said in time");
    hub_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accounts),
        cmocka_unit_test(registration_may_be_closed),
        cmocka_unit_test(devices_belong_to_accounts),
        cmocka_unit_test(an_exchange),
        cmocka_unit_test(the_relay_of_this_server),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(logins_expire),
        cmocka_unit_test(a_restart_loses_nothing),
        cmocka_unit_test(what_cannot_be_kept_is_not_done),
        cmocka_unit_test(a_flood_of_logins),
        cmocka_unit_test(keys_are_pinned),
        cmocka_unit_test(by_key),
        cmocka_unit_test(by_key_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
