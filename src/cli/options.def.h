/* options.def.h - every option, once. Command line, environment, .env, configuration file, help and
 * manual page are made from these rows. No guards: it is included wherever something is made of
 * them.
 *
 *   OPTION(field, kind, "name", letter, "argument", min, max, "ENVIRONMENT", commands, "default",
 *          "help")
 *
 * Every option is also found as ADIT_<NAME> in the environment, before the names given here, which
 * are those of other programs. A CHOICE's argument names its values, in the order of its enum.
 * Commands: P = those that pair by copy and paste, C = those that connect by name, N = both, M = of
 * those the ones that carry what they are told to, B = bench, D = diag, U = serve, X = proxy, Y =
 * send and receive, T = those that can be called by a ticket, K = those that call by one, S =
 * status, G = the signaling server, F = config, H = help, A = all. LOCAL marks what is not taken
 * from .env: a file that lies around in a directory may not choose programs to run or files to
 * read. PEER: may stand in a section of peers: in the configuration file too. SECRET: not shown to
 * anybody. PHRASES: values with blanks in them; in a variable only commas separate them.
 */

OPTION(as, CHOICE, "as", 0, "ticket|json|sdp", 0, 0, "", P, "ticket",
       "form of our line. An answer takes the form of its offer")
OPTION(mode, CHOICE, "mode", 'm', "chat|json|bytes|echo|check|tun|tap|streams|bench", 0, 0, "MODE",
       M, "chat",
       "what travels: lines of text; JSON, one document a line; a pipe; everything back; a "
       "series compared with its echo; IP packets; Ethernet frames; streams: HTTP, forwards and "
       "files, which their own options ask for as well; what the connection can do")
OPTION(in, TEXT, "in", 'i', "FILE", 0, 0, "", P | LOCAL, "",
       "read the other side's line from here: a file, or a number for a descriptor; else standard "
       "input")
OPTION(out, TEXT, "out", 'o', "FILE", 0, 0, "", P | T | LOCAL, "",
       "print our line there: a file, or a number for a descriptor; else standard output")
OPTION(qr, FLAG, "qr", 0, "", 0, 0, "", P | T, "", "show our line as a QR code too")
OPTION(
    timeout, TIME, "timeout", 't', "TIME", 0, 0, "", N, "0",
    "give up if there is no connection by then: 90, 90s, 5m, 1h; 0 = never, or a minute after the "
    "answer was read")

OPTION(
    hold, TIME, "hold", 0, "TIME", 0, 0, "", N, "5",
    "when an adit has been silent for half a minute, keep what is under way for so long, and look "
    "for another path. By copy and paste a fresh line is printed then, to be carried as the first "
    "was, unless standard input carries the data")

OPTION(stun, LIST, "stun", 's', "HOST[:PORT]", 0, 0, "ICE_URL ICE_URLS", N | G, "",
       "ask this STUN server for our public address, or tell clients to; may be repeated. "
       "STUN_HOST and STUN_PORT in "
       "the environment are understood too")
OPTION(turn, LIST, "turn", 0, "turn:HOST[:PORT]", 0, 0, "", N, "",
       "relay through this TURN server where there is no other way: turn:HOST[:PORT], by TCP with "
       "?transport=tcp behind it, by TLS with turns:. May be repeated; --stun and ICE_URLS take "
       "such, too")
OPTION(turn_user, TEXT, "turn-user", 0, "NAME", 0, 0, "ICE_USERNAME", N, "",
       "our name at the TURN servers")
OPTION(turn_password, TEXT, "turn-password", 0, "SECRET", 0, 0, "ICE_CREDENTIAL", N | SECRET, "",
       "and our password; better in the environment or in --turn-password-file, for others can see "
       "a command line")
OPTION(turn_password_file, TEXT, "turn-password-file", 0, "FILE", 0, 0, "", N | LOCAL, "",
       "read it from this file")
