#include "app/file_frames.h"

#include "base/buf.h"
#include "base/str.h"

#define FLAG_ASKS 1

static uint64_t get64(struct adit_cursor *c)
{
    uint64_t high = adit_cursor_get32(c);

    return high << 32 | adit_cursor_get32(c);
}

/* ---- names ----------------------------------------------------------------------------------- */

static const char *part_fault(const uint8_t *part, size_t n)
{
    static const char suffix[] = ADIT_FILE_SUFFIX;

    if (n == 0)
        return "an empty part";
    if (n > ADIT_FILE_PART_MAX)
        return "a part of more than 255 bytes";
    if (part[0] == '.' && (n == 1 || (n == 2 && part[1] == '.')))
        return "a part that leads elsewhere";
    if (n >= sizeof suffix - 1 &&
        memcmp(part + n - (sizeof suffix - 1), suffix, sizeof suffix - 1) == 0)
        return "names in .part are those of unfinished files";
    return NULL;
}

/* C0, DEL, and C1 as UTF-8 writes it: a name is shown by programs that know nothing of this rule.
 */
static bool has_control(const uint8_t *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (name[i] < 0x20 || name[i] == 0x7f ||
            (name[i] == 0xc2 && i + 1 < n && name[i + 1] < 0xa0))
            return true;
    return false;
}

const char *adit_file_name_fault(const uint8_t *name, size_t n)
{
    size_t parts = 0;

    if (n == 0)
        return "empty";
    if (n > ADIT_FILE_NAME_MAX)
        return "more than 4096 bytes";
    if (has_control(name, n))
        return "control characters";
    if (!adit_utf8_valid(name, n))
        return "not UTF-8";
    if (name[0] == '/')
        return "absolute";
    for (size_t at = 0; at <= n;) {
        const uint8_t *slash = at < n ? memchr(name + at, '/', n - at) : NULL;
        size_t len = slash ? (size_t)(slash - name) - at : n - at;
        const char *fault = part_fault(name + at, len);

        if (fault)
            return fault;
        if (++parts > ADIT_FILE_DEPTH_MAX)
            return "too deep";
        at += len + 1;
    }
    return NULL;
}

/* ---- OPEN ------------------------------------------------------------------------------------ */

size_t adit_file_open_encode(uint8_t out[ADIT_FILE_OPEN_MAX], const struct adit_file_open *o)
{
    out[0] = (uint8_t)o->what;
    if (o->what == ADIT_FILE_BATCH) {
        adit_put32(out + 1, o->files);
        adit_put64(out + 5, o->bytes);
        return 13;
    }
    assert(o->name_n <= ADIT_FILE_NAME_MAX);
    out[1] = o->asks ? FLAG_ASKS : 0;
    adit_put16(out + 2, o->mode);
    adit_put64(out + 4, o->size);
    adit_put64(out + 12, (uint64_t)o->mtime);
    adit_put32(out + 20, o->mtime_ns);
    if (o->name_n)
        memcpy(out + ADIT_FILE_FIXED, o->name, o->name_n);
    return ADIT_FILE_FIXED + o->name_n;
}

static const char *batch_decode(struct adit_file_open *o, struct adit_cursor *c)
{
    o->files = adit_cursor_get32(c);
    o->bytes = get64(c);
    return c->bad || o->bytes > INT64_MAX ? "a batch that is none" : NULL;
}

static const char *entry_decode(struct adit_file_open *o, struct adit_cursor *c)
{
    uint8_t flags = adit_cursor_get8(c);

    o->asks = flags & FLAG_ASKS;
    o->mode = adit_cursor_get16(c);
    o->size = get64(c);
    o->mtime = (int64_t)get64(c);
    o->mtime_ns = adit_cursor_get32(c);
    if (c->bad)
        return "too short";
    if (flags & ~FLAG_ASKS)
        return "unknown flags";
    if (o->mode > 0777)
        return "more than permissions in its mode";
    if (o->size > INT64_MAX || o->mtime_ns >= 1000000000)
        return "numbers that no file has";
    if (o->what == ADIT_FILE_DIRECTORY && (o->asks || o->size))
        return "a directory with content";
    o->name_n = adit_cursor_left(c);
    o->name = adit_cursor_take(c, o->name_n);
    return o->name_n > ADIT_FILE_NAME_MAX ? "more than 4096 bytes of name" : NULL;
}

