/* What `adit status` shows of what an agent says of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ctl/snapshot.h"

static json_t *json(const char *text)
{
    json_t *o = json_loads(text, 0, NULL);

    assert_non_null(o);
    return o;
}

static void shows(const char *text, const char *wanted)
{
    json_t *o = json(text);
    struct adit_buf out;

    adit_buf_init(&out, 64 * 1024);
    adit_snapshot_print(&out, o, true);
    assert_string_equal(adit_buf_str(&out), wanted);
    adit_buf_done(&out);
    json_decref(o);
}

static void for_people(void **state)
{
    (void)state;
    shows("{\"version\":\"1.2\",\"pid\":7,\"role\":\"listen\",\"mode\":\"tun\",\"id\":\"alice\","
          "\"dialect\":\"agent\",\"signaling\":\"joined\",\"fingerprint\":\"sha-256 01\","
          "\"seconds\":3661,\"peers\":[{\"name\":\"b\\u001bob\",\"adit\":true,"
          "\"state\":\"connected\",\"seconds\":61,\"path\":\"direct IPv6\",\"local\":\"host a\","
          "\"remote\":\"srflx b\",\"rtt_ms\":1.25,\"bytes_sent\":2048,\"sent_bit_s\":1500000,"
          "\"bytes_received\":5,\"cipher\":\"AES\",\"fingerprint\":\"sha-256 02\",\"channels\":["
          "{\"label\":\"one\",\"open\":true},{\"label\":\"two\",\"open\":false}],\"choice\":\"the "
          "best\","
          "\"nat_mapping\":\"none\",\"offloads\":{\"udp_gro\":true,\"tun_uso\":true},\"pairs\":["
          "{\"local\":\"host a\",\"remote\":\"srflx b\",\"in_use\":true,\"valid\":true,"
          "\"why\":\"in use\",\"rtt_ms\":1.25,\"nominated\":true},{\"local\":\"host c\","
          "\"remote\":\"host d\",\"why\":\"refused\",\"error\":\"b\\u001bad\"}]},"
          "{\"name\":\"carol\",\"state\":\"calling\",\"seconds\":1}]}",
          "adit 1.2 listen, mode tun, process 7, for 1h1m\n"
          "  signaling joined (agent) as alice\n"
          "  identity  sha-256 01\n"
          "\n"
          "  b?ob (adit): connected for 1m1s\n"
          "    path      direct IPv6, host a to srflx b, round trip 1.2 ms\n"
          "    chosen    the best\n"
          "    NAT       none before us\n"
          "    sent      2.0 kB (1.5 Mbit/s)\n"
          "    received  5 B\n"
          "    channels  one two (opening)\n"
          "    cipher    AES\n"
          "    identity  sha-256 02\n"
          "    offloads  UDP_GRO USO\n"
          "    pairs\n"
          "      * host a to srflx b: in use, 1.2 ms, nominated\n"
          "      - host c to host d: refused (b?ad)\n"
          "\n"
          "  carol: calling for 1s\n");
}

/* What STUN and TURN servers and the router said: without the pair that is in use, as well. */
static void of_the_network(void **state)
{
    (void)state;
    shows(
        "{\"version\":\"1.2\",\"pid\":7,\"role\":\"listen\",\"mode\":\"tun\",\"id\":\"alice\","
        "\"dialect\":\"agent\",\"signaling\":\"joined\",\"seen\":{\"IPv4\":\"192.0.2.\\u001b1\","
        "\"IPv6\":\"2001:db8::1\"},\"fingerprint\":\"sha-256 01\",\"seconds\":1,\"peers\":[{"
        "\"name\":\"bob\",\"state\":\"connecting\",\"path_mtu\":1460,\"stun\":[{\"address\":"
        "\"203.0.113.1:3478\",\"base\":\"192.0.2.1:7\",\"seen_as\":\"203.0.113.10:40501\","
        "\"rtt_ms\":0.413,\"state\":\"answered\"},{\"address\":\"203.0.113.2:3478\",\"base\":"
        "\"192.0.2.1:7\",\"seen_as\":null,\"rtt_ms\":null,\"state\":\"no answer yet\"}],\"turn\":["
        "{\"name\":\"turn:a\",\"state\":\"up\",\"relayed\":{\"IPv4\":\"203.0.113.1:5\",\"IPv6\":"
        "\"[2001:db8::1]:5\"},\"problem\":null},{\"name\":\"turn:b\",\"state\":\"failed\","
        "\"relayed\":{\"IPv4\":null,\"IPv6\":null},\"problem\":\"wrong \\u001buser\"},{\"name\":"
        "\"turn:c\",\"state\":\"being tried\"}],\"port_mappings\":[{\"base\":\"192.0.2.1:7\","
        "\"state\":\"held\",\"protocol\":\"PCP\",\"external\":\"203.0.113.10:7\"},{\"base\":"
        "\"192.0.2.9:7\",\"state\":\"not offered\",\"protocol\":null,\"external\":null}]}]}",
        "adit 1.2 listen, mode tun, process 7, for 1s\n"
        "  signaling joined (agent) as alice, seen at 192.0.2.?1 and 2001:db8::1\n"
        "  identity  sha-256 01\n"
        "\n"
        "  bob: connecting for 0s\n"
        "    datagrams 1460 bytes get through whole\n"
        "    STUN      203.0.113.1:3478 sees us as 203.0.113.10:40501, 0.4 ms (192.0.2.1:7)\n"
        "    STUN      203.0.113.2:3478: no answer yet (192.0.2.1:7)\n"
        "    TURN      turn:a: up, lends us 203.0.113.1:5 and [2001:db8::1]:5\n"
        "    TURN      turn:b: failed: wrong ?user\n"
        "    TURN      turn:c: being tried\n"
        "    port map  192.0.2.1:7: held, 203.0.113.10:7 outside (PCP)\n"
        "    port map  192.0.2.9:7: not offered\n");
}

