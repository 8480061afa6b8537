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

#define ADIT_ROW_LOCAL 0x80000000u /* not from .env */

struct adit_option_row {
    const char *name, *arg, *env, *value, *help;
    size_t offset; /* in struct adit_options */
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
bool adit_option_takes_value(enum adit_option option);

/* Sets the option unless a source that counts more has. `where` is what the user wrote and where,
 * for the message. -EINVAL, -ENOMEM. */
ADIT_MUST_USE int adit_option_set(struct adit_options *o, enum adit_option option,
                                  enum adit_option_source source, const char *value,
                                  const char *where, struct adit_cause *cause);
/* Does it matter to the command that runs? */
bool adit_option_applies(const struct adit_options *o, enum adit_option option);
/* Sets the cause and returns -EINVAL. */
int adit_option_fail(struct adit_cause *cause, const char *fmt, ...) ADIT_PRINTF(2, 3);

/* The sources. */
ADIT_MUST_USE int adit_options_line(struct adit_options *o, int argc, char *const *argv,
                                    struct adit_cause *cause);
ADIT_MUST_USE int adit_options_env(struct adit_options *o, char *const *env,
                                   enum adit_option_source source, struct adit_cause *cause);
ADIT_MUST_USE int adit_options_dotenv(struct adit_options *o, const char *path,
                                      struct adit_cause *cause);
ADIT_MUST_USE int adit_options_file(struct adit_options *o, const char *path,
                                    struct adit_cause *cause);
/* Reads a whole file; -ENOENT and others of open(2), -EFBIG, -ENOMEM. */
ADIT_MUST_USE int adit_options_slurp(struct adit_buf *out, const char *path);
/* What came of adit_options_slurp as a cause; -EINVAL or -ENOMEM. */
int adit_option_file_fail(struct adit_cause *cause, const char *path, int err);

#endif
