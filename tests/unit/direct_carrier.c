#include "direct_carrier.h"

#include <stdlib.h>

enum kind { REQUEST, HEAD, BODY, END, WRITABLE, FAILED };

struct side {
    struct adit_exchange x;
    struct direct *d;
    struct pair *pair;
    bool freed, failed, ended; /* ended: has said END */
    bool starved;              /* was told that there is no room */
    size_t ahead;              /* bytes sent that the other side has not consumed */
};

struct pair {
    struct side side[2]; /* consumer, provider */
    unsigned waiting;    /* messages */
    struct adit_link link;
};

struct message {
    struct adit_link link;
    struct side *to;
    enum kind kind;
    struct adit_http1_head head;
    struct adit_http1_field *fields; /* of a head, or trailers */
    unsigned count;
    uint8_t *bytes; /* also a reason */
    size_t n;
};

static struct side *other(struct side *s)
{
    return &s->pair->side[s == &s->pair->side[0]];
}

static void release(struct pair *p)
{
    if (!p->side[0].freed || !p->side[1].freed || p->waiting)
        return;
    adit_list_del(&p->link);
    free(p);
}

/* ---- messages -------------------------------------------------------------------------------- */

static void message_free(struct message *m)
{
    for (unsigned i = 0; i < m->count; i++) {
        free((char *)m->fields[i].name);
        free((char *)m->fields[i].value);
    }
    free(m->fields);
    free((char *)m->head.method);
    free((char *)m->head.target);
    free((char *)m->head.reason);
    free(m->bytes);
    free(m);
}

static struct message *post(struct side *to, enum kind kind)
{
    struct message *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->to = to;
    m->kind = kind;
    to->pair->waiting++;
    adit_list_add(&to->d->queue, &m->link);
    adit_loop_before_sleep(to->d->loop, &to->d->deliver);
    return m;
}

static void copy_fields(struct message *m, const struct adit_http1_field *fields, unsigned count)
{
    m->fields = calloc(1, (count + 1) * sizeof *m->fields);
    for (unsigned i = 0; m->fields && i < count; i++) {
        m->fields[i].name = strdup(fields[i].name);
        m->fields[i].value = strdup(fields[i].value);
        m->count++;
    }
}

static void post_head(struct side *to, enum kind kind, const struct adit_http1_head *head)
{
    struct message *m = post(to, kind);

    if (!m)
        return;
    m->head = *head;
    m->head.method = strdup(head->method);
    m->head.target = strdup(head->target);
    m->head.reason = strdup(head->reason);
    copy_fields(m, head->fields, head->count);
    m->head.fields = m->fields;
}

static void deliver(struct message *m, adit_time now)
{
    struct side *s = m->to;
    const struct adit_carrier_conf *conf = &s->d->provider.conf;

    if (m->kind == REQUEST && !s->freed) {
        s->d->open++;
        conf->ops->request(conf->arg, &s->x, &m->head, now);
        assert(s->freed || s->x.ops);
        return;
    }
    if (s->freed || s->failed || !s->x.ops)
        return;
    switch (m->kind) {
    case HEAD:
        s->x.ops->head(s->x.arg, &m->head, now);
        break;
    case BODY:
        s->x.ops->body(s->x.arg, m->bytes, m->n, now);
        break;
    case END:
        s->x.ops->end(s->x.arg, m->fields, m->count, now);
        break;
    case WRITABLE:
        s->x.ops->writable(s->x.arg, now);
        break;
    case FAILED:
        s->failed = true;
        s->x.ops->failed(s->x.arg, 502, m->bytes ? (char *)m->bytes : "cancelled", now);
        break;
    case REQUEST:
        break;
    }
}

static void on_deliver(struct adit_task *task, adit_time now)
{
    struct direct *d = adit_container_of(task, struct direct, deliver);

    while (!d->halted && !adit_list_empty(&d->queue)) {
        struct message *m = adit_container_of(d->queue.next, struct message, link);
        struct pair *p = m->to->pair;

        adit_list_del(&m->link);
        deliver(m, now);
        message_free(m);
        p->waiting--;
        release(p);
    }
}

/* ---- the class ------------------------------------------------------------------------------- */

static struct adit_exchange *direct_begin(struct adit_carrier *c,
                                          const struct adit_http1_head *head, int *ret_err,
                                          adit_time now)
{
    struct direct *d = adit_container_of(c, struct direct, consumer);
    struct pair *p = d->begin_err || d->lost ? NULL : calloc(1, sizeof *p);

    (void)now;
    *ret_err = d->lost ? -EPIPE : d->begin_err ? d->begin_err : -ENOMEM;
    d->begin_err = 0;
    if (!p)
        return NULL;
    for (int i = 0; i < 2; i++) {
        p->side[i].x.carrier = i ? &d->provider : &d->consumer;
        p->side[i].d = d;
        p->side[i].pair = p;
    }
    adit_list_add(&d->pairs, &p->link);
    d->open++;
    d->begun++;
    post_head(&p->side[1], REQUEST, head);
    return &p->side[0].x;
}

