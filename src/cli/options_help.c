/* options_help.c - help and manual page, made of the rows; see options.h. */
#include <ctype.h>
#include <stdio.h>

#include "cli/options_inner.h"

#define WIDTH  80
#define INDENT 26

/* Appends words up to WIDTH; what goes on does so at `indent`. */
static void wrap(struct adit_buf *out, size_t column, size_t indent, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column > indent && column + 1 + n > WIDTH) {
            adit_buf_printf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            adit_buf_printf(out, " ");
            column++;
        }
        adit_buf_add(out, text, n);
        column += n;
        text += n + (text[n] == ' ');
    }
    adit_buf_printf(out, "\n");
}

/* Choices are named in the text, where there is room. */
static const char *argument(const struct adit_option_row *row)
{
    static const struct {
        const char *option, *word;
    } rows[] = { { "as", "FORM" },       { "mode", "MODE" },       { "role", "ROLE" },
                 { "trust", "WHOM" },    { "duplicate", "WHO" },   { "forwarded", "WHAT" },
                 { "framing", "WHOSE" }, { "relay-auth", "WHERE" } };

    if (row->kind != ADIT_KIND_CHOICE)
        return adit_option_text(row, ADIT_TEXT_ARG);
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        if (strcmp(row->name, rows[i].option) == 0)
            return rows[i].word;
    return "LEVEL";
}

/* "…(one of a, b, c; default a) [NAME in the environment]" */
static void describe(const struct adit_option_row *row, char *out, size_t size)
{
    const char *value = adit_option_text(row, ADIT_TEXT_VALUE);
    const char *env = adit_option_text(row, ADIT_TEXT_ENV);
    size_t n = (size_t)snprintf(out, size, "%s", adit_option_text(row, ADIT_TEXT_HELP));

    if (row->kind == ADIT_KIND_CHOICE) {
        n += (size_t)snprintf(out + n, size - n, " (one of ");
        for (const char *p = adit_option_text(row, ADIT_TEXT_ARG); *p && n + 3 < size; p++)
            n += (size_t)snprintf(out + n, size - n, *p == '|' ? ", " : "%c", *p);
    }
    if (row->kind == ADIT_KIND_CHOICE)
        n += (size_t)snprintf(out + n, size - n, "; default %s)", value);
    else if (*value && strcmp(value, "0") != 0)
        n += (size_t)snprintf(out + n, size - n, " (default %s)", value);
    if (*env)
        snprintf(out + n, size - n, " [%s]", env);
}

static void option_lines(struct adit_buf *out, enum adit_command topic)
{
    for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++) {
        const struct adit_option_row *row = &adit_option_rows[i];
        char head[64], text[512], letter[8] = "    ";
        if (!(row->commands >> topic & 1))
            continue;
        if (row->letter)
            snprintf(letter, sizeof letter, "-%c, ", row->letter);
        int n = snprintf(head, sizeof head, "  %s--%s%s%s", letter, row->name,
                         *adit_option_text(row, ADIT_TEXT_ARG) ? " " : "", argument(row));
        if (n + 2 > INDENT)
            adit_buf_printf(out, "%s\n%*s", head, INDENT, "");
        else
            adit_buf_printf(out, "%-*s", INDENT, head);
        describe(row, text, sizeof text);
        wrap(out, INDENT, INDENT, text);
    }
    adit_buf_printf(out, "  -h, --help\n");
}

void adit_options_help(struct adit_buf *out, enum adit_command topic)
{
    if (topic < ADIT_COMMAND_COUNT) {
        const struct adit_command_row *row = &adit_command_rows[topic];
        adit_buf_printf(out, "usage: adit %s%s%s [OPTION...]\n\n", row->name, *row->args ? " " : "",
                        row->args);
        wrap(out, 0, 0, *row->text ? row->text : row->summary);
        adit_buf_printf(out, "\n");
        option_lines(out, topic);
        return;
    }
    adit_buf_printf(out, "usage: adit COMMAND [OPTION...]\n\n");
    for (enum adit_command i = 0; i < ADIT_COMMAND_COUNT; i++)
        adit_buf_printf(out, "  %-12s%s\n", adit_command_rows[i].name,
                        adit_command_rows[i].summary);
    adit_buf_printf(out, "\n`adit help COMMAND` lists a command's options.\n");
}

