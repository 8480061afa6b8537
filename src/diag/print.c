/* print - the report for people: what was looked at, line by line, and at the end what it means. */
#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"
#include "core/igd.h"
#include "diag/diag.h"

/* ---- reading --------------------------------------------------------------------------------- */

static bool has(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return v && !json_is_null(v);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void line(struct adit_buf *out, const char *title, bool good, const char *fmt, ...)
    ADIT_PRINTF(4, 5);

static void line(struct adit_buf *out, const char *title, bool good, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    adit_buf_printf(out, "%c %-10s %s\n", good ? ' ' : '!', title, text);
}

static void print_problem(struct adit_buf *out, const char *title, const json_t *o,
                          const char *what)
{
    char problem[ADIT_JSON_WORD], advice[ADIT_JSON_WORD];

    line(out, title, false, "%s: %s", what, adit_json_word(problem, o, "problem"));
    if (*adit_json_word(advice, o, "advice"))
        adit_buf_printf(out, "             %s\n", advice);
}

static void print_times(char *out, size_t size, const json_t *o)
{
    static const struct {
        const char *key, *name;
    } steps[] = { { "dns_ms", "name" },
                  { "tcp_ms", "TCP" },
                  { "connect_ms", "connection" },
                  { "tls_ms", "TLS" },
                  { "http_ms", "HTTP" } };
    size_t n = 0;

    *out = '\0';
    for (size_t i = 0; i < ADIT_LEN(steps) && n < size; i++)
        if (has(o, steps[i].key))
            n += (size_t)snprintf(out + n, size - n, "%s%s %.1f ms", n ? ", " : "", steps[i].name,
                                  adit_json_number(o, steps[i].key));
}

/* ---- the host -------------------------------------------------------------------------------- */

static void print_host(struct adit_buf *out, const json_t *report)
{
    const json_t *o, *families = json_object_get(report, "families");
    char a[ADIT_JSON_WORD], b[ADIT_JSON_WORD];
    size_t i;

    json_array_foreach(json_object_get(report, "interfaces"), i, o) if (adit_json_is(o, "used"))
        line(out, "address", true, "%s on %s, MTU %.0f", adit_json_word(a, o, "address"),
             adit_json_word(b, o, "interface"), adit_json_number(o, "mtu"));
    json_array_foreach(json_object_get(report, "routes"), i, o)
        line(out, "gateway", true, "%s %s through %s", adit_json_word(a, o, "family"),
             has(o, "gateway") ? adit_json_word(b, o, "gateway") : "directly",
             json_string_value(json_object_get(o, "interface")));
    if (!adit_json_is(json_object_get(families, "IPv4"), "address"))
        line(out, "IPv4", false, "no address");
    if (!adit_json_is(json_object_get(families, "IPv6"), "address"))
        line(out, "IPv6", true, "no address");
    o = json_object_get(report, "clock");
    line(out, "clock", adit_json_is(o, "ok"), "%s",
         adit_json_is(o, "ok") ? "plausible" : adit_json_word(a, o, "problem"));
    o = json_object_get(report, "tun");
    if (adit_json_is(o, "ok"))
        line(out, "devices", true, "TUN and TAP can be made");
    else
        print_problem(out, "devices", o, "no TUN and TAP");
}

static void print_offloads(struct adit_buf *out, const json_t *report)
{
    static const struct {
        const char *key, *name;
    } rows[] = { { "udp_segment", "UDP_SEGMENT" },
                 { "udp_gro", "UDP_GRO" },
                 { "tun_vnet_hdr", "IFF_VNET_HDR" },
                 { "tun_tso", "TSO" },
                 { "tun_uso", "USO" } };
    const json_t *o = json_object_get(report, "offloads");
    char text[ADIT_JSON_WORD] = "";
    size_t n = 0;

    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        if (adit_json_is(o, rows[i].key))
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? " " : "", rows[i].name);
    line(out, "kernel", true, "%s", n ? text : "no offloads");
}

static void print_dns(struct adit_buf *out, const json_t *report)
{
    const json_t *dns = json_object_get(report, "dns"), *servers = json_object_get(dns, "servers"),
                 *o;
    char a[ADIT_JSON_WORD];
    size_t i;

    if (!json_array_size(servers))
        line(out, "DNS", !adit_json_is(dns, "needed"), "no name server in /etc/resolv.conf");
    json_array_foreach(servers, i, o)
    {
        if (adit_json_is(o, "ok"))
            line(out, "DNS", true, "%s answers in %.1f ms", adit_json_word(a, o, "address"),
                 adit_json_number(o, "ms"));
        else
            print_problem(out, "DNS", o, adit_json_word(a, o, "address"));
    }
}

/* ---- servers --------------------------------------------------------------------------------- */

static void print_signaling(struct adit_buf *out, const json_t *o)
{
    char url[ADIT_JSON_WORD], times[ADIT_JSON_WORD], a[ADIT_JSON_WORD];

    if (!o)
        return;
    adit_json_word(url, o, "url");
    if (has(o, "proxy"))
        line(out, "proxy", true, "%s", adit_json_word(a, o, "proxy"));
    if (!adit_json_is(o, "ok")) {
        print_problem(out, "signaling", o, url);
        return;
    }
    print_times(times, sizeof times, o);
    line(out, "signaling", true, "%s answers %.0f (%s)", url, adit_json_number(o, "status"), times);
    if (has(o, "expires"))
        line(out, "", true, "%s, its certificate is good until %s", adit_json_word(times, o, "tls"),
             adit_json_word(a, o, "expires"));
}

