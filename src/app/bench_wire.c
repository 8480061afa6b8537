#include "app/bench_wire.h"

struct field {
    uint8_t at, width; /* in struct adit_bench_message */
};

#define F(name)                                                                                  \
    {                                                                                            \
        offsetof(struct adit_bench_message, name), sizeof((struct adit_bench_message){ 0 }.name) \
    }
#define FIELDS_MAX 5

static const struct field rows[][FIELDS_MAX] = {
    [ADIT_BENCH_HELLO] = { F(magic), F(version) },
    [ADIT_BENCH_WELCOME] = { F(magic), F(version) },
    [ADIT_BENCH_PING] = { F(number) },
    [ADIT_BENCH_PONG] = { F(number) },
    [ADIT_BENCH_ASK] = { F(flow), F(packets), F(size), F(ms), F(rate) },
    [ADIT_BENCH_DATA] = { F(flow), F(number) },
    [ADIT_BENCH_END] = { F(flow), F(number) },
    [ADIT_BENCH_COUNT] = { F(flow), F(number), F(late), F(bytes), F(span) },
};

static uint64_t load(const void *from, size_t width)
{
    return width == 1   ? *(const uint8_t *)from
           : width == 4 ? *(const uint32_t *)from
                        : *(const uint64_t *)from;
}

static void store(void *to, size_t width, uint64_t v)
{
    if (width == 1)
        *(uint8_t *)to = (uint8_t)v;
    else if (width == 4)
        *(uint32_t *)to = (uint32_t)v;
    else
        *(uint64_t *)to = v;
}

size_t adit_bench_put(uint8_t out[ADIT_BENCH_MESSAGE_MAX], const struct adit_bench_message *m)
{
    size_t n = 0;

    out[n++] = m->type;
    for (const struct field *f = rows[m->type]; f < rows[m->type] + FIELDS_MAX && f->width; f++) {
        uint64_t v = load((const char *)m + f->at, f->width);

        for (size_t i = f->width; i-- > 0;)
            out[n++] = (uint8_t)(v >> 8 * i);
    }
    return n;
}

int adit_bench_get(struct adit_bench_message *ret_m, const uint8_t *bytes, size_t n)
{
    struct adit_bench_message m = { .type = n ? bytes[0] : 0 };
    size_t at = 1;

    if (m.type < ADIT_BENCH_HELLO || m.type >= ADIT_LEN(rows))
        return -EPROTO;
    for (const struct field *f = rows[m.type]; f < rows[m.type] + FIELDS_MAX && f->width; f++) {
        uint64_t v = 0;

        if (n - at < f->width)
            return -EPROTO;
        for (size_t i = 0; i < f->width; i++)
            v = v << 8 | bytes[at++];
        store((char *)&m + f->at, f->width, v);
    }
    if (at != n && m.type != ADIT_BENCH_DATA)
        return -EPROTO;
    *ret_m = m;
    return 0;
}
