/* config: what is in force, and where each value came from. */
#include <jansson.h>
#include <stdio.h>

#include "agent/exit.h"
#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/sections.h"

#define TEXT_MAX (8 * 1024 * 1024) /* every section of a full configuration file */

/* What the commands find wrong when they look at the values more closely. */
static int check(const struct adit_options *o)
{
    struct adit_fingerprint prints[ADIT_SECTION_FINGERPRINTS_MAX];
    struct adit_carry *carry = adit_zalloc(sizeof *carry);
    struct adit_sections sections = { 0 };
    size_t count;
    int err = ADIT_EXIT_FAILED;

    if (!carry) {
        adit_log(ADIT_LOG_ERROR, "cli", "out of memory");
        return err;
    }
    err = adit_carry_load(carry, o);
    if (!err)
        err = adit_fingerprints_load(prints, &count, o);
    if (!err)
        err = adit_sections_load(&sections, o, false);
    adit_sections_done(&sections);
    adit_free(carry);
    return err;
}

static bool print_json(const struct adit_options *o)
{
    json_t *all = adit_options_json(o);
    int err = all ? json_dumpf(all, stdout, JSON_ENSURE_ASCII) : -1;

    json_decref(all);
    return err == 0 && putchar('\n') != EOF;
}

static bool print_text(const struct adit_options *o)
{
    struct adit_buf out;
    bool ok;

    adit_buf_init(&out, TEXT_MAX);
    adit_options_print(&out, o);
    ok = !out.err && fwrite(out.data, 1, out.len, stdout) == out.len;
    adit_buf_done(&out);
    return ok;
}

int adit_cmd_config(const struct adit_options *o)
{
    int err = check(o);

    if (err)
        return err;
    if ((o->json ? print_json(o) : print_text(o)) && fflush(stdout) == 0)
        return ADIT_EXIT_OK;
    adit_log(ADIT_LOG_ERROR, "cli", "cannot print the configuration");
    return ADIT_EXIT_FAILED;
}
