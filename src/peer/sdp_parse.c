/* sdp_parse.c - what a session description says for its data channel; see sdp.h.
 *
 * sdp_sections.c has cut the text; here the attributes that count for our section are read: those
 * of the session, and over them its own. */
#include "base/str.h"
#include "peer/sdp_text.h"

static int copy_mid(char out[ADIT_MID_MAX + 1], struct adit_sdp_text mid, struct adit_cause *cause)
{
    if (adit_sdp_len(mid) == 0)
        return 0;
    if (!adit_sdp_visible(mid) ||
        adit_str_copy(out, ADIT_MID_MAX + 1, mid.p, adit_sdp_len(mid)) < 0)
        return adit_sdp_fail(cause, "a mid in the SDP is malformed");
    return 0;
}

/* The other sections: for their echo a rejected section needs kind, protocol and one format (RFC
 * 8866 section 5.14), not the dozens a video section has. */
static int keep_others(struct adit_desc *d, const struct adit_sdp_sections *sdp,
                       struct adit_cause *cause)
{
    for (unsigned i = 0; i < sdp->count; i++) {
        if (i == sdp->ours)
            continue;
        struct adit_desc_media *m = &d->media[d->media_count++];
        struct adit_sdp_text rest = sdp->list[i].mline;
        size_t used = 0;
        for (int w = 0; w < 4; w++) {
            struct adit_sdp_text word = adit_sdp_word(&rest);
            if (!adit_sdp_visible(word) || used + adit_sdp_len(word) + 2 > sizeof m->line)
                return adit_sdp_fail(cause, "a media section in the SDP is malformed");
            if (w > 0)
                m->line[used++] = ' ';
            memcpy(m->line + used, word.p, adit_sdp_len(word));
            used += adit_sdp_len(word);
        }
        m->line[used] = '\0';
        if (copy_mid(m->mid, sdp->list[i].mid, cause) < 0)
            return -EINVAL;
        if (m->mid[0] != '\0' && strcmp(m->mid, d->mid) == 0) /* RFC 5888 section 4 */
            return adit_sdp_fail(cause, "two sections of the SDP have the same mid");
    }
    return 0;
}

/* ---- second pass: attributes ----------------------------------------------------------------- */

/* What one part says; over it goes what the next, more particular part says. */
struct attrs {
    struct adit_desc *d;
    struct adit_cause *cause;
    bool setup, sctp_port, max_message_size;
    unsigned unknown_hashes;
};

static int read_credential(char *out, size_t size, size_t min, struct adit_sdp_text value,
                           const char *what, struct adit_cause *cause)
{
    size_t n = adit_sdp_len(value);

    memset(out, 0, size); /* of what stood there nothing remains, not even behind the end */
    if (n < min || !adit_ice_chars_valid(value.p, n) || adit_str_copy(out, size, value.p, n) < 0) {
        adit_cause_set(cause, ADIT_REASON_PROTOCOL, EINVAL, "the %s in the SDP is malformed", what);
        return -EINVAL;
    }
    return 0;
}

static int read_fingerprint(struct attrs *a, struct adit_sdp_text value)
{
    struct adit_fingerprint fp;
    int err = adit_fingerprint_parse(&fp, value.p, adit_sdp_len(value));

    if (err == -ENOTSUP) {
        a->unknown_hashes++;
        return 0;
    }
    if (err < 0)
        return adit_sdp_fail(a->cause, "a fingerprint in the SDP is malformed");
    if (a->d->fingerprint_count == ADIT_DESC_FINGERPRINTS_MAX)
        return adit_sdp_fail(a->cause, "the SDP has too many fingerprints");
    a->d->fingerprints[a->d->fingerprint_count++] = fp;
    return 0;
}

