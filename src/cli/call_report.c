#include "cli/call_report.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "ctl/pairs.h"
#include "ctl/snapshot.h"

#define LOOK_AFTER (1500 * ADIT_MS) /* what is slower than the pair in use has answered by then */
#define TEXT_MAX   (256 * 1024)     /* bytes of a report */
#define WORD_MAX   200

static const char *word(char out[WORD_MAX], const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return adit_str_printable(out, WORD_MAX, json_is_string(v) ? json_string_value(v) : "",
                              json_is_string(v) ? json_string_length(v) : 0);
}

static void print_list(struct adit_buf *out, const char *title, const json_t *list)
{
    const json_t *o;
    char text[WORD_MAX];
    size_t i;

    json_array_foreach(list, i, o) adit_buf_printf(
        out, "  %-9s %s\n", i ? "" : title,
        adit_str_printable(text, sizeof text, json_string_value(o), json_string_length(o)));
}

static void print(struct adit_buf *out, const json_t *o)
{
    const json_t *pairs = json_object_get(o, "pairs"), *cands = json_object_get(o, "candidates");
    char a[WORD_MAX], b[WORD_MAX];

    if (json_is_true(json_object_get(o, "connected")))
        adit_buf_printf(out, "%s: connected by a %s path in %.0f ms, round trip %.1f ms\n",
                        word(a, o, "name"), word(b, o, "path"),
                        json_number_value(json_object_get(o, "connect_ms")),
                        json_number_value(json_object_get(o, "rtt_ms")));
    else
        adit_buf_printf(out, "%s: no connection, while %s\n", word(a, o, "name"),
                        word(b, o, "was"));
    if (*word(a, o, "choice"))
        adit_buf_printf(out, "  chosen    %s\n", a);
    adit_buf_printf(out, "  NAT       mapping: %s\n", word(a, o, "nat_mapping"));
    print_list(out, "ours", json_object_get(cands, "local"));
    print_list(out, "theirs", json_object_get(cands, "remote"));
    adit_buf_printf(out, "  pairs%s\n", json_array_size(pairs) ? "" : "     none");
    adit_pairs_print(out, pairs, "    ");
    print_list(out, "to open", json_object_get(o, "advice"));
}

/* What would have to be opened, and why it is not by itself. */
static json_t *advice_of(const json_t *o)
{
    json_t *list = adit_pairs_advice(json_object_get(o, "pairs"));
    char mapping[WORD_MAX];

    if (json_array_size(list) && strcmp(word(mapping, o, "nat_mapping"), "dependent") == 0)
        json_array_insert_new(list, 0,
                              json_string("our NAT gives us another address for everybody we call, "
                                          "which nobody can foretell: only who lets in a port that "
                                          "he has not called is reached, or a relay"));
    return list;
}

static void show(struct adit_call_report *r, const struct adit_call *call, bool up)
{
    json_t *o = adit_snapshot_call(call, adit_loop_now(r->loop));
    struct adit_buf text;
    char *json;

    r->told = true;
    json_object_set_new(o, "connected", json_boolean(up));
    json_object_set_new(o, "was", json_string(r->was_up ? "closing" : "connecting"));
    json_object_set_new(o, "advice", advice_of(o));
    if (r->o->json) {
        json = json_dumps(o, JSON_REAL_PRECISION(10));
        puts(json ? json : "{}");
        free(json);
    } else {
        adit_buf_init(&text, TEXT_MAX);
        print(&text, o);
        fputs(adit_buf_str(&text), stdout);
        adit_buf_done(&text);
    }
    fflush(stdout);
    json_decref(o);
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_call_report *r = adit_container_of(timer, struct adit_call_report, timer);

    (void)now;
    if (!r->call)
        return;
    show(r, r->call, true);
    r->over(r->arg);
}

void adit_call_report_watch(void *arg, const struct adit_call *call)
{
    struct adit_call_report *r = arg;

    switch (adit_call_state(call)) {
    case ADIT_CALL_UP:
        r->was_up = true;
        r->call = call;
        if (!r->told)
            adit_timer_set(&r->timer, adit_loop_now(r->loop) + LOOK_AFTER);
        break;
    case ADIT_CALL_ENDING:
        r->call = NULL;
        if (!r->told && adit_call_peer(call))
            show(r, call, false);
        break;
    case ADIT_CALL_IDLE:
    case ADIT_CALL_CALLING:
    case ADIT_CALL_ASKING:
    case ADIT_CALL_CONNECTING:
    case ADIT_CALL_SILENT:
        break;
    }
}

void adit_call_report_init(struct adit_call_report *r, const struct adit_options *o,
                           struct adit_loop *loop, void (*over)(void *arg), void *arg)
{
    *r = (struct adit_call_report){ .o = o, .loop = loop, .over = over, .arg = arg };
    adit_timer_init(&r->timer, loop, on_timer, "report");
}

void adit_call_report_done(struct adit_call_report *r)
{
    if (r->loop)
        adit_timer_stop(&r->timer);
}