OPTION(bind_dev, LIST, "bind-dev", 0, "INTERFACE", 0, 0, "", N, "",
       "use only this network interface; may be repeated")
OPTION(ignore_dev, LIST, "ignore-dev", 0, "INTERFACE", 0, 0, "", N, "",
       "do not use this network interface; may be repeated")
OPTION(fwmark, NUMBER, "fwmark", 0, "N", 1, INT32_MAX, "", N, "",
       "mark our packets, to the peer and to the server, for policy routing (SO_MARK; needs "
       "CAP_NET_ADMIN)")
OPTION(path, CHOICE, "path", 0, "auto|direct|relay", 0, 0, "", N, "auto",
       "which way to the peer: the best one; none over a relay; or only over a relay, so that the "
       "peer sees none of our addresses")
OPTION(udp_port, PORTS, "udp-port", 0, "A[-B]", 0, 0, "INTERNAL_UDP_PORT", N, "",
       "local UDP port, or a range of them")
OPTION(tcp_port, PORTS, "tcp-port", 0, "A[-B]", 0, 0, "", N, "",
       "let the other side call us by TCP too, at this port or one of a range: for networks that "
       "block UDP, and for a router with one open port. Tickets do not tell of it")
OPTION(ice_tcp, CHOICE, "ice-tcp", 0, "active|passive|on|off", 0, 0, "", N, "active",
       "connections by TCP where UDP does not get through: we call a side that can be called, and "
       "with --tcp-port can be called; only that; both, and also both at once; none")
OPTION(udp_offload, CHOICE, "udp-offload", 0, "auto|on|off", 0, 0, "", N, "auto",
       "the same for the datagrams of the tunnel, between us and the network")
OPTION(port_map, CHOICE, "port-map", 0, "auto|on|off", 0, 0, "", N, "auto",
       "ask the router to open a port for us (PCP, NAT-PMP; UPnP if `adit version` has it), and to "
       "close it at the end: auto where "
       "a STUN server is asked too; on says so if it does not")
OPTION(announce, LIST, "announce", 0, "IP[:PORT]", 0, 0, "", N, "",
       "an address outside that leads here, by a port forward to --udp-port or by 1:1 NAT; may be "
       "repeated. Without PORT it is the same as ours")
OPTION(hide_addresses, FLAG, "hide-addresses", 0, "", 0, 0, "", N, "",
       "tell addresses of this host as random names under .local, which only its own networks can "
       "resolve; a ticket leaves them out")
OPTION(loopback, FLAG, "loopback", 0, "", 0, 0, "", N, "",
       "use 127.0.0.1 and ::1 too, for two programs on one host")

OPTION(cert, TEXT, "cert", 0, "FILE", 0, 0, "", N | LOCAL, "",
       "our certificate (PEM) instead of a new one for each connection")
OPTION(key, TEXT, "key", 0, "FILE", 0, 0, "", N | LOCAL, "", "and its key, if it is not in there")
OPTION(identity, TEXT, "identity", 0, "FILE", 0, 0, "", N | LOCAL, "",
       "keep certificate and key in this file, made at first use")

OPTION(label, TEXT, "label", 0, "TEXT", 0, 0, "DATA_CHANNEL_LABEL", N, "adit",
       "name of the data channel")
OPTION(unordered, FLAG, "unordered", 0, "", 0, 0, "", M, "", "messages may overtake each other")
OPTION(max_retransmits, NUMBER, "max-retransmits", 0, "N", 0, 65535, "", M, "",
       "give a message up after so many retransmissions")
OPTION(max_lifetime, NUMBER, "max-lifetime", 0, "MS", 0, 65535, "", M, "",
       "give a message up after so many milliseconds")

OPTION(ifname, TEXT, "ifname", 0, "NAME", 0, 0, "", M | PEER, "",
       "name of the TUN or TAP device; may have one %d")
OPTION(address, LIST, "address", 'a', "ADDRESS/LENGTH", 0, 0, "", M | PEER, "",
       "address of the device; may be repeated")
