/* options.c - the rows, and all sources one after the other; see options.h. */
#include "cli/options.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/str.h"
#include "cli/options_inner.h"

#define Y       (1u << ADIT_COMMAND_SEND | 1u << ADIT_COMMAND_RECEIVE)
#define P       (1u << ADIT_COMMAND_OFFER | 1u << ADIT_COMMAND_ANSWER | 1u << ADIT_COMMAND_PAIR | Y)
#define T       (1u << ADIT_COMMAND_LISTEN | 1u << ADIT_COMMAND_SERVE)
#define K       (1u << ADIT_COMMAND_CONNECT | 1u << ADIT_COMMAND_PROXY | 1u << ADIT_COMMAND_BENCH)
#define U       (1u << ADIT_COMMAND_SERVE)
#define X       (1u << ADIT_COMMAND_PROXY)
#define B       (1u << ADIT_COMMAND_BENCH)
#define D       (1u << ADIT_COMMAND_DIAG)
#define C       (1u << ADIT_COMMAND_LISTEN | 1u << ADIT_COMMAND_CONNECT | U | X | Y | B | D)
#define M       (N & ~(U | X | Y | B | D))
#define N       (P | C)
#define G       (1u << ADIT_COMMAND_SIGNAL)
#define H       (1u << ADIT_COMMAND_HELP)
#define S       (1u << ADIT_COMMAND_STATUS)
#define F       (1u << ADIT_COMMAND_CONFIG)
#define A       (N | G | S | F | H | 1u << ADIT_COMMAND_VERSION)
#define LOCAL   ADIT_ROW_LOCAL
#define PEER    ADIT_ROW_PEER
#define SECRET  ADIT_ROW_SECRET
#define PHRASES ADIT_ROW_PHRASES

const struct adit_option_row adit_option_rows[ADIT_OPTION_COUNT] = {
#define OPTION(field_, kind_, name_, letter_, arg_, min_, max_, env_, commands_, value_, help_) \
    { .name = name_ "\0" arg_ "\0" env_ "\0" value_ "\0" help_,                                 \
      .offset = offsetof(struct adit_options, field_),                                          \
      .kind = ADIT_KIND_##kind_,                                                                \
      .letter = letter_,                                                                        \
      .min = min_,                                                                              \
      .max = max_,                                                                              \
      .commands = commands_ },
#include "cli/options.def.h"
#undef OPTION
};

const struct adit_command_row adit_command_rows[ADIT_COMMAND_COUNT] = {
#define COMMAND(id, name_, args_, summary_, text_) \
    { .name = name_, .args = args_, .summary = summary_, .text = text_ },
#include "cli/commands.def.h"
#undef COMMAND
};

const char *adit_option_text(const struct adit_option_row *row, enum adit_option_text text)
{
    const char *p = row->name;

    for (unsigned i = 0; i < text; i++)
        p += strlen(p) + 1;
    return p;
}

const char *adit_command_name(enum adit_command command)
{
    return command < ADIT_COMMAND_COUNT ? adit_command_rows[command].name : "";
}

int adit_option_fail(struct adit_option_error *error, const char *fmt, ...)
{
    char text[sizeof error->text];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    /* It quotes what was written; a configuration file may come from anywhere. */
    adit_str_printable(error->text, sizeof error->text, text, strlen(text));
    error->err = EINVAL;
    error->resource = false;
    return -EINVAL;
}

int adit_option_no_memory(struct adit_option_error *error)
{
    (void)adit_option_fail(error, "no memory for the options");
    error->err = ENOMEM;
    error->resource = true;
    return -ENOMEM;
}

bool adit_option_applies(const struct adit_options *o, enum adit_option option)
{
    uint32_t commands = adit_option_rows[option].commands;

    if (o->command != ADIT_COMMAND_CONFIG || (commands & F))
        return commands >> o->command & 1;
    return o->topic == ADIT_COMMAND_NONE ? commands & (N | G | S) : commands >> o->topic & 1;
}

size_t adit_option_size(enum adit_option option)
{
    static const size_t sizes[] = {
        [ADIT_KIND_FLAG] = sizeof(bool),
        [ADIT_KIND_COUNT] = sizeof(unsigned),
        [ADIT_KIND_CHOICE] = sizeof(unsigned),
        [ADIT_KIND_NUMBER] = sizeof(int),
        [ADIT_KIND_TIME] = sizeof(adit_time),
        [ADIT_KIND_TEXT] = sizeof(const char *),
        [ADIT_KIND_LIST] = sizeof(struct adit_strings),
        [ADIT_KIND_PORTS] = sizeof(struct adit_port_range),
    };

    return sizes[adit_option_rows[option].kind];
}

bool adit_option_takes_value(enum adit_option option)
{
    enum adit_kind kind = adit_option_rows[option].kind;

    return kind != ADIT_KIND_FLAG && kind != ADIT_KIND_COUNT;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int set_defaults(struct adit_options *o, struct adit_option_error *error)
{
    static const struct adit_option_place place = { .said = "default" };

    o->max_retransmits = o->max_lifetime = o->mtu = -1;
    for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++) {
        const char *value = adit_option_text(&adit_option_rows[i], ADIT_TEXT_VALUE);
        int err = *value ? adit_option_set(o, i, &place, value, error) : 0;
        if (err < 0)
            return err;
    }
    return 0;
}

