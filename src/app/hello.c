#include "app/hello.h"

#include "app/mux.h"
#include "base/json.h"

#define VERSION  1
#define FEATURE  "adit-1"
#define PROTOCOL "httptunnel"
#define HEADER   5 /* u8 type, u32 stream 0 */

void adit_hello_put(struct adit_buf *out, const struct adit_hello *theirs, unsigned streams,
                    size_t window)
{
    static const uint8_t zero[4];

    adit_buf_add8(out, theirs ? ADIT_AGREE : ADIT_HELLO);
    adit_buf_add(out, zero, sizeof zero);
    if (!theirs)
        adit_buf_printf(out,
                        "{\"proto\":\"" PROTOCOL "\",\"min_version\":%d,\"max_version\":%d,"
                        "\"features\":[\"sse\",\"" FEATURE "\"],\"window\":%zu,\"streams\":%u}",
                        VERSION, VERSION, window, streams);
    else if (theirs->adit)
        adit_buf_printf(out,
                        "{\"version\":%d,\"features\":[\"sse\",\"" FEATURE
                        "\"],\"window\":%zu,\"streams\":%u}",
                        VERSION, window, streams);
    else
        adit_buf_printf(out, "{\"version\":%d,\"features\":[\"sse\"]}", VERSION);
}

/* A count from 1 up to `most`; what is above is as good as `most`. */
static json_int_t number(const json_t *o, const char *key, json_int_t fallback, json_int_t most)
{
    const json_t *v = json_object_get(o, key);
    json_int_t n =
        json_is_integer(v) && json_integer_value(v) > 0 ? json_integer_value(v) : fallback;

    return n < most ? n : most;
}

static bool has_feature(const json_t *o)
{
    const json_t *list = json_object_get(o, "features");
    bool found = false;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));

        found = found || (name && strcmp(name, FEATURE) == 0);
    }
    return found;
}

static int read_versions(const json_t *o, enum adit_hello_type type)
{
    const char *proto = adit_json_string(o, "proto");

    if (type == ADIT_AGREE)
        return number(o, "version", 0, 1000) == VERSION ? 0 : -EPROTONOSUPPORT;
    if (!proto || strcmp(proto, PROTOCOL) != 0)
        return -EPROTONOSUPPORT;
    return number(o, "min_version", 1, 1000) <= VERSION &&
                   number(o, "max_version", 0, 1000) >= VERSION
               ? 0
               : -EPROTONOSUPPORT;
}

int adit_hello_get(struct adit_hello *ret_hello, const uint8_t *bytes, size_t n)
{
    struct adit_cause cause;
    json_t *o;
    int err;

    if (n < HEADER || n > HEADER + ADIT_HELLO_MAX ||
        (bytes[0] != ADIT_HELLO && bytes[0] != ADIT_AGREE))
        return -EINVAL;
    o = adit_json_read((const char *)bytes + HEADER, n - HEADER, &cause);
    err = json_is_object(o) ? read_versions(o, bytes[0]) : -EINVAL;
    if (!err)
        *ret_hello = (struct adit_hello){
            .type = bytes[0],
            .adit = has_feature(o),
            .streams = (unsigned)number(o, "streams", ADIT_MUX_STREAMS_DEFAULT, 1 << 20),
            .window = (size_t)number(o, "window", ADIT_MUX_WINDOW_MIN, 1 << 24),
        };
    json_decref(o);
    return err;
}
