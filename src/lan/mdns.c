#include "lan/mdns.h"

#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "base/str.h"
#include "lan/mdns_msg.h"

#define FIRST_GAP    ADIT_SEC /* RFC 6762 section 5.2: one second at least, then doubling */
#define QUERY_GAP    (100 * ADIT_MS)
#define RECORD_GAP   ADIT_SEC /* section 6 */
#define UNICASTS_MAX 20       /* in a second, whoever asks */
#define LEGACY_TTL   10       /* section 6.7 */
#define OWN_MAX      ADIT_MDNS_LINKS_MAX
#define QUERY_MAX    1400 /* bytes, to fit one packet; 16 names of ours and Chromium's take 900 */

enum ask_state {
    ASK_FREE,
    ASK_WAITING, /* for its turn */
    ASK_ASKED,
    ASK_FOUND, /* or given up; to be told */
    ASK_TOLD,
};

struct ask {
    enum ask_state state;
    char name[ADIT_MDNS_NAME_MAX + 1];
    struct adit_addr addr; /* family NONE: nobody said */
    adit_time next, gap, end;
};

struct own {
    char name[ADIT_MDNS_OWN_STR]; /* "" = free */
    uint32_t index;
    struct adit_addr addr;
    bool asked;
    adit_time free_at[2]; /* when the group of IPv4, of IPv6 may hear it again */
};

struct adit_mdns {
    const struct adit_mdns_ops *ops;
    void *arg;
    struct adit_mdns_link links[ADIT_MDNS_LINKS_MAX];
    size_t link_count;
    struct own own[OWN_MAX];
    struct ask asks[ADIT_MDNS_ASK_MAX];
    adit_time query_at; /* no query before */
    unsigned unicasts;  /* left in this second */
    adit_time unicasts_since;
};

struct adit_mdns *adit_mdns_new(const struct adit_mdns_ops *ops, void *arg)
{
    struct adit_mdns *m = adit_zalloc(sizeof *m);

    if (m) {
        m->ops = ops;
        m->arg = arg;
        m->unicasts = UNICASTS_MAX;
    }
    return m;
}

struct adit_mdns *adit_mdns_free(struct adit_mdns *m)
{
    adit_free(m);
    return NULL;
}

void adit_mdns_set_links(struct adit_mdns *m, const struct adit_mdns_link *links, size_t count)
{
    m->link_count = count < ADIT_MDNS_LINKS_MAX ? count : ADIT_MDNS_LINKS_MAX;
    memcpy(m->links, links, m->link_count * sizeof *links);
}

bool adit_mdns_idle(const struct adit_mdns *m)
{
    for (size_t i = 0; i < OWN_MAX; i++)
        if (m->own[i].name[0])
            return false;
    for (size_t i = 0; i < ADIT_MDNS_ASK_MAX; i++)
        if (m->asks[i].state != ASK_FREE && m->asks[i].state != ASK_TOLD)
            return false;
    return true;
}

/* ---- ours ------------------------------------------------------------------------------------ */

void adit_mdns_random_name(struct adit_rng *rng, char ret_name[ADIT_MDNS_OWN_STR])
{
    uint8_t u[16];

    adit_rng_bytes(rng, u, sizeof u);
    u[6] = (uint8_t)(0x40 | (u[6] & 0x0f)); /* RFC 9562 section 5.4 */
    u[8] = (uint8_t)(0x80 | (u[8] & 0x3f));
    snprintf(ret_name, ADIT_MDNS_OWN_STR, "%08x-%04x-%04x-%04x-%04x%08x.local", adit_get32(u),
             adit_get16(u + 4), adit_get16(u + 6), adit_get16(u + 8), adit_get16(u + 10),
             adit_get32(u + 12));
}

static struct own *find_own(struct adit_mdns *m, const char *name)
{
    for (size_t i = 0; i < OWN_MAX; i++)
        if (strcmp(m->own[i].name, name) == 0)
            return &m->own[i];
    return NULL;
}