/* What asks for streams. */
static bool asks_for_streams(const struct adit_options *o)
{
    static const enum adit_option options[] = {
        ADIT_OPTION_forward_local, ADIT_OPTION_forward_remote, ADIT_OPTION_forward_socks,
        ADIT_OPTION_forward_udp,   ADIT_OPTION_forward_stdio,  ADIT_OPTION_permit,
        ADIT_OPTION_upstream,      ADIT_OPTION_http_listen,
    };

    if ((1u << o->command) & (U | X | Y))
        return true;
    for (size_t i = 0; i < ADIT_LEN(options); i++)
        if (o->source[options[i]] > o->source[ADIT_OPTION_mode] ||
            (adit_options_given(o, options[i]) && o->source[options[i]] == ADIT_SOURCE_LINE))
            return true;
    return false;
}

static int check_streams(struct adit_options *o, struct adit_option_error *error)
{
    bool asked = o->mode != ADIT_MODE_STREAMS && asks_for_streams(o);

    if (asked && o->source[ADIT_OPTION_mode] == ADIT_SOURCE_LINE)
        return adit_option_fail(error,
                                "HTTP and forwards are --mode streams, and you gave another");
    if (asked)
        o->mode = ADIT_MODE_STREAMS;
    if (o->command == ADIT_COMMAND_SERVE && !o->upstream)
        return adit_option_fail(error, "what is to be served? Give --upstream http://HOST:PORT");
    if (o->command == ADIT_COMMAND_SEND && !o->file.count)
        return adit_option_fail(error, "what is to be sent? Try `adit send FILE`");
    if (o->upstream && o->http_listen.count)
        return adit_option_fail(error, "--upstream and --http-listen: only one of them");
    if (o->mode == ADIT_MODE_STREAMS &&
        (o->unordered || o->max_retransmits >= 0 || o->max_lifetime >= 0))
        return adit_option_fail(error, "streams need an ordered channel that loses nothing");
    return 0;
}

static int check_together(struct adit_options *o, struct adit_option_error *error)
{
    int err = check_streams(o, error);

    if (err)
        return err;
    if (o->max_retransmits >= 0 && o->max_lifetime >= 0)
        return adit_option_fail(error, "--max-retransmits and --max-lifetime: only one of them");
    if (o->command == ADIT_COMMAND_BENCH)
        o->mode = ADIT_MODE_BENCH;
    if (o->command == ADIT_COMMAND_DIAG)
        o->mode = ADIT_MODE_ECHO; /* says nothing of itself, to whatever the other side is */
    if ((o->mode == ADIT_MODE_BYTES || o->mode == ADIT_MODE_BENCH) &&
        (o->unordered || o->max_retransmits >= 0 || o->max_lifetime >= 0))
        return adit_option_fail(error, "--mode %s needs an ordered channel that loses nothing",
                                o->mode == ADIT_MODE_BENCH ? "bench" : "bytes");
    if (o->key && !o->cert)
        return adit_option_fail(error, "--key needs --cert");
    if (o->identity && o->cert)
        return adit_option_fail(error, "--identity and --cert: only one of them");
    if (adit_options_given(o, ADIT_OPTION_log_level))
        return 0;
    if (o->verbose > 0) {
        o->log_level = o->verbose > 1 ? ADIT_LOG_TRACE : ADIT_LOG_DEBUG;
        o->source[ADIT_OPTION_log_level] = o->source[ADIT_OPTION_verbose];
        o->where[ADIT_OPTION_log_level] = o->where[ADIT_OPTION_verbose];
    } else if (o->quiet) {
        o->log_level = ADIT_LOG_ERROR;
        o->source[ADIT_OPTION_log_level] = o->source[ADIT_OPTION_quiet];
        o->where[ADIT_OPTION_log_level] = o->where[ADIT_OPTION_quiet];
    }
    return 0;
}

static int load(struct adit_options *o, int argc, char *const *argv, char *const *env,
                const char *dotenv, struct adit_option_error *error)
{
    int err = set_defaults(o, error);

    if (err == 0)
        err = adit_options_line(o, argc, argv, error);
    if (err == 0)
        err = adit_options_env(o, env, error);
    if (err == 0 && dotenv)
        err = adit_options_dotenv(o, dotenv, error);
    if (err == 0 && o->config)
        err = adit_options_file(o, o->config, error);
    return err == 0 ? check_together(o, error) : err;
}

int adit_options_load(struct adit_options *ret_o, int argc, char *const *argv, char *const *env,
                      const char *dotenv, struct adit_option_error *ret_error)
{
    int err;

    memset(ret_o, 0, sizeof *ret_o);
    err = load(ret_o, argc, argv, env, dotenv, ret_error);
    if (err < 0)
        adit_options_free(ret_o);
    return err;
}

void adit_options_free(struct adit_options *o)
{
    for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++) {
        if (adit_option_rows[i].kind == ADIT_KIND_LIST)
            adit_free(
                ((struct adit_strings *)(void *)((char *)o + adit_option_rows[i].offset))->items);
    }
    adit_free(o->warnings.items);
    adit_options_free_sections(o);
    for (size_t i = 0; i < o->text_count; i++)
        adit_free(o->texts[i]);
    adit_free(o->texts);
    memset(o, 0, sizeof *o);
}
