/* hub_session.c - the Tunnel Agent's relay: two WebSockets at /relay/<session>, and what one of
 * them sends in binary messages goes to the other as it came, in order and whole.
 *
 *   first generation    /relay/<session>?token=TOKEN of an account
 *   second generation   /relay/<session>, and the first message {"type":"auth","token":GRANT}; a
 *                       grant is made for a connect-request (hub_device.c), and good once
 *
 * A text message, or the end of one, is the end of both. What comes before the second is there is
 * kept for it. Who sends faster than the other reads, or than the account's purse allows, is not
 * read until there is room again. */
#include "base/alloc.h"
#include "signal/hub_carry.h"

#define FIRST_WAIT  (300 * ADIT_SEC) /* for the second, in the first generation */
#define SECOND_WAIT (30 * ADIT_SEC)
#define IDLE        (300 * ADIT_SEC)
#define EARLY_MAX   262144       /* bytes */
#define WAITING_MAX (256 * 1024) /* bytes that the other has not read */

struct session {
    struct adit_map_node node;
    char *key;
    struct adit_hub *hub;
    struct adit_hub_seat *seats[2];
    struct adit_hub_purse *purse; /* of who came first */
    struct adit_hub_timer timer;
    adit_time until;       /* it ends then, if nothing comes */
    struct adit_buf early; /* a length in four bytes before each message */
};

struct adit_hub_seat {
    struct session *session; /* NULL: it is over */
    struct adit_hub_client *client;
    char device[ADIT_HUB_ID_MAX + 1]; /* "" = not known */
    bool full, broke;                 /* not read: the other reads too slowly; the purse is empty */
    bool paused;
    struct adit_hub_timer timer; /* until it is not broke any more */
};

/* ---- the end --------------------------------------------------------------------------------- */

static void refuse(struct adit_hub_client *c, unsigned code, const char *reason, adit_time now)
{
    adit_hub_emit(c, ADIT_HUB_REFUSED, c->hint, reason);
    adit_hub_drop(c, code, reason, now);
}

static void update(struct adit_hub_seat *seat)
{
    struct adit_hub_client *c = seat->client;
    bool paused = seat->full || seat->broke;

    if (paused != seat->paused && !c->closing)
        c->hub->ops->pause(c->hub->arg, c->conn, paused);
    seat->paused = paused;
}

/* Is read once more, so that it can agree to the close. */
static void close_seat(struct adit_hub_seat *seat, unsigned code, const char *reason, adit_time now)
{
    seat->full = seat->broke = false;
    update(seat);
    adit_hub_drop(seat->client, code, reason, now);
}

/* Both seats are empty then, and whoever sat there is closed. */
static void end(struct session *s, unsigned code, const char *reason, adit_time now)
{
    struct adit_hub *hub = s->hub;

    adit_hub_timer_set(hub, &s->timer, ADIT_NEVER);
    adit_map_remove(&hub->carries->sessions, &s->node);
    s->purse->sessions--;
    s->purse->clients--;
    for (int i = 0; i < 2; i++)
        if (s->seats[i])
            s->seats[i]->session = NULL;
    for (int i = 0; i < 2; i++)
        if (s->seats[i])
            close_seat(s->seats[i], code, reason, now);
    adit_buf_done(&s->early);
    adit_free(s->key);
    adit_free(s);
}

static void left(struct adit_hub_client *c, adit_time now)
{
    struct adit_hub_seat *seat = c->u.seat;

    if (!seat)
        return;
    c->u.seat = NULL;
    adit_hub_timer_set(c->hub, &seat->timer, ADIT_NEVER);
    if (seat->session) {
        seat->session->seats[seat->session->seats[1] == seat] = NULL;
        end(seat->session, ADIT_HUB_CLOSE_NORMAL, "session-closed", now);
    }
    adit_hub_emit(c, ADIT_HUB_LEFT, c->hint, NULL);
    adit_free(seat);
}

static void on_silence(struct adit_hub_timer *timer, adit_time now)
{
    struct session *s = adit_container_of(timer, struct session, timer);

    if (now < s->until)
        adit_hub_timer_set(s->hub, timer, s->until);
    else
        end(s, ADIT_HUB_CLOSE_NORMAL, "session-closed", now);
}

/* ---- messages -------------------------------------------------------------------------------- */

static void on_money(struct adit_hub_timer *timer, adit_time now)
{
    struct adit_hub_seat *seat = adit_container_of(timer, struct adit_hub_seat, timer);

    (void)now;
    seat->broke = false;
    update(seat);
}

static struct adit_hub_seat *other_of(const struct adit_hub_seat *seat)
{
    return seat->session->seats[seat->session->seats[0] == seat];
}

