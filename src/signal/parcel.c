#include "signal/parcel.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/str.h"

#define RETRY_FIRST (500 * ADIT_MS)
#define RETRY_MAX   (4 * ADIT_SEC)

static void drop(struct adit_parcel *x)
{
    adit_free(x->bytes);
    *x = (struct adit_parcel){ .bytes = NULL };
}

static void drop_all(struct adit_parcel *list)
{
    for (unsigned i = 0; i < ADIT_PARCEL_WINDOW; i++)
        drop(&list[i]);
}

void adit_parcels_start(struct adit_parcels *p, const struct adit_parcel_ops *ops, void *arg,
                        const char *id, uint32_t session)
{
    *p = (struct adit_parcels){ .ops = ops, .arg = arg, .id = id, .session = session };
}

void adit_parcels_done(struct adit_parcels *p)
{
    drop_all(p->out);
    drop_all(p->in);
}

static uint64_t all_of(unsigned parts)
{
    return parts == 64 ? UINT64_MAX : ((uint64_t)1 << parts) - 1;
}

/* ---- out ------------------------------------------------------------------------------------- */

static void send_json(struct adit_parcels *p, json_t *m)
{
    char *text = m ? json_dumps(m, JSON_COMPACT) : NULL;

    if (text) /* without memory it is as if the network had lost it */
        p->ops->send(p->arg, text, strlen(text));
    json_decref(m);
    free(text);
}

static void send_part(struct adit_parcels *p, const struct adit_parcel *x, unsigned part)
{
    char data[ADIT_PARCEL_PART / 3 * 4 + 1];
    size_t at = (size_t)part * ADIT_PARCEL_PART;
    size_t n = x->len - at < ADIT_PARCEL_PART ? x->len - at : ADIT_PARCEL_PART;

    adit_base64_encode(data, x->bytes + at, n, false);
    send_json(p,
              json_pack("{s:s, s:s, s:I, s:I, s:i, s:i, s:s}", "type", "adit_part",
                        "from_worker_id", p->id, "session", (json_int_t)p->session, "n",
                        (json_int_t)x->n, "part", (int)part, "parts", (int)x->parts, "data", data));
}

static void send_missing(struct adit_parcels *p, struct adit_parcel *x, adit_time now)
{
    adit_time pause = RETRY_FIRST << (x->tries < 3 ? x->tries : 3);

    for (unsigned i = 0; i < x->parts; i++) {
        if (!(x->have >> i & 1))
            send_part(p, x, i);
    }
    x->tries++;
    x->at = now + adit_time_min(pause, RETRY_MAX);
}

int adit_parcels_push(struct adit_parcels *p, const char *text, size_t len, uint32_t *ret_n,
                      adit_time now)
{
    struct adit_parcel *x = &p->out[p->next % ADIT_PARCEL_WINDOW];

    if (len == 0 || len > ADIT_PARCEL_TEXT_MAX)
        return -EMSGSIZE;
    if (x->bytes)
        return -EAGAIN;
    x->bytes = adit_memdup(text, len);
    if (!x->bytes)
        return -ENOMEM;
    x->len = len;
    x->n = *ret_n = p->next++;
    x->parts = (unsigned)((len + ADIT_PARCEL_PART - 1) / ADIT_PARCEL_PART);
    send_missing(p, x, now);
    return 0;
}

adit_time adit_parcels_deadline(const struct adit_parcels *p)
{
    adit_time at = ADIT_NEVER;

    for (unsigned i = 0; i < ADIT_PARCEL_WINDOW; i++) {
        if (p->out[i].bytes)
            at = adit_time_min(at, p->out[i].at);
    }
    return at;
}

void adit_parcels_tick(struct adit_parcels *p, adit_time now)
{
    for (unsigned i = 0; i < ADIT_PARCEL_WINDOW; i++) {
        struct adit_parcel *x = &p->out[i];
        if (!x->bytes || now < x->at)
            continue;
        if (x->tries < ADIT_PARCEL_TRIES)
            send_missing(p, x, now);
        else
            drop(x);
    }
}

/* ---- in -------------------------------------------------------------------------------------- */

/* Another session is another life of the peer: begin anew. */
static void follow(struct adit_parcels *p, uint32_t session)
{
    if (p->heard && p->their_session == session)
        return;
    drop_all(p->in);
    p->heard = true;
    p->their_session = session;
    p->their_next = 0;
}

/* How far in front of the text that is due; past the window for what is behind it. */
static uint32_t ahead(const struct adit_parcels *p, uint32_t n)
{
    return n - p->their_next;
}

