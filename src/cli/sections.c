/* sections - peers: of the configuration file, as what an agent wants to know of its peers. */
#include "cli/sections.h"

#include <stdio.h>

#include "agent/exit.h"
#include "base/alloc.h"
#include "cli/cli.h"

int adit_fingerprints_load(struct adit_fingerprint *out, size_t *ret_count,
                           const struct adit_options *o)
{
    const struct adit_strings *prints = &o->peer_fingerprint;

    if (prints->count > ADIT_SECTION_FINGERPRINTS_MAX)
        return adit_cli_usage(o, "peer-fingerprint", prints->items[0], "there are more than 16");
    for (size_t i = 0; i < prints->count; i++)
        if (adit_fingerprint_parse(&out[i], prints->items[i], strlen(prints->items[i])) < 0)
            return adit_cli_usage(o, "peer-fingerprint", prints->items[i],
                                  "give the hash and its value: \"sha-256 AB:CD:…\"");
    *ret_count = prints->count;
    return 0;
}

static int load_one(struct adit_agent_peer *peer, struct adit_section_own *own,
                    const struct adit_options *o, size_t i, bool routes_follow)
{
    int err;

    adit_options_view(o, i, &own->view);
    err = adit_carry_load(&own->carry, &own->view);
    if (!err)
        err = adit_fingerprints_load(own->fingerprints, &peer->fingerprint_count, &own->view);
    own->carry.vpn.routes_follow = routes_follow;
    peer->name = o->sections[i].name;
    peer->app_extra = own->carry.lanes.app_extra;
    peer->fingerprints = own->fingerprints;
    return err;
}

/* A name without a number in it can only be one device's. */
static int check_names(const struct adit_sections *s)
{
    char wanted[128];

    for (size_t i = 0; i < s->count; i++) {
        const char *name = s->own[i].view.ifname;
        for (size_t k = 0; k < i && name && !strchr(name, '%'); k++) {
            if (!s->own[k].view.ifname || strcmp(s->own[k].view.ifname, name) != 0)
                continue;
            snprintf(wanted, sizeof wanted,
                     "the device of %.40s has this name already: give vpn%%d, or one to each",
                     s->peers[k].name);
            return adit_cli_usage(&s->own[i].view, "ifname", name, wanted);
        }
    }
    return 0;
}

int adit_sections_load(struct adit_sections *s, const struct adit_options *o, bool routes_follow)
{
    bool devices = o->mode == ADIT_MODE_TUN || o->mode == ADIT_MODE_TAP;
    int err = 0;

    *s = (struct adit_sections){ 0 };
    if (o->section_count == 0)
        return 0;
    s->peers = adit_zalloc(o->section_count * sizeof *s->peers);
    s->own = adit_zalloc(o->section_count * sizeof *s->own);
    if (!s->peers || !s->own) {
        adit_log(ADIT_LOG_ERROR, "cli", "out of memory");
        return ADIT_EXIT_FAILED;
    }
    for (; !err && s->count < o->section_count; s->count++)
        err = load_one(&s->peers[s->count], &s->own[s->count], o, s->count, routes_follow);
    if (err || !devices || (o->command == ADIT_COMMAND_CONNECT && o->peer.count < 2))
        return err;
    return check_names(s);
}

void adit_sections_done(struct adit_sections *s)
{
    adit_free(s->peers);
    adit_free(s->own);
    *s = (struct adit_sections){ 0 };
}
