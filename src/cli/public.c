#include "cli/public.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/exit.h"
#include "base/str.h"
#include "cli/cli.h"

#define TICKET_FILE_MAX 4096

/* ---- ours ------------------------------------------------------------------------------------ */

static int open_out(struct adit_gate_conf *g, const struct adit_options *o)
{
    uint64_t fd;

    g->out = STDOUT_FILENO;
    if (!o->out || strcmp(o->out, "-") == 0)
        return 0;
    if (adit_str_u64(&fd, o->out, strlen(o->out), 0, 65535) < 0)
        g->out = open(o->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    else
        g->out = fcntl((int)fd, F_GETFD) < 0 ? -1 : (int)fd;
    return g->out < 0 ? adit_cli_usage(o, "out", o->out, strerror(errno)) : 0;
}

static int load_gate(struct adit_public *p, const struct adit_options *o)
{
    struct adit_gate_conf *g = &p->gate;
    int err = o->public_secret_file ? 0 : adit_file_config_path(p->secret_path, "public-secret");

    if (err) {
        adit_log(
            ADIT_LOG_ERROR, "cli",
            "no place for the secret of our ticket: %s. Give --public-secret-file, or set HOME",
            strerror(-err));
        return ADIT_EXIT_USAGE;
    }
    g->secret_path = o->public_secret_file ? o->public_secret_file : p->secret_path;
    g->lifetime = o->public_for;
    g->port_given = o->udp_port.min != 0;
    g->qr = o->qr;
    g->ticket_suffices =
        !adit_options_given(o, ADIT_OPTION_trust) && !o->allow.count && !o->peer_fingerprint.count;
    if (g->ticket_suffices)
        adit_log(ADIT_LOG_WARN, "cli",
                 "whoever has the ticket is let in: --trust first, --allow or --peer-fingerprint "
                 "say who else, continuing");
    return open_out(g, o);
}

/* ---- theirs ---------------------------------------------------------------------------------- */

static int add_ticket(struct adit_public *p, const struct adit_options *o, const char *option,
                      const char *shown, const char *text, size_t n)
{
    struct adit_agent_ticket *t = &p->tickets[p->ticket_count];
    struct adit_cause cause;
    size_t end;

    if (p->target_count == ADIT_OPTION_LIST_MAX)
        return adit_cli_usage(o, option, shown, "there are more than 64");
    if (adit_ticket_find(&t->ticket, &end, text, n, &cause) < 0)
        return adit_cli_usage(o, option, shown, cause.text);
    if (t->ticket.kind != ADIT_TICKET_PUBLIC)
        return adit_cli_usage(o, option, shown,
                              "this ticket waits for an answer: adit answer, adit offer or adit "
                              "pair reads it");
    snprintf(p->names[p->ticket_count], ADIT_PUBLIC_NAME, "listener-%02x%02x%02x%02x",
             t->ticket.fingerprint[0], t->ticket.fingerprint[1], t->ticket.fingerprint[2],
             t->ticket.fingerprint[3]);
    t->name = p->names[p->ticket_count++];
    p->targets[p->target_count++] = t->name;
    return 0;
}

static bool is_ticket(const char *word)
{
    return (word[0] | 0x20) == 'a' && adit_str_starts(word + 1, &ADIT_TICKET_PREFIX[1]);
}

static int load_file(struct adit_public *p, const struct adit_options *o)
{
    struct adit_buf text;
    int err;

    if (!o->ticket_file)
        return 0;
    adit_buf_init(&text, TICKET_FILE_MAX);
    err = adit_file_read(&text, o->ticket_file);
    if (err)
        err = adit_cli_usage(o, "ticket-file", o->ticket_file, strerror(-err));
    else
        err = add_ticket(p, o, "ticket-file", o->ticket_file, adit_buf_str(&text), text.len);
    if (text.len)
        explicit_bzero(text.data, text.len);
    adit_buf_done(&text);
    return err;
}

int adit_public_load(struct adit_public *p, const struct adit_options *o)
{
    int err = o->public ? load_gate(p, o) : 0;

    for (size_t i = 0; !err && i < o->peer.count; i++) {
        const char *word = o->peer.items[i];

        if (is_ticket(word))
            err = add_ticket(p, o, "peer", "adit:…", word, strlen(word));
        else
            p->targets[p->target_count++] = word;
    }
    return err ? err : load_file(p, o);
}

bool adit_public_given(const struct adit_public *p, const struct adit_options *o)
{
    return o->public || (p->ticket_count && p->ticket_count == p->target_count);
}
