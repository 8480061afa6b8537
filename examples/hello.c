/* hello - two peers in one program say hello: the whole of libadit in one page.
 *
 * In real life the two run on different hosts, and the descriptions travel by signaling, by mail or
 * by copy and paste; here they are handed over directly. */
#include <adit/adit.h>
#include <stdio.h>
#include <string.h>

struct side {
    const char *name;
    struct adit_peer *peer;
    struct side *other;
    struct adit_loop *loop;
    bool gathered, told;
    bool *ok;
};

/* Hands our description to the other side, once, when it is complete. An answer exists after the
 * offer came. */
static void tell(struct side *me)
{
    char text[4096];
    struct adit_cause why;

    if (!me->gathered || me->told ||
        adit_peer_describe(me->peer, ADIT_FORM_TICKET, text, sizeof text) < 0)
        return;
    me->told = true;
    printf("%s: %s\n", me->name, text);
    if (adit_peer_accept(me->other->peer, text, strlen(text), &why) < 0)
        printf("refused: %s\n", why.text);
    tell(me->other);
}

static void on_gathered(struct adit_peer *peer, void *user)
{
    struct side *me = user;

    (void)peer;
    me->gathered = true;
    tell(me);
}

static void on_message(struct adit_dc *dc, const void *bytes, size_t n, enum adit_dc_kind kind,
                       void *user)
{
    struct side *me = user;

    printf("%s got: %.*s\n", me->name, (int)n, (const char *)bytes);
    if (strcmp(me->name, "answerer") == 0) {
        if (adit_dc_send(dc, bytes, n, kind) < 0)
            printf("cannot answer\n");
        return;
    }
    *me->ok = true;
    adit_loop_stop(me->loop);
}

static void on_open(struct adit_dc *dc, void *user)
{
    (void)user;
    if (adit_dc_send(dc, "hello", 5, ADIT_TEXT) < 0)
        printf("cannot say hello\n");
}

/* The offerer opened a channel; this is the answerer's end of it. */
static void on_channel(struct adit_peer *peer, struct adit_dc *dc, void *user)
{
    (void)peer;
    adit_dc_set_callbacks(dc, &(struct adit_dc_callbacks){ .message = on_message }, user);
}

static void on_state(struct adit_peer *peer, enum adit_peer_state state,
                     const struct adit_cause *cause, void *user)
{
    struct side *me = user;

    (void)peer;
    printf("%s is %s%s%s\n", me->name, adit_peer_state_name(state), cause->reason ? ": " : "",
           cause->text);
    if (state == ADIT_PEER_FAILED)
        adit_loop_stop(me->loop);
}

int main(void)
{
    bool ok = false;
    struct adit_loop *loop = adit_loop_new();
    struct side offerer = { .name = "offerer", .loop = loop, .ok = &ok };
    struct side answerer = { .name = "answerer", .loop = loop, .ok = &ok };
    struct adit_peer_conf conf = {
        .size = sizeof conf,
        .loopback = true, /* both ends are on this host */
        .on = { .gathered = on_gathered, .state = on_state, .channel = on_channel },
    };
    struct adit_dc_conf channel = ADIT_DC_CONF;
    struct adit_cause why = { .text = "" };

    conf.user = &offerer;
    offerer.peer = adit_peer_new(loop, &conf, &why);
    conf.user = &answerer;
    answerer.peer = offerer.peer ? adit_peer_new(loop, &conf, &why) : NULL;
    if (!answerer.peer) {
        fprintf(stderr, "cannot start: %s\n", why.text);
        return 1;
    }
    offerer.other = &answerer;
    answerer.other = &offerer;
    adit_peer_offer(offerer.peer);
    channel.label = "greetings";
    channel.on = (struct adit_dc_callbacks){ .open = on_open, .message = on_message };
    channel.user = &offerer;
    if (adit_dc_open(offerer.peer, &channel, NULL) && adit_loop_run(loop) < 0)
        fprintf(stderr, "the loop broke\n");

    adit_peer_free(offerer.peer);
    adit_peer_free(answerer.peer);
    adit_loop_free(loop);
    return ok ? 0 : 1;
}