OPTION(peer_address, LIST, "peer-address", 0, "ADDRESS", 0, 0, "", M | PEER, "",
       "address of the other end of the device; may be repeated")
OPTION(route, LIST, "route", 'r', "NET/LENGTH", 0, 0, "", M | PEER, "",
       "route this network into the device; may be repeated")
OPTION(allowed_ips, LIST, "allowed-ips", 0, "NET/LENGTH", 0, 0, "", M | PEER, "",
       "the other side may use these addresses as a source; may be repeated. Else its address, and "
       "the networks routed to it")
OPTION(mtu, NUMBER, "mtu", 0, "BYTES", 576, 65535, "", M | PEER, "",
       "largest packet in the device; else 1280, and as soon as the path is known what it carries")
OPTION(carrier, CHOICE, "carrier", 0, "auto|channel", 0, 0, "", M | B, "auto",
       "how packets travel: between adits in datagrams beside the channel, or in its messages")
OPTION(offload, CHOICE, "offload", 0, "auto|on|off", 0, 0, "", M | PEER, "auto",
       "packets of one flow go joined between the device and us: if the kernel can, or else not "
       "start, or never")
OPTION(up, TEXT, "up", 0, "PROGRAM", 0, 0, "", M | LOCAL | PEER, "",
       "run this when the device is up; it finds ADIT_* in its environment")
OPTION(down, TEXT, "down", 0, "PROGRAM", 0, 0, "", M | LOCAL | PEER, "",
       "and this when it goes away")

OPTION(
    forward_local, LIST, "local-forward", 'L', "[BIND:]PORT:HOST:PORT", 0, 0, "",
    M | U | X | PHRASES, "",
    "listen here, and connect from the other side, as ssh does; either end may be a path, the far "
    "one serial:DEVICE[,BAUD] too. May be repeated, as all of these")
OPTION(forward_remote, LIST, "remote-forward", 'R', "[BIND:]PORT:HOST:PORT", 0, 0, "",
       M | U | X | PHRASES, "", "listen at the other side, and connect from here")
OPTION(forward_socks, LIST, "dynamic-forward", 'D', "[BIND:]PORT", 0, 0, "", M | U | X, "",
       "be a SOCKS proxy here; names are resolved and connections made at the other side")
OPTION(forward_udp, LIST, "udp-forward", 'U', "[BIND:]PORT:HOST:PORT", 0, 0, "", M | U | X, "",
       "as -L, for datagrams")
OPTION(forward_stdio, TEXT, "stdio-forward", 'W', "HOST:PORT", 0, 0, "", M | U | X, "",
       "join standard input and output to this, from the other side: for ssh's ProxyCommand")
OPTION(
    permit, LIST, "permit", 0, "HOST:PORT", 0, 0, "", M | U | X, "",
    "the other side may connect to this from here; HOST, PORT or both may be *, PORT a range, HOST "
    "a network; unix:PATH, serial:DEVICE, listen:PORT (it may have us listen), any. Else nothing")
OPTION(upstream, TEXT, "upstream", 0, "URL", 0, 0, "TUNNEL_UPSTREAM", M | U, "",
       "the HTTP service that the other side reaches through us: http://…, https://… or "
       "unix:PATH[:/PREFIX]")
OPTION(advertise, TEXT, "advertise", 0, "PREFIX", 0, 0, "", M | U, "",
       "the paths of requests begin with this, and the upstream's do not")
OPTION(keep_host, FLAG, "keep-host", 0, "", 0, 0, "", M | U, "",
       "the upstream is told the client's Host, not its own")
OPTION(forwarded, CHOICE, "forwarded", 0, "strip|add|pass", 0, 0, "", N, "strip",
       "what becomes of Forwarded and X-Forwarded-*: taken out, written by us, or passed on")
OPTION(upstream_ca, TEXT, "upstream-ca", 0, "FILE", 0, 0, "", M | U | LOCAL, "",
       "believe these certificate authorities (PEM) of an https upstream instead of the system's")
