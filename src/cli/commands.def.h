/* commands.def.h - every subcommand, once: COMMAND(id, name, arguments, summary, text). No guards:
 * it is included wherever something is made of the rows. */

COMMAND(OFFER, "offer", "", "pair by copy and paste: make the offer",
        "Prints a line for the other side and reads the other side's line. The other side runs "
        "`adit answer`, or is anything else that speaks WebRTC data channels.")
COMMAND(ANSWER, "answer", "", "pair by copy and paste: answer an offer",
        "Reads the other side's line and prints one for it. Ticket, JSON and SDP are told apart by "
        "themselves; the answer comes in the form of the offer.")
COMMAND(PAIR, "pair", "", "pair by copy and paste, both sides alike",
        "Both sides run it, print a line each and paste the other's, in any order.")
COMMAND(LISTEN, "listen", "", "wait at a signaling server and answer who calls",
        "Answers the calls of peers that are trusted (see --allow and --trust), as many at a time "
        "as the mode allows: chat, json, echo, check and bench serve many, bytes one, tun and tap "
        "one, or "
        "each that has a section under peers: in the configuration file. With --public it needs no "
        "server: it prints a ticket for `adit connect`.")
COMMAND(CONNECT, "connect", "[PEER|TICKET]...", "call peers through a signaling server",
        "Calls each peer by its name at the server, and again when its connection is lost; ends "
        "when all have ended, with the exit code of the first that failed. Where a server pairs by "
        "room there is no name to give. As many at a time as `adit listen` serves. Who is given "
        "the ticket of `adit listen --public` needs no server.")
COMMAND(SERVE, "serve", "", "let the other side reach an HTTP service",
        "Waits at a signaling server and passes the requests that come on to --upstream. The other "
        "side runs `adit proxy`, or the HTTP tunnel's own program. By copy and paste: `adit offer "
        "--upstream URL`.")
COMMAND(PROXY, "proxy", "[PEER]", "reach the other side's HTTP service on a local port",
        "Listens at once, and answers 503 until the tunnel stands. By copy and paste: `adit answer "
        "--http-listen 127.0.0.1:8000`.")
COMMAND(
    SEND, "send", "FILE...", "send files and directories",
    "Without a signaling server it prints a line for the other side, which runs `adit receive`; "
    "with one, --peer says who receives. What was interrupted goes on where it stopped.")
COMMAND(
    RECEIVE, "receive", "[DIR]", "receive files into a directory",
    "Reads the line that `adit send` printed, or waits at a signaling server. Nothing that comes "
    "leads out of the directory, and nothing is replaced unless --overwrite says so.")
COMMAND(
    BENCH, "bench", "[PEER]", "measure the connection with a peer",
    "Calls a peer that runs `adit listen --mode bench`, and tells round trips, throughput, loss "
    "and what they cost. By copy and paste: `adit offer --mode bench` and `adit answer --mode "
    "bench`. `adit bench --loopback` alone measures this host: both ends are in one process, "
    "and no server is needed.")
COMMAND(
    DIAG, "diag", "[PEER]", "what this network lets through, and what would help",
    "Looks at this host, its name servers, the signaling server and the STUN servers that are "
    "configured, and at the NAT before each uplink, all at once and within ten seconds; then says "
    "which peers are reached directly, and what to do about the others. With a peer it calls it, "
    "as `adit connect` does, and shows every pair of addresses that was tried. Exit code 4: no "
    "path is possible; 5: the signaling server cannot be used.")
COMMAND(STATUS, "status", "", "what a running `adit listen` or `adit connect` does",
        "Shows peers, paths, round-trip times, rates and channels of the agents that this user "
        "runs on this host.")
COMMAND(
    SIGNAL, "signal", "", "the signaling server, for all dialects on one port",
    "Introduces peers to each other, and sees nothing of what they say afterwards. Clients of "
    "the original servers connect unchanged, each at its own path. Without a word about who may "
    "come, it listens on localhost. SIGHUP reads tokens, keys and the certificate again; "
    "SIGTERM says goodbye to everybody.")
COMMAND(CONFIG, "config", "[COMMAND]", "what is configured, and where each value came from",
        "Prints the options of a command, or of all, with the values in force, as a configuration "
        "file; behind each stands the file and line, the variable or the option it came from. "
        "Tokens and passwords are shown as ***. Exit code 2 and a message when something is wrong.")
COMMAND(HELP, "help", "[COMMAND]", "this, or the options of a command", "")
COMMAND(VERSION, "version", "", "which version this is", "")