int adit_file_open_decode(struct adit_file_open *ret_open, const uint8_t *bytes, size_t n,
                          const char **ret_why)
{
    struct adit_cursor c = adit_cursor(bytes, n);
    struct adit_file_open o = { .what = adit_cursor_get8(&c) };
    const char *why = "unknown kind of entry";

    if (o.what == ADIT_FILE_BATCH)
        why = batch_decode(&o, &c);
    else if (o.what == ADIT_FILE_REGULAR || o.what == ADIT_FILE_DIRECTORY)
        why = entry_decode(&o, &c);
    if (why) {
        *ret_why = why;
        return -EPROTO;
    }
    *ret_open = o;
    return 0;
}

/* ---- HEAD ------------------------------------------------------------------------------------ */

size_t adit_file_head_encode(uint8_t out[ADIT_FILE_OFFERS_MAX * ADIT_FILE_OFFER_SIZE],
                             const struct adit_file_offer *offers, size_t count)
{
    assert(count <= ADIT_FILE_OFFERS_MAX);
    for (size_t i = 0; i < count; i++) {
        adit_put64(out + i * ADIT_FILE_OFFER_SIZE, offers[i].have);
        memcpy(out + i * ADIT_FILE_OFFER_SIZE + 8, offers[i].digest, 32);
    }
    return count * ADIT_FILE_OFFER_SIZE;
}

int adit_file_head_decode(struct adit_file_offer ret_offers[ADIT_FILE_OFFERS_MAX], uint64_t size,
                          const uint8_t *bytes, size_t n)
{
    struct adit_cursor c = adit_cursor(bytes, n);
    size_t count = n / ADIT_FILE_OFFER_SIZE;
    uint64_t before = 1;

    if (n % ADIT_FILE_OFFER_SIZE || count > ADIT_FILE_OFFERS_MAX)
        return -EPROTO;
    for (size_t i = 0; i < count; i++) {
        ret_offers[i].have = get64(&c);
        memcpy(ret_offers[i].digest, adit_cursor_take(&c, 32), 32);
        if (ret_offers[i].have < before || ret_offers[i].have > size)
            return -EPROTO;
        before = ret_offers[i].have;
    }
    return (int)count;
}

/* ---- DATA and END ---------------------------------------------------------------------------- */

void adit_file_start_encode(uint8_t out[ADIT_FILE_START_SIZE], uint64_t start)
{
    adit_put64(out, start);
}

uint64_t adit_file_start_decode(const uint8_t in[ADIT_FILE_START_SIZE])
{
    return adit_get64(in);
}

size_t adit_file_result_encode(uint8_t out[ADIT_FILE_RESULT_MAX], enum adit_file_result result,
                               const char *name, size_t name_n)
{
    assert(name_n <= ADIT_FILE_NAME_MAX);
    out[0] = (uint8_t)result;
    if (name_n)
        memcpy(out + 1, name, name_n);
    return 1 + name_n;
}

int adit_file_result_decode(enum adit_file_result *ret_result, struct adit_span *ret_name,
                            const uint8_t *bytes, size_t n)
{
    if (n < 1 || n > ADIT_FILE_RESULT_MAX || bytes[0] > ADIT_FILE_DIFFER)
        return -EPROTO;
    *ret_result = bytes[0];
    *ret_name = (struct adit_span){ .data = bytes + 1, .len = n - 1 };
    return 0;
}

void adit_file_tally_encode(uint8_t out[ADIT_FILE_TALLY_SIZE], uint32_t done, uint32_t failed)
{
    adit_put32(out, done);
    adit_put32(out + 4, failed);
}

int adit_file_tally_decode(uint32_t *ret_done, uint32_t *ret_failed, const uint8_t *bytes, size_t n)
{
    if (n != ADIT_FILE_TALLY_SIZE)
        return -EPROTO;
    *ret_done = adit_get32(bytes);
    *ret_failed = adit_get32(bytes + 4);
    return 0;
}