OPTION(upstream_insecure, FLAG, "upstream-insecure", 0, "", 0, 0, "", M | U | LOCAL, "",
       "do not check the certificate of an https upstream")
OPTION(http_listen, LIST, "http-listen", 0, "[ADDRESS:]PORT", 0, 0, "TUNNEL_LISTEN", M | X, "",
       "be an HTTP proxy to the service at the other side, here; `adit proxy` knows it as --listen "
       "too and takes 127.0.0.1:8000 if nothing is said")
OPTION(basic_auth, TEXT, "basic-auth", 0, "USER:PASSWORD", 0, 0, "", M | X | SECRET, "",
       "clients of --http-listen must know this")
OPTION(allow_path, LIST, "allow-path", 0, "PREFIX", 0, 0, "", M | X, "",
       "and may ask for paths that begin with this; may be repeated. Else for all")
OPTION(readonly, FLAG, "readonly", 0, "", 0, 0, "", M | X, "",
       "and may read: GET, HEAD and OPTIONS alone")
OPTION(http_head, NUMBER, "http-head", 0, "BYTES", 1024, 65536, "", M | U | X, "16384",
       "the largest head of a request or response")
OPTION(http_streams, NUMBER, "http-streams", 0, "N", 1, 65536, "", M | U | X, "1024",
       "requests, and connections of clients, at a time")
OPTION(http_wait, TIME, "http-wait", 0, "TIME", 0, 0, "", M | U | X, "60s",
       "how long a response may take to begin")
OPTION(http_idle, TIME, "http-idle", 0, "TIME", 0, 0, "", M | U | X, "300s",
       "how long a connection may be silent, between requests and within one")
OPTION(http_total, TIME, "http-total", 0, "TIME", 0, 0, "", M | U | X, "0",
       "how long a request and its response may take; 0 = as long as they go on")
OPTION(
    framing, CHOICE, "framing", 0, "auto|room|agent", 0, 0, "", M | U | X, "auto",
    "whose HTTP frames: by the channel's label, those of the HTTP tunnel (between adits our own), "
    "or those of the Tunnel Agent")
OPTION(relay, TEXT, "relay", 0, "URL", 0, 0, "", U | X, "",
       "instead of a peer: a session of the Tunnel Agent's relay, wss://HOST/relay/SESSION, with "
       "--token. It reads what it carries")
OPTION(relay_auth, CHOICE, "relay-auth", 0, "query|message", 0, 0, "", U | X, "query",
       "where that relay wants the token: in the URL, or in the first message (its second "
       "generation)")
OPTION(memory, NUMBER, "memory", 0, "MB", 1, 1024, "", N, "16",
       "what streams may keep in memory, for each connection")
OPTION(file, LIST, "file", 0, "FILE", 0, 0, "", 1u << ADIT_COMMAND_SEND | LOCAL | PHRASES, "",
       "what to send; `adit send FILE…` says it too")
OPTION(dir, TEXT, "dir", 0, "DIR", 0, 0, "", 1u << ADIT_COMMAND_RECEIVE | LOCAL, "",
       "where received files go, else here; `adit receive DIR` says it too")
OPTION(stay, FLAG, "stay", 0, "", 0, 0, "", 1u << ADIT_COMMAND_RECEIVE, "",
       "receive from one sender after the other, and do not end with the first")
OPTION(overwrite, FLAG, "overwrite", 0, "", 0, 0, "", 1u << ADIT_COMMAND_RECEIVE, "",
       "received files take the place of those with the same name")

OPTION(
    public, FLAG, "public", 0, "", 0, 0, "", T, "",
    "be called without a server and without an answer: prints a ticket for `adit connect`, which "
    "stays the same as long as its file and our addresses do")
OPTION(public_secret_file, TEXT, "public-secret-file", 0, "FILE", 0, 0, "", T | LOCAL, "",
       "where the secret of that ticket is kept, else public-secret beside the stored identity. "
       "Without the file all tickets given away are worthless, and the next start makes a new one")
