#include "ctl/pairs.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/inner.h"
#include "base/json.h"

#define ADVICE_MAX 3 /* of them; the best pairs are enough */

/* ---- made by who has the connection ---------------------------------------------------------- */

static json_t *pair_json(const struct adit_pair_info *p)
{
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:o, s:i, s:i, s:I, s:I, s:o}", "local",
        p->local, "remote", p->remote, "base", p->base, "state", p->state, "why",
        adit_why_text(p->why), "valid", p->valid, "nominated", p->nominated, "in_use", p->in_use,
        "backup", p->backup, "relayed", p->relayed, "rtt_ms", adit_json_ms(p->rtt), "loss_permille",
        (int)p->loss, "failures", (int)p->failures, "checks_sent", (json_int_t)p->checks_sent,
        "checks_answered", (json_int_t)p->checks_answered, "error",
        p->err ? json_string(strerror(p->err)) : json_null());
}

static int rank(const struct adit_pair_info *p)
{
    return p->in_use ? 0 : p->valid ? 1 : p->checks_sent ? 2 : 3;
}

json_t *adit_pairs_json(const struct adit_peer *peer)
{
    json_t *list = json_array();
    struct adit_pair_info p;

    for (int r = 0; r < 4; r++)
        for (size_t i = 0; adit_peer_pair_at(peer, i, &p, sizeof p); i++)
            if (rank(&p) == r)
                json_array_append_new(list, pair_json(&p));
    return list;
}

static void add_cand(json_t *list, const struct adit_cand *c)
{
    char text[ADIT_ADDR_STR];

    json_array_append_new(list,
                          json_sprintf("%s %s", adit_cand_type_name(c->type),
                                       c->addr.family ? adit_addr_str(&c->addr, text) : c->name));
}

json_t *adit_candidates_json(const struct adit_peer *peer)
{
    json_t *local = json_array(), *remote = json_array();
    const struct adit_cand *c;

    for (size_t i = 0; (c = adit_engine_local(peer->engine, i)); i++)
        add_cand(local, c);
    for (size_t i = 0; (c = adit_engine_remote(peer->engine, i)); i++)
        add_cand(remote, c);
    return json_pack("{s:o, s:o}", "local", local, "remote", remote);
}

/* ---- shown by who asks ----------------------------------------------------------------------- */

const char *adit_pairs_choice(const json_t *pairs)
{
    const json_t *p, *used = NULL;
    size_t i, others = 0, direct = 0;

    json_array_foreach(pairs, i, p)
    {
        if (adit_json_is(p, "in_use"))
            used = p;
        else if (adit_json_is(p, "valid")) {
            others++;
            direct += !adit_json_is(p, "relayed");
        }
    }
    if (!used)
        return NULL;
    if (adit_json_is(used, "relayed") && !direct)
        return "relayed: no direct pair works";
    if (adit_json_is(used, "relayed"))
        return "relayed: the direct ones that work are not better";
    if (!others)
        return "the only one that works";
    return adit_json_is(used, "nominated") ? "the best of those that work"
                                           : "the first that works, until one is nominated";
}

/* "srflx 192.0.2.1:4711": the address behind the kind. */
static const char *address_of(const char *cand)
{
    const char *blank = strchr(cand, ' ');

    return blank ? blank + 1 : cand;
}

static bool is_public(const char *cand)
{
    struct adit_addr a;
    const char *text = address_of(cand);

    return adit_addr_parse_port(&a, text, strlen(text), 0) == 0 &&
           adit_addr_scope(&a) == ADIT_SCOPE_GLOBAL;
}

/* Nobody can be asked to open what the NAT may give to anybody. */
static bool is_guess(const char *cand)
{
    return strncmp(cand, "guess ", 6) == 0;
}

json_t *adit_pairs_advice(const json_t *pairs)
{
    json_t *list = json_array();
    char base[ADIT_JSON_WORD], remote[ADIT_JSON_WORD];
    const json_t *p;
    size_t i;

    json_array_foreach(pairs, i,
                       p) if (adit_json_is(p, "valid") && !adit_json_is(p, "relayed")) return list;
    json_array_foreach(pairs, i, p)
    {
        adit_json_word(remote, p, "remote");
        if (adit_json_is(p, "relayed") || !is_public(remote) || is_guess(remote) ||
            json_array_size(list) == ADVICE_MAX)
            continue;
        json_array_append_new(
            list, json_sprintf("UDP from %s to %s: our router, or theirs, would have to let it in "
                               "from anybody",
                               address_of(remote), adit_json_word(base, p, "base")));
    }
    return list;
}

void adit_pairs_print(struct adit_buf *out, const json_t *pairs, const char *indent)
{
    char local[ADIT_JSON_WORD], remote[ADIT_JSON_WORD], why[ADIT_JSON_WORD], error[ADIT_JSON_WORD];
    const json_t *p;
    size_t i;

    json_array_foreach(pairs, i, p)
    {
        adit_buf_printf(out, "%s%c %s to %s", indent,
                        adit_json_is(p, "in_use")  ? '*'
                        : adit_json_is(p, "valid") ? '+'
                                                   : '-',
                        adit_json_word(local, p, "local"), adit_json_word(remote, p, "remote"));
        adit_buf_printf(out, ": %s", adit_json_word(why, p, "why"));
        if (!adit_json_is(p, "valid") && adit_json_number(p, "checks_sent") > 0)
            adit_buf_printf(out, ", asked %.0f times", adit_json_number(p, "checks_sent"));
        if (*adit_json_word(error, p, "error"))
            adit_buf_printf(out, " (%s)", error);
        if (adit_json_number(p, "rtt_ms") > 0)
            adit_buf_printf(out, ", %.1f ms", adit_json_number(p, "rtt_ms"));
        if (adit_json_is(p, "nominated"))
            adit_buf_printf(out, ", nominated");
        if (adit_json_is(p, "backup"))
            adit_buf_printf(out, ", kept warm");
        adit_buf_printf(out, "\n");
    }
}
