#include "signal/plain.h"

json_t *adit_plain_description(enum adit_signal_type type, const char *text, size_t n)
{
    return json_pack("{s:s, s:s%}", "type", type == ADIT_SIGNAL_OFFER ? "offer" : "answer", "sdp",
                     text, n);
}

json_t *adit_plain_candidate(const char *candidate, const char *mid, int mline)
{
    return json_pack("{s:s, s:o}", "type", "candidate", "candidate",
                     candidate ? adit_say_candidate_object(candidate, mid, mline, false)
                               : json_null());
}

json_t *adit_plain_bye(void)
{
    return json_pack("{s:s}", "type", "bye");
}

void adit_plain_tell(struct adit_dialect_state *s, const char *peer, const json_t *m)
{
    const char *type = adit_json_string(m, "type");

    if (!type)
        adit_say_error(s, peer, EPROTO, "a message without a type was passed over");
    else if (strcmp(type, "offer") == 0)
        adit_say_description(s, peer, ADIT_SIGNAL_OFFER, json_object_get(m, "sdp"));
    else if (strcmp(type, "answer") == 0)
        adit_say_description(s, peer, ADIT_SIGNAL_ANSWER, json_object_get(m, "sdp"));
    else if (strcmp(type, "candidate") == 0)
        adit_say_candidate(s, peer, json_object_get(m, "candidate"), m);
    else if (strcmp(type, "bye") == 0)
        adit_say_event(s, ADIT_SIGNAL_BYE, peer);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void adit_plain_read(struct adit_dialect_state *s, const char *peer, enum adit_signal_type due,
                     const char *text, size_t n)
{
    const char *type;
    json_t *m;

    while (n && is_space(*text))
        text++, n--;
    if (n == 0)
        return;
    if (*text == '{') {
        m = adit_say_read(s, text, n, &type);
        if (m)
            adit_plain_tell(s, peer, m);
    } else {
        m = json_stringn(text, n);
        if (m)
            adit_say_description(s, peer, due, m);
        else
            adit_say_error(s, peer, EPROTO, "what came is no text");
    }
    json_decref(m);
}