OPTION(public_for, TIME, "public-for", 0, "TIME", 0, 0, "", T, "0",
       "how long a new ticket is good for, in whole hours: 8h, 720h; 0 = as long as its file")
OPTION(ticket_file, TEXT, "ticket-file", 0, "FILE", 0, 0, "", K | LOCAL, "",
       "call the listener whose ticket is in this file. `adit connect TICKET` does so too; others "
       "on this host can read it there while the program starts")
OPTION(signal, TEXT, "signal", 0, "URL", 0, 0, "SIGNALING_URL TUNNEL_SIGNAL RENDEZVOUS_SERVICE_URL",
       C, "",
       "the signaling server: ws://HOST[:PORT][/PATH], wss://…, or http(s)://… for a mailbox")
OPTION(signal_exec, TEXT, "signal-exec", 0, "PROGRAM", 0, 0, "", C | LOCAL, "",
       "instead of a server: a program that carries lines of JSON to the other side and back")
OPTION(signal_file, TEXT, "signal-file", 0, "PATH", 0, 0, "", C | LOCAL, "",
       "instead of a server: a path that both sides can read and write")
OPTION(dialect, TEXT, "dialect", 0, "NAME", 0, 0, "", C, "",
       "what the server speaks: agent, vpn, device, device-b, rendezvous, room or mailbox; else it "
       "is told by the URL")
OPTION(id, TEXT, "id", 0, "NAME", 0, 0, "AGENT_ID", C, "", "our name at the server")
OPTION(token, TEXT, "token", 0, "SECRET", 0, 0, "SIGNALING_TOKEN", C | SECRET, "",
       "what the server lets us in for; better in the environment or in --token-file, for others "
       "can see a command line")
OPTION(token_file, TEXT, "token-file", 0, "FILE", 0, 0, "", C | G | LOCAL, "",
       "read the token from this file. The server: TOKEN [ACCOUNT [ID,ID-*,...]] in each line, and "
       "peers of one account see each other")
OPTION(room, TEXT, "room", 0, "NAME", 0, 0, "TUNNEL_ROOM", C, "",
       "the room in which both sides meet (vpn, room, mailbox)")
OPTION(role, CHOICE, "role", 0, "auto|offerer|answerer", 0, 0, "", C, "auto",
       "which of the two sides we are where a server wants to know; auto: connect offers, listen "
       "answers")
OPTION(email, TEXT, "email", 0, "ADDRESS", 0, 0, "", C, "",
       "log in with this account for a token (device); its password is in ADIT_PASSWORD")
OPTION(password, TEXT, "password", 0, "SECRET", 0, 0, "", C | SECRET, "", "of --email")
OPTION(new_account, FLAG, "new-account", 0, "", 0, 0, "", C, "",
       "make that account if there is none (device)")
OPTION(device_key, TEXT, "device-key", 0, "FILE", 0, 0, "", C | LOCAL, "",
       "our Ed25519 key (device-b): 32 bytes in base64, made at first use")
OPTION(ca, TEXT, "ca", 0, "FILE", 0, 0, "", N | LOCAL, "",
       "believe these certificate authorities (PEM) instead of the system's")
OPTION(tls_pin, LIST, "tls-pin", 0, "sha256/BASE64", 0, 0, "", C, "",
       "the server's public key must be this one; may be repeated")
OPTION(insecure, FLAG, "insecure", 0, "", 0, 0, "", N | LOCAL, "",
       "do not check the server's certificate: whoever is in between reads what we tell it")
OPTION(proxy, TEXT, "proxy", 0, "URL", 0, 0, "", N, "",
       "reach the server through http://[USER:PASSWORD@]HOST:PORT or socks5://…; else what "
       "https_proxy, all_proxy and no_proxy say; none = directly")
OPTION(header, LIST, "header", 0, "NAME: VALUE", 0, 0, "", C | SECRET | PHRASES, "",
       "send this with the request for the WebSocket; may be repeated")