int adit_mdns_own(struct adit_mdns *m, const char *name, uint32_t index,
                  const struct adit_addr *addr)
{
    struct own *o = find_own(m, "");

    if (!o)
        return -ENOSPC;
    *o = (struct own){ .index = index, .addr = *addr };
    return adit_str_copy(o->name, sizeof o->name, name, strlen(name));
}

void adit_mdns_disown(struct adit_mdns *m, const char *name)
{
    struct own *o = find_own(m, name);

    if (o)
        *o = (struct own){ .index = 0 };
}

/* ---- asking ---------------------------------------------------------------------------------- */

int adit_mdns_ask(struct adit_mdns *m, const char *name, adit_time now)
{
    struct ask *a = NULL;

    if (!adit_mdns_name_valid(name))
        return -EINVAL;
    for (size_t i = 0; i < ADIT_MDNS_ASK_MAX; i++) {
        if (m->asks[i].state != ASK_FREE && strcasecmp(m->asks[i].name, name) == 0) {
            if (m->asks[i].state == ASK_TOLD)
                m->asks[i].state = ASK_FOUND;
            return 0;
        }
        if (m->asks[i].state == ASK_FREE && !a)
            a = &m->asks[i];
    }
    if (!a)
        return -ENOSPC;
    *a = (struct ask){ .state = ASK_WAITING, .next = now, .gap = FIRST_GAP };
    for (size_t i = 0; name[i]; i++)
        a->name[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
    return 0;
}

/* Who waits takes his turn where there is room. */
static void begin_turns(struct adit_mdns *m, adit_time now)
{
    size_t active = 0;

    for (size_t i = 0; i < ADIT_MDNS_ASK_MAX; i++)
        active += m->asks[i].state == ASK_ASKED;
    for (size_t i = 0; i < ADIT_MDNS_ASK_MAX && active < ADIT_MDNS_ACTIVE_MAX; i++) {
        struct ask *a = &m->asks[i];
        if (a->state != ASK_WAITING)
            continue;
        a->state = ASK_ASKED;
        a->next = now;
        a->end = now + ADIT_MDNS_PATIENCE;
        active++;
    }
}

/* The same to each group on each interface. */
static void to_groups(struct adit_mdns *m, const void *bytes, size_t n)
{
    for (size_t i = 0; i < m->link_count; i++) {
        const struct adit_mdns_link *l = &m->links[i];
        bool done = false;

        for (size_t k = 0; k < i && !done; k++)
            done = m->links[k].index == l->index && m->links[k].addr.family == l->addr.family;
        if (!done)
            m->ops->send(m->arg, l->index, (enum adit_family)l->addr.family, NULL, bytes, n);
    }
}

static void query(struct adit_mdns *m, adit_time now)
{
    struct adit_buf out;
    unsigned count = 0;

    adit_buf_init(&out, ADIT_MDNS_MSG_MAX);
    adit_mdns_begin(&out, 0, false);
    for (size_t i = 0; i < ADIT_MDNS_ASK_MAX; i++) {
        struct ask *a = &m->asks[i];
        if (a->state != ASK_ASKED || now < a->next ||
            out.len + strlen(a->name) + 12 > QUERY_MAX) /* the rest goes with the next */
            continue;
        adit_mdns_put_questions(&out, a->name);
        count += 2;
        a->next += a->gap;
        a->gap *= 2;
    }
    adit_mdns_finish(&out, count, 0);
    if (count && !out.err) {
        to_groups(m, out.data, out.len);
        m->query_at = now + QUERY_GAP;
    }
    adit_buf_done(&out);
}

static void deliver(struct adit_mdns *m, adit_time now)
{
    for (size_t i = 0; i < ADIT_MDNS_ASK_MAX; i++) {
        struct ask *a = &m->asks[i];
        if (a->state != ASK_FOUND)
            continue;
        a->state = ASK_TOLD;
        m->ops->answer(m->arg, a->name, a->addr.family ? &a->addr : NULL, now);
    }
}

/* When something is to be done about it; a query waits for the one before. */
static adit_time ask_deadline(const struct adit_mdns *m, const struct ask *a)
{
    switch (a->state) {
    case ASK_FOUND:
        return 0;
    case ASK_ASKED:
        return adit_time_min(a->end, adit_time_max(a->next, m->query_at));
    case ASK_WAITING: /* its turn comes when another one's is over */
        return adit_time_max(a->next, m->query_at);
    case ASK_FREE:
    case ASK_TOLD:
        break;
    }
    return ADIT_NEVER;
}

adit_time adit_mdns_deadline(const struct adit_mdns *m)
{
    adit_time at = ADIT_NEVER;
    size_t active = 0;

    for (size_t i = 0; i < ADIT_MDNS_ASK_MAX; i++)
        active += m->asks[i].state == ASK_ASKED;
    for (size_t i = 0; i < ADIT_MDNS_ASK_MAX; i++) {
        const struct ask *a = &m->asks[i];
        if (a->state != ASK_WAITING || active < ADIT_MDNS_ACTIVE_MAX)
            at = adit_time_min(at, ask_deadline(m, a));
    }
    return at;
}

void adit_mdns_tick(struct adit_mdns *m, adit_time now)
{
    for (size_t i = 0; i < ADIT_MDNS_ASK_MAX; i++) {
        struct ask *a = &m->asks[i];
        if (a->state == ASK_ASKED && now >= a->end)
            a->state = ASK_FOUND;
    }
    if (now >= m->query_at) {
        begin_turns(m, now);
        query(m, now);
    }
    deliver(m, now);
}

/* ---- what others say ------------------------------------------------------------------------- */

/* RFC 6762 section 11: the sender is on this link. */
static bool on_link(const struct adit_mdns *m, uint32_t index, const struct adit_addr *from)
{
    for (size_t i = 0; i < m->link_count; i++) {
        const struct adit_mdns_link *l = &m->links[i];
        if (l->index == index &&
            ((from->family == ADIT_FAMILY_V6 && adit_addr_scope(from) == ADIT_SCOPE_LINK) ||
             adit_addr_in(from, &l->addr, l->prefix_len)))
            return true;
    }
    return false;
}

static bool unicast(const struct adit_addr *addr)
{
    switch (adit_addr_scope(addr)) {
    case ADIT_SCOPE_LINK:
    case ADIT_SCOPE_PRIVATE:
    case ADIT_SCOPE_GLOBAL:
        return true;
    case ADIT_SCOPE_UNSPECIFIED:
    case ADIT_SCOPE_LOOPBACK:
    case ADIT_SCOPE_MULTICAST:
    case ADIT_SCOPE_RESERVED:
        break;
    }
    return false;
}

static void on_record(struct adit_mdns *m, uint32_t index, struct adit_mdns_item *item)
{
    if (!item->addr.family || !item->ttl || !unicast(&item->addr)) /* TTL 0: goodbye */
        return;
    if (item->addr.family == ADIT_FAMILY_V6 && adit_addr_scope(&item->addr) == ADIT_SCOPE_LINK)
        item->addr.scope = index;
    for (size_t i = 0; i < ADIT_MDNS_ASK_MAX; i++) {
        struct ask *a = &m->asks[i];
        if (a->state == ASK_ASKED && strcmp(a->name, item->name) == 0) {
            a->addr = item->addr;
            a->state = ASK_FOUND;
        }
    }
}

/* ---- questions of others --------------------------------------------------------------------- */

static bool asks_for(const struct adit_mdns_item *q, const struct own *o)
{
    uint16_t type = o->addr.family == ADIT_FAMILY_V6 ? ADIT_MDNS_AAAA : ADIT_MDNS_A;

    return (q->class == ADIT_MDNS_IN || q->class == ADIT_MDNS_ANY) &&
           (q->type == type || q->type == ADIT_MDNS_ANY) && o->name[0] &&
           strcmp(q->name, o->name) == 0;
}

/* Section 7.1: what the asker knows already, and for as long again, is not told. */
static void on_known(struct adit_mdns *m, const struct adit_mdns_item *known)
{
    for (size_t i = 0; i < OWN_MAX; i++) {
        struct own *o = &m->own[i];
        if (o->name[0] && known->ttl >= ADIT_MDNS_TTL / 2 && strcmp(known->name, o->name) == 0 &&
            adit_addr_equal_ip(&known->addr, &o->addr))
            o->asked = false;
    }
}

static bool may_unicast(struct adit_mdns *m, adit_time now)
{
    if (now >= m->unicasts_since + ADIT_SEC) {
        m->unicasts_since = now;
        m->unicasts = UNICASTS_MAX;
    }
    return m->unicasts && m->unicasts--;
}

/* Section 6.7: whoever asks from another port is no multicast DNS program; he gets his question and
 * number back, and no cache flush bit. */
static void answer(struct adit_mdns *m, uint32_t index, const struct adit_addr *from, uint16_t id,
                   bool to_sender, adit_time now)
{
    bool legacy = from->port != ADIT_MDNS_PORT;
    struct adit_buf out;
    unsigned questions = 0, records = 0;

    adit_buf_init(&out, ADIT_MDNS_MSG_MAX);
    adit_mdns_begin(&out, legacy ? id : 0, true);
    for (size_t i = 0; i < OWN_MAX && legacy; i++) {
        const struct own *o = &m->own[i];
        if (!o->asked)
            continue;
        adit_mdns_put_question(&out, o->name,
                               o->addr.family == ADIT_FAMILY_V6 ? ADIT_MDNS_AAAA : ADIT_MDNS_A);
        questions++;
    }
    for (size_t i = 0; i < OWN_MAX; i++) {
        struct own *o = &m->own[i];
        adit_time *free_at = &o->free_at[from->family == ADIT_FAMILY_V6];
        if (!o->asked || (!to_sender && now < *free_at))
            continue;
        adit_mdns_put_record(&out, o->name, &o->addr, legacy ? LEGACY_TTL : ADIT_MDNS_TTL, !legacy);
        records++;
        if (!to_sender)
            *free_at = now + RECORD_GAP;
    }
    adit_mdns_finish(&out, questions, records);
    if (records && !out.err)
        m->ops->send(m->arg, index, (enum adit_family)from->family, to_sender ? from : NULL,
                     out.data, out.len);
    adit_buf_done(&out);
}

static void on_query(struct adit_mdns *m, uint32_t index, const struct adit_addr *from,
                     struct adit_mdns_reader *r, adit_time now)
{
    bool to_group = false, any = false;
    struct adit_mdns_item item;

    for (size_t i = 0; i < OWN_MAX; i++)
        m->own[i].asked = false;
    while (adit_mdns_next(r, &item)) {
        for (size_t i = 0; i < OWN_MAX && item.question; i++) {
            struct own *o = &m->own[i];
            if (o->index != index || !asks_for(&item, o))
                continue;
            o->asked = any = true;
            to_group |= !item.top_bit;
        }
        if (!item.question && item.addr.family)
            on_known(m, &item);
    }
    if (!any)
        return;
    if (from->port != ADIT_MDNS_PORT || !to_group) {
        if (may_unicast(m, now))
            answer(m, index, from, r->id, true, now);
    } else {
        answer(m, index, from, r->id, false, now);
    }
}

void adit_mdns_feed(struct adit_mdns *m, uint32_t index, const struct adit_addr *from,
                    const void *bytes, size_t n, adit_time now)
{
    struct adit_mdns_reader r;
    struct adit_mdns_item item;

    if (!on_link(m, index, from) || !adit_mdns_read(&r, bytes, n))
        return;
    if (!r.response) {
        on_query(m, index, from, &r, now);
        return;
    }
    if (from->port != ADIT_MDNS_PORT) /* section 6 */
        return;
    while (adit_mdns_next(&r, &item))
        if (!item.question)
            on_record(m, index, &item);
    deliver(m, now);
}
