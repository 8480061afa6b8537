#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/session.h"
#include "cli/cli.h"

extern char **environ;

int adit_cmd_files(const struct adit_options *o)
{
    return o->signal || o->signal_exec || o->signal_file ? adit_cmd_agent(o) : adit_cmd_pairing(o);
}

int adit_cmd_http(const struct adit_options *o)
{
    return o->relay ? adit_cmd_relay(o) : adit_cmd_agent(o);
}

static const struct {
    enum adit_command command;
    int (*run)(const struct adit_options *o);
} commands[] = {
    { ADIT_COMMAND_OFFER, adit_cmd_pairing }, { ADIT_COMMAND_ANSWER, adit_cmd_pairing },
    { ADIT_COMMAND_PAIR, adit_cmd_pairing },  { ADIT_COMMAND_LISTEN, adit_cmd_agent },
    { ADIT_COMMAND_CONNECT, adit_cmd_agent }, { ADIT_COMMAND_HELP, adit_cmd_help },
    { ADIT_COMMAND_STATUS, adit_cmd_status }, { ADIT_COMMAND_VERSION, adit_cmd_version },
    { ADIT_COMMAND_SIGNAL, adit_cmd_signal }, { ADIT_COMMAND_CONFIG, adit_cmd_config },
    { ADIT_COMMAND_SERVE, adit_cmd_http },    { ADIT_COMMAND_PROXY, adit_cmd_http },
    { ADIT_COMMAND_SEND, adit_cmd_files },    { ADIT_COMMAND_RECEIVE, adit_cmd_files },
    { ADIT_COMMAND_BENCH, adit_cmd_bench },   { ADIT_COMMAND_DIAG, adit_cmd_diag },
};

/* A standard descriptor that is closed would be given to the first thing we open, and what we read,
 * write and log would go there. What takes its place can do neither, except for words to people,
 * which are lost. */
static void fill_standard_descriptors(void)
{
    static const int flags[] = {
        [STDIN_FILENO] = O_WRONLY, [STDOUT_FILENO] = O_RDONLY, [STDERR_FILENO] = O_WRONLY
    };

    for (int fd = 0; fd < (int)ADIT_LEN(flags); fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags[fd]) != fd)
            _exit(ADIT_EXIT_FAILED); /* no /dev/null, and perhaps nobody to tell */
}

int main(int argc, char **argv)
{
    struct adit_options o;
    struct adit_option_error error;
    int exit_code = ADIT_EXIT_USAGE;

    fill_standard_descriptors();
    if (adit_options_load(&o, argc, argv, environ, ".env", &error) < 0) {
        adit_log(ADIT_LOG_ERROR, "cli", "%s", error.text);
        return error.resource ? ADIT_EXIT_FAILED : ADIT_EXIT_USAGE;
    }
    adit_options_hide(argc, argv);
    adit_log_level = o.log_level;
    for (size_t i = 0; i < o.warnings.count; i++)
        adit_log(ADIT_LOG_WARN, "cli", "%s", o.warnings.items[i]);
    signal(SIGPIPE, SIG_IGN); /* whoever writes looks at EPIPE */
    for (size_t i = 0; i < ADIT_LEN(commands); i++)
        if (commands[i].command == o.command)
            exit_code = commands[i].run(&o);
    adit_options_free(&o);
    return exit_code;
}