static void hand_on(struct adit_hub_seat *from, struct adit_hub_seat *to, const void *bytes,
                    size_t n)
{
    struct adit_hub_client *c = to->client;
    struct adit_hub_carried *done = &c->hub->carries->done;

    done->messages++;
    done->message_bytes += n;
    c->hub->ops->send(c->hub->arg, c->conn, true, bytes, n);
    from->full = c->hub->ops->waiting(c->hub->arg, c->conn) > WAITING_MAX;
    update(from);
}

static bool keep_early(struct session *s, const char *bytes, size_t n)
{
    uint8_t len[4];

    if (s->early.len + n + sizeof len > EARLY_MAX)
        return false;
    adit_put32(len, (uint32_t)n);
    adit_buf_add(&s->early, len, sizeof len);
    adit_buf_add(&s->early, bytes, n);
    return !s->early.err;
}

static void hand_early_on(struct session *s)
{
    struct adit_cursor in = adit_cursor(s->early.data, s->early.len);

    while (adit_cursor_left(&in)) {
        uint32_t n = adit_cursor_get32(&in);
        hand_on(s->seats[0], s->seats[1], adit_cursor_take(&in, n), n);
    }
    adit_buf_done(&s->early);
}

static void on_binary(struct adit_hub_seat *seat, const char *bytes, size_t n, adit_time now)
{
    struct session *s = seat->session;
    struct adit_hub_seat *other = other_of(seat);
    adit_time ready;

    if (adit_hub_purse_spent(s->hub, s->purse, now)) {
        end(s, ADIT_HUB_CLOSE_LATER, "account-session-limit", now);
        return;
    }
    ready = adit_hub_purse_owe(s->hub, s->purse, n, now);
    if (!other && !keep_early(s, bytes, n)) {
        end(s, ADIT_HUB_CLOSE_SIZE, "session-closed", now);
        return;
    }
    if (other)
        s->until = now + IDLE;
    seat->broke = ready > now;
    if (seat->broke)
        adit_hub_timer_set(s->hub, &seat->timer, ready);
    update(seat);
    if (other)
        hand_on(seat, other, bytes, n);
}

void adit_hub_drained(struct adit_hub_client *c, adit_time now)
{
    struct adit_hub_seat *other;

    (void)now;
    if (c->dialect != &adit_hub_session || !c->u.seat || !c->u.seat->session)
        return;
    other = other_of(c->u.seat);
    if (!other)
        return;
    other->full = false;
    update(other);
}

/* ---- coming in ------------------------------------------------------------------------------- */

static struct session *find(const struct adit_hub *hub, const char *key, size_t n)
{
    struct adit_map_node *found = adit_map_find(&hub->carries->sessions, key, n);

    return found ? adit_container_of(found, struct session, node) : NULL;
}

/* NULL, and why. Takes the key. */
static struct session *begin(struct adit_hub_client *c, char *key, size_t n, const char **ret_why,
                             adit_time now)
{
    struct adit_hub *hub = c->hub;
    struct adit_hub_purse *purse = adit_hub_purse_of(c, now);
    struct session *s = NULL;

    *ret_why = "relay-at-capacity";
    if (purse && purse->sessions >= hub->limits.sessions_each)
        *ret_why = "account-session-limit";
    else if (purse && hub->carries->sessions.count < hub->limits.sessions)
        s = adit_zalloc(sizeof *s);
    if (s && adit_map_add(&hub->carries->sessions, &s->node, key, n) < 0) {
        adit_free(s);
        s = NULL;
    }
    if (!s) {
        adit_free(key);
        return NULL;
    }
    s->key = key;
    s->hub = hub;
    s->purse = purse;
    purse->sessions++;
    purse->clients++;
    s->timer.fire = on_silence;
    adit_buf_init(&s->early, EARLY_MAX);
    hub->carries->done.sessions++;
    return s;
}

static void sit(struct session *s, struct adit_hub_client *c, struct adit_hub_seat *seat,
                bool second_generation, adit_time now)
{
    bool second = s->seats[0] != NULL;

    seat->session = s;
    seat->client = c;
    seat->timer.fire = on_money;
    c->u.seat = seat;
    s->seats[second] = seat;
    s->until = now + (second ? IDLE : second_generation ? SECOND_WAIT : FIRST_WAIT);
    adit_hub_timer_set(s->hub, &s->timer, s->until);
    adit_hub_settled(c);
    adit_hub_emit(c, ADIT_HUB_JOINED, c->hint, second ? "the second" : "the first");
    if (second)
        hand_early_on(s);
}

