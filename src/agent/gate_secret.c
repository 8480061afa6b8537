/* gate_secret - the secret of a public listener, in a file:
 *
 *     secret BASE64
 *     end SECONDS      since 1970; 0 = never
 *     port N           the one that is in the ticket
 *
 * In this order, and nothing else. */
#include <stdio.h>

#include "agent/gate.h"
#include "base/str.h"
#include "core/file.h"

#define FILE_MAX 512

/* The value of the next line, which must begin with this word. */
static bool take_line(const char **at, const char *word, const char **ret_value, size_t *ret_len)
{
    size_t n = strlen(word), len = strcspn(*at, "\n");
    const char *line = *at;

    if (strncmp(line, word, n) != 0 || line[n] != ' ' || line[len] != '\n')
        return false;
    *ret_value = line + n + 1;
    *ret_len = len - n - 1;
    *at = line + len + 1;
    return true;
}

static int parse(struct adit_gate_secret *s, const char *text)
{
    uint8_t bytes[FILE_MAX];
    const char *value;
    uint64_t end, port;
    size_t len;

    if (!take_line(&text, "secret", &value, &len) ||
        adit_base64_decode(bytes, value, len) != (int)sizeof s->bytes)
        return -EINVAL;
    memcpy(s->bytes, bytes, sizeof s->bytes);
    explicit_bzero(bytes, sizeof bytes);
    if (!take_line(&text, "end", &value, &len) ||
        adit_str_u64(&end, value, len, 0, INT64_MAX) < 0 ||
        !take_line(&text, "port", &value, &len) ||
        adit_str_u64(&port, value, len, 0, UINT16_MAX) < 0 || *text)
        return -EINVAL;
    s->end = (int64_t)end;
    s->port = (uint16_t)port;
    return 0;
}

int adit_gate_secret_save(const struct adit_gate_secret *secret, const char *path)
{
    char text[FILE_MAX], base64[32];
    int n, err;

    adit_base64_encode(base64, secret->bytes, sizeof secret->bytes, false);
    n = snprintf(text, sizeof text, "secret %s\nend %lld\nport %u\n", base64,
                 (long long)secret->end, secret->port);
    err = adit_file_write(path, text, (size_t)n, 0600);
    explicit_bzero(text, sizeof text);
    explicit_bzero(base64, sizeof base64);
    return err;
}

int adit_gate_secret_load(struct adit_gate_secret *ret_secret, const char *path, int64_t wall,
                          int64_t lifetime, struct adit_rng *rng)
{
    struct adit_gate_secret s = { .port = 0 };
    struct adit_buf text;
    int err;

    adit_buf_init(&text, FILE_MAX);
    err = adit_file_read(&text, path);
    if (!err)
        err = parse(&s, adit_buf_str(&text));
    if (text.len)
        explicit_bzero(text.data, text.len);
    adit_buf_done(&text);
    if (err && err != -ENOENT)
        return err;
    if (err || (s.end && wall >= s.end)) {
        adit_rng_bytes(rng, s.bytes, sizeof s.bytes);
        s.end = adit_ticket_end(wall, lifetime);
        err = adit_gate_secret_save(&s, path);
    }
    *ret_secret = s;
    return err;
}