static int direct_head(struct adit_exchange *x, const struct adit_http1_head *head, adit_time now)
{
    struct side *s = (struct side *)x;

    (void)now;
    assert(!s->freed && !s->failed);
    post_head(other(s), HEAD, head);
    return 0;
}

static size_t direct_room(struct adit_exchange *x)
{
    struct side *s = (struct side *)x;
    size_t room = s->ahead < s->d->window ? s->d->window - s->ahead : 0;

    s->starved = room == 0;
    return room;
}

static int direct_body(struct adit_exchange *x, const uint8_t *bytes, size_t n, adit_time now)
{
    struct side *s = (struct side *)x;
    struct message *m;

    (void)now;
    assert(!s->freed && !s->failed && !s->ended && n > 0 && n <= s->d->window - s->ahead);
    if (s->d->body_err)
        return s->d->body_err;
    s->ahead += n;
    if (s->ahead > s->d->ahead_max)
        s->d->ahead_max = s->ahead;
    m = post(other(s), BODY);
    if (!m)
        return -ENOMEM;
    m->bytes = malloc(n);
    if (m->bytes)
        memcpy(m->bytes, bytes, n);
    m->n = n;
    return 0;
}

static int direct_end(struct adit_exchange *x, const struct adit_http1_field *trailers,
                      unsigned count, adit_time now)
{
    struct side *s = (struct side *)x;
    struct message *m;

    (void)now;
    assert(!s->freed && !s->failed && !s->ended);
    s->ended = true;
    m = post(other(s), END);
    if (!m)
        return -ENOMEM;
    copy_fields(m, trailers, count);
    return 0;
}

static void direct_consumed(struct adit_exchange *x, size_t n, adit_time now)
{
    struct side *s = (struct side *)x, *o = other(s);

    (void)now;
    assert(!s->freed && !s->failed && n <= o->ahead);
    o->ahead -= n;
    if (o->starved && !o->freed) {
        o->starved = false;
        post(o, WRITABLE);
    }
}

static void direct_drop(struct adit_exchange *x, const char *text, adit_time now)
{
    struct side *s = (struct side *)x, *o = other(s);
    struct message *m;

    (void)now;
    assert(!s->freed);
    s->freed = true;
    s->d->open--;
    if (!o->freed && !(s->ended && o->ended) && !s->failed) {
        m = post(o, FAILED);
        if (m && text)
            m->bytes = (uint8_t *)strdup(text);
    }
    release(s->pair);
}

static const struct adit_carrier_class direct_class = { .name = "direct",
                                                        .begin = direct_begin,
                                                        .head = direct_head,
                                                        .room = direct_room,
                                                        .body = direct_body,
                                                        .end = direct_end,
                                                        .consumed = direct_consumed,
                                                        .drop = direct_drop };

/* ---- life ------------------------------------------------------------------------------------ */

void direct_init(struct direct *d, struct adit_loop *loop, const struct adit_carrier_ops *ops,
                 void *arg)
{
    *d = (struct direct){ .loop = loop, .window = DIRECT_WINDOW };
    d->consumer = (struct adit_carrier){ .class = &direct_class, .conf = { .loop = loop } };
    d->provider = (struct adit_carrier){ .class = &direct_class,
                                         .conf = { .loop = loop, .ops = ops, .arg = arg } };
    adit_list_init(&d->queue);
    adit_list_init(&d->pairs);
    adit_task_init(&d->deliver, on_deliver);
}

void direct_go_on(struct direct *d)
{
    d->halted = false;
    adit_loop_before_sleep(d->loop, &d->deliver);
}

/* A request that was not delivered has nobody on its other side. */
static void forget(struct direct *d)
{
    while (!adit_list_empty(&d->queue)) {
        struct message *m = adit_container_of(d->queue.next, struct message, link);
        struct pair *p = m->to->pair;

        adit_list_del(&m->link);
        if (m->kind == REQUEST)
            m->to->freed = true;
        message_free(m);
        p->waiting--;
        release(p);
    }
}

void direct_lose(struct direct *d, adit_time now)
{
    d->lost = true;
    forget(d);
    while (!adit_list_empty(&d->pairs)) {
        struct pair *p = adit_container_of(d->pairs.next, struct pair, link);

        p->waiting++; /* it stays while we look at it */
        for (int i = 0; i < 2; i++)
            if (!p->side[i].freed) {
                p->side[i].failed = true;
                p->side[i].x.ops->failed(p->side[i].x.arg, 502, "the tunnel ended", now);
                assert(p->side[i].freed);
            }
        forget(d);
        p->waiting--;
        release(p);
    }
}

void direct_done(struct direct *d)
{
    forget(d);
    assert(d->open == 0 && adit_list_empty(&d->pairs));
    adit_task_cancel(&d->deliver);
}
