#include <signal.h>
#include <stdio.h>

#include "agent/session.h"
#include "cli/cli.h"

extern char **environ;

static const struct {
    enum adit_command command;
    int (*run)(const struct adit_options *o);
} commands[] = {
    { ADIT_COMMAND_OFFER, adit_cmd_pairing },   { ADIT_COMMAND_ANSWER, adit_cmd_pairing },
    { ADIT_COMMAND_PAIR, adit_cmd_pairing },    { ADIT_COMMAND_HELP, adit_cmd_help },
    { ADIT_COMMAND_VERSION, adit_cmd_version },
};

int main(int argc, char **argv)
{
    struct adit_options o;
    struct adit_cause cause;
    int exit_code = ADIT_EXIT_USAGE;

    if (adit_options_load(&o, argc, argv, environ, ".env", &cause) < 0) {
        adit_log(ADIT_LOG_ERROR, "cli", "%s", cause.text);
        return ADIT_EXIT_USAGE;
    }
    adit_log_level = o.log_level;
    signal(SIGPIPE, SIG_IGN); /* whoever writes looks at EPIPE */
    for (size_t i = 0; i < ADIT_LEN(commands); i++)
        if (commands[i].command == o.command)
            exit_code = commands[i].run(&o);
    adit_options_free(&o);
    return exit_code;
}
