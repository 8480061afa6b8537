/* desc_json.c - see desc_json.h. */
#include "peer/desc_json.h"

#include <stdlib.h>

#include "base/json.h"
#include "peer/sdp.h"

static int fail(struct adit_cause *cause, const char *sentence)
{
    adit_cause_set(cause, ADIT_REASON_PROTOCOL, EINVAL, "%s", sentence);
    return -EINVAL;
}

static int parse(struct adit_desc *ret_desc, const json_t *object, struct adit_cause *cause)
{
    const char *type = adit_json_string(object, "type"), *sdp = adit_json_string(object, "sdp");

    if (!json_is_object(object))
        return fail(cause, "the JSON is not an object with type and sdp");
    if (!type || (strcmp(type, "offer") != 0 && strcmp(type, "answer") != 0))
        return fail(cause, "the JSON has no type \"offer\" or \"answer\"");
    if (!sdp)
        return fail(cause, "the JSON has no text named sdp");
    return adit_sdp_parse(ret_desc, type[0] == 'o' ? ADIT_DESC_OFFER : ADIT_DESC_ANSWER, sdp,
                          strlen(sdp), cause);
}

int adit_desc_json_parse(struct adit_desc *ret_desc, const char *text, size_t len,
                         struct adit_cause *ret_cause)
{
    json_t *object = adit_json_read(text, len, ret_cause);
    int err;

    memset(ret_desc, 0, sizeof *ret_desc);
    if (!object)
        return ret_cause->err == ENOMEM ? -ENOMEM : -EINVAL;
    err = parse(ret_desc, object, ret_cause);
    json_decref(object);
    return err;
}

void adit_desc_json_print(struct adit_buf *out, const struct adit_desc *desc,
                          const struct adit_desc *offer)
{
    struct adit_buf sdp;

    adit_buf_init(&sdp, ADIT_SDP_SIZE_MAX);
    adit_sdp_print(&sdp, desc, offer);
    json_t *object =
        json_pack("{s:s, s:s}", "type", desc->type == ADIT_DESC_ANSWER ? "answer" : "offer", "sdp",
                  adit_buf_str(&sdp));
    char *text = object && !sdp.err ? json_dumps(object, JSON_COMPACT) : NULL;
    if (text)
        adit_buf_add(out, text, strlen(text));
    else if (!out->err)
        out->err = sdp.err ? sdp.err : -ENOMEM;
    free(text); /* jansson took it from malloc */
    json_decref(object);
    adit_buf_done(&sdp);
}
