/* options.def.h - every option, once. Command line, environment, .env, configuration file, help and
 * manual page are made from these rows. No guards: it is included wherever something is made of
 * them.
 *
 *   OPTION(field, kind, "name", letter, "argument", min, max, "ENVIRONMENT", commands, "default",
 *          "help")
 *
 * Every option is also found as ADIT_<NAME> in the environment, before the names given here, which
 * are those of other programs. A CHOICE's argument names its values, in the order of its enum.
 * Commands: P = those that pair, H = help, A = all. LOCAL marks what is not taken from .env: a file
 * that lies around in a directory may not choose programs to run or files to read. */

OPTION(as, CHOICE, "as", 0, "ticket|json|sdp", 0, 0, "", P, "ticket",
       "form of our line. An answer takes the form of its offer")
OPTION(mode, CHOICE, "mode", 'm', "chat|json|bytes|echo|check|tun|tap", 0, 0, "MODE", P, "chat",
       "what travels: lines of text; JSON, one document a line; a pipe; everything back; a "
       "series compared with its echo; IP packets; Ethernet frames")
OPTION(in, TEXT, "in", 'i', "FILE", 0, 0, "", P | LOCAL, "",
       "read the other side's line from here: a file, or a number for a descriptor; else standard "
       "input")
OPTION(out, TEXT, "out", 'o', "FILE", 0, 0, "", P | LOCAL, "",
       "print our line there: a file, or a number for a descriptor; else standard output")
OPTION(qr, FLAG, "qr", 0, "", 0, 0, "", P, "", "show our line as a QR code too")
OPTION(
    timeout, TIME, "timeout", 't', "TIME", 0, 0, "", P, "0",
    "give up if there is no connection by then: 90, 90s, 5m, 1h; 0 = never, or a minute after the "
    "answer was read")

OPTION(stun, LIST, "stun", 's', "HOST[:PORT]", 0, 0, "ICE_URL ICE_URLS", P, "",
       "ask this STUN server for our public address; may be repeated. STUN_HOST and STUN_PORT in "
       "the environment are understood too")
OPTION(bind_dev, LIST, "bind-dev", 0, "INTERFACE", 0, 0, "", P, "",
       "use only this network interface; may be repeated")
OPTION(ignore_dev, LIST, "ignore-dev", 0, "INTERFACE", 0, 0, "", P, "",
       "do not use this network interface; may be repeated")
OPTION(udp_port, PORTS, "udp-port", 0, "A[-B]", 0, 0, "INTERNAL_UDP_PORT", P, "",
       "local UDP port, or a range of them")
OPTION(loopback, FLAG, "loopback", 0, "", 0, 0, "", P, "",
       "use 127.0.0.1 and ::1 too, for two programs on one host")

OPTION(cert, TEXT, "cert", 0, "FILE", 0, 0, "", P | LOCAL, "",
       "our certificate (PEM) instead of a new one for each connection")
OPTION(key, TEXT, "key", 0, "FILE", 0, 0, "", P | LOCAL, "", "and its key, if it is not in there")
OPTION(identity, TEXT, "identity", 0, "FILE", 0, 0, "", P | LOCAL, "",
       "keep certificate and key in this file, made at first use")

OPTION(label, TEXT, "label", 0, "TEXT", 0, 0, "DATA_CHANNEL_LABEL", P, "adit",
       "name of the data channel")
OPTION(unordered, FLAG, "unordered", 0, "", 0, 0, "", P, "", "messages may overtake each other")
OPTION(max_retransmits, NUMBER, "max-retransmits", 0, "N", 0, 65535, "", P, "",
       "give a message up after so many retransmissions")
OPTION(max_lifetime, NUMBER, "max-lifetime", 0, "MS", 0, 65535, "", P, "",
       "give a message up after so many milliseconds")

OPTION(ifname, TEXT, "ifname", 0, "NAME", 0, 0, "", P, "",
       "name of the TUN or TAP device; may have one %d")
OPTION(address, LIST, "address", 'a', "ADDRESS/LENGTH", 0, 0, "", P, "",
       "address of the device; may be repeated")
OPTION(peer_address, LIST, "peer-address", 0, "ADDRESS", 0, 0, "", P, "",
       "address of the other end of the device; may be repeated")
OPTION(route, LIST, "route", 'r', "NET/LENGTH", 0, 0, "", P, "",
       "route this network into the device; may be repeated")
OPTION(allowed_ips, LIST, "allowed-ips", 0, "NET/LENGTH", 0, 0, "", P, "",
       "the other side may use these addresses as a source; may be repeated. Else its address, and "
       "the networks routed to it")
OPTION(mtu, NUMBER, "mtu", 0, "BYTES", 576, 65535, "", P, "", "largest packet in the device")
OPTION(up, TEXT, "up", 0, "PROGRAM", 0, 0, "", P | LOCAL, "",
       "run this when the device is up; it finds ADIT_* in its environment")
OPTION(down, TEXT, "down", 0, "PROGRAM", 0, 0, "", P | LOCAL, "", "and this when it goes away")

OPTION(config, TEXT, "config", 'c', "FILE", 0, 0, "AGENT_CONFIG", A | LOCAL, "",
       "read options from this YAML or JSON file: their names without the dashes in front")
OPTION(verbose, COUNT, "verbose", 'v', "", 0, 0, "", A, "", "say more; twice: everything")
OPTION(quiet, FLAG, "quiet", 'q', "", 0, 0, "", A, "", "say only what went wrong")
OPTION(log_level, CHOICE, "log-level", 0, "error|warn|info|debug|trace", 0, 0, "LOG_LEVEL", A,
       "info", "how much to say, exactly")
OPTION(man, FLAG, "man", 0, "", 0, 0, "", H | LOCAL, "", "print the manual page")
