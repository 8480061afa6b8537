#include "core/igd.h"
#include "diag/inner.h"
#include "lan/portmap_msg.h"

#define SSDP_PORT 1900
#define GAP       (300 * ADIT_MS)
#define SENDS_MAX 4

/* Three questions that open nothing: NAT-PMP's for the public address (RFC 6886 section 3.2), PCP's
 * ANNOUNCE (RFC 6887 section 14.1), and who is an internet gateway (UPnP). */
static void send_all(struct adit_diag_gateway *g)
{
    static const char search[] = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"
                                 "MAN: \"ssdp:discover\"\r\nMX: 1\r\nST: "
                                 "urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n";
    const struct adit_addr everybody = { .family = ADIT_FAMILY_V4,
                                         .port = SSDP_PORT,
                                         .ip = { 239, 255, 255, 250 } };
    const struct adit_addr *local = adit_udp_local(&g->udp);
    uint8_t out[ADIT_PORTMAP_MAX];

    if (local->family == ADIT_FAMILY_V4) {
        (void)!adit_udp_send(&g->udp, &g->router, out, adit_pmp_put_address(out));
        if (!adit_igd_built())
            (void)!adit_udp_send(&g->udp, &everybody, search, sizeof search - 1);
    }
    (void)!adit_udp_send(&g->udp, &g->router, out, adit_pcp_put_announce(out, local));
}

static void on_packet(void *arg, const struct adit_addr *from, uint8_t *bytes, size_t n,
                      adit_time now)
{
    struct adit_diag_gateway *g = arg;
    struct adit_portmap_answer a;

    (void)now;
    if (from->port == SSDP_PORT) {
        g->upnp |= n > 12 && memcmp(bytes, "HTTP/1.1 200", 12) == 0;
        return;
    }
    if (!adit_addr_equal(from, &g->router) || !adit_portmap_read(&a, bytes, n) ||
        a.result != ADIT_PORTMAP_SUCCESS)
        return;
    if (a.kind == ADIT_PMP_ADDRESS) {
        g->nat_pmp = true;
        g->external = a.external;
    } else if (a.kind == ADIT_PCP_OTHER) {
        g->pcp = true;
    }
}

static void on_error(void *arg, const struct adit_addr *to, int err, adit_time now)
{
    (void)arg, (void)to, (void)err, (void)now; /* silence says the same */
}

static void finish(struct adit_diag_gateway *g)
{
    if (g->asked && !g->look)
        adit_diag_finish(g->d, &g->check);
}

/* Found and spoken to, and not only heard: for that it takes the whole of UPnP. */
static void on_look(void *arg, const struct adit_igd_answer *answer, adit_time now)
{
    struct adit_diag_gateway *g = arg;

    (void)now;
    g->look = NULL;
    g->upnp = answer->err == 0;
    if (g->upnp && !g->external.family)
        g->external = answer->external;
    finish(g);
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_diag_gateway *g = adit_container_of(timer, struct adit_diag_gateway, timer);

    if (g->sends == SENDS_MAX) {
        g->asked = true;
        finish(g);
        return;
    }
    g->sends++;
    send_all(g);
    adit_timer_set(&g->timer, now + GAP);
}

void adit_diag_gateway_start(struct adit_diag *d, struct adit_diag_gateway *g,
                             const struct adit_addr *local, const struct adit_addr *router)
{
    static const struct adit_udp_ops ops = { .packet = on_packet, .error = on_error };
    struct adit_udp_conf conf = { .addr = *local, .offload = ADIT_OFFLOAD_OFF };

    g->d = d;
    g->router = *router;
    g->router.port = ADIT_PORTMAP_PORT;
    conf.addr.port = 0;
    if (!router->family || adit_udp_open(&g->udp, d->loop, &conf, &ops, g) < 0)
        return;
    adit_timer_init(&g->timer, d->loop, on_timer, "gateway");
    adit_diag_begin(d, &g->check, "port mapping");
    adit_timer_set(&g->timer, adit_loop_now(d->loop));
    if (adit_igd_built() && local->family == ADIT_FAMILY_V4) {
        struct adit_igd_errand errand = { .what = ADIT_IGD_LOOK,
                                          .internal = *local,
                                          .gateway = *router };

        if (adit_igd_start(&g->look, d->loop, &errand, on_look, g) < 0)
            g->look = NULL;
    }
}

void adit_diag_gateway_stop(struct adit_diag_gateway *g)
{
    if (!adit_udp_is_open(&g->udp))
        return;
    adit_timer_stop(&g->timer);
    if (adit_igd_built() && g->look)
        adit_igd_leave(g->look);
    g->look = NULL;
    adit_udp_close(&g->udp);
}

json_t *adit_diag_gateway_report(const struct adit_diag_gateway *g)
{
    char text[ADIT_ADDR_STR];

    return json_pack(
        "{s:b, s:b, s:b, s:o}", "pcp", g->pcp, "nat_pmp", g->nat_pmp, "upnp", g->upnp, "external",
        g->external.family ? json_string(adit_addr_str_ip(&g->external, text)) : json_null());
}
