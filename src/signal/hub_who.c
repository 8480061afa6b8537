/* hub_who.c - tokens, and what they allow. */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/str.h"
#include "signal/hub_accounts.h"
#include "signal/hub_inner.h"

struct adit_span adit_hub_secret(const struct adit_hub *hub)
{
    const struct adit_jwt_keys *keys = &hub->conf->keys;

    if (keys->secret)
        return (struct adit_span){ .data = keys->secret, .len = keys->secret_len };
    return (struct adit_span){ .data = hub->accounts->secret, .len = sizeof hub->accounts->secret };
}

/* ---- lines of the token file ----------------------------------------------------------------- */

/* The digests are compared, so neither length nor content shows in the time it takes; and all of
 * them, so neither does the place. */
static const struct adit_hub_token *find_token(const struct adit_hub *hub, const char *token)
{
    const struct adit_hub_token *found = NULL;
    uint8_t given[32], own[32];

    adit_sha256(given, token, strlen(token));
    for (size_t i = 0; i < hub->conf->token_count; i++) {
        const struct adit_hub_token *t = &hub->conf->tokens[i];
        adit_sha256(own, t->secret, strlen(t->secret));
        if (adit_equal_secret(given, own, sizeof own))
            found = t;
    }
    return found;
}

static void who_of_token(const struct adit_hub_token *t, struct adit_hub_who *who)
{
    uint8_t digest[32];

    who->known = true;
    snprintf(who->ids, sizeof who->ids, "%s", t->ids ? t->ids : "");
    if (t->account) {
        snprintf(who->account, sizeof who->account, "account:%s", t->account);
        return;
    }
    adit_sha256(digest, t->secret, strlen(t->secret));
    snprintf(who->account, sizeof who->account, "token:%02x%02x%02x%02x%02x%02x%02x%02x", digest[0],
             digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]);
}

/* ---- web tokens ------------------------------------------------------------------------------ */

/* "ids": "a,b-*" or ["a", "b-*"]. */
static bool read_ids(const json_t *claims, struct adit_hub_who *who)
{
    const json_t *ids = json_object_get(claims, "ids"), *v;
    struct adit_buf out;
    size_t i;
    bool good;

    if (!ids)
        return true;
    adit_buf_init(&out, ADIT_HUB_RULES_MAX);
    if (json_is_string(ids))
        adit_buf_printf(&out, "%s", json_string_value(ids));
    json_array_foreach(ids, i, v)
        adit_buf_printf(&out, "%s%s", i ? "," : "", json_is_string(v) ? json_string_value(v) : "");
    good = !out.err && out.len > 0; /* a rule that cannot be read allows nothing */
    if (good)
        memcpy(who->ids, adit_buf_str(&out), out.len + 1);
    adit_buf_done(&out);
    return good;
}

static bool who_of_claims(const json_t *claims, bool ours, struct adit_hub_who *who)
{
    const json_t *user = json_object_get(claims, "user_id");
    const char *account = adit_json_string(claims, "account"),
               *sub = adit_json_string(claims, "sub");
    int n;

    if (json_object_get(claims, "scope") || !read_ids(claims, who)) /* it is for something else */
        return false;
    if (ours && json_is_integer(user)) {
        who->user_id = json_integer_value(user);
        who->devices = true;
        n = snprintf(who->account, sizeof who->account, "user:%lld", (long long)who->user_id);
    } else if (account && *account) {
        n = snprintf(who->account, sizeof who->account, "account:%s", account);
    } else if (sub && *sub) {
        n = snprintf(who->account, sizeof who->account, "sub:%s", sub);
    } else {
        return false;
    }
    who->known = n > 0 && (size_t)n < sizeof who->account;
    return who->known;
}

static int identify_jwt(struct adit_hub *hub, const char *token, struct adit_hub_who *who,
                        struct adit_cause *cause)
{
    struct adit_span secret = adit_hub_secret(hub);
    struct adit_jwt_keys own = { .secret = secret.data,
                                 .secret_len = secret.len,
                                 .audience =
                                     hub->conf->keys.secret ? hub->conf->keys.audience : NULL,
                                 .skew = hub->conf->keys.skew };
    struct adit_jwt_keys foreign = hub->conf->keys;
    int64_t wall = hub->ops->wall(hub->arg);
    bool ours = true, good;
    json_t *claims = adit_jwt_read(token, strlen(token), &own, wall, cause);

