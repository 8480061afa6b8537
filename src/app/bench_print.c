/* bench_print - what was measured: a table for people, or one JSON object for programs. */
#include <math.h>

#include "app/bench_inner.h"
#include "base/buf.h"

enum column { P50, P90, P99, MOST, MBIT, EACH, LOST, LATE, CPU, COLUMNS };

static const struct {
    char title[9], key[15];
    uint8_t width, decimals;
} columns[COLUMNS] = {
    [P50] = { "p50 ms", "p50_ms", 9, 3 },         [P90] = { "p90 ms", "p90_ms", 9, 3 },
    [P99] = { "p99 ms", "p99_ms", 9, 3 },         [MOST] = { "max ms", "max_ms", 9, 3 },
    [MBIT] = { "Mbit/s", "mbit_per_s", 9, 1 },    [EACH] = { "per s", "messages_per_s", 9, 0 },
    [LOST] = { "lost %", "lost_percent", 7, 2 },  [LATE] = { "late", "reordered", 6, 0 },
    [CPU] = { "CPU s/GB", "cpu_s_per_gb", 9, 2 },
};

static const char *const ways[] = { "idle", "out", "back" };

static double ms(adit_time t)
{
    return (double)t / (double)ADIT_MS;
}

static double percent(double part, double whole)
{
    return whole > 0 && part > 0 ? part * 100 / whole : 0;
}

/* NAN: there is no such thing. */
static void fill(double cells[COLUMNS], const struct adit_bench_step *step,
                 const struct adit_bench_result *r)
{
    const struct adit_bench_trips *t = &r->trips;
    double sent = step->kind == ADIT_BENCH_IDLE ? t->count + t->lost : r->sent;
    double came = step->kind == ADIT_BENCH_IDLE ? t->count : r->came;
    double bytes = came * r->size;

    for (int i = 0; i < COLUMNS; i++)
        cells[i] = NAN;
    if (t->count) {
        cells[P50] = ms(t->p50);
        cells[P90] = ms(t->p90);
        cells[P99] = ms(t->p99);
        cells[MOST] = ms(t->max);
    }
    if (step->packets)
        cells[LOST] = percent(sent - came, sent);
    if (step->kind == ADIT_BENCH_IDLE)
        return;
    cells[MBIT] = r->rate * 8 / 1e6;
    cells[EACH] = r->rate / r->size;
    if (step->packets)
        cells[LATE] = r->late;
    if (bytes > 0)
        cells[CPU] = (double)r->cpu / bytes; /* nanoseconds per byte are seconds per GB */
}

/* "host to srflx"; where exactly is not everybody's business. */
static void path(struct adit_buf *out, const struct adit_peer_stats *s)
{
    adit_buf_printf(out, "%.*s to %.*s", (int)strcspn(s->local, " "), s->local,
                    (int)strcspn(s->remote, " "), s->remote);
}

static void print_table(struct adit_buf *out, const struct adit_bench_drive *d)
{
    double cells[COLUMNS];

    adit_buf_printf(out, "%-20s", "");
    for (int i = 0; i < COLUMNS; i++)
        adit_buf_printf(out, "%*s", columns[i].width, columns[i].title);
    for (size_t k = 0; k < ADIT_BENCH_STEPS; k++) {
        const struct adit_bench_step *step = &adit_bench_steps[k];
        const struct adit_bench_result *r = &d->results[k];

        if (!r->done)
            continue;
        fill(cells, step, r);
        adit_buf_printf(out, "\n%-4s %-9s", ways[step->kind],
                        step->packets ? "packets" : "channel");
        if (r->size)
            adit_buf_printf(out, "%6u", (unsigned)r->size);
        else
            adit_buf_printf(out, "%6s", "");
        for (int i = 0; i < COLUMNS; i++)
            if (isnan(cells[i]))
                adit_buf_printf(out, "%*s", columns[i].width, "-");
            else
                adit_buf_printf(out, "%*.*f", columns[i].width, columns[i].decimals, cells[i]);
    }
    adit_buf_printf(out, "\n");
}

static void print_rows(struct adit_buf *out, const struct adit_bench_drive *d)
{
    const char *before = "";
    double cells[COLUMNS];

    for (size_t k = 0; k < ADIT_BENCH_STEPS; k++) {
        const struct adit_bench_step *step = &adit_bench_steps[k];
        const struct adit_bench_result *r = &d->results[k];

        if (!r->done)
            continue;
        fill(cells, step, r);
        adit_buf_printf(out, "%s{\"what\":\"%s\",\"carrier\":\"%s\",\"round_trips\":%zu", before,
                        ways[step->kind], step->packets ? "datagram" : "channel", r->trips.count);
        if (r->size)
            adit_buf_printf(out, ",\"bytes\":%u,\"sent\":%u,\"received\":%u", (unsigned)r->size,
                            (unsigned)r->sent, (unsigned)r->came);
        for (int i = 0; i < COLUMNS; i++)
            if (!isnan(cells[i]))
                adit_buf_printf(out, ",\"%s\":%.*f", columns[i].key, columns[i].decimals, cells[i]);
        adit_buf_printf(out, "}");
        before = ",";
    }
}

void adit_bench_print(struct adit_buf *out, struct bench *b)
{
    const struct adit_app_conf *c = &b->app.conf;
    bool packets = c->ops->datagrams(c->arg);
    size_t most = packets ? c->ops->packet_max(c->arg) : SIZE_MAX;
    struct adit_peer_stats s;

    c->ops->stats(c->arg, &s);
    if (b->conf.json) {
        adit_buf_printf(out, "{\"path\":\"");
        path(out, &s);
        adit_buf_printf(out, "\",\"rtt_ms\":%.3f,\"cipher\":\"%s\",\"carrier\":\"%s\"", ms(s.rtt),
                        s.cipher, packets ? "datagram" : "channel");
        if (most != SIZE_MAX)
            adit_buf_printf(out, ",\"packet_max\":%zu", most);
        adit_buf_printf(out, ",\"same_host\":%s,\"measured\":[", b->conf.shared ? "true" : "false");
        print_rows(out, b->drive);
        adit_buf_printf(out, "]}\n");
        return;
    }
    path(out, &s);
    adit_buf_printf(out, ", round trip %.1f ms, %s\n", ms(s.rtt), s.cipher);
    if (!packets)
        adit_buf_printf(out, "packets go through the channel\n");
    else if (most != SIZE_MAX)
        adit_buf_printf(out, "packets go beside the channel, up to %zu bytes each\n", most);
    if (b->conf.shared)
        adit_buf_printf(out, "both ends share this machine's processor: "
                             "CPU counts the two of them\n");
    print_table(out, b->drive);
}
