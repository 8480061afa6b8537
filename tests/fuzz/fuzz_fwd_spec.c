/* fuzz_fwd_spec.c - forwards, ends and permits: what is accepted reads the same after it was
 * printed. The first byte says which. */
#include <stdlib.h>

#include "app/fwd_spec.h"
#include "app/permit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void forward(enum adit_fwd_kind kind, const char *text)
{
    struct adit_fwd f, again;
    struct adit_cause cause = { .text = "" };
    char whole[ADIT_FWD_STR];

    if (adit_fwd_parse(&f, kind, text, &cause) < 0) {
        if (!cause.text[0])
            abort();
        return;
    }
    adit_fwd_str(&f, whole);
    if (adit_fwd_parse(&again, kind, whole, &cause) < 0 || memcmp(&f, &again, sizeof f) != 0)
        abort();
}

static void end(enum adit_end_use use, const char *text, size_t n)
{
    struct adit_end e, again;
    char whole[ADIT_END_STR];

    if (adit_end_parse(&e, text, n, use) < 0)
        return;
    adit_end_str(&e, whole);
    if (adit_end_parse(&again, whole, strlen(whole), use) < 0 || memcmp(&e, &again, sizeof e) != 0)
        abort();
}

static void permit(const char *text)
{
    struct adit_permits p = { 0 };
    struct adit_cause cause = { .text = "" };
    struct adit_end e = { .kind = ADIT_END_TCP, .name = "127.0.0.1", .port = 80 };
    struct adit_addr addr;

    if (adit_permits_add(&p, text, &cause) < 0 && !cause.text[0])
        abort();
    /* An address is permitted as itself if and only if it is as somebody's. */
    adit_end_addr(&e, &addr);
    if (adit_permit_addr(&p, e.kind, &addr) && adit_permit_connect(&p, &e) != ADIT_PERMIT_YES)
        abort();
    (void)adit_permit_listen(&p, &e);
    adit_permits_done(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size == 0)
        return 0;
    unsigned which = data[0] % 8u;
    if (which > ADIT_FWD_STDIO && which < 7) {
        end(which == 5 ? ADIT_END_TO_CONNECT : ADIT_END_TO_LISTEN, (const char *)data + 1,
            size - 1);
        return 0;
    }
    text = malloc(size);
    if (!text)
        abort();
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (which == 7)
        permit(text);
    else
        forward((enum adit_fwd_kind)which, text);
    free(text);
    return 0;
}
