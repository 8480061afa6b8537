#include "diag/verdict.h"

#include <stdarg.h>
#include <stdio.h>

/* Exit codes as docs/adit.1 has them. */
#define EXIT_NO_PATH   4
#define EXIT_SIGNALING 5

static const struct {
    const char *name, *text;
    /* Does everybody see the same address of ours; do we let in who calls from a port that we have
     * not called; from a host that we have called? */
    bool same, anybody, any_port;
    bool udp;
} kinds[] = {
    [ADIT_DIAG_OPEN] = { "open", "This host has a public address, and anybody may call it.", true,
                         true, true, true },
    [ADIT_DIAG_FULL_CONE] = { "full-cone",
                              "There is a NAT which lets anybody in whom it has given an address.",
                              true, true, true, true },
    [ADIT_DIAG_NO_NAT] = { "no-nat",
                           "This host has a public address; whether a firewall stands before it is "
                           "not known.",
                           true, false, false, true },
    [ADIT_DIAG_FIREWALL] = { "firewall",
                             "This host has a public address behind a firewall, which lets in who "
                             "was called first.",
                             true, false, false, true },
    [ADIT_DIAG_RESTRICTED] = { "restricted",
                               "There is a NAT which lets in hosts that were called first.", true,
                               false, true, true },
    [ADIT_DIAG_PORT_RESTRICTED] = { "port-restricted",
                                    "There is a NAT of the usual kind: it lets in who was called "
                                    "first.",
                                    true, false, false, true },
    [ADIT_DIAG_CONE] = { "cone",
                         "There is a NAT which gives us one address for everybody; whom it lets in "
                         "is not known.",
                         true, false, false, true },
    [ADIT_DIAG_SYMMETRIC] = { "symmetric",
                              "There is a NAT which gives us another address for everybody we "
                              "call.",
                              false, false, false, true },
    [ADIT_DIAG_UNKNOWN] = { "unknown", "UDP gets out; of the NAT nothing more is known.", true,
                            false, false, true },
    [ADIT_DIAG_UNASKED] = { "unasked", "There was no STUN server to ask about the NAT.", true,
                            false, false, true },
    [ADIT_DIAG_UDP_BLOCKED] = { "udp-blocked", "TCP gets out of this network, and UDP does not.",
                                false, false, false, false },
    [ADIT_DIAG_WEB_ONLY] = { "web-only", "Only TCP to ports 80 and 443 gets out of this network.",
                             false, false, false, false },
    [ADIT_DIAG_OFFLINE] = { "offline", "Nothing answers: this host seems to be offline.", false,
                            false, false, false },
};

static const enum adit_diag_kind peers[ADIT_DIAG_PEER_KINDS] = {
    ADIT_DIAG_OPEN,        ADIT_DIAG_FIREWALL,        ADIT_DIAG_FULL_CONE,
    ADIT_DIAG_RESTRICTED,  ADIT_DIAG_PORT_RESTRICTED, ADIT_DIAG_SYMMETRIC,
    ADIT_DIAG_UDP_BLOCKED,
};

const char *adit_diag_kind_name(enum adit_diag_kind kind)
{
    return kinds[kind].name;
}

enum adit_diag_kind adit_diag_peer_kind(unsigned i)
{
    return peers[i];
}

enum adit_diag_kind adit_diag_kind_of(enum adit_mapping mapping, enum adit_filtering filtering)
{
    static const enum adit_diag_kind no_nat[] = {
        [ADIT_FILTERING_UNKNOWN] = ADIT_DIAG_NO_NAT,
        [ADIT_FILTERING_ENDPOINT_INDEPENDENT] = ADIT_DIAG_OPEN,
        [ADIT_FILTERING_ADDRESS_DEPENDENT] = ADIT_DIAG_FIREWALL,
        [ADIT_FILTERING_ADDRESS_AND_PORT_DEPENDENT] = ADIT_DIAG_FIREWALL,
    };
    static const enum adit_diag_kind nat[] = {
        [ADIT_FILTERING_UNKNOWN] = ADIT_DIAG_CONE,
        [ADIT_FILTERING_ENDPOINT_INDEPENDENT] = ADIT_DIAG_FULL_CONE,
        [ADIT_FILTERING_ADDRESS_DEPENDENT] = ADIT_DIAG_RESTRICTED,
        [ADIT_FILTERING_ADDRESS_AND_PORT_DEPENDENT] = ADIT_DIAG_PORT_RESTRICTED,
    };

    switch (mapping) {
    case ADIT_MAPPING_NONE:
        return no_nat[filtering];
    case ADIT_MAPPING_ENDPOINT_INDEPENDENT:
        return nat[filtering];
    case ADIT_MAPPING_ADDRESS_DEPENDENT:
    case ADIT_MAPPING_ADDRESS_AND_PORT_DEPENDENT:
    case ADIT_MAPPING_DEPENDENT:
        return ADIT_DIAG_SYMMETRIC;
    case ADIT_MAPPING_UNKNOWN:
        break;
    }
    return ADIT_DIAG_UNKNOWN;
}

/* Both know the address that the other's STUN server saw. Whoever is seen as told is called there;
 * whoever is not comes from a port that nobody knows, so the other has to let that in. */
bool adit_diag_meet(enum adit_diag_kind a, enum adit_diag_kind b)
{
    if (!kinds[a].udp || !kinds[b].udp)
        return false;
    if (kinds[a].same && kinds[b].same)
        return true;
    return (kinds[a].same && kinds[a].any_port) || (kinds[b].same && kinds[b].any_port);
}

static void advise(struct adit_diag_verdict *v, const char *fmt, ...) ADIT_PRINTF(2, 3);

