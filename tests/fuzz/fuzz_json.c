/* fuzz_json.c - the checker against jansson: what jansson reads must be JSON for us too, and what
 * is JSON for us jansson reads, unless it cannot hold it. And descriptions in JSON. */
#include <stdlib.h>

#include "base/json.h"
#include "peer/desc_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct adit_desc desc;
    const char *text = (const char *)data;
    struct adit_cause cause = { .text = "" };
    json_error_t error;
    size_t at = 0;
    int err = adit_json_check(text, size, &at, &cause);
    json_t *v = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

    if (at > size)
        abort();
    if (v && err < 0 && !strstr(cause.text, "too deeply"))
        abort();
    if (!v && err == 0) {
        enum json_error_code code = json_error_code(&error);
        if (code != json_error_numeric_overflow && code != json_error_null_byte_in_key &&
            code != json_error_invalid_syntax /* lone surrogates */)
            abort();
    }
    json_decref(v);
    if (adit_desc_json_parse(&desc, text, size, &cause) == 0) {
        struct adit_buf out;
        adit_buf_init(&out, 1 << 20);
        adit_desc_json_print(&out, &desc, NULL);
        if (out.err || adit_desc_json_parse(&desc, (char *)out.data, out.len, &cause) < 0)
            abort();
        adit_buf_done(&out);
    }
    return 0;
}
