#include "unit/ws_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/str.h"

static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

static void add_hex(struct adit_buf *out, const char *hex, size_t n)
{
    assert_int_equal(n % 2, 0);
    for (size_t i = 0; i < n; i += 2)
        adit_buf_add8(out, (uint8_t)(adit_hex_value(hex[i]) << 4 | adit_hex_value(hex[i + 1])));
}

static void add_frame(struct adit_buf *out, uint8_t first, size_t promised,
                      const struct adit_buf *payload, bool masked)
{
    uint8_t bit = masked ? 0x80 : 0;

    adit_buf_add8(out, first);
    if (promised < 126) {
        adit_buf_add8(out, (uint8_t)(bit | promised));
    } else if (promised < 65536) {
        adit_buf_add8(out, bit | 126);
        adit_buf_add16(out, (uint16_t)promised);
    } else {
        adit_buf_add8(out, bit | 127);
        for (int shift = 56; shift >= 0; shift -= 8)
            adit_buf_add8(out, (uint8_t)((uint64_t)promised >> shift));
    }
    if (masked)
        adit_buf_add(out, mask, 4);
    for (size_t i = 0; i < payload->len; i++)
        adit_buf_add8(out, payload->data[i] ^ (masked ? mask[i % 4] : 0));
}

static void add_word(struct adit_buf *out, const char *word, size_t n, bool masked)
{
    struct adit_buf payload;
    const char *end = word + n;
    size_t promised = SIZE_MAX;
    uint8_t first;

    if (*word == '=') {
        add_hex(out, word + 1, n - 1);
        return;
    }
    if (*word == '!') {
        masked = !masked;
        word++;
    }
    first = (uint8_t)(adit_hex_value(word[0]) << 4 | adit_hex_value(word[1]));
    word += 2;
    adit_buf_init(&payload, 1 << 20);
    if (*word == '~') {
        promised = strtoul(word + 1, (char **)&word, 10);
    }
    if (*word == ':') {
        adit_buf_add(&payload, word + 1, (size_t)(end - word - 1));
    } else if (*word == 'x') {
        add_hex(&payload, word + 1, (size_t)(end - word - 1));
    } else {
        assert_int_equal(*word, '#');
        for (size_t left = strtoul(word + 1, NULL, 10); left; left--)
            adit_buf_add8(&payload, '*');
    }
    add_frame(out, first, promised == SIZE_MAX ? payload.len : promised, &payload, masked);
    assert_int_equal(payload.err, 0);
    adit_buf_done(&payload);
}

void ws_script(struct adit_buf *out, const char *frames, bool to_server)
{
    while (*frames) {
        size_t n = strcspn(frames, " ");

        add_word(out, frames, n, to_server);
        frames += n + (frames[n] == ' ');
    }
    assert_int_equal(out->err, 0);
}

static void say(struct adit_buf *out, const char *what, struct adit_span data)
{
    bool printable = true;

    adit_buf_printf(out, "%s%s", out->len ? " " : "", what);
    for (size_t i = 0; i < data.len; i++)
        printable = printable && data.data[i] > 0x20 && data.data[i] < 0x7f;
    if (data.len > 40) {
        adit_buf_printf(out, "#%zu", data.len);
        return;
    }
    adit_buf_printf(out, printable ? ":" : ":x");
    for (size_t i = 0; i < data.len; i++)
        adit_buf_printf(out, printable ? "%c" : "%02x", data.data[i]);
}

static void say_event(struct adit_buf *out, const struct adit_ws_event *ev)
{
    static const char *const reasons[] = {
        [ADIT_REASON_LOCAL] = "local",       [ADIT_REASON_REMOTE] = "remote",
        [ADIT_REASON_PROTOCOL] = "protocol", [ADIT_REASON_RESOURCE] = "resource",
        [ADIT_REASON_SILENCE] = "silence",   [ADIT_REASON_TIMEOUT] = "timeout",
    };

    switch (ev->what) {
    case ADIT_WS_NONE:
        return;
    case ADIT_WS_TEXT:
        assert_int_equal(ev->data.data[ev->data.len], 0);
        say(out, "text", ev->data);
        return;
    case ADIT_WS_BINARY:
        say(out, "binary", ev->data);
        return;
    case ADIT_WS_PONG:
        say(out, "pong", ev->data);
        return;
    case ADIT_WS_CLOSED:
        adit_buf_printf(out, "%sclosed:%u/%s", out->len ? " " : "", ev->code,
                        reasons[ev->cause.reason]);
        assert_true(strlen(ev->cause.text) > 0);
        if (ev->data.len > 40)
            adit_buf_printf(out, "/#%zu", ev->data.len);
        else if (ev->data.len)
            adit_buf_printf(out, "/%s", (const char *)ev->data.data);
        return;
    }
}

void ws_words(struct adit_buf *out, struct adit_span bytes, bool from_server)
{
    struct adit_cursor c = adit_cursor(bytes.data, bytes.len);
    uint8_t clear[1 << 17];

    while (adit_cursor_left(&c)) {
        uint8_t first = adit_cursor_get8(&c), second = adit_cursor_get8(&c);
        size_t n = second & 127;
        const uint8_t *key = NULL, *payload;

        assert_int_equal(second >> 7, from_server ? 0 : 1);
        if (n == 126)
            n = adit_cursor_get16(&c);
        else if (n == 127)
            n = adit_cursor_get32(&c) ? SIZE_MAX : adit_cursor_get32(&c);
        if (!from_server)
            key = adit_cursor_take(&c, 4);
        payload = adit_cursor_take(&c, n);
        assert_false(c.bad);
        assert_true(n <= sizeof clear);
        for (size_t i = 0; i < n; i++)
            clear[i] = payload[i] ^ (key ? key[i % 4] : 0);
        switch (first) {
        case 0x81:
            say(out, "text", (struct adit_span){ clear, n });
            break;
        case 0x82:
            say(out, "binary", (struct adit_span){ clear, n });
            break;
        case 0x88:
            adit_buf_printf(out, "%sclose:%u", out->len ? " " : "", n ? adit_get16(clear) : 0);
            if (n > 2)
                adit_buf_printf(out, "/%.*s", (int)n - 2, (char *)clear + 2);
            break;
        case 0x89:
            say(out, "ping", (struct adit_span){ clear, n });
            break;
        case 0x8a:
            say(out, "pong", (struct adit_span){ clear, n });
            break;
        default:
            fail_msg("a frame that begins with %02x", first);
        }
    }
}

void ws_answer(struct adit_buf *answer, struct adit_ws *ws, const struct adit_buf *bytes,
               size_t step, size_t *ret_end)
{
    size_t at = 0;
    bool closed = false;
    struct adit_ws_event ev;

    while (at < bytes->len && !closed) {
        size_t n = bytes->len - at;
        uint8_t *piece; /* of its own, so that reading beyond it is seen */

        if (step && n > step)
            n = step;
        piece = malloc(n);
        memcpy(piece, bytes->data + at, n);
        at += n;
        for (size_t used = 0;;) {
            used += adit_ws_feed(ws, piece + used, n - used, &ev, 0);
            say_event(answer, &ev);
            closed = closed || ev.what == ADIT_WS_CLOSED;
            if (ev.what == ADIT_WS_NONE) {
                assert_int_equal(used, n);
                break;
            }
        }
        free(piece);
    }
    if (ret_end)
        *ret_end = at;
}
