/* hub_request.c - the parts of a request, decoded. */
#include <strings.h>

#include "base/str.h"
#include "signal/hub_inner.h"

const char *adit_hub_header(const struct adit_hub_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

int adit_hub_decode(char *out, size_t size, const char *text, size_t n, bool plus)
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        int c = (unsigned char)text[i];
        if (c == '%') {
            int high = n - i > 2 ? adit_hex_value(text[i + 1]) : -1;
            int low = n - i > 2 ? adit_hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return -EINVAL;
            c = high << 4 | low;
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == 0 || len + 1 >= size)
            return -EINVAL;
        out[len++] = (char)c;
    }
    if (!adit_utf8_valid(out, len))
        return -EINVAL;
    out[len] = '\0';
    return 0;
}

int adit_hub_query(const struct adit_hub_request *request, const char *name, char *out, size_t size)
{
    const char *p = request->query;
    size_t name_len = strlen(name);

    while (*p) {
        size_t n = strcspn(p, "&");
        if (n > name_len && strncmp(p, name, name_len) == 0 && p[name_len] == '=')
            return adit_hub_decode(out, size, p + name_len + 1, n - name_len - 1, true);
        p += n + (p[n] == '&');
    }
    return -ENOENT;
}

int adit_hub_path_id(const struct adit_hub_request *request, const char *prefix, char *out,
                     size_t size)
{
    const char *rest = request->path + strlen(prefix);

    if (!adit_str_starts(request->path, prefix) || strchr(rest, '/'))
        return -ENOENT;
    return adit_hub_decode(out, size, rest, strlen(rest), false);
}
