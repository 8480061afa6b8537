#include "ice/cred.h"

#include <stdio.h>

#define UFRAG_OURS 8 /* characters of 6 bits */
#define PWD_OURS   24

static struct adit_span span(const char *s)
{
    return (struct adit_span){ .data = (const uint8_t *)s, .len = strlen(s) };
}

void adit_cred_init(struct adit_cred *c, const char *ufrag, const char *pwd, struct adit_rng *rng)
{
    *c = (struct adit_cred){ 0 };
    assert(!ufrag || strlen(ufrag) <= ADIT_UFRAG_MAX);
    assert(!pwd || strlen(pwd) <= ADIT_PWD_MAX);
    if (ufrag)
        memcpy(c->ufrag, ufrag, strlen(ufrag) + 1);
    else
        adit_rng_ice_chars(rng, c->ufrag, UFRAG_OURS);
    if (pwd)
        memcpy(c->pwd, pwd, strlen(pwd) + 1);
    else
        adit_rng_ice_chars(rng, c->pwd, PWD_OURS);
    snprintf(c->name_in, sizeof c->name_in, "%s:", c->ufrag);
}

static bool length_in(const char *s, size_t min, size_t max)
{
    size_t n = strnlen(s, max + 1);

    return n >= min && n <= max;
}

int adit_cred_set_remote(struct adit_cred *c, const char *ufrag, const char *pwd)
{
    if (!length_in(ufrag, ADIT_UFRAG_MIN, ADIT_UFRAG_MAX) ||
        !length_in(pwd, ADIT_PWD_MIN, ADIT_PWD_MAX))
        return -EINVAL;
    snprintf(c->remote_ufrag, sizeof c->remote_ufrag, "%s", ufrag);
    snprintf(c->remote_pwd, sizeof c->remote_pwd, "%s", pwd);
    snprintf(c->name_in, sizeof c->name_in, "%s:%s", c->ufrag, ufrag);
    snprintf(c->name_out, sizeof c->name_out, "%s:%s", ufrag, c->ufrag);
    c->complete = true;
    return 0;
}

struct adit_stun_auth adit_cred_of_request(const struct adit_cred *c)
{
    return (struct adit_stun_auth){ .key = span(c->pwd),
                                    .username = span(c->name_in),
                                    .prefix = !c->complete,
                                    .fingerprint = true };
}

struct adit_stun_auth adit_cred_of_answer(const struct adit_cred *c)
{
    return (struct adit_stun_auth){ .key = span(c->remote_pwd), .fingerprint = true };
}

bool adit_cred_caller(const struct adit_cred *c, const struct adit_stun *request,
                      char ret_ufrag[ADIT_UFRAG_MAX + 1])
{
    size_t own = strlen(c->ufrag) + 1, len = request->username.len - own;

    assert(request->username.len >= own); /* as it was verified */
    if (len > ADIT_UFRAG_MAX)
        return false;
    memcpy(ret_ufrag, request->username.data + own, len);
    ret_ufrag[len] = 0;
    return true;
}

size_t adit_cred_finish_answer(const struct adit_cred *c, struct adit_stun_out *out)
{
    return adit_stun_finish(out, span(c->pwd));
}

void adit_cred_begin_check(const struct adit_cred *c, struct adit_stun_out *out,
                           const uint8_t id[ADIT_STUN_ID_SIZE])
{
    struct adit_span name = span(c->name_out);

    adit_stun_begin(out, ADIT_STUN_REQUEST, ADIT_STUN_BINDING, id);
    adit_stun_add(out, ADIT_STUN_USERNAME, name.data, name.len);
}

size_t adit_cred_finish_check(const struct adit_cred *c, struct adit_stun_out *out)
{
    return adit_stun_finish(out, span(c->remote_pwd));
}
