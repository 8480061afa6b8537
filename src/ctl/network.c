#include "ctl/network.h"

#include "agent/inner.h"
#include "agent/ports.h"
#include "base/json.h"

static const char *const families[] = { "IPv4", "IPv6" };

/* ---- made by who has the connection ---------------------------------------------------------- */

static json_t *address(const struct adit_addr *a)
{
    char text[ADIT_ADDR_STR];

    if (!a || !a->family)
        return json_null();
    return json_string(a->port ? adit_addr_str(a, text) : adit_addr_str_ip(a, text));
}

/* What others have said need not be text that JSON can hold. */
static json_t *word(const char *text)
{
    json_t *v = text && *text ? json_string(text) : NULL;

    return v ? v : json_null();
}

json_t *adit_addresses_json(const struct adit_addr addrs[2])
{
    return json_pack("{s:o, s:o}", families[0], address(&addrs[0]), families[1],
                     address(&addrs[1]));
}

static json_t *stun_of(const struct adit_peer *peer)
{
    json_t *list = json_array();
    struct adit_ice_stun_view v;

    for (size_t i = 0; adit_engine_stun_at(peer->engine, i, &v); i++)
        json_array_append_new(list,
                              json_pack("{s:o, s:o, s:o, s:o, s:s}", "address", address(v.server),
                                        "base", address(v.base), "seen_as", address(v.mapped),
                                        "rtt_ms", adit_json_ms(v.rtt), "state",
                                        v.mapped    ? "answered"
                                        : v.settled ? "no answer"
                                                    : "no answer yet"));
    return list;
}

static json_t *turn_of(const struct adit_peer *peer)
{
    json_t *list = json_array();

    for (size_t i = 0; i < peer->turn_count; i++) {
        const struct turn *t = &peer->turns[i];
        struct adit_addr relayed[] = {
            adit_engine_turn_relayed(peer->engine, t->relay, ADIT_FAMILY_V4),
            adit_engine_turn_relayed(peer->engine, t->relay, ADIT_FAMILY_V6),
        };

        json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:o}", "name", word(t->uri), "state",
                                              t->up         ? "up"
                                              : *t->trouble ? "failed"
                                                            : "being tried",
                                              "relayed", adit_addresses_json(relayed), "problem",
                                              word(t->trouble)));
    }
    return list;
}

static json_t *port_mappings_of(const struct adit_peer *peer)
{
    json_t *list = json_array();
    struct adit_port_view v;

    for (size_t i = 0; adit_ports_at(peer, i, &v); i++)
        json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:o}", "base", address(v.base),
                                              "state", v.state, "protocol", word(v.protocol),
                                              "external", address(v.external)));
    return list;
}

void adit_network_add(json_t *o, const struct adit_peer *peer)
{
    size_t mtu = adit_engine_path_mtu(peer->engine);

    json_object_set_new(o, "path_mtu", mtu ? json_integer((json_int_t)mtu) : json_null());
    json_object_set_new(o, "stun", stun_of(peer));
    json_object_set_new(o, "turn", turn_of(peer));
    json_object_set_new(o, "port_mappings", port_mappings_of(peer));
}

/* ---- shown by who asks ----------------------------------------------------------------------- */

void adit_addresses_print(struct adit_buf *out, const char *before, const json_t *addresses)
{
    char text[ADIT_JSON_WORD];

    for (size_t i = 0; i < ADIT_LEN(families); i++)
        if (*adit_json_word(text, addresses, families[i])) {
            adit_buf_printf(out, "%s %s", before, text);
            before = " and";
        }
}

/* The key of its line, and what it is about. */
static void begin(struct adit_buf *out, const char *key, const json_t *o, const char *name)
{
    char text[ADIT_JSON_WORD];

    adit_buf_printf(out, "    %-9s %s", key, adit_json_word(text, o, name));
}

static void print_stun(struct adit_buf *out, const json_t *o)
{
    char text[ADIT_JSON_WORD];

    begin(out, "STUN", o, "address");
    if (*adit_json_word(text, o, "seen_as"))
        adit_buf_printf(out, " sees us as %s", text);
    else
        adit_buf_printf(out, ": %s", adit_json_word(text, o, "state"));
    if (adit_json_number(o, "rtt_ms") > 0)
        adit_buf_printf(out, ", %.1f ms", adit_json_number(o, "rtt_ms"));
    adit_buf_printf(out, " (%s)\n", adit_json_word(text, o, "base"));
}

static void print_turn(struct adit_buf *out, const json_t *o)
{
    char text[ADIT_JSON_WORD];

    begin(out, "TURN", o, "name");
    adit_buf_printf(out, ": %s", adit_json_word(text, o, "state"));
    adit_addresses_print(out, ", lends us", json_object_get(o, "relayed"));
    if (*adit_json_word(text, o, "problem"))
        adit_buf_printf(out, ": %s", text);
    adit_buf_printf(out, "\n");
}

static void print_port_mapping(struct adit_buf *out, const json_t *o)
{
    char text[ADIT_JSON_WORD];

    begin(out, "port map", o, "base");
    adit_buf_printf(out, ": %s", adit_json_word(text, o, "state"));
    if (*adit_json_word(text, o, "external"))
        adit_buf_printf(out, ", %s outside", text);
    if (*adit_json_word(text, o, "protocol"))
        adit_buf_printf(out, " (%s)", text);
    adit_buf_printf(out, "\n");
}

void adit_network_print(struct adit_buf *out, const json_t *peer)
{
    static const struct {
        const char *key;
        void (*print)(struct adit_buf *out, const json_t *o);
    } rows[] = { { "stun", print_stun },
                 { "turn", print_turn },
                 { "port_mappings", print_port_mapping } };
    const json_t *o;
    size_t i;

    if (adit_json_number(peer, "path_mtu") > 0)
        adit_buf_printf(out, "    datagrams %.0f bytes get through whole\n",
                        adit_json_number(peer, "path_mtu"));
    for (size_t r = 0; r < ADIT_LEN(rows); r++)
        json_array_foreach(json_object_get(peer, rows[r].key), i, o) rows[r].print(out, o);
}
