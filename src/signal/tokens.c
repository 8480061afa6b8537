#include "signal/tokens.h"

#include "base/alloc.h"
#include "base/str.h"
#include "signal/hub_inner.h"

#define BLANKS " \t\r"

/* The next word of the line, cut off; NULL: there is none. */
static char *next_word(char **line)
{
    char *word = *line + strspn(*line, BLANKS);
    size_t n = strcspn(word, BLANKS);

    if (n == 0)
        return NULL;
    *line = word + n + (word[n] != '\0');
    word[n] = '\0';
    return word;
}

static const char *check(const struct adit_hub_token *t, char *rest)
{
    if (strlen(t->secret) < ADIT_TOKEN_MIN)
        return "a token has at least 8 characters";
    if (t->account && !adit_hub_id_valid(t->account))
        return "the account's name is too long";
    if (t->ids && strlen(t->ids) > ADIT_HUB_RULES_MAX)
        return "the ids are too many";
    return next_word(&rest) ? "more than TOKEN ACCOUNT IDS; ids are separated by commas alone"
                            : NULL;
}

static int fail(struct adit_cause *cause, unsigned number, const char *why)
{
    adit_cause_set(cause, ADIT_REASON_LOCAL, EINVAL, "line %u: %s", number, why);
    return -EINVAL;
}

/* One more, doubling when full. */
static struct adit_hub_token *append(struct adit_hub_token **tokens, size_t count)
{
    struct adit_hub_token *more = *tokens;

    if ((count & (count - 1)) == 0)
        more = adit_realloc(*tokens, (count ? 2 * count : 1) * sizeof *more);
    if (!more)
        return NULL;
    *tokens = more;
    return &more[count];
}

int adit_tokens_read(char *text, struct adit_hub_token **ret_tokens, size_t *ret_count,
                     struct adit_cause *ret_cause)
{
    struct adit_hub_token *tokens = NULL, *t;
    unsigned number = 0;
    size_t count = 0;
    int err = 0;

    for (char *line = text, *next; line && !err; line = next) {
        char *end = strchr(line, '\n'), *secret;
        const char *why;

        next = end ? end + 1 : NULL;
        if (end)
            *end = '\0';
        number++;
        secret = next_word(&line);
        if (!secret || *secret == '#')
            continue;
        t = count < ADIT_TOKENS_MAX ? append(&tokens, count) : NULL;
        if (!t) {
            adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "too many tokens");
            err = -ENOMEM;
            break;
        }
        *t = (struct adit_hub_token){ .secret = secret };
        t->account = next_word(&line);
        t->ids = t->account ? next_word(&line) : NULL;
        why = check(t, line);
        err = why ? fail(ret_cause, number, why) : 0;
        count++;
    }
    if (err) {
        adit_free(tokens);
        return err;
    }
    *ret_tokens = tokens;
    *ret_count = count;
    return 0;
}
