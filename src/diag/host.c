#include <stdio.h>

#include "diag/inner.h"
#include "tun/offers.h"

static bool is_used(const struct adit_diag *d, const struct adit_netif_addr *a)
{
    for (size_t i = 0; i < d->choice_count; i++)
        if (d->choices[i].addr == a)
            return true;
    return false;
}

/* What a person wants to see: not each container's end of a wire. */
static json_t *interfaces_of(const struct adit_diag *d)
{
    json_t *list = json_array();
    char text[ADIT_ADDR_STR];

    for (size_t i = 0; i < d->list.count; i++) {
        const struct adit_netif_addr *a = &d->list.addrs[i];

        if (a->flags & ADIT_NETIF_LOOPBACK)
            continue;
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:i, s:i, s:b, s:b}", "interface", a->name,
                                        "address", adit_addr_str_ip(&a->addr, text), "length",
                                        a->prefix_len, "mtu", (int)a->mtu, "up",
                                        !!(a->flags & ADIT_NETIF_RUNNING), "used", is_used(d, a)));
    }
    return list;
}

static json_t *routes_of(const struct adit_diag *d)
{
    json_t *list = json_array();
    char text[ADIT_ADDR_STR];

    for (size_t i = 0; i < d->route_count; i++) {
        const struct adit_defroute *r = &d->routes[i];

        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:I}", "family",
                                              r->family == ADIT_FAMILY_V6 ? "IPv6" : "IPv4",
                                              "interface", r->name, "gateway",
                                              r->gateway.family
                                                  ? json_string(adit_addr_str_ip(&r->gateway, text))
                                                  : json_null(),
                                              "metric", (json_int_t)r->metric));
    }
    return list;
}

static json_t *tun_of(const struct adit_device_offers *o)
{
    int err = o->open_err ? o->open_err : o->create_err;
    json_t *facts = json_pack("{s:b}", "ok", err == 0);
    char problem[96];

    if (err) {
        snprintf(problem, sizeof problem, "%s: %s",
                 o->open_err ? "cannot open /dev/net/tun" : "cannot make a device", strerror(-err));
        adit_diag_problem(facts, problem,
                          err == -ENOENT || err == -ENODEV
                              ? "load the kernel's module: modprobe tun"
                              : "run as root, or give the program the right: setcap "
                                "cap_net_admin+ep, for --mode tun and tap");
    }
    return facts;
}

void adit_diag_host(struct adit_diag *d)
{
    struct adit_device_offers offers;
    bool runs, joins;
    int n = adit_defroutes_read(d->routes, ADIT_DEFROUTES_MAX);

    d->route_count = n > 0 ? (size_t)n : 0;
    if (adit_netif_read(&d->list) == 0)
        d->choice_count =
            adit_netif_choose(&d->list, &d->conf->netif, d->choices, ADIT_DIAG_UPLINKS_MAX, NULL);
    adit_udp_offers(&runs, &joins);
    adit_device_offers(&offers);
    json_object_set_new(d->report, "interfaces", interfaces_of(d));
    json_object_set_new(d->report, "routes", routes_of(d));
    json_object_set_new(d->report, "tun", tun_of(&offers));
    json_object_set_new(d->report, "offloads",
                        json_pack("{s:b, s:b, s:b, s:b, s:b}", "udp_segment", runs, "udp_gro",
                                  joins, "tun_vnet_hdr", offers.vnet_hdr, "tun_tso", offers.tso,
                                  "tun_uso", offers.uso));
}
