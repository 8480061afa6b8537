/* http1_head.c - questions about a head that was read. */
#include <strings.h>

#include "http/http1.h"

bool adit_http1_is_token(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c && strchr("!#$%&'*+-.^_`|~", c))))
            return false;
    }
    return len > 0;
}

const char *adit_http1_get(const struct adit_http1_head *head, const char *name)
{
    for (unsigned i = 0; i < head->count; i++)
        if (strcasecmp(head->fields[i].name, name) == 0)
            return head->fields[i].value;
    return NULL;
}

unsigned adit_http1_count(const struct adit_http1_head *head, const char *name)
{
    unsigned n = 0;

    for (unsigned i = 0; i < head->count; i++)
        n += strcasecmp(head->fields[i].name, name) == 0;
    return n;
}

const char *adit_http1_get_one(const struct adit_http1_head *head, const char *name)
{
    return adit_http1_count(head, name) == 1 ? adit_http1_get(head, name) : NULL;
}

bool adit_http1_token(const char **io_list, struct adit_span *ret_token)
{
    const char *p = *io_list, *end;

    while (*p == ',' || *p == ' ' || *p == '\t') /* empty members are allowed, RFC 9110 5.6.1.2 */
        p++;
    if (!*p)
        return false;
    end = p + strcspn(p, ",");
    *io_list = end;
    while (end[-1] == ' ' || end[-1] == '\t')
        end--;
    *ret_token = (struct adit_span){ (const uint8_t *)p, (size_t)(end - p) };
    return true;
}

bool adit_http1_has_token(const struct adit_http1_head *head, const char *name, const char *token)
{
    struct adit_span t;

    for (unsigned i = 0; i < head->count; i++) {
        const char *list = head->fields[i].value;

        if (strcasecmp(head->fields[i].name, name) == 0)
            while (adit_http1_token(&list, &t))
                if (t.len == strlen(token) && strncasecmp((const char *)t.data, token, t.len) == 0)
                    return true;
    }
    return false;
}