static int read_setup(struct attrs *a, struct adit_sdp_text value)
{
    static const char *const names[] = { "actpass", "active", "passive" };

    for (unsigned i = 0; i < ADIT_LEN(names); i++) {
        if (adit_sdp_is(value, names[i])) {
            a->d->setup = (enum adit_setup)i;
            a->setup = true;
            return 0;
        }
    }
    return adit_sdp_fail(a->cause, "a=setup in the SDP is none of actpass, active and passive");
}

/* "5000" of a=sctp-port, or the first word of a=sctpmap. */
static int read_sctp_port(struct attrs *a, struct adit_sdp_text value)
{
    struct adit_sdp_text word = adit_sdp_word(&value);
    uint64_t v;

    if (adit_str_u64(&v, word.p, adit_sdp_len(word), 0, 65535) < 0)
        return adit_sdp_fail(a->cause, "the SCTP port in the SDP is malformed");
    if (v == 0) /* RFC 8841 section 5.2: there is no association on port 0 */
        return adit_sdp_fail(a->cause, "the SDP refuses the data channel (SCTP port 0)");
    a->d->sctp_port = (uint16_t)v;
    a->sctp_port = true;
    return 0;
}

static int read_max_message_size(struct attrs *a, struct adit_sdp_text value)
{
    uint64_t v;
    int err = adit_str_u64(&v, value.p, adit_sdp_len(value), 0, UINT32_MAX);

    if (err == -ERANGE)
        v = UINT32_MAX;
    else if (err < 0)
        return adit_sdp_fail(a->cause, "a=max-message-size in the SDP is not a number");
    a->d->max_message_size = (uint32_t)v;
    a->max_message_size = true;
    return 0;
}

/* "1 word..." A later version keeps what the earlier ones promise, and its words are of what we do
 * not know; what is not of this form is somebody else's attribute. */
static bool is_from(struct adit_sdp_text value, uint64_t version)
{
    struct adit_sdp_text word = adit_sdp_word(&value);
    uint64_t v;

    return adit_str_u64(&v, word.p, adit_sdp_len(word), version, UINT32_MAX) == 0;
}

/* Names take half of the room at most: who sends a thousand of them still has his addresses read.
 */
static bool has_room(const struct adit_desc *d, const struct adit_cand *c)
{
    unsigned names = 0;

    for (unsigned i = 0; i < d->cand_count; i++)
        names += d->cands[i].addr.family == ADIT_FAMILY_NONE;
    return d->cand_count < ADIT_DESC_CANDS_MAX &&
           (c->addr.family != ADIT_FAMILY_NONE || names < ADIT_DESC_NAMES_MAX);
}

/* What is malformed or useless to us (active TCP, component 2, multicast, a name that is not under
 * ".local") is passed over, and so is what exceeds the limit: a candidate is a hint (RFC 8839
 * section 5.1). */
static void read_candidate(struct attrs *a, struct adit_sdp_text value)
{
    struct adit_desc *d = a->d;
    struct adit_cand c;

    if (adit_cand_parse(&c, value.p, adit_sdp_len(value)) < 0 ||
        !(adit_cand_usable(&c, true) || adit_cand_named(&c)) || !has_room(d, &c))
        return;
    for (unsigned i = 0; i < d->cand_count; i++) {
        if (d->cands[i].type == c.type && d->cands[i].transport == c.transport &&
            adit_addr_equal(&d->cands[i].addr, &c.addr) && strcmp(d->cands[i].name, c.name) == 0)
            return;
    }
    d->cands[d->cand_count++] = c;
}