OPTION(reconnect, TIME, "reconnect", 0, "TIME", 0, 0, "", C, "",
       "pause before the server is tried again, growing from there; else as the dialect is used to")
OPTION(reconnect_max, TIME, "reconnect-max", 0, "TIME", 0, 0, "", C, "", "and at most so long")
OPTION(reconnect_factor, NUMBER, "reconnect-factor", 0, "N", 1, 100, "", C, "",
       "each pause is so many times the one before; 1 = they do not grow")
OPTION(reconnect_tries, NUMBER, "reconnect-tries", 0, "N", 0, 1000000, "", C, "0",
       "give up after so many attempts in a row; 0 = never")
OPTION(worker_say, TEXT, "worker-say", 0, "TEXT", 0, 0, "", C, "",
       "rendezvous: say this over UDP to the worker that we are introduced to, whatever program it "
       "is")
OPTION(worker_bench, NUMBER, "worker-bench", 0, "KB", 1, 1048576, "", C, "",
       "rendezvous: send it so many kilobytes as a benchmark, as the original does")

OPTION(peer, LIST, "peer", 0, "NAME", 0, 0, "", C | PHRASES, "",
       "whom to call; may be repeated. `adit connect NAME...` says it too")
OPTION(once, FLAG, "once", 0, "", 0, 0, "", C, "",
       "end when the first connection has ended, with its exit code")
OPTION(exit_on_failure, FLAG, "exit-on-failure", 0, "", 0, 0, "", C, "",
       "end when a connection fails, instead of trying again")
OPTION(max_peers, NUMBER, "max-peers", 0, "N", 1, 4096, "", C, "64", "connections at a time")
OPTION(allow, LIST, "allow", 0, "NAME", 0, 0, "", C, "",
       "only peers of this name may connect, and the first certificate that one of them shows is "
       "remembered; * = any name. May be repeated")
OPTION(trust, CHOICE, "trust", 0, "ask|first|any", 0, 0, "", C, "ask",
       "what to do with a peer whose certificate is not known: ask at the terminal, and refuse "
       "where there is none; remember it; or check nobody's, for programs that make a new one each "
       "time they start")
OPTION(peer_fingerprint, LIST, "peer-fingerprint", 0, "HASH HEX", 0, 0, "", C | PEER | PHRASES, "",
       "the certificate that the peer must have, as in SDP: \"sha-256 AB:CD:...\"; may be repeated")
OPTION(known_peers, TEXT, "known-peers", 0, "FILE", 0, 0, "", C | LOCAL, "",
       "where the certificates of peers are remembered; else known_peers beside the stored "
       "identity")
OPTION(events, TEXT, "events", 0, "FILE", 0, 0, "", C | LOCAL, "",
       "write a line of JSON there whenever the state of something changes: a file, or a number "
       "for a descriptor")
OPTION(on_state, TEXT, "on-state", 0, "PROGRAM", 0, 0, "", C | LOCAL, "",
       "run this whenever it does; it finds ADIT_EVENT, ADIT_PEER, ADIT_STATE and ADIT_REASON in "
       "its environment")

OPTION(control, TEXT, "control", 0, "PATH", 0, 0, "", C | S | LOCAL, "",
       "the control socket; else one in the user's runtime directory, where `adit status` looks")
OPTION(json, FLAG, "json", 0, "", 0, 0, "", S | F | M | B | D, "",
       "JSON instead of text; of those that connect, for the results of bench")
OPTION(lives, FLAG, "long", 0, "", 0, 0, "", D, "",
       "take three minutes more, and find out how long the NAT remembers who is silent")
OPTION(seconds, NUMBER, "seconds", 0, "N", 1, 60, "", M | B, "3",
       "how long bench measures each way of sending")
OPTION(listen, LIST, "listen", 'l', "ADDRESS[:PORT]", 0, 0, "SIGNALING_HOST", G, "",
       "listen here: 192.0.2.1:8080, [::1]:8080, :8080, unix:PATH, systemd; may be repeated. Else "
       "on all addresses, or on localhost as long as it is not said who may come")
