/* sdp_print.c - writing SDP; see sdp.h.
 *
 * The shape is the one that browsers, pion, aiortc and webrtc-rs all read: every attribute of the
 * transport in the media section, nothing they would have to know. */
#include "base/str.h"
#include "peer/sdp.h"

static const char *const setup_names[] = { "actpass", "active", "passive" };

/* m= and c= carry the first candidate by UDP, or the discard port (RFC 8839 section 4.2.1.2), as
 * they do for a name (draft-ietf-mmusic-mdns-ice-candidates, section 3.1.1). */
static void print_mline(struct adit_buf *out, const struct adit_desc *d, bool legacy)
{
    struct adit_addr first = { .family = ADIT_FAMILY_V4, .port = 9 };
    char ip[ADIT_ADDR_STR];

    for (unsigned i = d->cand_count; i-- > 0;) {
        if (d->cands[i].transport == ADIT_TRANSPORT_UDP)
            first = d->cands[i].addr;
    }
    if (first.family == ADIT_FAMILY_NONE)
        first = (struct adit_addr){ .family = ADIT_FAMILY_V4, .port = 9 };
    first.scope = 0;
    if (legacy)
        adit_buf_printf(out, "m=application %u DTLS/SCTP %u\r\n", first.port, d->sctp_port);
    else
        adit_buf_printf(out, "m=application %u UDP/DTLS/SCTP webrtc-datachannel\r\n", first.port);
    adit_buf_printf(out, "c=IN IP%u %s\r\n", first.family == ADIT_FAMILY_V6 ? 6 : 4,
                    adit_addr_str_ip(&first, ip));
}

static void print_transport(struct adit_buf *out, const struct adit_desc *d)
{
    char fp[ADIT_FINGERPRINT_STR];

    for (unsigned i = 0; i < d->cand_count; i++) {
        adit_buf_printf(out, "a=");
        adit_cand_print(out, &d->cands[i]);
        adit_buf_printf(out, "\r\n");
    }
    if (d->end_of_candidates)
        adit_buf_printf(out, "a=end-of-candidates\r\n");
    adit_buf_printf(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", d->ufrag, d->pwd);
    if (d->trickle)
        adit_buf_printf(out, "a=ice-options:trickle\r\n");
    for (unsigned i = 0; i < d->fingerprint_count; i++)
        adit_buf_printf(out, "a=fingerprint:%s\r\n",
                        adit_fingerprint_print(&d->fingerprints[i], fp));
    adit_buf_printf(out, "a=setup:%s\r\n", setup_names[d->setup]);
}

/* `form` is whose m-line and mid we speak: the offer's, or our own. */
static void print_ours(struct adit_buf *out, const struct adit_desc *d,
                       const struct adit_desc *form)
{
    print_mline(out, d, form->legacy_mline);
    if (form->mid[0] != '\0')
        adit_buf_printf(out, "a=mid:%s\r\n", form->mid);
    if (form->legacy_mline)
        adit_buf_printf(out, "a=sctpmap:%u webrtc-datachannel 65535\r\n", d->sctp_port);
    else
        adit_buf_printf(out, "a=sctp-port:%u\r\n", d->sctp_port);
    adit_buf_printf(out, "a=max-message-size:%u\r\n", (unsigned)d->max_message_size);
    if (d->adit)
        adit_buf_printf(out, "a=adit-version:%u\r\n", ADIT_DESC_VERSION);
    if (d->datagram)
        adit_buf_printf(out, "a=adit-datagram:%u\r\n", ADIT_DESC_DATAGRAM);
    print_transport(out, d);
}

/* "audio 9 PROTO FMT" with the port as it is, or 0: refused (RFC 8829 section 5.3.1). */
static void print_other(struct adit_buf *out, const struct adit_desc_media *m, bool refuse)
{
    const char *port = strchr(m->line, ' ');
    const char *rest = port ? strchr(port + 1, ' ') : NULL;

    if (refuse && rest)
        adit_buf_printf(out, "m=%.*s 0%s\r\n", (int)(port - m->line), m->line, rest);
    else
        adit_buf_printf(out, "m=%s\r\n", m->line);
    adit_buf_printf(out, "c=IN IP4 0.0.0.0\r\n");
    if (m->mid[0] != '\0')
        adit_buf_printf(out, "a=mid:%s\r\n", m->mid);
    adit_buf_printf(out, "a=inactive\r\n");
}

void adit_sdp_print(struct adit_buf *out, const struct adit_desc *desc,
                    const struct adit_desc *offer)
{
    const struct adit_desc *form = offer ? offer : desc;
    unsigned other = 0;

    adit_buf_printf(out, "v=0\r\no=- %llu %u IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
                    (unsigned long long)desc->session_id, desc->session_version + 1);
    if (form->bundle)
        adit_buf_printf(out, "a=group:BUNDLE %s\r\n", form->mid);
    adit_buf_printf(out, "a=msid-semantic:WMS *\r\n");
    if (desc->ice_lite)
        adit_buf_printf(out, "a=ice-lite\r\n");
    for (unsigned i = 0; i <= form->media_count; i++) {
        if (i == form->section)
            print_ours(out, desc, form);
        else
            print_other(out, &form->media[other++], offer != NULL);
    }
}