/* ---- docs/adit.1 ----------------------------------------------------------------------------- */

/* A line of text for roff: dashes that can be copied, and no line that begins a request. */
static void roff(struct adit_buf *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        adit_buf_printf(out, "\\&");
    for (; *text; text++) {
        if (*text == '-')
            adit_buf_printf(out, "\\-");
        else if (*text == '\\')
            adit_buf_printf(out, "\\e");
        else
            adit_buf_add8(out, (uint8_t)*text);
    }
    adit_buf_printf(out, "\n");
}

static void man_options(struct adit_buf *out)
{
    char head[96], text[512];

    for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++) {
        const struct adit_option_row *row = &adit_option_rows[i];
        snprintf(head, sizeof head, "--%s%s%s", row->name,
                 *adit_option_text(row, ADIT_TEXT_ARG) ? " " : "", argument(row));
        adit_buf_printf(out, ".TP\n");
        if (row->letter)
            adit_buf_printf(out, "\\-%c, ", row->letter);
        roff(out, head);
        describe(row, text, sizeof text);
        roff(out, text);
    }
}

void adit_options_man(struct adit_buf *out)
{
    static const char *const exits[] = {
        "0",  "done",
        "1",  "failed",
        "2",  "wrong usage or configuration",
        "3",  "the other side refused, or is not who its line promised",
        "4",  "no path to the other side was found",
        "5",  "what was pasted is no usable line of the other side",
        "77", "a permission is missing; the message says what would grant it",
    };

    adit_buf_printf(out, ".TH ADIT 1\n.SH NAME\nadit \\- peer\\-to\\-peer tunnel over WebRTC data "
                         "channels\n.SH SYNOPSIS\n.B adit\n.I COMMAND\n[\\fIOPTION\\fR...]\n"
                         ".SH DESCRIPTION\n");
    roff(out, "Two hosts meet by copy and paste, open a WebRTC data channel straight through their "
              "NATs, and carry IP packets, Ethernet frames, lines of text, JSON or bytes over it.");
    adit_buf_printf(out, ".SH COMMANDS\n");
    for (enum adit_command i = 0; i < ADIT_COMMAND_COUNT; i++) {
        const struct adit_command_row *row = &adit_command_rows[i];
        adit_buf_printf(out, ".TP\n.B %s%s%s\n", row->name, *row->args ? " " : "", row->args);
        roff(out, row->summary);
        if (*row->text) {
            adit_buf_printf(out, ".br\n");
            roff(out, row->text);
        }
    }
    adit_buf_printf(out, ".SH OPTIONS\n");
    roff(out, "Names in brackets are environment variables; every option can also be given as "
              "ADIT_ and its name in capitals, for example ADIT_BIND_DEV.");
    man_options(out);
    adit_buf_printf(out, ".SH ENVIRONMENT AND FILES\n");
    roff(out, "The command line counts most, then the environment, then .env in the current "
              "directory, then the configuration file (--config or AGENT_CONFIG). An option that "
              "may be repeated is replaced as a whole; in a variable its values are separated by "
              "commas or blanks, in the file it is a list. Options that name files or programs are "
              "not taken from .env. `adit config` prints what is in force and where each value "
              "came from.");
    adit_buf_printf(out, ".PP\n");
    roff(out,
         "The file is YAML or JSON: options without the dashes in front, or their variables in "
         "small letters (agent_id), with a value or a list each; ice_servers, a list of urls, "
         "username and credential; and peers, a mapping from the names of peers to sections "
         "with fingerprint, ifname, address, peer-address, route, allowed-ips, mtu, up and "
         "down. In the modes tun and tap each section is a device of its own.");
    adit_buf_printf(out, ".SH SIGNALS\n");
    roff(out,
         "INT, TERM and HUP say goodbye and end; the second time at once. USR1 writes counters "
         "to standard error: what was carried, and what was dropped and why.");
    adit_buf_printf(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < ADIT_LEN(exits); i += 2) {
        adit_buf_printf(out, ".TP\n.B %s\n", exits[i]);
        roff(out, exits[i + 1]);
    }
}
