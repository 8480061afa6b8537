/* options_file.c - the configuration file, in JSON or in YAML; see options_inner.h.
 *
 * Both are one object whose keys are the options' names and whose values are scalars or lists of
 * them; what is a number or a truth value there is the same as its text. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#ifdef ADIT_HAVE_YAML
#include <yaml.h>
#endif

#include "base/json.h"
#include "cli/options_inner.h"

int adit_options_slurp(struct adit_buf *out, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char piece[4096];
    ssize_t n = 0;

    if (fd < 0)
        return -errno;
    while (out->len <= ADIT_OPTION_FILE_MAX && (n = read(fd, piece, sizeof piece)) > 0)
        adit_buf_add(out, piece, (size_t)n);
    int err = n < 0 ? -errno : 0;
    close(fd);
    (void)adit_buf_str(out); /* its zero byte */
    if (out->len > ADIT_OPTION_FILE_MAX || out->err == -EMSGSIZE)
        return -EFBIG;
    if (out->len > 0 && memchr(out->data, '\0', out->len))
        return -EINVAL;
    return out->err ? out->err : err;
}

int adit_option_file_fail(struct adit_cause *cause, const char *path, int err)
{
    (void)adit_option_fail(cause, "%.60s: %s", path, strerror(-err));
    cause->err = -err;
    if (err == -ENOMEM || err == -EMFILE || err == -ENFILE) /* nothing is wrong with the file */
        cause->reason = ADIT_REASON_RESOURCE;
    return err == -ENOMEM ? -ENOMEM : -EINVAL;
}

struct reader {
    struct adit_options *o;
    const char *path;
    struct adit_cause *cause;
};

static int set(struct reader *r, const char *key, const char *value)
{
    enum adit_option option = adit_option_find(key, strlen(key));
    char where[96];

    snprintf(where, sizeof where, "%.30s: %.24s", r->path, key);
    if (option == ADIT_OPTION_COUNT || option == ADIT_OPTION_config) {
        const char *similar = adit_option_similar(key);
        return adit_option_fail(r->cause, "%s: unknown%s%s%s", where,
                                similar ? ". Did you mean " : "", similar ? similar : "",
                                similar ? "?" : "");
    }
    if (!adit_option_applies(r->o, option))
        return 0;
    return adit_option_set(r->o, option, ADIT_SOURCE_FILE, value, where, r->cause);
}

static bool takes_list(const char *key)
{
    enum adit_option option = adit_option_find(key, strlen(key));

    return option == ADIT_OPTION_COUNT || adit_option_rows[option].kind == ADIT_KIND_LIST;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static int set_json_scalar(struct reader *r, const char *key, const json_t *value)
{
    char text[32];

    if (json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value))
        return set(r, key, json_string_value(value));
    if (json_is_integer(value)) {
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
        return set(r, key, text);
    }
    if (json_is_boolean(value))
        return set(r, key, json_is_true(value) ? "yes" : "no");
    return adit_option_fail(r->cause, "%.30s: %.24s: a text, a number, true or false is due",
                            r->path, key);
}

static int read_json(struct reader *r, const char *text, size_t len)
{
    struct adit_cause why;
    json_t *object = adit_json_read(text, len, &why), *value, *item;
    const char *key;
    int err = 0;
    size_t i;

    if (!object)
        return adit_option_fail(r->cause, "%.30s: %s", r->path, why.text);
    if (!json_is_object(object))
        err = adit_option_fail(r->cause, "%.30s: one object is due", r->path);
    for (void *at = json_object_iter(object); at && err == 0;
         at = json_object_iter_next(object, at)) {
        key = json_object_iter_key(at);
        value = json_object_iter_value(at);
        if (!json_is_array(value) || !takes_list(key)) {
            err = set_json_scalar(r, key, value);
            continue;
        }
        json_array_foreach(value, i, item)
        {
            if (err == 0)
                err = set_json_scalar(r, key, item);
        }
    }
    json_decref(object);
    return err;
}

/* ---- YAML ------------------------------------------------------------------------------------ */

#ifdef ADIT_HAVE_YAML

enum place { BEFORE, AT_KEY, AT_VALUE, IN_LIST, BEHIND };

/* One event; *place and key say where we are. */
static int take_event(struct reader *r, const yaml_event_t *e, enum place *place, char key[64])
{
    const char *text = e->type == YAML_SCALAR_EVENT ? (const char *)e->data.scalar.value : "";

    switch (e->type) {
    case YAML_MAPPING_START_EVENT:
        if (*place != BEFORE)
            break;
        *place = AT_KEY;
        return 0;
    case YAML_MAPPING_END_EVENT:
        *place = BEHIND;
        return 0;
    case YAML_SEQUENCE_START_EVENT:
        if (*place != AT_VALUE || !takes_list(key))
            break;
        *place = IN_LIST;
        return 0;
    case YAML_SEQUENCE_END_EVENT:
        *place = AT_KEY;
        return 0;
    case YAML_SCALAR_EVENT:
        if (strlen(text) != e->data.scalar.length || *place == BEFORE || *place == BEHIND)
            break;
        if (*place == AT_KEY) {
            snprintf(key, 64, "%s", text);
            *place = AT_VALUE;
            return 0;
        }
        *place = *place == IN_LIST ? IN_LIST : AT_KEY;
        return set(r, key, text);
    case YAML_ALIAS_EVENT:
        break;
    default:
        return 0; /* begin and end of the stream and of a document */
    }
    return adit_option_fail(r->cause, "%.30s line %zu: one mapping of names to values is due",
                            r->path, e->start_mark.line + 1);
}

static int read_yaml(struct reader *r, const char *text, size_t len)
{
    enum place place = BEFORE;
    yaml_parser_t parser;
    yaml_event_t event;
    char key[64] = "";
    bool ended = false;
    int err = 0;

    if (!yaml_parser_initialize(&parser)) {
        adit_cause_set(r->cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for the options");
        return -ENOMEM;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    while (err == 0 && !ended) {
        if (!yaml_parser_parse(&parser, &event)) {
            err = adit_option_fail(r->cause, "%.30s line %zu: %s", r->path,
                                   parser.problem_mark.line + 1,
                                   parser.problem ? parser.problem : "not YAML");
            break;
        }
        ended = event.type == YAML_STREAM_END_EVENT;
        err = take_event(r, &event, &place, key);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return err;
}

#else

static int read_yaml(struct reader *r, const char *text, size_t len)
{
    (void)text;
    (void)len;
    return adit_option_fail(r->cause, "%.30s: this adit was built without YAML, JSON is understood",
                            r->path);
}

#endif

int adit_options_file(struct adit_options *o, const char *path, struct adit_cause *cause)
{
    struct reader r = { .o = o, .path = path, .cause = cause };
    struct adit_buf text;

    adit_buf_init(&text, ADIT_OPTION_FILE_MAX + 4097);
    int err = adit_options_slurp(&text, path);
    if (err < 0) {
        err = adit_option_file_fail(cause, path, err);
    } else {
        const char *p = (const char *)text.data;
        bool json = p[strspn(p, " \t\r\n")] == '{';
        err = json ? read_json(&r, p, text.len) : read_yaml(&r, p, text.len);
    }
    adit_buf_done(&text);
    return err;
}
