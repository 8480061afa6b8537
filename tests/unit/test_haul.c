/* test_haul.c - packets in binary messages, and addresses that stand for ends of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "signal/haul.h"

static void there_and_back(void **state)
{
    struct adit_haul h = { .name = "b\xc3\xb6rk", .to = { 1, 2, 3 }, .from = { 0, 0, 9 } }, got;
    uint8_t packet[ADIT_HAUL_PACKET_MAX + 1] = { 22, 254, 253 }, out[ADIT_HAUL_MAX];
    static const size_t sizes[] = { 1, 2, 1200, ADIT_HAUL_PACKET_MAX };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(sizes); i++) {
        h.packet = (struct adit_span){ packet, sizes[i] };
        size_t n = adit_haul_write(out, &h);
        assert_int_equal(n, 2 + 5 + 16 + sizes[i]);
        assert_memory_equal(out, "\x01\x05", 2);
        assert_int_equal(adit_haul_read(&got, out, n), 0);
        assert_string_equal(got.name, h.name);
        assert_memory_equal(got.to, h.to, 8);
        assert_memory_equal(got.from, h.from, 8);
        assert_int_equal(got.packet.len, sizes[i]);
        assert_memory_equal(got.packet.data, packet, sizes[i]);
    }
    h.packet.len = sizeof packet;
    assert_int_equal(adit_haul_write(out, &h), 0);
    h.packet.len = 0;
    assert_int_equal(adit_haul_write(out, &h), 0);
    h.packet.len = ADIT_HAUL_PACKET_MAX;
    memset(h.name, 'x', ADIT_SIGNAL_PEER_MAX);
    assert_int_equal(adit_haul_write(out, &h), ADIT_HAUL_MAX);
    assert_int_equal(adit_haul_read(&got, out, ADIT_HAUL_MAX), 0);
    assert_int_equal(strlen(got.name), ADIT_SIGNAL_PEER_MAX);
}

#define ENDS "12345678abcdefgh"

static void what_is_none(void **state)
{
    static const struct {
        const char *name, *bytes;
        size_t n;
        int err;
    } rows[] = {
        { "nothing", "", 0, -EPROTO },
        { "a type", "\x01", 1, -EPROTO },
        { "another type", "\x02", 1, -ENOMSG },
        { "text", "{}", 2, -ENOMSG },
        { "no name", "\x01\x00" ENDS "p", 19, -EPROTO },
        { "half a name", "\x01\x05xxx", 5, -EPROTO },
        { "no ends",
          "\x01\x03"
          "bob",
          5, -EPROTO },
        { "half an end",
          "\x01\x03"
          "bob1234567",
          12, -EPROTO },
        { "no packet",
          "\x01\x03"
          "bob" ENDS,
          21, -EPROTO },
        { "one byte",
          "\x01\x03"
          "bob" ENDS "p",
          22, 0 },
        { "a zero byte in the name",
          "\x01\x03"
          "b\0b" ENDS "p",
          22, -EPROTO },
        { "no UTF-8",
          "\x01\x03"
          "b\xff"
          "b" ENDS "p",
          22, -EPROTO },
    };
    uint8_t big[ADIT_HAUL_MAX + 200] = { 1, 129 };
    struct adit_haul h;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        char *copy = malloc(rows[i].n + !rows[i].n);
        memcpy(copy, rows[i].bytes, rows[i].n);
        if (adit_haul_read(&h, copy, rows[i].n) != rows[i].err)
            fail_msg("%s", rows[i].name);
        free(copy);
    }
    memset(big + 2, 'x', sizeof big - 2);
    assert_int_equal(adit_haul_read(&h, big, 2 + 129 + 16 + 1), -EPROTO);
    big[1] = 128;
    assert_int_equal(adit_haul_read(&h, big, 2 + 128 + 16 + 1500), 0);
    assert_int_equal(adit_haul_read(&h, big, 2 + 128 + 16 + 1501), -EPROTO);
}

static void addresses(void **state)
{
    static const uint8_t end[8] = { 0xde, 0xad, 0, 0, 0, 0, 0, 1 };
    struct adit_addr a = adit_haul_addr(end);
    char text[ADIT_ADDR_STR];
    uint8_t got[8];

    (void)state;
    assert_string_equal(adit_addr_str(&a, text), "[100::dead:0:0:1]:9");
    assert_int_equal(adit_haul_end(got, &a), 0);
    assert_memory_equal(got, end, 8);
    a.ip[7] = 1; /* 100:0:0:1::/64 is another network */
    assert_false(adit_addr_is_discard(&a));
    assert_int_equal(adit_haul_end(got, &a), -EINVAL);
    a = (struct adit_addr){ .family = ADIT_FAMILY_V4, .ip = { 1 } };
    assert_int_equal(adit_haul_end(got, &a), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(what_is_none),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