static void without_a_server(void **state)
{
    (void)state;
    shows("{\"version\":\"1.2\",\"pid\":7,\"role\":\"listen\",\"mode\":\"echo\",\"id\":\"\","
          "\"dialect\":\"none\",\"signaling\":\"joined\",\"fingerprint\":\"sha-256 01\","
          "\"seconds\":1,\"peers\":[],\"public\":{\"calls\":3,\"forged\":4,\"repeated\":5,"
          "\"limited\":6}}",
          "adit 1.2 listen, mode echo, process 7, for 1s\n"
          "  public    3 calls by ticket; turned away: 4 forged, 5 repeated, 6 too many\n"
          "  identity  sha-256 01\n"
          "\n"
          "  no peers\n");
}

/* It comes from another process. */
static void of_anything(void **state)
{
    static const char *const rows[] = {
        "{}",
        "[]",
        "{\"peers\":7}",
        "{\"peers\":[]}",
        "{\"version\":7,\"pid\":\"x\"}",
        "{\"seen\":[\"192.0.2.1\"]}",
        "{\"seen\":{\"IPv4\":7,\"IPv6\":{}}}",
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        json_t *o = json(rows[i]), *before = json("{\"peers\":[{\"name\":7},7]}");
        struct adit_buf out;

        adit_snapshot_add_rates(o, before, ADIT_SEC);
        adit_snapshot_add_rates(before, o, ADIT_SEC);
        adit_buf_init(&out, 64 * 1024);
        adit_snapshot_print(&out, o, true);
        adit_snapshot_print(&out, before, true);
        assert_non_null(strstr(adit_buf_str(&out), "no peers"));
        adit_buf_done(&out);
        json_decref(o);
        json_decref(before);
    }
}

static void of_any_network(void **state)
{
    (void)state;
    shows(
        "{\"dialect\":\"none\",\"peers\":[{\"path_mtu\":\"x\",\"stun\":7,\"turn\":{\"name\":\"a\"},"
        "\"port_mappings\":null},{\"path_mtu\":-1,\"stun\":[7,{\"rtt_ms\":\"x\",\"address\":[],"
        "\"base\":{}}],\"turn\":[[],{\"name\":7,\"relayed\":[\"a\"]}],\"port_mappings\":[null,{"
        "\"external\":{\"IPv4\":\"a\"},\"protocol\":7}]}]}",
        "adit  , mode , process 0, for 0s\n"
        "  identity  \n"
        "\n"
        "  :  for 0s\n"
        "\n"
        "  :  for 0s\n"
        "    STUN      :  ()\n"
        "    STUN      :  ()\n"
        "    TURN      : \n"
        "    TURN      : \n"
        "    port map  : \n"
        "    port map  : \n");
}

static void rates(void **state)
{
    json_t *before =
        json("{\"peers\":[{\"name\":\"a\",\"bytes_sent\":1000,\"bytes_received\":9000},"
             "{\"name\":\"b\",\"bytes_sent\":0}]}");
    json_t *o = json("{\"peers\":[{\"name\":\"a\",\"bytes_sent\":2000,\"bytes_received\":100},"
                     "{\"name\":\"c\",\"bytes_sent\":5},{\"name\":\"b\",\"bytes_sent\":5}]}");
    json_t *wanted = json("{\"peers\":[{\"name\":\"a\",\"bytes_sent\":2000,\"sent_bit_s\":16000,"
                          "\"bytes_received\":100,\"received_bit_s\":0},"
                          "{\"name\":\"c\",\"bytes_sent\":5},{\"name\":\"b\",\"bytes_sent\":5}]}");

    (void)state;
    adit_snapshot_add_rates(o, before, ADIT_SEC / 2);
    assert_true(json_equal(o, wanted));
    json_decref(before);
    json_decref(o);
    json_decref(wanted);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(for_people),       cmocka_unit_test(of_the_network),
        cmocka_unit_test(without_a_server), cmocka_unit_test(of_anything),
        cmocka_unit_test(of_any_network),   cmocka_unit_test(rates),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
