#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* RFC 3720 appendix B.4 prints the value in the order of the bytes on the wire. */
static const struct {
    const char *name;
    uint8_t start, step;
    size_t n;
    uint32_t crc;
} rows[] = {
    { "32 bytes of zeros", 0, 0, 32, 0x8a9136aa },
    { "32 bytes of ones", 0xff, 0, 32, 0x62a8ab43 },
    { "32 bytes that go up", 0, 1, 32, 0x46dd794e },
    { "32 bytes that go down", 31, 0xff, 32, 0x113fdb5c },
    { "nothing", 0, 0, 0, 0 },
};

static const uint8_t read10[48] = { /* RFC 3720: an iSCSI SCSI Read (10) command PDU */
                                    0x01, 0xc0, 0, 0,    0,    0, 0, 0,    0,    0, 0,    0,
                                    0,    0,    0, 0,    0x14, 0, 0, 0,    0,    0, 0x04, 0,
                                    0,    0,    0, 0x14, 0,    0, 0, 0x18, 0x28, 0, 0,    0,
                                    0,    0,    0, 0,    0x02, 0, 0, 0,    0,    0, 0,    0
};

static void check(uint32_t (*crc)(uint32_t, const void *, size_t))
{
    uint8_t bytes[32];

    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        for (size_t k = 0; k < rows[i].n; k++)
            bytes[k] = (uint8_t)(rows[i].start + k * rows[i].step);
        assert_int_equal(crc(0, bytes, rows[i].n), rows[i].crc);
    }
    assert_int_equal(crc(0, read10, sizeof read10), 0xd9963a56);
    for (size_t i = 0; i <= sizeof read10; i++)
        assert_int_equal(crc(crc(0, read10, i), read10 + i, sizeof read10 - i), 0xd9963a56);
    assert_int_equal(crc(0, "123456789", 9), 0xe3069283);
}

static void table_knows_the_vectors(void **state)
{
    (void)state;
    check(adit_crc32c_table);
}

static void instruction_knows_the_vectors(void **state)
{
    (void)state;
    if (!adit_crc32c_has_hw())
        skip();
    check(adit_crc32c_hw);
}

static void chosen_way_knows_the_vectors(void **state)
{
    (void)state;
    check(adit_crc32c);
}

/* Every length and alignment up to two packets: the bit by bit definition is the judge. */
static void all_ways_agree(void **state)
{
    uint8_t *bytes = malloc(3000);
    uint32_t seed = 1, crc;

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < 3000; i++)
        bytes[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
    for (size_t offset = 0; offset < 9; offset++) {
        crc = 0xffffffff;
        for (size_t n = 0; n < 2600; n++) {
            assert_int_equal(adit_crc32c_table(0, bytes + offset, n), ~crc);
            assert_int_equal(adit_crc32c(0, bytes + offset, n), ~crc);
            crc ^= bytes[offset + n];
            for (int bit = 0; bit < 8; bit++)
                crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
        }
    }
    free(bytes);
}

static void one_changed_bit_changes_it(void **state)
{
    uint8_t bytes[64] = { 0 };
    uint32_t crc = adit_crc32c(0, bytes, sizeof bytes);

    (void)state;
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(adit_crc32c(0, bytes, sizeof bytes), crc);
        assert_int_not_equal(adit_crc32c_table(0, bytes, sizeof bytes), crc);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_knows_the_vectors),
        cmocka_unit_test(instruction_knows_the_vectors),
        cmocka_unit_test(chosen_way_knows_the_vectors),
        cmocka_unit_test(all_ways_agree),
        cmocka_unit_test(one_changed_bit_changes_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