OPTION(port, NUMBER, "port", 0, "PORT", 0, 65535, "PORT SIGNALING_PORT", G, "8080",
       "port of addresses without one")
OPTION(anonymous, FLAG, "anonymous", 0, "", 0, 0, "", G, "",
       "anybody may come without a token, and see all others who did")
OPTION(jwt_secret_file, TEXT, "jwt-secret-file", 0, "FILE", 0, 0, "", G | LOCAL, "",
       "accept JSON Web Tokens (HS256) that are signed with what is in this file")
OPTION(jwt_key, TEXT, "jwt-key", 0, "FILE", 0, 0, "", G | LOCAL, "",
       "accept JSON Web Tokens (EdDSA) by whoever has the other half of this Ed25519 key (PEM)")
OPTION(jwt_audience, TEXT, "jwt-audience", 0, "TEXT", 0, 0, "", G, "",
       "accept only tokens that are meant for this (aud)")
OPTION(registration, FLAG, "registration", 0, "", 0, 0, "", G, "",
       "anybody may make an account with a password (device); else only who shows a token")
OPTION(state, TEXT, "state", 0, "FILE", 0, 0, "", G | LOCAL, "",
       "keep accounts, devices and mailboxes in this file; else they end with the server")
OPTION(duplicate, CHOICE, "duplicate", 0, "replace|refuse", 0, 0, "", G, "replace",
       "of two clients with one id, the newer one has it, or the older one keeps it")
OPTION(origin, LIST, "origin", 0, "URL", 0, 0, "", G, "",
       "browsers may come from pages of this origin, such as https://app.example; may be repeated. "
       "Else from any")
OPTION(tls, FLAG, "tls", 0, "", 0, 0, "", G, "",
       "speak TLS, with a certificate of our own that clients pin")
OPTION(tls_self, TEXT, "tls-self", 0, "FILE", 0, 0, "", G | LOCAL, "",
       "the same, and keep it in this file")
OPTION(tls_cert, TEXT, "tls-cert", 0, "FILE", 0, 0, "", G | LOCAL, "",
       "speak TLS with this certificate and its chain (PEM); read again at SIGHUP")
OPTION(tls_key, TEXT, "tls-key", 0, "FILE", 0, 0, "", G | LOCAL, "",
       "and its key, if it is not in there")
OPTION(behind_proxy, FLAG, "behind-proxy", 0, "", 0, 0, "", G, "",
       "a reverse proxy of ours is before us: who calls is the last address in X-Forwarded-For")
OPTION(
    turn_url, LIST, "turn-url", 0, "turn:HOST:PORT", 0, 0, "", G, "",
    "give clients that ask (GET /turn) credentials for this TURN server, and not for our own; may "
    "be repeated")
OPTION(
    turn_secret_file, TEXT, "turn-secret-file", 0, "FILE", 0, 0, "", N | G | LOCAL, "",
    "what the TURN server and we share (coturn: static-auth-secret), to make passwords that last a "
    "day. The server reads it again at SIGHUP, and its own makes one if there is none")
OPTION(turn_ttl, TIME, "turn-ttl", 0, "TIME", 0, 0, "", G, "24h", "how long they are good for")
OPTION(stun_server, FLAG, "stun-server", 0, "", 0, 0, "", G, "",
       "be a STUN server as well, on UDP and TCP port 3478. --stun without a value is the same")
OPTION(turn_server, FLAG, "turn-server", 0, "", 0, 0, "", G, "",
       "be a STUN and TURN server as well; clients that may come are given credentials for it. "
       "--turn is the same")
OPTION(turn_listen, LIST, "turn-listen", 0, "ADDRESS[:PORT]", 0, 0, "", G, "",
       "where: 192.0.2.1, [2001:db8::1]:3478, :3478; may be repeated. Else on all addresses, or on "
       "localhost as long as it is not said who may come")
