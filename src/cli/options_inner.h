/* options_inner.h - the rows as data, and how the sources hand values in; only for options*.c. */
#ifndef ADIT_OPTIONS_INNER_H
#define ADIT_OPTIONS_INNER_H

#include "cli/options.h"

enum adit_kind {
    ADIT_KIND_FLAG,   /* bool */
    ADIT_KIND_COUNT,  /* unsigned: how often */
    ADIT_KIND_CHOICE, /* an enum */
    ADIT_KIND_NUMBER, /* int */
    ADIT_KIND_TIME,   /* adit_time */
    ADIT_KIND_TEXT,
    ADIT_KIND_LIST,
    ADIT_KIND_PORTS
};

#define ADIT_ROW_LOCAL   0x80000000u /* not from .env */
#define ADIT_ROW_PEER    0x40000000u /* may stand in a section of peers: too */
#define ADIT_ROW_SECRET  0x20000000u /* not shown to anybody */
#define ADIT_ROW_PHRASES 0x10000000u /* values with blanks in them: only commas separate them */

/* The texts of a row are one behind the other, each with its zero byte. In a program that may be
 * loaded anywhere a pointer to each would take four times 32 bytes more, in more than a hundred
 * rows. */
enum adit_option_text {
    ADIT_TEXT_NAME,
    ADIT_TEXT_ARG,
    ADIT_TEXT_ENV,
    ADIT_TEXT_VALUE,
    ADIT_TEXT_HELP
};

struct adit_option_row {
    const char *name; /* the first of them */
    size_t offset;    /* in struct adit_options */
    enum adit_kind kind;
    char letter;
    int min, max;
    uint32_t commands; /* 1 << enum adit_command */
};

struct adit_command_row {
    const char *name, *args, *summary, *text;
};

extern const struct adit_option_row adit_option_rows[ADIT_OPTION_COUNT];
extern const struct adit_command_row adit_command_rows[ADIT_COMMAND_COUNT];

/* ADIT_OPTION_COUNT if there is none; '-' and '_' are the same. */
enum adit_option adit_option_find(const char *name, size_t len);
/* The name that was probably meant, or NULL. */
const char *adit_option_similar(const char *name);
const char *adit_command_similar(const char *name);
/* One candidate after the other: *best is the nearest to `name` so far. Begin with NULL and
 * ADIT_SIMILAR_MAX. */
#define ADIT_SIMILAR_MAX 3 /* letters that may be wrong, and one more */
void adit_option_consider(const char **best, unsigned *least, const char *name,
                          const char *candidate);
const char *adit_option_text(const struct adit_option_row *row, enum adit_option_text text);
bool adit_option_takes_value(enum adit_option option);
size_t adit_option_size(enum adit_option option); /* of its field */
/* A copy that lives as long as the options, or NULL. */
char *adit_option_keep(struct adit_options *o, const char *text);

/* Where a value was found. */
struct adit_option_place {
    enum adit_option_source source;
    const char *where; /* "adit.yaml:4", "MODE in the environment"; NULL = a default */
    const char *said;  /* the same, with what was written, for messages */
};

/* Sets the option unless a source that counts more has. -EINVAL, -ENOMEM. */
ADIT_MUST_USE int adit_option_set(struct adit_options *o, enum adit_option option,
                                  const struct adit_option_place *place, const char *value,
                                  struct adit_option_error *error);
/* Is it for nobody else's eyes: a token, a password in a URL? */
bool adit_option_is_secret(enum adit_option option, const char *value);
/* Adds the value, "***" in place of what is secret in it. */
void adit_option_mask(struct adit_buf *out, enum adit_option option, const char *value);
/* Does it matter to the command that runs? */
bool adit_option_applies(const struct adit_options *o, enum adit_option option);
/* Sets the error and returns -EINVAL. */
int adit_option_fail(struct adit_option_error *error, const char *fmt, ...) ADIT_PRINTF(2, 3);
int adit_option_no_memory(struct adit_option_error *error); /* -ENOMEM */
/* Keeps a copy of the text as one more warning, unless it is there. -ENOMEM. */
ADIT_MUST_USE int adit_option_warn(struct adit_options *o, struct adit_option_error *error,
                                   const char *fmt, ...) ADIT_PRINTF(3, 4);
/* One server, as STUN_HOST and STUN_PORT name it: port NULL = 3478. */
ADIT_MUST_USE int adit_option_set_stun(struct adit_options *o,
                                       const struct adit_option_place *place, const char *host,
                                       const char *port, struct adit_option_error *error);

/* The sources. */
ADIT_MUST_USE int adit_options_line(struct adit_options *o, int argc, char *const *argv,
                                    struct adit_option_error *error);
ADIT_MUST_USE int adit_options_env(struct adit_options *o, char *const *env,
                                   struct adit_option_error *error);
ADIT_MUST_USE int adit_options_dotenv(struct adit_options *o, const char *path,
                                      struct adit_option_error *error);
ADIT_MUST_USE int adit_options_file(struct adit_options *o, const char *path,
                                    struct adit_option_error *error);
/* Reads a whole file; *ret_public: everybody on this host may. -ENOENT and others of open(2),
 * -EFBIG, -ENOMEM. */
ADIT_MUST_USE int adit_options_slurp(struct adit_buf *out, const char *path, bool *ret_public);
/* What came of adit_options_slurp as an error; -EINVAL or -ENOMEM. */
int adit_option_file_fail(struct adit_option_error *error, const char *path, int err);
void adit_options_free_sections(struct adit_options *o);
/* What has a secret in it is not for everybody to read. */
ADIT_MUST_USE int adit_option_warn_public(struct adit_options *o, const char *path,
                                          struct adit_option_error *error);

#endif
