"""The ways from host A to host B that are measured beside each other: plain wire, floor, adit, other VPNs.

Each function of WAYS takes the addresses of both hosts on the wire, starts the programs of both ends and returns them; the
tunnel's addresses are those of INSIDE, which may be changed between two of them. ADIT names the program, BUILD the folder of
its build, OLD perhaps an earlier program.
"""
import os
import random
import re
import subprocess
import time

from bench import Missing, W, answers, end, log_of, nebula, need, run, say, start, tunnel

INSIDE = {"A": "10.99.0.1", "B": "10.99.0.2"}


def device(place, name, mtu):
    """Gives an address to a device that a program has made or will make."""
    until = time.monotonic() + 10
    while subprocess.run(["ip", "-n", place, "link", "show", name], capture_output=True).returncode:
        if time.monotonic() > until:
            raise Missing(f"no device {name} came up")
        time.sleep(0.01)
    subprocess.run(["ip", "-n", place, "address", "add", INSIDE[place] + "/24", "dev", name], check=True)
    subprocess.run(["ip", "-n", place, "link", "set", name, "up", "mtu", str(mtu)], check=True)


def way_plain(a, b):
    return []


def floor(name, port, a, b, *more):
    program = f"{os.environ['BUILD']}/tests/bench/floor"
    need(program)
    programs = [start("B", name + "-B", program, name, b, a, port, *more),
                start("A", name + "-A", program, name, a, b, port, *more)]
    for place in "AB":
        device(place, name, 1420)
    return programs


def way_floor(a, b):
    return floor("floor", "5555", a, b)


def way_floor_split(a, b):
    return floor("floor-split", "5556", a, b, "split")


def way_floor_alone(a, b):
    return floor("floor-alone", "5557", a, b, "alone")


def adit(tag, *more):
    return tunnel(os.environ["ADIT"], tag, INSIDE, *more)


def way_adit(a, b):
    return adit("adit")


def way_adit_old(a, b):
    if "OLD" not in os.environ:
        raise Missing("OLD names no program")
    return tunnel(os.environ["OLD"], "adit-old", INSIDE)


def way_adit_channel(a, b):
    return adit("adit-channel", "--carrier", "channel")


def way_adit_plain(a, b):
    return adit("adit-plain", "--offload", "off")


def way_nebula(a, b):
    return nebula(INSIDE, b)


def way_fastd(a, b):
    need("fastd")
    keys = {}
    for p in "AB":
        text = run(p, "fastd", "--generate-key", stderr=subprocess.STDOUT)
        keys[p] = re.search(r"Secret: (\w+)", text)[1], re.search(r"Public: (\w+)", text)[1]
    for p, other, address in (("A", "B", b), ("B", "A", a)):
        with open(f"{W}/fastd-{p}.conf", "w") as f:
            f.write(f"""log level warn;
interface "fastd0"; mode tun; mtu 1426; method "salsa2012+umac"; secret "{keys[p][0]}"; bind any:10000;
peer "{other}" {{ key "{keys[other][1]}"; remote {address}:10000; }}
""")
    programs = [start(p, f"fastd-{p}", "fastd", "-c", f"{W}/fastd-{p}.conf") for p in "BA"]
    for p in "AB":
        device(p, "fastd0", 1426)
    return programs


def way_wireguard_go(a, b):
    need("wireguard-go", "wg")
    key = {p: run(p, "wg", "genkey").strip() for p in "AB"}
    public = {p: run(p, "wg", "pubkey", input=key[p]).strip() for p in "AB"}
    programs = []
    for p, other, address in (("B", "A", a), ("A", "B", b)):
        name = f"wg{p.lower()}0"
        socket = f"/var/run/wireguard/{name}.sock"
        if os.path.exists(socket):  # of one that was killed
            os.unlink(socket)
        programs.append(start(p, f"wireguard-{p}", "wireguard-go", "-f", name))
        until = time.monotonic() + 10
        while not os.path.exists(socket) and time.monotonic() < until:
            time.sleep(0.01)
        with open(f"{W}/{p}.key", "w") as f:
            f.write(key[p])
        run(p, "wg", "set", name, "private-key", f"{W}/{p}.key", "listen-port", "51820", "peer", public[other],
            "allowed-ips", INSIDE[other] + "/32", "endpoint", f"{address}:51820")
        device(p, name, 1420)
    return programs


def way_openvpn(a, b):
    need("openvpn", "openssl")
    finger = {}
    for p in "AB":
        run(p, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "30", "-subj", f"/CN={p}", "-keyout", f"{W}/{p}.pem", "-out", f"{W}/{p}.crt", stderr=subprocess.DEVNULL)
        finger[p] = run(p, "openssl", "x509", "-in", f"{W}/{p}.crt", "-noout", "-fingerprint", "-sha256").split("=")[1]
    programs = []
    for p, other, address, role in (("B", "A", a, "tls-server\ndh none"), ("A", "B", b, "tls-client")):
        with open(f"{W}/openvpn-{p}.conf", "w") as f:
            f.write(f"""dev-type tun
dev ovpn0
proto udp4
port 1194
remote {address}
cipher AES-256-GCM
data-ciphers AES-256-GCM
fast-io
verb 1
{role}
ifconfig {INSIDE[p]} {INSIDE[other]}
cert {W}/{p}.crt
key {W}/{p}.pem
peer-fingerprint {finger[other].strip()}
""")
        programs.append(start(p, f"openvpn-{p}", "openvpn", f"{W}/openvpn-{p}.conf"))
    return programs


WAYS = {"plain": way_plain, "floor": way_floor, "floor-split": way_floor_split, "floor-alone": way_floor_alone,
        "adit": way_adit, "adit-old": way_adit_old, "adit-channel": way_adit_channel, "adit-plain": way_adit_plain,
        "nebula": way_nebula, "fastd": way_fastd, "wireguard-go": way_wireguard_go, "openvpn": way_openvpn}


def inside(name, b):
    """Where a way leads to."""
    return b if name == "plain" else INSIDE["B"]


def up_together(names, a, b):
    """Starts them all, each with a network of its own: {name: (where it leads to, its programs)}, without who is missing."""
    up = {}
    for n, name in enumerate(names):
        INSIDE.update(A=f"10.99.{n}.1", B=f"10.99.{n}.2")
        try:
            up[name] = inside(name, b), WAYS[name](a, b)
        except (Missing, subprocess.CalledProcessError) as e:
            say(f"without {name}: {e}")
            continue
        if not answers(up[name][0]) or any(p.poll() is not None for p in up[name][1]):
            say(f"without {name}: nothing comes through; {log_of(name + '-A', name + '-B')}")
            end(*up.pop(name)[1])
    return up


def in_turn(up, turns):
    """So many turns of all ways, each in an order of its own: which processor a program gets often depends on whose turn was
    before. Yields (turn, name, where it leads to)."""
    for n in range(turns):
        for name in random.sample(list(up), len(up)):
            yield n, name, up[name][0]


def pings(to, count, gap):
    """Round trips in ms, of pings from A."""
    text = subprocess.run(["ip", "netns", "exec", "A", "ping", "-i", str(gap), "-c", str(count), "-W", "1", to],
                          stdout=subprocess.PIPE, text=True).stdout
    times = [float(x) for x in re.findall(r"time=([\d.]+)", text)]
    return times or [float("inf")]
