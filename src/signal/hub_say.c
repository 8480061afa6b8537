/* hub_say.c - what clients are sent: JSON without white space, as the original servers write it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "signal/hub_inner.h"

void adit_hub_say_text(struct adit_hub_client *c, const char *text, size_t n)
{
    if (!c->closing)
        c->hub->ops->send(c->hub->arg, c->conn, false, text, n);
}

/* Without memory a client is closed rather than left waiting for what never comes. It leaves by the
 * door: whoever is calling may still hold it. */
static void out_of_memory(struct adit_hub_client *c)
{
    if (!c->closing)
        c->hub->ops->close(c->hub->arg, c->conn, ADIT_HUB_CLOSE_ERROR, "no memory");
}

void adit_hub_say_json(struct adit_hub_client *c, json_t *message)
{
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;

    if (text)
        adit_hub_say_text(c, text, strlen(text));
    else
        out_of_memory(c);
    free(text);
    json_decref(message);
}

void adit_hub_say(struct adit_hub_client *c, const char *fmt, ...)
{
    json_error_t error;
    va_list ap;

    va_start(ap, fmt);
    adit_hub_say_json(c, json_vpack_ex(&error, 0, fmt, ap));
    va_end(ap);
}

void adit_hub_say_error(struct adit_hub_client *c, const char *fmt, ...)
{
    char text[ADIT_HUB_ID_MAX + 128];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    adit_hub_say(c, "{s:s,s:s}", "type", "error", "message", text);
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

static void reply(const struct adit_hub_call *call, int status, const char *type, const void *body,
                  size_t n, const char *header)
{
    struct adit_hub_reply r = {
        .status = status, .type = type, .header = header, .body = body, .n = n
    };

    call->hub->ops->reply(call->hub->arg, call->conn, &r);
}

void adit_hub_reply_text(const struct adit_hub_call *call, int status, const char *text)
{
    reply(call, status, "text/plain; charset=utf-8", text, strlen(text),
          status == 401 ? "WWW-Authenticate: Bearer\r\n" : "");
}

void adit_hub_reply_empty(const struct adit_hub_call *call, int status, const char *header)
{
    reply(call, status, "text/plain; charset=utf-8", "", 0, header);
}

void adit_hub_reply_json(const struct adit_hub_call *call, int status, json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

    if (text)
        reply(call, status, "application/json", text, strlen(text),
              status == 401 ? "WWW-Authenticate: Bearer\r\n" : "");
    else
        adit_hub_reply_text(call, 503, "no memory\n");
    free(text);
    json_decref(body);
}

void adit_hub_reply_detail(const struct adit_hub_call *call, int status, const char *detail)
{
    adit_hub_reply_json(call, status, json_pack("{s:s}", "detail", detail));
}

void adit_hub_answer_json(struct adit_hub_client *c, int status, json_t *body, adit_time now)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

    json_decref(body);
    if (text)
        adit_hub_answer(c, status, "application/json", text, strlen(text),
                        status == 401 ? "WWW-Authenticate: Bearer\r\n" : "", now);
    else
        adit_hub_answer(c, 503, "text/plain", "no memory\n", 10, "", now);
    free(text);
}

char *adit_hub_date(char out[24], int64_t wall)
{
    struct tm tm;
    time_t t = (time_t)wall;

    if (!gmtime_r(&t, &tm) || strftime(out, 24, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        strcpy(out, "1970-01-01T00:00:00");
    return out;
}