static int read_attribute(struct attrs *a, struct adit_sdp_text line)
{
    struct adit_desc *d = a->d;
    struct adit_sdp_text v;

    if (adit_sdp_value(line, "a=ice-ufrag:", &v))
        return read_credential(d->ufrag, sizeof d->ufrag, 4, v, "ice-ufrag", a->cause);
    if (adit_sdp_value(line, "a=ice-pwd:", &v))
        return read_credential(d->pwd, sizeof d->pwd, 22, v, "ice-pwd", a->cause);
    if (adit_sdp_value(line, "a=fingerprint:", &v))
        return read_fingerprint(a, v);
    if (adit_sdp_value(line, "a=setup:", &v))
        return read_setup(a, v);
    if (adit_sdp_value(line, "a=sctp-port:", &v) || adit_sdp_value(line, "a=sctpmap:", &v))
        return read_sctp_port(a, v);
    if (adit_sdp_value(line, "a=max-message-size:", &v))
        return read_max_message_size(a, v);
    if (adit_sdp_value(line, "a=candidate:", &v))
        read_candidate(a, v);
    else if (adit_sdp_value(line, "a=adit-version:", &v))
        d->adit |= is_from(v, ADIT_DESC_VERSION);
    else if (adit_sdp_value(line, "a=adit-datagram:", &v))
        d->datagram |= is_from(v, ADIT_DESC_DATAGRAM);
    else if (adit_sdp_value(line, "a=ice-options:", &v)) {
        for (struct adit_sdp_text word = adit_sdp_word(&v); adit_sdp_len(word) > 0;
             word = adit_sdp_word(&v))
            d->trickle |= adit_sdp_is(word, "trickle");
    } else if (adit_sdp_is(line, "a=ice-lite"))
        d->ice_lite = true;
    else if (adit_sdp_is(line, "a=end-of-candidates"))
        d->end_of_candidates = true;
    return 0;
}

static int read_part(struct attrs *a, struct adit_sdp_text part)
{
    struct adit_sdp_text rest = part, line, ignored;

    /* RFC 8122 section 5: fingerprints of a media section stand in place of the session's. */
    while (adit_sdp_line(&rest, &line)) {
        if (adit_sdp_value(line, "a=fingerprint:", &ignored)) {
            memset(a->d->fingerprints, 0, sizeof a->d->fingerprints);
            a->d->fingerprint_count = 0;
            break;
        }
    }
    for (rest = part; adit_sdp_line(&rest, &line);) {
        int err = read_attribute(a, line);
        if (err < 0)
            return err;
    }
    return 0;
}

/* Does the first section of the BUNDLE group speak for ours too? It does if ours has no ICE
 * credentials of its own (RFC 8843 section 7.1.3), or the same ones: then the candidates may stand
 * there alone, as browsers do it. */
static bool speaks_for(const struct adit_sdp_section *tag, const struct adit_sdp_section *ours)
{
    struct adit_sdp_text rest, line, ufrag = { NULL, NULL }, own = ufrag;

    for (rest = tag->part; adit_sdp_line(&rest, &line);)
        adit_sdp_value(line, "a=ice-ufrag:", &ufrag);
    for (rest = ours->part; adit_sdp_line(&rest, &line);)
        adit_sdp_value(line, "a=ice-ufrag:", &own);
    return !own.p || (ufrag.p && adit_sdp_same(own, ufrag));
}

bool adit_sdp_is_later(const char *text, size_t n)
{
    struct adit_sdp_text rest = { text, text + n }, line, value;
    uint64_t version = 0;
    bool adit = false;

    while (adit_sdp_line(&rest, &line)) {
        adit |= adit_sdp_value(line, "a=adit-version:", &value);
        if (!adit_sdp_value(line, "o=", &value))
            continue;
        adit_sdp_word(&value);
        adit_sdp_word(&value);
        struct adit_sdp_text v = adit_sdp_word(&value);
        if (adit_str_u64(&version, v.p, adit_sdp_len(v), 0, INT64_MAX) < 0)
            version = 0;
    }
    return adit && version > 1;
}

/* o=- <session id> … */
static void read_origin(struct adit_desc *d, struct adit_sdp_text session)
{
    struct adit_sdp_text line, value;

    while (adit_sdp_line(&session, &line)) {
        if (!adit_sdp_value(line, "o=", &value))
            continue;
        adit_sdp_word(&value);
        struct adit_sdp_text id = adit_sdp_word(&value);
        if (adit_str_u64(&d->session_id, id.p, adit_sdp_len(id), 0, INT64_MAX) < 0)
            d->session_id = 0;
        return;
    }
}