/* device: NULL in the first generation. */
static void enter(struct adit_hub_client *c, const char *device, adit_time now)
{
    size_t n;
    char *key = adit_hub_key(adit_hub_account(c), c->hint, &n);
    struct adit_hub_seat *seat = adit_zalloc(sizeof *seat);
    struct session *s = key ? find(c->hub, key, n) : NULL;
    const char *why = NULL;

    if (!key || !seat) {
        adit_free(key);
        adit_free(seat);
        adit_hub_drop(c, ADIT_HUB_CLOSE_ERROR, "no memory", now);
        return;
    }
    strcpy(seat->device, device ? device : "");
    if (s && s->seats[1])
        why = "session-full";
    else if (s && device && strcmp(s->seats[0]->device, device) == 0)
        why = "device-already-connected";
    if (why || s) {
        adit_free(key);
    } else {
        s = begin(c, key, n, &why, now);
        if (!s) {
            adit_free(seat);
            refuse(c, ADIT_HUB_CLOSE_LATER, why, now);
            return;
        }
        why = NULL;
    }
    if (why) {
        adit_free(seat);
        refuse(c, ADIT_HUB_CLOSE_POLICY, why, now);
    } else {
        sit(s, c, seat, device != NULL, now);
    }
}

static void show_grant(struct adit_hub_client *c, const json_t *claims, adit_time now)
{
    const char *session = adit_json_string(claims, "sid");
    const char *device = adit_json_string(claims, "device_id");
    const char *account = adit_json_string(claims, "account"), *why;
    struct adit_hub_who who = { .known = true };

    if (!session || strcmp(session, c->hint) != 0 || !adit_hub_id_valid(device)) {
        refuse(c, ADIT_HUB_CLOSE_POLICY, "session-mismatch", now);
        return;
    }
    why = adit_hub_grant_use(c->hub, claims, now);
    if (why) {
        refuse(c, *why == 'r' ? ADIT_HUB_CLOSE_LATER : ADIT_HUB_CLOSE_POLICY, why, now);
        return;
    }
    adit_free(c->account);
    adit_free(c->ids);
    c->account = c->ids = NULL;
    if (account && strlen(account) < sizeof who.account)
        strcpy(who.account, account);
    if (adit_hub_client_is(c, &who) < 0)
        adit_hub_drop(c, ADIT_HUB_CLOSE_ERROR, "no memory", now);
    else
        enter(c, device, now);
}

static void on_auth(struct adit_hub_client *c, const char *text, size_t n, adit_time now)
{
    struct adit_cause cause;
    json_t *message = n <= ADIT_HUB_MESSAGE_MAX ? adit_json_read(text, n, &cause) : NULL;
    const char *type = adit_json_string(message, "type");
    const char *token = adit_json_string(message, "token");
    json_t *claims = NULL;

    if (!type || strcmp(type, "auth") != 0 || !token) {
        refuse(c, ADIT_HUB_CLOSE_POLICY, "protocol-error", now);
    } else if (!(claims = adit_hub_grant_read(c->hub, token))) {
        adit_hub_address_ask(c->hub, c->address, ADIT_HUB_WRONG_COST, now);
        refuse(c, ADIT_HUB_CLOSE_POLICY, "auth-failed", now);
    } else {
        show_grant(c, claims, now);
    }
    json_decref(claims);
    json_decref(message);
}

void adit_hub_session_open(struct adit_hub_client *c, const char *session, bool shown,
                           adit_time now)
{
    c->hint = adit_strdup(session);
    if (!c->hint)
        adit_hub_drop(c, ADIT_HUB_CLOSE_ERROR, "no memory", now);
    else if (shown && !c->known)
        refuse(c, ADIT_HUB_CLOSE_POLICY, "Invalid token", now);
    else if (shown)
        enter(c, NULL, now);
}

static bool on_raw(struct adit_hub_client *c, bool binary, const char *bytes, size_t n,
                   adit_time now)
{
    struct adit_hub_seat *seat = c->u.seat;

    if (seat && binary)
        on_binary(seat, bytes, n, now);
    else if (seat)
        end(seat->session, ADIT_HUB_CLOSE_POLICY, "protocol-error", now);
    else if (binary)
        refuse(c, ADIT_HUB_CLOSE_POLICY, "protocol-error", now);
    else
        on_auth(c, bytes, n, now);
    return true;
}

static void on_message(struct adit_hub_client *c, const json_t *message, const char *text, size_t n,
                       adit_time now)
{
    (void)c, (void)message, (void)text, (void)n, (void)now; /* on_raw takes everything */
}

const struct adit_hub_dialect adit_hub_session = {
    .name = "relay",
    .message = on_message,
    .raw = on_raw,
    .left = left,
};
