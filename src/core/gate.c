#include "core/gate.h"

#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "core/frame.h"
#include "core/listen.h"

struct stranger {
    struct adit_gate *gate;
    struct adit_stream *stream; /* NULL = free slot */
    adit_time since;
};

struct adit_gate {
    struct adit_loop *loop;
    struct adit_gate *next; /* of this loop */
    struct adit_listen *listen;
    struct adit_link users;
    struct stranger strangers[ADIT_GATE_STRANGERS];
};

/* ---- strangers ------------------------------------------------------------------------------- */

static void put_out(struct stranger *s, const char *why)
{
    char text[ADIT_ADDR_STR];

    adit_debug("gate", "%s %s", adit_addr_str(adit_stream_peer(s->stream), text), why);
    s->stream = adit_stream_abort(s->stream);
}

static struct adit_gate_user *find_user(struct adit_gate *gate, const struct adit_span *packet)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&gate->users, it, tmp)
    {
        struct adit_gate_user *u = adit_container_of(it, struct adit_gate_user, link);

        if (u->ops->claim(u->arg, packet->data, packet->len))
            return u;
    }
    return NULL;
}

static void on_connected(void *arg, adit_time now)
{
    (void)arg;
    (void)now;
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct stranger *s = arg;
    struct adit_stream *stream = s->stream;
    struct adit_gate_user *u;
    struct adit_span packet;
    ssize_t len = adit_frame_next(&packet, bytes, n);

    if (len == 0)
        return 0;
    u = len > 0 ? find_user(s->gate, &packet) : NULL;
    if (!u) {
        put_out(s, "is unknown to us");
        return 0;
    }
    s->stream = NULL;
    adit_stream_limit(stream, ADIT_NEVER, "");
    u->ops->enter(u->arg, stream, now);
    adit_stream_resume(stream); /* what came is called up again, to its owner now */
    return 0;
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    struct stranger *s = arg;

    (void)now;
    put_out(s, cause->text);
}

static const struct adit_stream_ops stream_ops = { .connected = on_connected,
                                                   .data = on_data,
                                                   .closed = on_closed };

static struct stranger *slot(struct adit_gate *gate)
{
    struct stranger *oldest = &gate->strangers[0];

    for (size_t i = 0; i < ADIT_LEN(gate->strangers); i++) {
        struct stranger *s = &gate->strangers[i];

        if (!s->stream)
            return s;
        if (s->since < oldest->since)
            oldest = s;
    }
    put_out(oldest, "has to make room");
    return oldest;
}

static void on_accepted(void *arg, int fd, const struct adit_addr *from, adit_time now)
{
    const struct adit_stream_accept_conf conf = { .from = from,
                                                  .stall_timeout = ADIT_GATE_STALL,
                                                  .queue_max = ADIT_GATE_PACKETS_MAX,
                                                  .unsent_max = ADIT_GATE_UNSENT_MAX };
    struct adit_gate *gate = arg;
    struct stranger *s = slot(gate);
    int err = adit_stream_accept(&s->stream, gate->loop, fd, &conf, &stream_ops, s);

    if (err) {
        adit_debug("gate", "a call was lost: %s", strerror(-err));
        return;
    }
    s->gate = gate;
    s->since = now;
    adit_stream_limit(s->stream, now + ADIT_GATE_PATIENCE, "has not said who he is");
}

static const struct adit_listen_ops listen_ops = { .accepted = on_accepted };

/* ---- users ----------------------------------------------------------------------------------- */

static struct adit_gate *find(struct adit_loop *loop, const struct adit_addr *addr)
{
    struct adit_gate *gate = *adit_loop_gates(loop);

    while (gate && !adit_addr_equal(adit_listen_addr(gate->listen, 0), addr))
        gate = gate->next;
    return gate;
}

static void close_gate(struct adit_gate *gate)
{
    struct adit_gate **at = adit_loop_gates(gate->loop);

    while (*at && *at != gate)
        at = &(*at)->next;
    if (*at)
        *at = gate->next;
    for (size_t i = 0; i < ADIT_LEN(gate->strangers); i++)
        adit_stream_abort(gate->strangers[i].stream);
    adit_listen_free(gate->listen);
    adit_free(gate);
}

static int open_gate(struct adit_gate **ret_gate, struct adit_loop *loop,
                     const struct adit_addr *addr, uint32_t mark)
{
    struct adit_gate *gate = adit_zalloc(sizeof *gate);
    char text[ADIT_ADDR_STR];
    const char *at = adit_addr_str(addr, text);
    const struct adit_listen_conf conf = { .at = &at, .count = 1 };
    int err;

    if (!gate)
        return -ENOMEM;
    gate->loop = loop;
    adit_list_init(&gate->users);
    err = adit_listen_open(&gate->listen, loop, &conf, &listen_ops, gate, NULL);
    if (!err && mark)
        err = adit_listen_mark(gate->listen, mark);
    if (err) {
        close_gate(gate);
        return err;
    }
    gate->next = *adit_loop_gates(loop);
    *adit_loop_gates(loop) = gate;
    *ret_gate = gate;
    return 0;
}

int adit_gate_join(struct adit_gate_user *user, struct adit_loop *loop,
                   const struct adit_addr *addr, uint32_t mark, const struct adit_gate_ops *ops,
                   void *arg)
{
    struct adit_gate *gate = find(loop, addr);
    int err = gate ? 0 : open_gate(&gate, loop, addr, mark);

    if (err)
        return err;
    *user = (struct adit_gate_user){ .gate = gate, .ops = ops, .arg = arg };
    adit_list_init(&user->link);
    adit_list_add(&gate->users, &user->link);
    return 0;
}

void adit_gate_leave(struct adit_gate_user *user)
{
    struct adit_gate *gate = user->gate;

    if (!gate)
        return;
    user->gate = NULL;
    adit_list_del(&user->link);
    if (adit_list_empty(&gate->users))
        close_gate(gate);
}

const struct adit_addr *adit_gate_addr(const struct adit_gate_user *user)
{
    return adit_listen_addr(user->gate->listen, 0);
}