static void print_stun(struct adit_buf *out, const json_t *report)
{
    const json_t *o;
    char a[ADIT_JSON_WORD];
    size_t i;

    json_array_foreach(json_object_get(report, "stun"), i, o)
    {
        if (adit_json_is(o, "ok"))
            line(out, "STUN", true, "%s answers in %.1f ms%s", adit_json_word(a, o, "name"),
                 adit_json_number(o, "ms"),
                 adit_json_is(o, "discovery") ? ", and has a second address" : "");
        else
            print_problem(out, "STUN", o, adit_json_word(a, o, "name"));
    }
}

static void print_turn(struct adit_buf *out, const json_t *report)
{
    const json_t *o;
    char a[ADIT_JSON_WORD], b[ADIT_JSON_WORD];
    size_t i;

    json_array_foreach(json_object_get(report, "turn"), i, o)
    {
        if (adit_json_is(o, "ok"))
            line(out, "TURN", true, "%s lends us %s in %.1f ms", adit_json_word(a, o, "name"),
                 adit_json_word(b, o, "relayed"), adit_json_number(o, "ms"));
        else
            print_problem(out, "TURN", o, adit_json_word(a, o, "name"));
    }
}

/* ---- uplinks --------------------------------------------------------------------------------- */

static const char *offers(const json_t *o)
{
    return adit_json_is(o, "pcp")       ? "offered (PCP)"
           : adit_json_is(o, "nat_pmp") ? "offered (NAT-PMP)"
           : !adit_json_is(o, "upnp")   ? "not offered"
           : adit_igd_built()           ? "offered (UPnP)"
                                        : "by UPnP, which is not built in";
}

static void print_uplink(struct adit_buf *out, const json_t *o)
{
    const json_t *life = json_object_get(o, "mapping_life_s");
    char a[ADIT_JSON_WORD], b[ADIT_JSON_WORD], title[ADIT_JSON_WORD];

    snprintf(title, sizeof title, "%.20s %.8s", adit_json_word(a, o, "interface"),
             adit_json_word(b, o, "family"));
    if (!adit_json_is(o, "udp")) {
        line(out, "NAT", true, "%s: no server answered by UDP", title);
        return;
    }
    if (strcmp(adit_json_word(a, o, "mapping"), "none") == 0)
        line(out, "NAT", true, "%s: none, %s is public; filtering: %s", title,
             adit_json_word(a, o, "public"), adit_json_word(b, o, "filtering"));
    else {
        line(out, "NAT", true, "%s: seen as %s; mapping: %s", title, adit_json_word(a, o, "public"),
             adit_json_word(b, o, "mapping"));
        line(out, "", true, "filtering: %s; hairpinning: %s; port mapping: %s",
             adit_json_word(a, o, "filtering"),
             !has(o, "hairpin")           ? "unknown"
             : adit_json_is(o, "hairpin") ? "yes"
                                          : "no",
             offers(json_object_get(o, "port_mapping")));
    }
    if (has(o, "path_payload"))
        line(out, "", true, "datagrams of %.0f bytes get through whole",
             adit_json_number(o, "path_payload"));
    if (json_is_object(life) && has(life, "most"))
        line(out, "", true, "a silent mapping lives %.0f to %.0f s",
             adit_json_number(life, "least"), adit_json_number(life, "most"));
    else if (json_is_object(life))
        line(out, "", true, "a silent mapping lives %.0f s or longer",
             adit_json_number(life, "least"));
}

/* ---- what it means --------------------------------------------------------------------------- */

static void print_kinds(struct adit_buf *out, const char *title, const json_t *list)
{
    const json_t *o;
    size_t i;

    if (!json_array_size(list))
        return;
    adit_buf_printf(out, "  %-10s ", title);
    json_array_foreach(list, i, o)
        adit_buf_printf(out, "%s%s", i ? ", " : "", json_string_value(o));
    adit_buf_printf(out, "\n");
}

static void print_verdict(struct adit_buf *out, const json_t *v)
{
    const json_t *o, *direct = json_object_get(v, "direct");
    char a[ADIT_JSON_WORD], b[ADIT_JSON_WORD];
    size_t i;

    adit_buf_printf(out, "\n%s (%s)\n", adit_json_word(a, v, "text"), adit_json_word(b, v, "kind"));
    print_kinds(out, "direct", direct);
    print_kinds(out, json_array_size(direct) ? "by relay" : "relay only",
                json_object_get(v, "relay"));
    json_array_foreach(json_object_get(v, "advice"), i, o)
        adit_buf_printf(out, "  %-10s %s\n", i ? "" : "to do", json_string_value(o));
}

void adit_diag_print(struct adit_buf *out, const json_t *report)
{
    const json_t *o;
    size_t i;

    print_host(out, report);
    print_offloads(out, report);
    print_dns(out, report);
    print_signaling(out, json_object_get(report, "signaling"));
    print_stun(out, report);
    print_turn(out, report);
    json_array_foreach(json_object_get(report, "uplinks"), i, o) print_uplink(out, o);
    print_verdict(out, json_object_get(report, "verdict"));
}
