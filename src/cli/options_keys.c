/* options_keys.c - the keys of a configuration file, right ones and nearly right ones; see
 * options_reader.h. */
#include <ctype.h>
#include <string.h>

#include "cli/options_reader.h"

#define NAME_MAX_LEN 48

/* The next of the names between blanks, in small letters; false behind the last. */
static bool next_variable(const char **names, char name[NAME_MAX_LEN])
{
    size_t n = 0;

    for (; **names && **names != ' '; ++*names)
        if (n < NAME_MAX_LEN - 1)
            name[n++] = (char)tolower((unsigned char)**names);
    name[n] = '\0';
    *names += **names == ' ';
    return n > 0;
}

static bool may_stand(enum adit_option option, uint32_t flag)
{
    return option != ADIT_OPTION_config && (!flag || (adit_option_rows[option].commands & flag));
}

bool adit_reader_is(const char *key, const char *name)
{
    for (; *name; key++, name++)
        if (*key != *name && !(*key == '-' && *name == '_'))
            return false;
    return !*key;
}

/* AGENT_ID: agent_id */
static bool is_variable(const struct adit_option_row *row, const char *key)
{
    const char *names = adit_option_text(row, ADIT_TEXT_ENV);
    char name[NAME_MAX_LEN];

    while (next_variable(&names, name))
        if (adit_reader_is(key, name))
            return true;
    return false;
}

enum adit_option adit_reader_find(const char *key, uint32_t flag)
{
    enum adit_option option = adit_option_find(key, strlen(key));

    if (option == ADIT_OPTION_COUNT) {
        option = 0;
        while (option < ADIT_OPTION_COUNT && !is_variable(&adit_option_rows[option], key))
            option++;
    }
    return option < ADIT_OPTION_COUNT && may_stand(option, flag) ? option : ADIT_OPTION_COUNT;
}

int adit_reader_unknown(const struct adit_reader *r, const struct adit_tree_node *n, uint32_t flag,
                        const char *const *others)
{
    char name[NAME_MAX_LEN], found[NAME_MAX_LEN];
    unsigned least = ADIT_SIMILAR_MAX;
    const char *best = NULL;

    for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++) {
        const char *names = adit_option_text(&adit_option_rows[i], ADIT_TEXT_ENV);
        if (!may_stand(i, flag))
            continue;
        adit_option_consider(&best, &least, n->key, adit_option_rows[i].name);
        while (next_variable(&names, name)) {
            adit_option_consider(&best, &least, n->key, name);
            if (best == name)
                best = memcpy(found, name, sizeof name);
        }
    }
    for (; *others; others++)
        adit_option_consider(&best, &least, n->key, *others);
    if (best)
        return adit_reader_fail(r, n, "unknown. Did you mean %s?", best);
    return adit_reader_fail(r, n, "unknown. `adit config` lists the names");
}
