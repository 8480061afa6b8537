/* hub_mailbox.c - mailboxes: signaling by plain HTTP; see docs/signaling.md.
 *
 * A box belongs to an account. Messages are numbered, upwards over all boxes and over restarts, and
 * are read by number, so that reading takes nothing away. A box lives as long as its messages and
 * those who wait for one. */
#include "signal/hub_mailbox.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/str.h"
#include "signal/hub_inner.h"

struct letter {
    struct adit_link link;
    uint64_t number;
    adit_time until;
    size_t n;
    char text[];
};

struct adit_hub_box {
    struct adit_hub *hub;
    struct adit_map_node node;
    char *key;
    struct adit_link letters; /* the oldest first */
    struct adit_link readers; /* clients that wait, in u.box.link */
    struct adit_hub_timer timer;
    size_t bytes;
};

static struct letter *of_letter(struct adit_link *link)
{
    return adit_container_of(link, struct letter, link);
}

/* ---- boxes ----------------------------------------------------------------------------------- */

/* Counted with what keeping it costs, so that there is an end to empty ones too. */
static size_t cost_of(size_t n)
{
    return n + sizeof(struct letter);
}

static void forget_first(struct adit_hub_box *box)
{
    struct letter *letter = of_letter(box->letters.next);

    box->bytes -= cost_of(letter->n);
    box->hub->box_bytes -= cost_of(letter->n);
    adit_list_del(&letter->link);
    adit_free(letter);
}

static void box_free(struct adit_hub_box *box)
{
    while (!adit_list_empty(&box->letters))
        forget_first(box);
    adit_hub_timer_set(box->hub, &box->timer, ADIT_NEVER);
    adit_map_remove(&box->hub->boxes, &box->node);
    adit_free(box->key);
    adit_free(box);
}

static void release(struct adit_hub_box *box)
{
    if (adit_list_empty(&box->letters) && adit_list_empty(&box->readers))
        box_free(box);
}

static void set_timer(struct adit_hub_box *box)
{
    adit_hub_timer_set(box->hub, &box->timer,
                       adit_list_empty(&box->letters) ? ADIT_NEVER
                                                      : of_letter(box->letters.next)->until);
}

static void on_old(struct adit_hub_timer *timer, adit_time now)
{
    struct adit_hub_box *box = adit_container_of(timer, struct adit_hub_box, timer);

    while (!adit_list_empty(&box->letters) && of_letter(box->letters.next)->until <= now)
        forget_first(box);
    set_timer(box);
    release(box);
}

static struct adit_hub_box *box_find(struct adit_hub *hub, const char *account, const char *name,
                                     bool make)
{
    size_t n;
    char *key = adit_hub_key(account, name, &n);
    struct adit_map_node *found = key ? adit_map_find(&hub->boxes, key, n) : NULL;
    struct adit_hub_box *box = key && !found && make && hub->boxes.count < hub->limits.mailboxes
                                   ? adit_zalloc(sizeof *box)
                                   : NULL;

    if (box) {
        *box = (struct adit_hub_box){ .hub = hub, .key = key, .timer.fire = on_old };
        adit_list_init(&box->letters);
        adit_list_init(&box->readers);
        if (adit_map_add(&hub->boxes, &box->node, key, n) == 0)
            return box;
        adit_free(box);
    }
    adit_free(key);
    return found ? adit_container_of(found, struct adit_hub_box, node) : NULL;
}

void adit_hub_boxes_free(struct adit_hub *hub)
{
    struct adit_map_node *n;

    while ((n = adit_map_next(&hub->boxes, NULL)) != NULL)
        box_free(adit_container_of(n, struct adit_hub_box, node));
}

/* ---- reading --------------------------------------------------------------------------------- */

static struct letter *next_after(struct adit_hub_box *box, uint64_t after)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&box->letters, it, tmp)
    if (of_letter(it)->number > after)
        return of_letter(it);
    return NULL;
}

#define TYPE "text/plain; charset=utf-8"

static const char *number_header(const struct letter *letter, char out[48])
{
    snprintf(out, 48, "X-Seq: %llu\r\n", (unsigned long long)letter->number);
    return out;
}