static void advise(struct adit_diag_verdict *v, const char *fmt, ...)
{
    va_list args;

    if (v->advice_count == ADIT_DIAG_ADVICE_MAX)
        return;
    va_start(args, fmt);
    vsnprintf(v->advice[v->advice_count++], ADIT_DIAG_ADVICE_SIZE, fmt, args);
    va_end(args);
}

static enum adit_diag_kind kind_of(const struct adit_diag_facts *f)
{
    if (!f->address)
        return ADIT_DIAG_OFFLINE;
    if (f->udp)
        return adit_diag_kind_of(f->mapping, f->filtering);
    if (!f->stun_asked) {
        bool nobody = !f->stun_given && !f->signal_given, no_names = f->dns_needed && !f->dns_ok;

        return f->tcp || nobody || no_names ? ADIT_DIAG_UNASKED : ADIT_DIAG_OFFLINE;
    }
    if (!f->tcp)
        return ADIT_DIAG_OFFLINE;
    return f->tcp_tried && !f->tcp_other ? ADIT_DIAG_WEB_ONLY : ADIT_DIAG_UDP_BLOCKED;
}

/* A server that takes a connection and says nothing by UDP is there; of another it is not known. */
static void advise_blocked(const struct adit_diag_facts *f, struct adit_diag_verdict *v,
                           const char *relay)
{
    if (!f->stun_tcp)
        advise(v, "to be sure, name another STUN server: those that are configured may be down");
    if (!f->relay)
        advise(v, "have the firewall let UDP out; or use a TURN server (--turn) by %s", relay);
}

static void advise_path(const struct adit_diag_facts *f, struct adit_diag_verdict *v)
{
    const char *open =
        f->map_offered ? "the router offers port mapping: switch it on here"
                       : "forward a UDP port of the router to this host, and give it as --udp-port";

    switch (v->kind) {
    case ADIT_DIAG_OFFLINE:
        advise(v, f->address
                      ? "look at the default route, the cable or the router: nothing that is "
                        "configured answers"
                      : "no network interface has an address that can be used: bring one up");
        break;
    case ADIT_DIAG_UDP_BLOCKED:
        advise_blocked(f, v, "TCP or TLS, such as turns:HOST:443");
        break;
    case ADIT_DIAG_WEB_ONLY:
        advise_blocked(f, v, "TLS on port 443");
        break;
    case ADIT_DIAG_SYMMETRIC:
        if (!f->relay)
            advise(v, "peers behind a NAT of the usual kind or of this one need a relay: add a "
                      "TURN server (--turn)");
        advise(v, "or %s", open);
        break;
    case ADIT_DIAG_PORT_RESTRICTED:
    case ADIT_DIAG_FIREWALL:
        if (!f->relay)
            advise(v, "for peers behind a symmetric NAT add a TURN server (--turn), or %s",
                   v->kind == ADIT_DIAG_FIREWALL ? "open a UDP port in the firewall and give it as "
                                                   "--udp-port"
                                                 : open);
        break;
    case ADIT_DIAG_UNASKED:
        advise(v, f->stun_given ? "the STUN servers could not be asked: see above"
                                : "name a STUN server: --stun HOST[:PORT]; without one nobody "
                                  "behind another router can be reached");
        break;
    case ADIT_DIAG_CONE:
    case ADIT_DIAG_NO_NAT:
    case ADIT_DIAG_UNKNOWN:
        advise(v, "to know more, name a STUN server with two addresses (RFC 5780)%s",
               v->kind == ADIT_DIAG_UNKNOWN ? ", or two servers" : "");
        break;
    case ADIT_DIAG_OPEN:
    case ADIT_DIAG_FULL_CONE:
    case ADIT_DIAG_RESTRICTED:
    case ADIT_DIAG_KINDS:
        break;
    }
}

static void advise_rest(const struct adit_diag_facts *f, struct adit_diag_verdict *v)
{
    if (f->six && v->kind != ADIT_DIAG_OPEN)
        advise(v, "IPv6 works, and without NAT: peers that have it are reached over it, whatever "
                  "becomes of IPv4");
    if (f->double_nat)
        advise(v, "there are two NATs, one behind the other: a port that the first one opens leads "
                  "nowhere");
    if (f->dns_needed && !f->dns_ok)
        advise(v, "no name server answers: look at /etc/resolv.conf, or give addresses in place of "
                  "names");
    if (!f->clock_ok)
        advise(v, "the clock of this machine is wrong: certificates will be refused. Set it, for "
                  "instance with `timedatectl set-ntp true`");
    if (f->path_payload && f->path_payload < 1232)
        advise(v,
               "datagrams above %u bytes do not get through: packets of the tunnel will be "
               "small",
               f->path_payload);
    if (f->signal_given && !f->signal_ok)
        advise(v, "the signaling server cannot be used, so nobody is met by name: see above");
}

void adit_diag_judge(const struct adit_diag_facts *f, struct adit_diag_verdict *ret)
{
    *ret = (struct adit_diag_verdict){ .kind = kind_of(f) };
    ret->text = kinds[ret->kind].text;
    for (unsigned i = 0; i < ADIT_DIAG_PEER_KINDS; i++)
        if (adit_diag_meet(ret->kind, peers[i]))
            ret->direct |= 1u << i;
    advise_path(f, ret);
    advise_rest(f, ret);
    if (!kinds[ret->kind].udp && !f->relay)
        ret->exit_code = EXIT_NO_PATH;
    else if (f->signal_given && !f->signal_ok)
        ret->exit_code = EXIT_SIGNALING;
}
