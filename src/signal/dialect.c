#include "signal/dialect.h"

#include "base/str.h"
#include "signal/say.h"

static const struct adit_dialect *const dialects[] = {
    &adit_dialect_agent,      &adit_dialect_vpn,  &adit_dialect_device,  &adit_dialect_device_b,
    &adit_dialect_rendezvous, &adit_dialect_room, &adit_dialect_mailbox, &adit_dialect_lines,
};

const struct adit_dialect *adit_dialect_at(unsigned i)
{
    return i < ADIT_LEN(dialects) ? dialects[i] : NULL;
}

const struct adit_dialect *adit_dialect_find(const char *name)
{
    for (unsigned i = 0; i < ADIT_LEN(dialects); i++) {
        if (strcmp(dialects[i]->name, name) == 0)
            return dialects[i];
    }
    return NULL;
}

static bool path_has(const char *target, const char *word, bool at_end)
{
    const char *at = strstr(target, word);
    size_t len = adit_say_path_len(target), n = strlen(word);

    if (!at || (size_t)(at - target) + n > len)
        return false;
    return !at_end || strncmp(target + len - n, word, n) == 0;
}

const struct adit_dialect *adit_dialect_guess(const struct adit_dialect_hints *h)
{
    if (path_has(h->target, "/ws/register", false))
        return &adit_dialect_rendezvous;
    if (path_has(h->target, "/signal", true))
        return h->device_key ? &adit_dialect_device_b : &adit_dialect_device;
    if (adit_str_starts(h->scheme, "http"))
        return &adit_dialect_mailbox;
    if (path_has(h->target, "/ws/", false) && adit_say_path_len(h->target) > strlen("/ws/"))
        return &adit_dialect_agent;
    if (h->port == 8787 || (h->room && h->role == ADIT_DIALECT_ROLE_ANY))
        return &adit_dialect_room;
    if (h->role != ADIT_DIALECT_ROLE_ANY)
        return &adit_dialect_vpn;
    return &adit_dialect_agent;
}