static void deliver(struct adit_parcels *p, adit_time now)
{
    for (;;) {
        struct adit_parcel *x = &p->in[p->their_next % ADIT_PARCEL_WINDOW];
        if (!x->bytes || x->have != all_of(x->parts))
            return;
        uint8_t *bytes = x->bytes;
        size_t len = x->len;
        x->bytes = NULL;
        drop(x);
        p->their_next++;
        p->ops->text(p->arg, (const char *)bytes, len, now);
        adit_free(bytes);
    }
}

static void on_ack(struct adit_parcels *p, uint32_t n, unsigned part)
{
    struct adit_parcel *x = &p->out[n % ADIT_PARCEL_WINDOW];

    if (!x->bytes || x->n != n || part >= x->parts)
        return;
    x->have |= (uint64_t)1 << part;
    if (x->have == all_of(x->parts))
        drop(x);
}

static bool reserve(struct adit_parcel *x, uint32_t n, unsigned parts)
{
    if (x->bytes)
        return x->parts == parts;
    x->bytes = adit_zalloc((size_t)parts * ADIT_PARCEL_PART);
    x->n = n;
    x->parts = parts;
    return x->bytes != NULL;
}

static void keep(struct adit_parcel *x, unsigned part, const uint8_t *bytes, size_t len)
{
    size_t at = (size_t)part * ADIT_PARCEL_PART;

    memcpy(x->bytes + at, bytes, len);
    x->have |= (uint64_t)1 << part;
    if (part + 1 == x->parts)
        x->len = at + len;
}

static void on_part(struct adit_parcels *p, uint32_t n, unsigned part, unsigned parts,
                    const json_t *data)
{
    struct adit_parcel *x = &p->in[n % ADIT_PARCEL_WINDOW];
    uint8_t bytes[ADIT_PARCEL_PART / 3 * 4];
    const char *text = json_string_value(data);
    size_t size = json_string_length(data);
    int len;

    if (!text || size > sizeof bytes || part >= parts || parts > ADIT_PARCEL_PARTS_MAX)
        return;
    len = adit_base64_decode(bytes, text, size);
    if (len <= 0 || (part + 1 < parts && len != ADIT_PARCEL_PART))
        return;
    if (ahead(p, n) < ADIT_PARCEL_WINDOW) {
        if (!reserve(x, n, parts))
            return;
        if (x->have != all_of(parts)) /* one that came whole has no room for longer parts */
            keep(x, part, bytes, (size_t)len);
    } else if (ahead(p, n) < UINT32_MAX / 2) {
        return; /* too far in front to be kept; what is behind was only not heard of */
    }
    send_json(p, json_pack("{s:s, s:s, s:I, s:I, s:i}", "type", "adit_ack", "from_worker_id", p->id,
                           "session", (json_int_t)p->their_session, "n", (json_int_t)n, "part",
                           (int)part));
}

static bool number(const json_t *m, const char *key, json_int_t max, json_int_t *ret_v)
{
    const json_t *v = json_object_get(m, key);

    *ret_v = json_integer_value(v);
    return json_is_integer(v) && *ret_v >= 0 && *ret_v <= max;
}

void adit_parcels_feed(struct adit_parcels *p, const json_t *m, adit_time now)
{
    const char *type = adit_json_string(m, "type");
    json_int_t session, n, part, parts;

    if (!type || !number(m, "session", UINT32_MAX, &session) || !number(m, "n", UINT32_MAX, &n) ||
        !number(m, "part", ADIT_PARCEL_PARTS_MAX - 1, &part))
        return;
    if (strcmp(type, "adit_ack") == 0) {
        if (session == p->session)
            on_ack(p, (uint32_t)n, (unsigned)part);
        return;
    }
    if (!number(m, "parts", ADIT_PARCEL_PARTS_MAX, &parts))
        return;
    follow(p, (uint32_t)session);
    on_part(p, (uint32_t)n, (unsigned)part, (unsigned)parts, json_object_get(m, "data"));
    deliver(p, now);
}

void adit_parcels_whole(struct adit_parcels *p, uint32_t session, uint32_t n, const char *text,
                        size_t len, adit_time now)
{
    struct adit_parcel *x = &p->in[n % ADIT_PARCEL_WINDOW];

    follow(p, session);
    if (ahead(p, n) >= ADIT_PARCEL_WINDOW || len == 0 || len > ADIT_PARCEL_TEXT_MAX)
        return;
    drop(x);
    x->bytes = adit_memdup(text, len);
    if (!x->bytes)
        return;
    x->len = len;
    x->n = n;
    x->parts = (unsigned)((len + ADIT_PARCEL_PART - 1) / ADIT_PARCEL_PART);
    x->have = all_of(x->parts);
    deliver(p, now);
}
