/* cli.h - the subcommands of `adit`. Each returns the exit code of the program. */
#ifndef ADIT_CLI_H
#define ADIT_CLI_H

#include <sys/resource.h>

#include "cli/options.h"

int adit_cmd_pairing(const struct adit_options *o); /* offer, answer, pair */
int adit_cmd_agent(const struct adit_options *o);   /* listen, connect */
int adit_cmd_files(const struct adit_options *o);   /* send, receive: one of the two above */
int adit_cmd_http(const struct adit_options *o);    /* serve, proxy: over an agent, or a relay */
int adit_cmd_relay(const struct adit_options *o);
int adit_cmd_bench(const struct adit_options *o); /* over an agent, or with ourselves */
int adit_cmd_diag(const struct adit_options *o);  /* here, or over an agent */
int adit_cmd_status(const struct adit_options *o);
int adit_cmd_signal(const struct adit_options *o);
int adit_cmd_config(const struct adit_options *o);
int adit_cmd_help(const struct adit_options *o);
int adit_cmd_version(const struct adit_options *o);

/* Lets us have so many descriptors open, if we may; how many that are. */
rlim_t adit_cli_raise_files(rlim_t want);
/* Logs that the value of an option is not one, where it was written and what is wanted. Returns
 * ADIT_EXIT_USAGE. */
int adit_cli_usage(const struct adit_options *o, const char *option, const char *value,
                   const char *wanted);

#endif
