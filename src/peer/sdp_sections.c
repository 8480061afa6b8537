/* sdp_sections.c - SDP cut into sections, and which of them is ours; see sdp_text.h. */
#include <strings.h>

#include "base/str.h"
#include "peer/sdp_text.h"

int adit_sdp_fail(struct adit_cause *cause, const char *sentence)
{
    adit_cause_set(cause, ADIT_REASON_PROTOCOL, EINVAL, "%s", sentence);
    return -EINVAL;
}

/* ---- lines and words ------------------------------------------------------------------------- */

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* CR, LF and CRLF all end a line, so none of them is ever inside a value. Blanks around a line are
 * of the copying. */
bool adit_sdp_line(struct adit_sdp_text *rest, struct adit_sdp_text *line)
{
    while (rest->p < rest->end && (blank(*rest->p) || *rest->p == '\r' || *rest->p == '\n'))
        rest->p++;
    if (rest->p == rest->end)
        return false;
    line->p = rest->p;
    while (rest->p < rest->end && *rest->p != '\r' && *rest->p != '\n')
        rest->p++;
    line->end = rest->p;
    while (blank(line->end[-1]))
        line->end--;
    return true;
}

struct adit_sdp_text adit_sdp_word(struct adit_sdp_text *rest)
{
    struct adit_sdp_text word;

    while (rest->p < rest->end && blank(*rest->p))
        rest->p++;
    word.p = rest->p;
    while (rest->p < rest->end && !blank(*rest->p))
        rest->p++;
    word.end = rest->p;
    return word;
}

size_t adit_sdp_len(struct adit_sdp_text t)
{
    return (size_t)(t.end - t.p);
}

bool adit_sdp_is(struct adit_sdp_text t, const char *s)
{
    return adit_sdp_len(t) == strlen(s) && strncasecmp(t.p, s, adit_sdp_len(t)) == 0;
}

bool adit_sdp_value(struct adit_sdp_text line, const char *prefix, struct adit_sdp_text *value)
{
    size_t n = strlen(prefix);

    if (adit_sdp_len(line) < n || memcmp(line.p, prefix, n) != 0)
        return false;
    *value = (struct adit_sdp_text){ line.p + n, line.end };
    while (value->p < value->end && blank(*value->p))
        value->p++;
    return true;
}

bool adit_sdp_same(struct adit_sdp_text a, struct adit_sdp_text b)
{
    return adit_sdp_len(a) == adit_sdp_len(b) && memcmp(a.p, b.p, adit_sdp_len(a)) == 0;
}

/* RFC 8866 section 9: token-char is visible ASCII; what we keep is that at most. */
bool adit_sdp_visible(struct adit_sdp_text t)
{
    for (const char *p = t.p; p < t.end; p++) {
        if (*p <= 0x20 || *p >= 0x7f)
            return false;
    }
    return t.p < t.end;
}

/* ---- first pass: sections -------------------------------------------------------------------- */

/* "application <port> <proto> webrtc-datachannel", or the form before RFC 8841 where the format is
 * the SCTP port ("DTLS/SCTP 5000"). Over ICE, "TCP/" in the protocol says nothing (RFC 8841 section
 * 4.3). */
static bool is_data_channel(struct adit_sdp_text mline)
{
    uint64_t port;
    struct adit_sdp_text kind = adit_sdp_word(&mline), media_port = adit_sdp_word(&mline),
                         proto = adit_sdp_word(&mline), format = adit_sdp_word(&mline);

    if (!adit_sdp_is(kind, "application") || adit_sdp_len(media_port) == 0)
        return false;
    if (!adit_sdp_is(proto, "UDP/DTLS/SCTP") && !adit_sdp_is(proto, "TCP/DTLS/SCTP") &&
        !adit_sdp_is(proto, "DTLS/SCTP"))
        return false;
    return adit_sdp_is(format, "webrtc-datachannel") ||
           adit_str_u64(&port, format.p, adit_sdp_len(format), 1, 65535) == 0;
}

static bool is_rejected(const struct adit_sdp_section *s)
{
    struct adit_sdp_text rest = s->mline, line, ignored;

    adit_sdp_word(&rest);
    if (!adit_sdp_is(adit_sdp_word(&rest), "0"))
        return false;
    /* RFC 8843 section 6: port 0 with bundle-only is not a refusal. */
    for (rest = s->part; adit_sdp_line(&rest, &line);) {
        if (adit_sdp_value(line, "a=bundle-only", &ignored))
            return false;
    }
    return true;
}

static int choose(struct adit_sdp_sections *sdp, struct adit_cause *cause)
{
    bool rejected = false;

    for (unsigned i = 0; i < sdp->count; i++) {
        if (!is_data_channel(sdp->list[i].mline))
            continue;
        if (!is_rejected(&sdp->list[i])) {
            sdp->ours = i;
            return 0;
        }
        rejected = true;
    }
    return adit_sdp_fail(cause, rejected ? "the SDP refuses the data channel (port 0)"
                                         : "the SDP has no data channel section");
}

int adit_sdp_cut(struct adit_sdp_sections *sdp, const char *text, size_t len,
                 struct adit_cause *cause)
{
    struct adit_sdp_text rest = { text, text + len }, line, value;
    struct adit_sdp_text *part = &sdp->session;

    sdp->count = 0;
    if (!adit_sdp_line(&rest, &line) || !adit_sdp_is(line, "v=0"))
        return adit_sdp_fail(cause, "this is not SDP: it does not begin with v=0");
    *part = rest;
    for (;;) {
        const char *before = rest.p;
        if (!adit_sdp_line(&rest, &line))
            return choose(sdp, cause);
        if (adit_sdp_value(line, "m=", &value)) {
            part->end = before;
            if (sdp->count == ADIT_SDP_SECTIONS_MAX)
                return adit_sdp_fail(cause, "the SDP has too many media sections");
            struct adit_sdp_section *s = &sdp->list[sdp->count++];
            *s = (struct adit_sdp_section){ .mline = value, .part = rest };
            part = &s->part;
        } else if (sdp->count > 0 && adit_sdp_value(line, "a=mid:", &value)) {
            sdp->list[sdp->count - 1].mid = value;
        }
    }
}

const struct adit_sdp_section *adit_sdp_bundle_tag(const struct adit_sdp_sections *sdp)
{
    struct adit_sdp_text rest = sdp->session, line, group;
    const struct adit_sdp_section *ours = &sdp->list[sdp->ours];

    while (adit_sdp_line(&rest, &line)) {
        if (!adit_sdp_value(line, "a=group:BUNDLE ", &group))
            continue;
        struct adit_sdp_text tag = adit_sdp_word(&group), mid = tag;
        while (adit_sdp_len(mid) > 0 && !adit_sdp_same(mid, ours->mid))
            mid = adit_sdp_word(&group);
        if (adit_sdp_len(mid) == 0)
            continue;
        for (unsigned i = 0; i < sdp->count; i++) {
            if (adit_sdp_same(sdp->list[i].mid, tag))
                return &sdp->list[i];
        }
        return ours; /* the first mid names no section, but the group has us */
    }
    return NULL;
}
