/* The public API: peers that reach each other by TCP alone, for descriptions are handed over
 * without their candidates by UDP. (Two adits tell each other of these later, over the connection.)
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/api_pair.h"

static uint16_t free_port(void)
{
    struct sockaddr_in sa = { .sin_family = AF_INET };
    socklen_t len = sizeof sa;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    close(fd);
    return ntohs(sa.sin_port);
}

/* How many candidates by TCP were left. */
static unsigned hand_over(struct api_side *from)
{
    char text[API_TEXT_MAX], kept[API_TEXT_MAX] = "";
    struct adit_cause why;
    unsigned tcp = 0;

    assert_true(adit_peer_describe(from->peer, ADIT_FORM_SDP, text, sizeof text) > 0);
    for (char *line = text, *end; (end = strstr(line, "\r\n")); line = end + 2) {
        *end = '\0';
        if (strstr(line, " udp "))
            continue;
        tcp += strstr(line, " tcp ") && strstr(line, " tcptype passive");
        strcat(strcat(kept, line), "\r\n");
    }
    if (adit_peer_accept(from->other->peer, kept, strlen(kept), &why) < 0)
        fail_msg("%s", why.text);
    return tcp;
}

static void start(struct api_pair *p, const struct adit_peer_conf *conf)
{
    api_pair_init(p, conf);
    adit_peer_offer(p->side[0].peer);
    assert_true(api_until(p, api_gathered));
}

static bool arrived(struct api_pair *p)
{
    return p->side[1].bytes == 1000000;
}

static void talk(struct api_pair *p)
{
    api_open_dc(&p->side[0], NULL);
    assert_true(api_until(p, api_open));
    p->side[0].pushes = 1000000;
    p->side[0].push_size = 16000;
    api_push(&p->side[0]);
    assert_true(api_until(p, arrived));
    assert_int_equal(p->side[1].sum, p->side[0].pushed_sum);
}

static void both_at_one_port(void **state)
{
    struct adit_peer_conf conf = { .size = sizeof conf, .ice_tcp = ADIT_ICE_TCP_ON };
    struct api_pair p;

    (void)state;
    conf.tcp_port_min = conf.tcp_port_max = free_port();
    start(&p, &conf);
    assert_true(hand_over(&p.side[0]) > 0);
    assert_true(hand_over(&p.side[1]) > 0);
    assert_true(api_until(&p, api_connected));
    talk(&p);
    api_pair_done(&p);
}

/* With a port alone, whoever is not told to be called calls. */
static void one_calls(void **state)
{
    struct adit_peer_conf conf = { .size = sizeof conf };
    struct api_pair p;

    (void)state;
    start(&p, NULL);
    adit_peer_free(p.side[1].peer);
    conf.tcp_port_min = free_port();
    p.side[1].gathered = 0;
    api_peer_new(&p.side[1], &conf);
    assert_true(api_until(&p, api_gathered));
    assert_int_equal(hand_over(&p.side[0]), 0);
    assert_true(hand_over(&p.side[1]) > 0);
    assert_true(api_until(&p, api_connected));
    talk(&p);
    api_pair_done(&p);
}

static void told_or_not(void **state)
{
    static const struct {
        enum adit_ice_tcp mode;
        const char *has, *has_not;
    } rows[] = {
        { ADIT_ICE_TCP_ACTIVE, " udp ", " tcp " },
        { ADIT_ICE_TCP_PASSIVE, "tcptype passive", "tcptype so" },
        { ADIT_ICE_TCP_ON, "tcptype so", "tcptype active" },
        { ADIT_ICE_TCP_OFF, " udp ", " tcp " },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct adit_peer_conf conf = { .size = sizeof conf, .ice_tcp = rows[i].mode };
        char text[API_TEXT_MAX];
        struct api_pair p;

        start(&p, &conf);
        assert_true(adit_peer_describe(p.side[0].peer, ADIT_FORM_SDP, text, sizeof text) > 0);
        if (!strstr(text, rows[i].has) || strstr(text, rows[i].has_not))
            fail_msg("row %zu: %s", i, text);
        api_pair_done(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_at_one_port),
        cmocka_unit_test(one_calls),
        cmocka_unit_test(told_or_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
