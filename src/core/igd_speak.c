#include "core/igd.h"

#ifdef ADIT_HAVE_MINIUPNPC

#if !__has_include(<miniupnpc/miniupnpc.h>)
#error "UPNP=1 needs miniupnpc: run `make deps UPNP=1` first"
#endif
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>
#include <stdio.h>

#define SEARCH_MS 1000 /* for each of its rounds, one after the other */
#define TTL       2    /* UPnP Device Architecture section 1.3.2 */

/* Errors of WANIPConnection (section 2.4.16.4). */
enum { CONFLICT = 718, ONLY_PERMANENT = 725, CONFLICT_WITH_OTHERS = 729 };

static int from_upnp(int code)
{
    if (code == UPNPCOMMAND_SUCCESS)
        return 0;
    return code == UPNPCOMMAND_HTTP_ERROR ? -ETIMEDOUT : -EACCES;
}

static int ask_address(struct adit_igd_answer *a)
{
    char text[40] = "";
    int err = from_upnp(UPNP_GetExternalIPAddress(a->place.control, a->place.service, text));
    enum adit_scope_kind scope;

    if (err)
        return err;
    if (adit_addr_parse(&a->external, text, strlen(text)) < 0 ||
        a->external.family != ADIT_FAMILY_V4)
        return -EACCES;
    scope = adit_addr_scope(&a->external); /* 0.0.0.0: its connection has none */
    return scope == ADIT_SCOPE_GLOBAL || scope == ADIT_SCOPE_PRIVATE ? 0 : -EACCES;
}

static int try_service(const struct adit_igd_errand *e, const char *control, const char *service,
                       struct adit_igd_answer *a)
{
    struct adit_igd_place *p = &a->place;

    /* A description may name any URL. */
    if (!control || !service[0] || !adit_igd_url_is_at(control, &e->gateway) ||
        snprintf(p->control, sizeof p->control, "%s", control) >= (int)sizeof p->control ||
        snprintf(p->service, sizeof p->service, "%s", service) >= (int)sizeof p->service)
        return -ENOENT;
    return ask_address(a);
}

/* A gateway may have a connection by IP and one by PPP: the one with an address is in use. */
static int try_device(const struct adit_igd_errand *e, const char *url, struct adit_igd_answer *a)
{
    char ours[ADIT_ADDR_STR], seen[ADIT_ADDR_STR] = "";
    struct IGDdatas data;
    struct UPNPUrls urls;
    int err = -ENOENT;

    adit_addr_str_ip(&e->internal, ours);
    if (UPNP_GetIGDFromUrl(url, &urls, &data, seen, sizeof seen) != 1)
        return -ETIMEDOUT;
    /* With two uplinks behind routers of the same address this is perhaps the other one. */
    if (strcmp(ours, seen) == 0)
        err = try_service(e, urls.controlURL, data.first.servicetype, a);
    if (err && data.second.servicetype[0]) {
        FreeUPNPUrls(&urls);
        data.first = data.second;
        GetUPNPUrls(&urls, &data, url, 0);
        err = try_service(e, urls.controlURL, data.first.servicetype, a);
    }
    FreeUPNPUrls(&urls);
    return err;
}

static int search(const struct adit_igd_errand *e, struct adit_igd_answer *a)
{
    /* The first one twice, because nobody repeats what was lost. Who is version 2 answers for 1. */
    static const char first[] = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
    static const char *const kinds[] = { first, first,
                                         "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
                                         NULL };
    char from[ADIT_ADDR_STR];
    const char *last = "";
    int err = -ENOENT, code;
    struct UPNPDev *all =
        upnpDiscoverDevices(kinds, SEARCH_MS, adit_addr_str_ip(&e->internal, from), "",
                            UPNP_LOCAL_PORT_ANY, 0, TTL, &code, 0);

    for (struct UPNPDev *d = all; d && err; d = d->pNext) {
        if (strcmp(d->descURL, last) == 0 || !adit_igd_url_is_at(d->descURL, &e->gateway))
            continue;
        last = d->descURL;
        err = try_device(e, last, a);
    }
    freeUPNPDevlist(all);
    return err;
}

static int map(const struct adit_igd_errand *e, uint16_t port, uint32_t lease_s,
               const struct adit_igd_place *p)
{
    char client[ADIT_ADDR_STR], external[8], internal[8], lease[16];

    snprintf(external, sizeof external, "%u", port);
    snprintf(internal, sizeof internal, "%u", e->internal.port);
    snprintf(lease, sizeof lease, "%u", lease_s);
    return UPNP_AddPortMapping(p->control, p->service, external, internal,
                               adit_addr_str_ip(&e->internal, client), "adit", "UDP", NULL, lease);
}

static int open_port(const struct adit_igd_errand *e, struct adit_igd_answer *a)
{
    int code = CONFLICT;

    a->lease_s = e->lease_s;
    for (size_t i = 0; i < ADIT_IGD_PORTS && e->external_ports[i] &&
                       (code == CONFLICT || code == CONFLICT_WITH_OTHERS);
         i++) {
        a->external.port = e->external_ports[i];
        code = map(e, a->external.port, a->lease_s, &a->place);
        if (code == ONLY_PERMANENT) {
            a->lease_s = 0;
            code = map(e, a->external.port, a->lease_s, &a->place);
        }
    }
    return from_upnp(code);
}

static void close_port(const struct adit_igd_errand *e)
{
    char port[8];

    snprintf(port, sizeof port, "%u", e->external_ports[0]);
    UPNP_DeletePortMapping(e->place.control, e->place.service, port, "UDP", NULL);
}

void adit_igd_speak(const struct adit_igd_errand *e, struct adit_igd_answer *a)
{
    if (e->what == ADIT_IGD_CLOSE) {
        close_port(e);
        return;
    }
    a->place = e->place;
    a->err = a->place.control[0] ? ask_address(a) : -ENOENT;
    if (a->err) /* it may have restarted, with another URL */
        a->err = search(e, a);
    if (!a->err && e->what == ADIT_IGD_OPEN)
        a->err = open_port(e, a);
}

#else

void adit_igd_speak(const struct adit_igd_errand *e, struct adit_igd_answer *a)
{
    (void)e;
    a->err = -ENOSYS;
}

#endif
