/* test_ws_utf8.c - section 6 of the Autobahn list: valid text, and for text that is not the exact
 * byte at which it is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/str.h"
#include "http/utf8.h"
#include "unit/ws_script.h"

#define VALID  (-1)
#define AT_END (-2) /* every byte may stand where it does, but the text may not end there */

static const struct {
    const char *name, *hex;
    int bad; /* the offset of the first byte that is wrong */
} rows[] = {
    { "6.1.1", "", VALID },
    { "6.2.1", "48656c6c6f2dc2b540c39fc3b6c3a4c3bcc3a0c3a12d5554462d382121", VALID },
    { "6.3.1", "cebae1bdb9cf83cebcceb5eda080656469746564", 12 },
    { "6.4.1, 6.4.3", "cebae1bdb9cf83cebcceb5f4908080656469746564", 12 },
    { "6.4.2, 6.4.4", "cebae1bdb9cf83cebcceb5f490", 12 },
    { "6.5.1", "cebae1bdb9cf83cebcceb5", VALID },
    { "6.6.1", "ce", AT_END },
    { "6.6.2", "ceba", VALID },
    { "6.6.3", "cebae1", AT_END },
    { "6.6.4", "cebae1bd", AT_END },
    { "6.6.5", "cebae1bdb9", VALID },
    { "6.6.6", "cebae1bdb9cf", AT_END },
    { "6.6.7", "cebae1bdb9cf83", VALID },
    { "6.6.8", "cebae1bdb9cf83ce", AT_END },
    { "6.6.9", "cebae1bdb9cf83cebc", VALID },
    { "6.6.10", "cebae1bdb9cf83cebcce", AT_END },
    { "6.7.1", "00", VALID },
    { "6.7.2", "c280", VALID },
    { "6.7.3", "e0a080", VALID },
    { "6.7.4", "f0908080", VALID },
    { "6.8.1", "f888808080", 0 },
    { "6.8.2", "fc8480808080", 0 },
    { "6.9.1", "7f", VALID },
    { "6.9.2", "dfbf", VALID },
    { "6.9.3", "efbfbf", VALID },
    { "6.9.4", "f48fbfbf", VALID },
    { "6.10.1", "f7bfbfbf", 0 },
    { "6.10.2", "fbbfbfbfbf", 0 },
    { "6.10.3", "fdbfbfbfbfbf", 0 },
    { "6.11.1", "ed9fbf", VALID },
    { "6.11.2", "ee8080", VALID },
    { "6.11.3", "efbfbd", VALID },
    { "6.11.4", "f48fbfbf", VALID },
    { "6.11.5", "f4908080", 1 },
    { "6.12.1", "80", 0 },
    { "6.12.2", "bf", 0 },
    { "6.12.3", "80bf", 0 },
    { "6.12.8", "808182838485868788898a8b8c8d8e8f", 0 },
    { "6.13.1", "c020c120c220", 0 },
    { "6.13.2", "e020e120", 1 },
    { "6.13.3", "f020f120", 1 },
    { "6.13.4", "f820f920", 0 },
    { "6.13.5", "fc20", 0 },
    { "lonely, but begun well", "c220", 1 },
    { "6.14.1", "c0", 0 },
    { "6.14.2", "e080", 1 },
    { "6.14.3", "f08080", 1 },
    { "6.14.4", "f8808080", 0 },
    { "6.14.5", "fc80808080", 0 },
    { "6.14.6", "df", AT_END },
    { "6.14.7", "efbf", AT_END },
    { "6.14.8", "f7bfbf", 0 },
    { "6.14.9", "fbbfbfbf", 0 },
    { "6.14.10", "fdbfbfbfbf", 0 },
    { "6.15.1", "c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf", 0 },
    { "6.16.1", "fe", 0 },
    { "6.16.2", "ff", 0 },
    { "6.16.3", "fefeffff", 0 },
    { "6.17.1", "c0af", 0 },
    { "6.17.2", "e080af", 1 },
    { "6.17.3", "f08080af", 1 },
    { "6.17.4", "f8808080af", 0 },
    { "6.17.5", "fc80808080af", 0 },
    { "6.18.1", "c1bf", 0 },
    { "6.18.2", "e09fbf", 1 },
    { "6.18.3", "f08fbfbf", 1 },
    { "6.18.4", "f887bfbfbf", 0 },
    { "6.18.5", "fc83bfbfbfbf", 0 },
    { "6.19.1", "c080", 0 },
    { "6.19.2", "e08080", 1 },
    { "6.19.3", "f0808080", 1 },
    { "6.20.1", "eda080", 1 },
    { "6.20.2", "edadbf", 1 },
    { "6.20.3", "edae80", 1 },
    { "6.20.4", "edafbf", 1 },
    { "6.20.5", "edb080", 1 },
    { "6.20.6", "edbe80", 1 },
    { "6.20.7", "edbfbf", 1 },
    { "6.21.1", "eda080edb080", 1 },
    { "6.21.8", "edafbfedbfbf", 1 },
    { "6.22.1", "efbfbe", VALID },
    { "6.22.3", "f09fbfbe", VALID },
    { "6.22.34", "f48fbfbf", VALID },
    { "6.23.1", "efbfb9", VALID },
    { "6.23.7", "efbfbf", VALID },
};

