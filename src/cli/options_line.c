/* options_line.c - the command line, and names that were nearly right; see options_inner.h. */
#include <stdio.h>

#include "cli/options_inner.h"

/* ---- names ----------------------------------------------------------------------------------- */

enum adit_option adit_option_find(const char *name, size_t len)
{
    for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++) {
        const char *row = adit_option_rows[i].name;
        size_t k = 0;
        while (k < len && (row[k] == name[k] || (row[k] == '-' && name[k] == '_')))
            k++;
        if (k == len && row[k] == '\0')
            return i;
    }
    return ADIT_OPTION_COUNT;
}

#define NAME_MAX_LEN 32

static bool same(char a, char b)
{
    return a == b || ((a == '-' || a == '_') && (b == '-' || b == '_'));
}

/* Levenshtein's distance: letters to insert, drop or change. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NAME_MAX_LEN + 1];
    size_t n = strlen(b);

    if (n > NAME_MAX_LEN || strlen(a) > NAME_MAX_LEN)
        return NAME_MAX_LEN;
    for (size_t k = 0; k <= n; k++)
        row[k] = (unsigned)k;
    for (size_t i = 0; a[i]; i++) {
        unsigned diagonal = row[0]++;
        for (size_t k = 0; k < n; k++) {
            unsigned best = diagonal + !same(a[i], b[k]);
            if (row[k] + 1 < best)
                best = row[k] + 1;
            if (row[k + 1] + 1 < best)
                best = row[k + 1] + 1;
            diagonal = row[k + 1];
            row[k + 1] = best;
        }
    }
    return row[n];
}

void adit_option_consider(const char **best, unsigned *least, const char *name,
                          const char *candidate)
{
    unsigned d = distance(name, candidate);

    if (strlen(name) >= 3 && strncmp(name, candidate, strlen(name)) == 0)
        d = 1; /* the beginning of it */
    if (d < *least) {
        *least = d;
        *best = candidate;
    }
}

const char *adit_option_similar(const char *name)
{
    const char *best = NULL;
    unsigned least = ADIT_SIMILAR_MAX;

    for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++)
        adit_option_consider(&best, &least, name, adit_option_rows[i].name);
    return best;
}

const char *adit_command_similar(const char *name)
{
    const char *best = NULL;
    unsigned least = ADIT_SIMILAR_MAX;

    for (enum adit_command i = 0; i < ADIT_COMMAND_COUNT; i++)
        adit_option_consider(&best, &least, name, adit_command_rows[i].name);
    return best;
}

static int unknown(const char *dashes, const char *name, const char *similar,
                   struct adit_option_error *error)
{
    if (similar)
        return adit_option_fail(error, "unknown: %s%.20s. Did you mean %s%s?", dashes, name, dashes,
                                similar);
    return adit_option_fail(error, "unknown: %s%.40s. Try `adit help`", dashes, name);
}

/* ---- words ----------------------------------------------------------------------------------- */

struct words {
    struct adit_options *o;
    char *const *next, *const *end;
    bool help, version, only_words; /* "--" was there */
    struct adit_option_error *error;
};

static enum adit_command find_command(const char *name)
{
    enum adit_command i = 0;

    while (i < ADIT_COMMAND_COUNT && strcmp(adit_command_rows[i].name, name) != 0)
        i++;
    return i;
}

/* `value` NULL: the next word, if one is due. */
static int take_option(struct words *w, enum adit_option option, const char *value)
{
    const struct adit_option_row *row = &adit_option_rows[option];
    char where[48], said[80];

    snprintf(where, sizeof where, "--%s", row->name);
    if (!adit_option_takes_value(option)) {
        if (value)
            return adit_option_fail(w->error, "%s takes no value", where);
        value = "yes";
    } else if (!value) {
        if (w->next == w->end)
            return adit_option_fail(w->error, "%s needs a value: %s", where,
                                    adit_option_text(row, ADIT_TEXT_ARG));
        value = *w->next++;
    }
    if (row->kind == ADIT_KIND_FLAG || adit_option_is_secret(option, value))
        snprintf(said, sizeof said, "%s", where);
    else
        snprintf(said, sizeof said, "%s %.24s", where, value);
    return adit_option_set(w->o, option,
                           &(struct adit_option_place){ ADIT_SOURCE_LINE, where, said }, value,
                           w->error);
}

