#include "app/exchange.h"

#include "base/alloc.h"

struct adit_carrier *adit_carrier_new(const struct adit_carrier_class *class,
                                      const struct adit_carrier_conf *conf, adit_time now)
{
    struct adit_carrier *c = adit_zalloc(class->size);

    if (!c)
        return NULL;
    c->class = class;
    c->conf = *conf;
    return class->init(c, now) == 0 ? c : adit_carrier_free(c);
}

struct adit_carrier *adit_carrier_free(struct adit_carrier *c)
{
    if (c)
        c->class->free(c);
    adit_free(c);
    return NULL;
}

void adit_carrier_message(struct adit_carrier *c, const uint8_t *bytes, size_t n, bool text,
                          adit_time now)
{
    c->class->message(c, bytes, n, text, now);
}

void adit_carrier_writable(struct adit_carrier *c, adit_time now)
{
    if (c->class->writable)
        c->class->writable(c, now);
}

void adit_carrier_lost(struct adit_carrier *c, adit_time now)
{
    c->class->lost(c, now);
}

struct adit_exchange *adit_exchange_begin(struct adit_carrier *c,
                                          const struct adit_http1_head *head,
                                          const struct adit_exchange_ops *ops, void *arg,
                                          int *ret_err, adit_time now)
{
    struct adit_exchange *x = c->class->begin(c, head, ret_err, now);

    if (x)
        adit_exchange_take(x, ops, arg);
    return x;
}

void adit_exchange_take(struct adit_exchange *x, const struct adit_exchange_ops *ops, void *arg)
{
    x->ops = ops;
    x->arg = arg;
}

int adit_exchange_head(struct adit_exchange *x, const struct adit_http1_head *head, adit_time now)
{
    return x->carrier->class->head(x, head, now);
}

size_t adit_exchange_room(struct adit_exchange *x)
{
    return x->carrier->class->room(x);
}

int adit_exchange_body(struct adit_exchange *x, const uint8_t *bytes, size_t n, adit_time now)
{
    return x->carrier->class->body(x, bytes, n, now);
}

int adit_exchange_end(struct adit_exchange *x, const struct adit_http1_field *trailers,
                      unsigned count, adit_time now)
{
    return x->carrier->class->end(x, trailers, count, now);
}

void adit_exchange_consumed(struct adit_exchange *x, size_t n, adit_time now)
{
    x->carrier->class->consumed(x, n, now);
}

struct adit_exchange *adit_exchange_free(struct adit_exchange *x, const char *text, adit_time now)
{
    if (x)
        x->carrier->class->drop(x, text, now);
    return NULL;
}