static void serve_readers(struct adit_hub_box *box, adit_time now)
{
    struct adit_link *it, *tmp;
    char header[48];

    ADIT_LIST_EACH(&box->readers, it, tmp)
    {
        struct adit_hub_client *c = adit_container_of(it, struct adit_hub_client, u.box.link);
        const struct letter *letter = next_after(box, c->u.box.after);
        if (letter)
            adit_hub_answer(c, 200, TYPE, letter->text, letter->n, number_header(letter, header),
                            now);
    }
}

static void left(struct adit_hub_client *c, adit_time now)
{
    (void)now;
    adit_list_del(&c->u.box.link);
    release(c->u.box.box);
}

static void on_patience(struct adit_hub_timer *timer, adit_time now)
{
    adit_hub_answer(adit_container_of(timer, struct adit_hub_client, timer), 204, TYPE, "", 0, "",
                    now);
}

const struct adit_hub_dialect adit_hub_mailbox = { .name = "mailbox", .left = left };

static bool number_of(const struct adit_hub_request *request, const char *name, uint64_t max,
                      uint64_t *ret_v)
{
    char text[24];
    int err = adit_hub_query(request, name, text, sizeof text);

    *ret_v = 0;
    return err == -ENOENT || (err == 0 && adit_str_u64(ret_v, text, strlen(text), 0, max) == 0);
}

static struct adit_hub_client *on_get(struct adit_hub_call *call, const char *name)
{
    struct adit_hub *hub = call->hub;
    struct adit_hub_client *c;
    struct adit_hub_box *box;
    const struct letter *letter;
    uint64_t after, wait;
    char header[48];

    if (!number_of(call->request, "after", UINT64_MAX, &after) ||
        !number_of(call->request, "wait", ADIT_HUB_BOX_WAIT_MAX, &wait)) {
        adit_hub_reply_text(call, 400, "after is a number, and wait is one of seconds up to 60\n");
        return NULL;
    }
    box = box_find(hub, call->who.account, name, wait > 0);
    letter = box ? next_after(box, after) : NULL;
    if (letter) {
        struct adit_hub_reply reply = { .status = 200,
                                        .type = TYPE,
                                        .header = number_header(letter, header),
                                        .body = letter->text,
                                        .n = letter->n };
        hub->ops->reply(hub->arg, call->conn, &reply);
        return NULL;
    }
    if (wait == 0 || !box) {
        adit_hub_reply_empty(call, wait ? 507 : 204, "");
        return NULL;
    }
    c = adit_hub_client_waits(call, &adit_hub_mailbox);
    if (!c) {
        release(box);
        return NULL;
    }
    c->u.box.box = box;
    c->u.box.after = after;
    adit_list_add(&box->readers, &c->u.box.link);
    c->timer.fire = on_patience;
    adit_hub_timer_set(hub, &c->timer, call->now + wait * ADIT_SEC);
    return c;
}

/* ---- writing --------------------------------------------------------------------------------- */

static struct letter *append(struct adit_hub_box *box, const void *text, size_t n, uint64_t number,
                             adit_time until)
{
    size_t cost = cost_of(n);
    struct letter *letter = NULL;

    if (box->bytes + cost <= box->hub->limits.mailbox_bytes &&
        box->hub->box_bytes + cost <= ADIT_HUB_BOXES_BYTES_MAX)
        letter = adit_malloc(sizeof *letter + n);
    if (!letter)
        return NULL;
    letter->number = number;
    letter->until = until;
    letter->n = n;
    if (n)
        memcpy(letter->text, text, n);
    adit_list_init(&letter->link);
    adit_list_add(&box->letters, &letter->link);
    box->bytes += cost;
    box->hub->box_bytes += cost;
    set_timer(box);
    return letter;
}

