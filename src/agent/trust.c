#include "agent/trust.h"

#include <stdio.h>

#include "base/str.h"
#include "core/file.h"

/* One line of the file, cut into its words. */
struct line {
    const char *name;
    size_t name_len;
    struct adit_fingerprint fingerprint;
};

/* A name is one word of printable ASCII that does not look like a comment. */
static bool is_name(const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < n; i++)
        if (name[i] <= ' ' || name[i] > '~')
            return false;
    return n > 0 && n <= ADIT_TRUST_NAME_MAX && name[0] != '#';
}

static const struct adit_fingerprint *sha256_of(const struct adit_desc *desc)
{
    for (unsigned i = 0; i < desc->fingerprint_count; i++)
        if (desc->fingerprints[i].hash == ADIT_HASH_SHA256)
            return &desc->fingerprints[i];
    return NULL;
}

static bool same(const struct adit_fingerprint *a, const struct adit_fingerprint *b)
{
    return a->hash == b->hash && a->len == b->len && memcmp(a->value, b->value, a->len) == 0;
}

/* The next line that names a peer; false at the end. A line that is no such thing is passed over:
 * a person may have written it. */
static bool next_line(const char **at, const char *end, struct line *ret_line)
{
    while (*at < end) {
        const char *p = *at, *stop = memchr(p, '\n', (size_t)(end - p));

        stop = stop ? stop : end;
        *at = stop < end ? stop + 1 : end;
        while (stop > p && (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
            stop--;
        while (p < stop && (*p == ' ' || *p == '\t'))
            p++;
        const char *name = p;
        while (p < stop && *p != ' ' && *p != '\t')
            p++;
        ret_line->name = name;
        ret_line->name_len = (size_t)(p - name);
        while (p < stop && (*p == ' ' || *p == '\t'))
            p++;
        if (ret_line->name_len && *name != '#' &&
            adit_fingerprint_parse(&ret_line->fingerprint, p, (size_t)(stop - p)) == 0)
            return true;
    }
    return false;
}

/* What is known of the peer: 1 and its fingerprint, 0, or -errno. *ret_count: peers in the file. */
static int look_up(const struct adit_buf *text, const char *name,
                   struct adit_fingerprint *ret_fingerprint, size_t *ret_count)
{
    const char *at = (const char *)text->data, *end = text->len ? at + text->len : at;
    struct line line;
    int found = 0;

    *ret_count = 0;
    while (next_line(&at, end, &line)) {
        ++*ret_count;
        if (!found && line.name_len == strlen(name) && !memcmp(line.name, name, line.name_len)) {
            *ret_fingerprint = line.fingerprint;
            found = 1;
        }
    }
    return found;
}

static int read_file(const struct adit_trust_conf *conf, struct adit_buf *text)
{
    int err = conf->path ? adit_file_read(text, conf->path) : 0;

    return err == -ENOENT ? 0 : err;
}

bool adit_trust_name(const struct adit_trust_conf *conf, const struct adit_fingerprint *fingerprint,
                     char *ret_name, size_t size)
{
    struct adit_buf text;
    struct line line;
    const char *at, *end;
    bool found = false;

    adit_buf_init(&text, ADIT_TRUST_FILE_MAX);
    if (read_file(conf, &text) == 0 && text.len) {
        at = (const char *)text.data;
        end = at + text.len;
        while (!found && next_line(&at, end, &line))
            found = same(&line.fingerprint, fingerprint) &&
                    adit_str_copy(ret_name, size, line.name, line.name_len) == 0;
    }
    adit_buf_done(&text);
    return found;
}

static bool named(const struct adit_trust_conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->allow_count; i++)
        if (strcmp(conf->allow[i], name) == 0 || strcmp(conf->allow[i], "*") == 0)
            return true;
    return false;
}

static enum adit_trust_verdict say(struct adit_cause *cause, enum adit_trust_verdict verdict,
                                   const char *text)
{
    adit_cause_set(cause, ADIT_REASON_NOT_AUTHENTIC, 0, "%s", text);
    return verdict;
}

enum adit_trust_verdict adit_trust_check(const struct adit_trust_conf *conf, const char *name,
                                         const struct adit_desc *desc, struct adit_cause *ret_cause)
{
    const struct adit_fingerprint *theirs = sha256_of(desc);
    struct adit_fingerprint known;
    struct adit_buf text;
    size_t count;
    int found;

    if (conf->allow_count && !named(conf, name))
        return say(ret_cause, ADIT_TRUST_FORBIDDEN, "its name is not among those allowed");
    for (size_t i = 0; i < conf->fingerprint_count; i++)
        for (unsigned k = 0; k < desc->fingerprint_count; k++)
            if (same(&conf->fingerprints[i], &desc->fingerprints[k]))
                return ADIT_TRUST_KNOWN;
    if (conf->fingerprint_count)
        return say(ret_cause, ADIT_TRUST_CHANGED,
                   "its certificate has not the fingerprint that was given");
    if (conf->policy == ADIT_TRUST_ANY)
        return ADIT_TRUST_KNOWN;
    if (!theirs)
        return say(ret_cause, ADIT_TRUST_BROKEN, "it has no sha-256 fingerprint to know it by");
    if (!is_name(name))
        return say(ret_cause, ADIT_TRUST_BROKEN, "it has a name that cannot be remembered");

    adit_buf_init(&text, ADIT_TRUST_FILE_MAX);
    found = read_file(conf, &text);
    if (!found)
        found = look_up(&text, name, &known, &count);
    adit_buf_done(&text);
    if (found < 0) {
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, -found, "cannot read %.50s: %s", conf->path,
                       strerror(-found));
        return ADIT_TRUST_BROKEN;
    }
    if (found)
        return same(&known, theirs) ? ADIT_TRUST_KNOWN
                                    : say(ret_cause, ADIT_TRUST_CHANGED,
                                          "its certificate is another one than before");
    if (conf->policy == ADIT_TRUST_FIRST || named(conf, name))
        return ADIT_TRUST_NEW;
    return say(ret_cause, ADIT_TRUST_UNKNOWN, "it is not known here");
}

int adit_trust_remember(const struct adit_trust_conf *conf, const char *name,
                        const struct adit_desc *desc)
{
    const struct adit_fingerprint *theirs = sha256_of(desc);
    char print[ADIT_FINGERPRINT_STR], line[ADIT_TRUST_NAME_MAX + ADIT_FINGERPRINT_STR + 8];
    struct adit_fingerprint known;
    struct adit_buf text;
    bool torn; /* the file's last line has no end: somebody's editor, or a disk that was full */
    size_t count;
    int err;

    if (!conf->path)
        return 0;
    if (!theirs || !is_name(name))
        return -EINVAL;
    adit_buf_init(&text, ADIT_TRUST_FILE_MAX);
    err = read_file(conf, &text);
    if (!err)
        err = look_up(&text, name, &known, &count);
    torn = text.len && text.data[text.len - 1] != '\n';
    adit_buf_done(&text);
    if (err) /* it is there already, or it cannot be known */
        return err < 0 ? err : 0;
    if (count >= ADIT_TRUST_PEERS_MAX)
        return -ENOSPC;
    /* Added, not replaced: another one may be doing the same. */
    snprintf(line, sizeof line, "%s%s %s\n", torn ? "\n" : "", name,
             adit_fingerprint_print(theirs, print));
    return adit_file_append(conf->path, line, strlen(line), 0600);
}