static int take_word(struct words *w, const char *word)
{
    enum adit_command *slot = &w->o->command;

    if (*slot == ADIT_COMMAND_CONFIG && w->o->topic != ADIT_COMMAND_NONE)
        slot = &w->o->topic; /* the words are those of that command */
    if ((*slot == ADIT_COMMAND_HELP || *slot == ADIT_COMMAND_CONFIG) &&
        w->o->topic == ADIT_COMMAND_NONE)
        slot = &w->o->topic;
    else if (*slot == ADIT_COMMAND_CONNECT || *slot == ADIT_COMMAND_PROXY ||
             *slot == ADIT_COMMAND_BENCH || *slot == ADIT_COMMAND_DIAG)
        return take_option(w, ADIT_OPTION_peer, word);
    else if (*slot == ADIT_COMMAND_SEND)
        return take_option(w, ADIT_OPTION_file, word);
    else if (*slot == ADIT_COMMAND_RECEIVE && w->o->source[ADIT_OPTION_dir] != ADIT_SOURCE_LINE)
        return take_option(w, ADIT_OPTION_dir, word);
    else if (*slot != ADIT_COMMAND_NONE)
        return adit_option_fail(w->error, "not understood: \"%.40s\"", word);
    *slot = find_command(word);
    if (*slot == ADIT_COMMAND_NONE)
        return unknown("", word, adit_command_similar(word), w->error);
    return 0;
}

/* `adit signal --stun --turn`: without a value they are servers of our own. */
static enum adit_option find_long(const struct words *w, const char *word, size_t n)
{
    bool valued = word[n] || (w->next < w->end && **w->next != '-');

    if (w->o->command == ADIT_COMMAND_SIGNAL && !valued && strcmp(word, "stun") == 0)
        return ADIT_OPTION_stun_server;
    if (w->o->command == ADIT_COMMAND_SIGNAL && !valued && strcmp(word, "turn") == 0)
        return ADIT_OPTION_turn_server;
    return adit_option_find(word, n);
}

static int take_long(struct words *w, const char *word)
{
    size_t n = strcspn(word, "=");
    enum adit_option option = find_long(w, word, n);
    char name[64];

    if (strcmp(word, "help") == 0 || strcmp(word, "version") == 0) {
        *(word[0] == 'h' ? &w->help : &w->version) = true;
        return 0;
    }
    if (option != ADIT_OPTION_COUNT)
        return take_option(w, option, word[n] ? word + n + 1 : NULL);
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), word);
    return unknown("--", name, adit_option_similar(name), w->error);
}

/* -q, -qv, -m tun, -mtun */
static int take_letters(struct words *w, const char *letters)
{
    for (; *letters; letters++) {
        enum adit_option i = 0;
        if (*letters == 'h') {
            w->help = true;
            continue;
        }
        while (i < ADIT_OPTION_COUNT && adit_option_rows[i].letter != *letters)
            i++;
        if (i == ADIT_OPTION_COUNT)
            return adit_option_fail(w->error, "unknown: -%c. Try `adit help`", *letters);
        bool valued = adit_option_takes_value(i);
        int err = take_option(w, i, valued && letters[1] ? letters + 1 : NULL);
        if (err < 0 || valued)
            return err;
    }
    return 0;
}

/* What was written for one option is another's; both are lists. */
static void move_list(struct adit_options *o, enum adit_option from, enum adit_option to)
{
    struct adit_strings *a = (void *)((char *)o + adit_option_rows[from].offset);
    struct adit_strings *b = (void *)((char *)o + adit_option_rows[to].offset);

    *b = *a;
    *a = (struct adit_strings){ 0 };
    o->source[to] = o->source[from];
    o->where[to] = o->where[from];
    o->source[from] = ADIT_SOURCE_DEFAULT;
    o->where[from] = NULL;
}

/* Only now is it known which command runs. */
static int check_command(struct words *w)
{
    struct adit_options *o = w->o;

    if (w->help && o->command != ADIT_COMMAND_HELP) {
        o->topic = o->command;
        o->command = ADIT_COMMAND_HELP;
        return 0;
    }
    if (w->version)
        o->command = ADIT_COMMAND_VERSION;
    if (o->command == ADIT_COMMAND_PROXY && o->source[ADIT_OPTION_listen] == ADIT_SOURCE_LINE &&
        o->source[ADIT_OPTION_http_listen] != ADIT_SOURCE_LINE)
        move_list(o, ADIT_OPTION_listen, ADIT_OPTION_http_listen);
    if (o->command == ADIT_COMMAND_NONE)
        return adit_option_fail(w->error, "what shall I do? Try `adit help`");
    for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++) {
        if (o->source[i] == ADIT_SOURCE_LINE && !adit_option_applies(o, i))
            return adit_option_fail(w->error, "--%s is no option of `adit %s`",
                                    adit_option_rows[i].name, adit_command_name(o->command));
    }
    return 0;
}

int adit_options_line(struct adit_options *o, int argc, char *const *argv,
                      struct adit_option_error *error)
{
    struct words w = { .o = o, .next = argv, .end = argv + argc, .error = error };

    o->command = o->topic = ADIT_COMMAND_NONE;
    if (argc > 0)
        w.next++; /* our own name */
    while (w.next < w.end) {
        const char *word = *w.next++;
        int err;
        if (w.only_words || word[0] != '-' || word[1] == '\0')
            err = take_word(&w, word);
        else if (word[1] != '-')
            err = take_letters(&w, word + 1);
        else if (word[2] != '\0')
            err = take_long(&w, word + 2);
        else {
            w.only_words = true;
            err = 0;
        }
        if (err < 0)
            return err;
    }
    return check_command(&w);
}