OPTION(turns_listen, LIST, "turns-listen", 0, "ADDRESS[:PORT]", 0, 0, "", G, "",
       "TURN over TLS there (port 5349), with the certificate of the server, whose own port speaks "
       "it too; may be repeated")
OPTION(turn_host, TEXT, "turn-host", 0, "HOST", 0, 0, "", G, "",
       "how clients find it; else as they name this server")
OPTION(relay_address, LIST, "relay-address", 0, "ADDRESS[/LOCAL]", 0, 0, "", G, "",
       "relay from this address, one of each family at most. LOCAL: the host's own behind a NAT "
       "that maps them one to one. Else an address of this host, a public one if there is any")
OPTION(relay_ports, PORTS, "relay-ports", 0, "A-B", 0, 0, "", G, "49152-65535",
       "and from these ports")
OPTION(relay_allow, LIST, "relay-allow", 0, "NET/LENGTH", 0, 0, "", G, "",
       "relay to this network too, which is private, local or our own; may be repeated")
OPTION(relay_max, NUMBER, "relay-max", 0, "N", 1, 65535, "", G, "1000",
       "relayed addresses at a time")
OPTION(relay_max_each, NUMBER, "relay-max-each", 0, "N", 1, 65535, "", G, "32",
       "of one name in credentials; of one client address twice as many")
OPTION(relay_rate, NUMBER, "relay-rate", 0, "KIB", 1, 1000000, "", G, "4096",
       "KiB a second through one of them, both ways together")
OPTION(relay_url, TEXT, "relay-url", 0, "URL", 0, 0, "", G, "",
       "the relay that devices are told of (device)")
OPTION(ws_relay, CHOICE, "ws-relay", 0, "on|off", 0, 0, "", G, "on",
       "hand on packets between clients that reach each other in no other way, over their "
       "WebSockets; and be the relay of devices (/relay/)")
OPTION(ws_relay_rate, NUMBER, "ws-relay-rate", 0, "KIB", 1, 1000000, "", G, "512",
       "KiB a second for one account, or one address without an account")
OPTION(ws_relay_bytes, NUMBER, "ws-relay-bytes", 0, "MIB", 1, 1000000000, "", G, "10240",
       "MiB in a day for one of them")
OPTION(ws_relay_max, NUMBER, "ws-relay-max", 0, "N", 1, 1000000, "", G, "64",
       "pairs of its clients at a time")
OPTION(max_clients, NUMBER, "max-clients", 0, "N", 1, 1000000, "", G, "20000", "clients at a time")
OPTION(max_per_address, NUMBER, "max-per-address", 0, "N", 1, 1000000, "", G, "256",
       "of one IPv4 address, or one IPv6 /64")
OPTION(max_rate, NUMBER, "max-rate", 0, "N", 1, 100000, "", G, "50",
       "messages of one client in a second, over time; five times as many at once")
OPTION(max_requests, NUMBER, "max-requests", 0, "N", 1, 100000, "", G, "20",
       "requests of one address in a second, over time; ten times as many at once")
OPTION(ping, TIME, "ping", 0, "TIME", 0, 0, "", G, "45s",
       "ask a client that was silent for so long whether it is still there")

OPTION(config, TEXT, "config", 'c', "FILE", 0, 0, "AGENT_CONFIG", A | LOCAL, "",
       "read options from this YAML or JSON file: their names without the dashes in front")
OPTION(verbose, COUNT, "verbose", 'v', "", 0, 0, "", A, "", "say more; twice: everything")
OPTION(quiet, FLAG, "quiet", 'q', "", 0, 0, "", A, "", "say only what went wrong")
OPTION(log_level, CHOICE, "log-level", 0, "error|warn|info|debug|trace", 0, 0, "LOG_LEVEL", A,
       "info", "how much to say, exactly")
OPTION(man, FLAG, "man", 0, "", 0, 0, "", H | LOCAL, "", "print the manual page")