    foreign.secret = NULL; /* tried above */
    if (!claims && foreign.ed25519) {
        ours = false;
        claims = adit_jwt_read(token, strlen(token), &foreign, wall, cause);
    }
    if (!claims)
        return -EACCES;
    good = who_of_claims(claims, ours, who);
    json_decref(claims);
    if (good)
        return 0;
    adit_cause_set(cause, ADIT_REASON_PROTOCOL, EACCES, "the token names nobody, or another use");
    return -EACCES;
}

/* ---- anybody --------------------------------------------------------------------------------- */

int adit_hub_identify(struct adit_hub *hub, const char *token, struct adit_hub_who *ret_who,
                      struct adit_cause *ret_cause)
{
    const struct adit_hub_conf *conf = hub->conf;
    bool only_anonymous =
        conf->anonymous && conf->token_count == 0 && !conf->keys.secret && !conf->keys.ed25519;
    const struct adit_hub_token *t;

    *ret_who = (struct adit_hub_who){ 0 };
    if (token && *token) {
        t = find_token(hub, token);
        if (t) {
            who_of_token(t, ret_who);
            return 0;
        }
        if (identify_jwt(hub, token, ret_who, ret_cause) == 0)
            return 0;
        *ret_who = (struct adit_hub_who){ 0 };
        /* The original servers of three dialects look at no token, and their clients send any. */
        if (!strchr(token, '.'))
            adit_cause_set(ret_cause, ADIT_REASON_PROTOCOL, EACCES, "this token is not known here");
        if (!only_anonymous)
            return -EACCES;
    }
    ret_who->known = conf->anonymous;
    if (conf->anonymous)
        return 0;
    adit_cause_set(ret_cause, ADIT_REASON_PROTOCOL, EACCES, "a token is needed");
    return -ENOENT;
}

bool adit_hub_token_of(const struct adit_hub_request *request, char *out, size_t size)
{
    const char *header = adit_hub_header(request, "authorization");

    if (header && strncasecmp(header, "bearer ", 7) == 0) {
        header += 7 + strspn(header + 7, " ");
        return adit_str_copy(out, size, header, strlen(header)) == 0 && *out;
    }
    return adit_hub_query(request, "token", out, size) == 0 && *out;
}

static bool matches(const char *rule, size_t n, const char *id)
{
    if (n > 0 && rule[n - 1] == '*')
        return strncmp(rule, id, n - 1) == 0;
    return strlen(id) == n && memcmp(rule, id, n) == 0;
}

bool adit_hub_may_be(const char *rules, const char *id)
{
    while (*rules) {
        size_t n = strcspn(rules, ",");
        if (matches(rules, n, id))
            return true;
        rules += n + (rules[n] == ',');
    }
    return false;
}

int adit_hub_client_is(struct adit_hub_client *c, const struct adit_hub_who *who)
{
    c->known = who->known;
    if (*who->account) {
        c->account = adit_strdup(who->account);
        if (!c->account)
            return -ENOMEM;
    }
    if (*who->ids) {
        c->ids = adit_strdup(who->ids);
        if (!c->ids)
            return -ENOMEM;
    }
    return 0;
}

bool adit_hub_admit(struct adit_hub_client *c, const json_t *message, adit_time now)
{
    const char *token = adit_json_string(message, "token");
    struct adit_hub_who who;
    struct adit_cause cause;

    if (c->known)
        return true;
    if (adit_hub_identify(c->hub, token, &who, &cause) == 0) {
        if (adit_hub_client_is(c, &who) == 0)
            return true;
        adit_hub_drop(c, ADIT_HUB_CLOSE_ERROR, "no memory", now);
        return false;
    }
    adit_hub_address_ask(c->hub, c->address, ADIT_HUB_WRONG_COST, now);
    adit_hub_emit(c, ADIT_HUB_REFUSED, NULL, cause.text);
    adit_hub_say_error(c, "%s", cause.text);
    adit_hub_drop(c, ADIT_HUB_CLOSE_POLICY, cause.text, now);
    return false;
}
