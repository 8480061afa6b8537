/* carrier_agent.c - the Tunnel Agent's framing, whichever generation the other side is of.
 *
 * We say the second one's HELLO, which the first one logs and passes over. The other side's first
 * frame decides: HELLO, or anything else. A consumer speaks first in the old one, so as a consumer
 * we go on with that after two seconds of silence; if HELLO still comes before we have asked for
 * anything, it counts. */
#include "app/carrier_v3.h"

struct agent {
    struct adit_framing f; /* for HELLO alone */
    struct adit_carrier *inner;
    struct adit_timer silence;
    bool ready; /* was told */
};

static void on_ready(void *arg, adit_time now)
{
    struct agent *a = arg;

    if (a->ready)
        return;
    a->ready = true;
    a->f.c.conf.ops->ready(a->f.c.conf.arg, now);
}

/* What the inner one calls is the owner's, but for `ready`, which may come twice here. */
static int on_send(void *arg, const void *bytes, size_t n, bool text)
{
    const struct adit_carrier_conf *conf = &((struct agent *)arg)->f.c.conf;

    return conf->ops->send(conf->arg, bytes, n, text);
}

static size_t on_buffered(void *arg)
{
    const struct adit_carrier_conf *conf = &((struct agent *)arg)->f.c.conf;

    return conf->ops->buffered(conf->arg);
}

static size_t on_message_max(void *arg)
{
    const struct adit_carrier_conf *conf = &((struct agent *)arg)->f.c.conf;

    return conf->ops->message_max(conf->arg);
}

static void on_pause(void *arg)
{
    const struct adit_carrier_conf *conf = &((struct agent *)arg)->f.c.conf;

    conf->ops->pause(conf->arg);
}

static void on_resume(void *arg)
{
    const struct adit_carrier_conf *conf = &((struct agent *)arg)->f.c.conf;

    conf->ops->resume(conf->arg);
}

static void on_request(void *arg, struct adit_exchange *x, const struct adit_http1_head *head,
                       adit_time now)
{
    const struct adit_carrier_conf *conf = &((struct agent *)arg)->f.c.conf;

    conf->ops->request(conf->arg, x, head, now);
}

static void on_broken(void *arg, const char *text, adit_time now)
{
    adit_framing_break(&((struct agent *)arg)->f, text, now);
}

static const struct adit_carrier_ops inner_ops = { .send = on_send,
                                                   .buffered = on_buffered,
                                                   .message_max = on_message_max,
                                                   .pause = on_pause,
                                                   .resume = on_resume,
                                                   .request = on_request,
                                                   .ready = on_ready,
                                                   .broken = on_broken };

static void decide(struct agent *a, const struct adit_carrier_class *class, adit_time now)
{
    struct adit_carrier_conf conf = a->f.c.conf;

    conf.ops = &inner_ops;
    conf.arg = a;
    adit_timer_stop(&a->silence);
    a->inner = adit_carrier_new(class, &conf, now);
    if (!a->inner)
        adit_framing_break(&a->f, "no memory", now);
}

static void on_silence(struct adit_timer *timer, adit_time now)
{
    decide(adit_container_of(timer, struct agent, silence), &adit_carrier_v2, now);
}

/* It is of the second generation after all. */
static bool may_change(const struct agent *a)
{
    const struct adit_framing *f = (const struct adit_framing *)a->inner;

    return a->inner->class == &adit_carrier_v2 && f->last == 0 && f->count == 0;
}

static void agent_message(struct adit_carrier *c, const uint8_t *bytes, size_t n, bool text,
                          adit_time now)
{
    struct agent *a = (struct agent *)c;
    bool hello = !text && n >= 2 && bytes[0] == ADIT_V3_HELLO;

    if (text || n == 0 || a->f.dead)
        return;
    if (a->inner && hello && may_change(a))
        a->inner = adit_carrier_free(a->inner);
    if (!a->inner)
        decide(a, hello ? &adit_carrier_v3_greeted : &adit_carrier_v2, now);
    if (a->inner)
        adit_carrier_message(a->inner, bytes, n, false, now);
}

static void agent_writable(struct adit_carrier *c, adit_time now)
{
    struct agent *a = (struct agent *)c;

    adit_framing_flush(&a->f);
    if (a->inner)
        adit_carrier_writable(a->inner, now);
}

static void agent_lost(struct adit_carrier *c, adit_time now)
{
    struct agent *a = (struct agent *)c;

    adit_timer_stop(&a->silence);
    adit_framing_lost(c, now);
    if (a->inner)
        adit_carrier_lost(a->inner, now);
}

/* The exchange is the inner one's from its first moment. */
static struct adit_exchange *agent_begin(struct adit_carrier *c, const struct adit_http1_head *head,
                                         int *ret_err, adit_time now)
{
    struct agent *a = (struct agent *)c;

    *ret_err = a->f.dead ? -EPIPE : -EAGAIN;
    return a->f.dead || !a->inner ? NULL : a->inner->class->begin(a->inner, head, ret_err, now);
}

static int agent_init(struct adit_carrier *c, adit_time now)
{
    struct agent *a = (struct agent *)c;
    struct adit_buf hello;
    struct adit_span part;
    int err;

    adit_framing_init(&a->f);
    adit_timer_init(&a->silence, c->conf.loop, on_silence, "HELLO");
    if (!c->conf.provider)
        adit_timer_set(&a->silence, now + ADIT_V3_HELLO_TIME);
    adit_buf_init(&hello, 64);
    adit_v3_put_hello(&hello);
    part = (struct adit_span){ hello.data, hello.len };
    err = hello.err;
    if (!err)
        adit_framing_speak(&a->f, &part, 1);
    adit_buf_done(&hello);
    return err;
}

static void agent_free(struct adit_carrier *c)
{
    struct agent *a = (struct agent *)c;

    adit_timer_stop(&a->silence);
    a->inner = adit_carrier_free(a->inner);
    adit_framing_done(&a->f);
}

const struct adit_carrier_class adit_carrier_agent = {
    .name = "tunnel-agent",
    .size = sizeof(struct agent),
    .init = agent_init,
    .free = agent_free,
    .message = agent_message,
    .writable = agent_writable,
    .lost = agent_lost,
    .begin = agent_begin,
};