/* Candidates of a generation other than that of the credentials are old (RFC 8838 section 14). */
static void drop_old_candidates(struct adit_desc *d)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < d->cand_count; i++) {
        if (d->cands[i].ufrag[0] == '\0' || strcmp(d->cands[i].ufrag, d->ufrag) == 0)
            d->cands[kept++] = d->cands[i];
    }
    memset(d->cands + kept, 0, (d->cand_count - kept) * sizeof *d->cands);
    d->cand_count = kept;
}

static int complete(const struct attrs *a)
{
    const struct adit_desc *d = a->d;

    if (d->ufrag[0] == '\0' || d->pwd[0] == '\0')
        return adit_sdp_fail(a->cause, "the SDP has no ICE user name or password");
    if (d->fingerprint_count == 0)
        return adit_sdp_fail(a->cause,
                             a->unknown_hashes > 0
                                 ? "the SDP has no fingerprint by sha-256, sha-384 or sha-512"
                                 : "the SDP has no fingerprint, so nobody could tell who answers");
    /* RFC 8842 section 5.3: an answer decides. */
    if (d->type == ADIT_DESC_ANSWER && (!a->setup || d->setup == ADIT_SETUP_ACTPASS))
        return adit_sdp_fail(a->cause, "the SDP is no answer: a=setup is not active or passive");
    return 0;
}

static int parse(struct adit_desc *d, const struct adit_sdp_sections *sdp, struct adit_cause *cause)
{
    const struct adit_sdp_section *ours = &sdp->list[sdp->ours];
    const struct adit_sdp_section *tag = adit_sdp_bundle_tag(sdp);
    struct attrs a = { .d = d, .cause = cause };
    struct adit_sdp_text mline = ours->mline, format = { NULL, NULL };
    uint64_t port = 0;

    d->setup = ADIT_SETUP_ACTPASS;
    d->section = sdp->ours;
    d->bundle = tag != NULL;
    if (copy_mid(d->mid, ours->mid, cause) < 0 || keep_others(d, sdp, cause) < 0)
        return -EINVAL;
    read_origin(d, sdp->session);
    if (read_part(&a, sdp->session) < 0)
        return -EINVAL;
    if (tag && tag != ours && speaks_for(tag, ours) && read_part(&a, tag->part) < 0)
        return -EINVAL;
    a.sctp_port = a.max_message_size = false; /* those belong to the section alone */
    if (read_part(&a, ours->part) < 0)
        return -EINVAL;
    for (int i = 0; i < 4; i++)
        format = adit_sdp_word(&mline);
    d->legacy_mline = adit_str_u64(&port, format.p, adit_sdp_len(format), 1, 65535) == 0;
    if (!a.sctp_port)
        d->sctp_port = d->legacy_mline ? (uint16_t)port : 5000;
    if (!a.max_message_size)
        d->max_message_size = 65536; /* RFC 8841 section 6.1 */
    drop_old_candidates(d);
    return complete(&a);
}

int adit_sdp_parse(struct adit_desc *ret_desc, enum adit_desc_type type, const char *text,
                   size_t len, struct adit_cause *ret_cause)
{
    struct adit_sdp_sections sdp;
    int err;

    memset(ret_desc, 0, sizeof *ret_desc);
    if (len > ADIT_SDP_SIZE_MAX)
        return adit_sdp_fail(ret_cause, "the SDP is longer than 64 KiB");
    if (memchr(text, '\0', len))
        return adit_sdp_fail(ret_cause, "the SDP has a zero byte in it");
    err = adit_sdp_cut(&sdp, text, len, ret_cause);
    if (err < 0)
        return err;
    ret_desc->type = type;
    err = parse(ret_desc, &sdp, ret_cause);
    if (err < 0)
        memset(ret_desc, 0, sizeof *ret_desc);
    return err;
}