static void on_put(struct adit_hub_call *call, const char *name, bool replace)
{
    struct adit_hub *hub = call->hub;
    const char *text = call->request->body;
    size_t n = call->request->body_len;
    struct adit_hub_box *box;
    struct letter *letter = NULL;

    if (n > ADIT_HUB_MESSAGE_MAX) {
        adit_hub_reply_text(call, 413, "a message may have 64 KiB\n");
        return;
    }
    if (!adit_utf8_valid(text, n)) {
        adit_hub_reply_text(call, 415, "a message is text in UTF-8\n");
        return;
    }
    /* What stays for ten minutes is paid for by its size: one address cannot fill all of it. */
    if (!adit_hub_address_ask(hub, call->address, (unsigned)(n / ADIT_HUB_BOX_PRICE), call->now)) {
        adit_hub_reply_text(call, 429, "too much in a short time\n");
        return;
    }
    box = box_find(hub, call->who.account, name, true);
    while (box && replace && !adit_list_empty(&box->letters))
        forget_first(box);
    if (box)
        letter = append(box, text, n, ++hub->box_number, call->now + ADIT_HUB_BOX_LIFE);
    if (!letter) {
        adit_hub_reply_text(call, 507, "no room; DELETE what is not needed, or come back later\n");
        if (box)
            release(box);
        return;
    }
    adit_hub_reply_json(call, 201, json_pack("{s:I}", "seq", (json_int_t)letter->number));
    serve_readers(box, call->now);
}

/* ---- over a restart -------------------------------------------------------------------------- */

/* [account, name, number, seconds left, text] each. */
json_t *adit_hub_boxes_save(const struct adit_hub *hub, adit_time now)
{
    json_t *all = json_array();
    struct adit_link *it, *tmp;

    for (struct adit_map_node *n = adit_map_next(&hub->boxes, NULL); n;
         n = adit_map_next(&hub->boxes, n)) {
        struct adit_hub_box *box = adit_container_of(n, struct adit_hub_box, node);
        ADIT_LIST_EACH(&box->letters, it, tmp)
        {
            const struct letter *l = of_letter(it);
            if (l->until > now)
                json_array_append_new(
                    all, json_pack("[s,s,I,I,s%]", box->key, box->key + strlen(box->key) + 1,
                                   (json_int_t)l->number, (json_int_t)((l->until - now) / ADIT_SEC),
                                   l->text, l->n));
        }
    }
    return all;
}

void adit_hub_boxes_load(struct adit_hub *hub, const json_t *all, adit_time now)
{
    const json_t *v;
    size_t i;

    json_array_foreach(all, i, v)
    {
        const char *account = json_string_value(json_array_get(v, 0));
        const char *name = json_string_value(json_array_get(v, 1));
        json_int_t number = json_integer_value(json_array_get(v, 2));
        json_int_t left_s = json_integer_value(json_array_get(v, 3));
        const json_t *text = json_array_get(v, 4);
        struct adit_hub_box *box;

        if (!account || strlen(account) > ADIT_HUB_ACCOUNT_MAX || !adit_hub_id_valid(name) ||
            left_s <= 0 || left_s > (json_int_t)(ADIT_HUB_BOX_LIFE / ADIT_SEC) ||
            !json_is_string(text) || json_string_length(text) > ADIT_HUB_MESSAGE_MAX)
            continue;
        box = box_find(hub, account, name, true);
        if (box && !append(box, json_string_value(text), json_string_length(text), (uint64_t)number,
                           now + (adit_time)left_s * ADIT_SEC))
            release(box);
    }
}

/* ---- requests -------------------------------------------------------------------------------- */

struct adit_hub_client *adit_hub_box_call(struct adit_hub_call *call)
{
    char name[ADIT_HUB_ID_MAX + 1];
    const char *method = call->request->method;

    if (adit_hub_path_id(call->request, "/box/", name, sizeof name) < 0 ||
        !adit_hub_id_valid(name)) {
        adit_hub_reply_text(call, 404, "a mailbox has a name of at most 128 bytes: /box/NAME\n");
        return NULL;
    }
    if (strcmp(method, "GET") == 0)
        return on_get(call, name);
    if (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0) {
        on_put(call, name, strcmp(method, "PUT") == 0);
    } else if (strcmp(method, "DELETE") == 0) {
        struct adit_hub_box *box = box_find(call->hub, call->who.account, name, false);
        while (box && !adit_list_empty(&box->letters))
            forget_first(box);
        if (box) {
            set_timer(box);
            release(box);
        }
        adit_hub_reply_empty(call, 204, "");
    } else {
        adit_hub_reply_empty(call, 405, "Allow: GET, POST, PUT, DELETE\r\n");
    }
    return NULL;
}