/* One frame, or a frame for each byte; a byte at a time. */
static void run(unsigned i, bool server, bool octets)
{
    struct adit_rng rng;
    struct adit_ws_conf conf = { .server = server, .rng = &rng };
    struct adit_ws *ws;
    struct adit_buf bytes, answer, script, out;
    size_t n = strlen(rows[i].hex) / 2, end, expected, header = server ? 6 : 2;

    adit_rng_init_seed(&rng, i);
    ws = adit_ws_new(&conf, 0);
    adit_buf_init(&bytes, 4096);
    adit_buf_init(&answer, 4096);
    adit_buf_init(&script, 4096);
    adit_buf_init(&out, 4096);
    if (octets) {
        for (size_t k = 0; k < n; k++)
            adit_buf_printf(&script, "%sx%.2s ", k ? "00" : "01", rows[i].hex + 2 * k);
        adit_buf_printf(&script, n ? "80:" : "81:");
    } else {
        adit_buf_printf(&script, "81x%s", rows[i].hex);
    }
    ws_script(&bytes, adit_buf_str(&script), server);
    ws_answer(&answer, ws, &bytes, 1, &end);
    ws_words(&out, adit_ws_pending(ws), server);
    expected = bytes.len;
    if (rows[i].bad >= 0)
        expected =
            octets ? ((size_t)rows[i].bad + 1) * (header + 1) : header + (size_t)rows[i].bad + 1;
    if (end != expected)
        fail_msg("%s: ended after %zu bytes instead of %zu", rows[i].name, end, expected);
    if (rows[i].bad == VALID) {
        assert_true(adit_str_starts(adit_buf_str(&answer), "text"));
        assert_int_equal(out.len, 0);
    } else {
        if (strcmp(adit_buf_str(&answer), "closed:1006/protocol") != 0)
            fail_msg("%s: %s", rows[i].name, adit_buf_str(&answer));
        assert_string_equal(adit_buf_str(&out), "close:1007");
    }
    adit_buf_done(&bytes);
    adit_buf_done(&answer);
    adit_buf_done(&script);
    adit_buf_done(&out);
    adit_ws_free(ws);
}

static void refused_at_the_exact_byte(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ADIT_LEN(rows); i++)
        for (int k = 0; k < 4; k++)
            run(i, k & 1, k & 2);
}

/* The one that reads in pieces and the one that reads whole texts agree on all of two bytes, and on
 * all of four whose later bytes are at some boundary. */
static void agrees_with_the_other_reader(void **state)
{
    static const uint8_t edge[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff };

    (void)state;
    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++)
            for (unsigned k = 0; k < ADIT_LEN(edge) * ADIT_LEN(edge); k++) {
                uint8_t s[4] = { (uint8_t)first, (uint8_t)second, edge[k % ADIT_LEN(edge)],
                                 edge[k / ADIT_LEN(edge)] };

                for (size_t n = 1; n <= 4; n++) {
                    struct adit_utf8 u = { 0 };
                    bool good = adit_utf8_feed(&u, s, n) && adit_utf8_may_end(&u);

                    assert_int_equal(good, adit_utf8_valid(s, n));
                }
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_at_the_exact_byte),
        cmocka_unit_test(agrees_with_the_other_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
