"""What the measurements share: two hosts on one wire inside a nest, programs in them, and figures of those."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../.."))
NEST = os.path.join(HERE, "../lab/nest")
W = "/run/bench"  # inside a nest, and gone with it
TICKS = os.sysconf("SC_CLK_TCK")


class Missing(Exception):
    """Something is not installed; str() says what."""


def need(*programs):
    for p in programs:
        if not shutil.which(p):
            raise Missing(f"{p} is not installed")


def say(text=""):
    print(text, file=sys.stderr, flush=True)


def in_nest(me):
    """Runs the same command again inside a nest and ends with its exit code; returns where it is inside."""
    if "NEST" in os.environ:
        os.environ["PATH"] += ":/usr/sbin:/sbin"
        os.makedirs(W)
        os.environ |= {"HOME": W, "XDG_CONFIG_HOME": W}
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            os.environ.pop(name, None)
        return
    if subprocess.run([NEST, "-t"]).returncode:
        sys.exit(77)
    sys.exit(subprocess.run([NEST, sys.executable, me, *sys.argv[1:]]).returncode)


def run(place, *argv, **more):
    return subprocess.run(["ip", "netns", "exec", place, *argv], stdout=subprocess.PIPE, check=True, text=True,
                          **more).stdout


def start(place, name, *argv, **more):
    """In the background; the pid is the program's own. It goes with the nest at the latest."""
    log = open(f"{W}/{name}.log", "ab")
    return subprocess.Popen(["ip", "netns", "exec", place, *argv], stderr=log,
                            **{"stdin": subprocess.DEVNULL, "stdout": log} | more)


def end(*children):
    for c in children:
        c.kill()
    for c in children:
        c.wait()


def log_of(*names):
    lines = [line for n in names if os.path.exists(f"{W}/{n}.log") for line in open(f"{W}/{n}.log", errors="replace")]
    return lines[-1].strip() if lines else "it said nothing"


def two_hosts():
    """A 192.0.2.1 and B 192.0.2.2, one wire (eth0), MTU 1500."""
    for place in "AB":
        subprocess.run(["ip", "netns", "add", place], check=True)
        subprocess.run(["ip", "-n", place, "link", "set", "lo", "up"], check=True)
    subprocess.run("ip link add eth0 netns A type veth peer name eth0 netns B".split(), check=True)
    for n, place in enumerate("AB"):
        subprocess.run(["ip", "-n", place, "address", "add", f"192.0.2.{n + 1}/24", "dev", "eth0"], check=True)
        subprocess.run(["ip", "-n", place, "link", "set", "eth0", "up", "mtu", "1500"], check=True)
    # a new wire carries only after a moment, and programs look at that
    until = time.monotonic() + 5
    while not all("state UP" in run(place, "ip", "link", "show", "eth0") for place in "AB") and time.monotonic() < until:
        time.sleep(0.01)
    return "192.0.2.1", "192.0.2.2"


def tunnel(adit, tag, inside, *more, a_only=()):
    """Two of adit, each with a device named `tag`, paired by what they print: an offer to the one, its answer to the other."""
    programs = []
    for n in ("offer", "answer"):
        os.mkfifo(f"{W}/{tag}-{n}")
    keep = [os.open(f"{W}/{tag}-{n}", os.O_RDWR) for n in ("offer", "answer")]
    for place, mine, theirs in (("A", "offer", "answer"), ("B", "answer", "offer")):
        programs.append(start(place, f"{tag}-{place}", adit, mine, "--mode", "tun", "--address", inside[place] + "/24",
                              "--ifname", tag, "--bind-dev", "eth0", *more, *(a_only if place == "A" else ()),
                              "--out", f"{W}/{tag}-{mine}", "--in", f"{W}/{tag}-{theirs}"))
    answers(inside["B"])  # or not: whoever asked for the tunnel finds that out
    for fd in keep:
        os.close(fd)
    for n in ("offer", "answer"):
        os.unlink(f"{W}/{tag}-{n}")
    return programs


def nebula(inside, b, device_mtu=1300):
    """Two of it, one in A and one in B, whose addresses inside are {"A": ..., "B": ...}."""
    need("nebula", "nebula-cert")
    d = f"{W}/nebula"
    if not os.path.isdir(d):
        os.makedirs(d)
        subprocess.run(["nebula-cert", "ca", "-name", "bench"], cwd=d, check=True)
        for place in "BA":
            subprocess.run(["nebula-cert", "sign", "-name", place, "-ip", inside[place] + "/24"], cwd=d, check=True)
            rule = [{"port": "any", "proto": "any", "host": "any"}]
            with open(f"{d}/{place}.yml", "w") as f:  # JSON is YAML
                json.dump({
                    "pki": {"ca": f"{d}/ca.crt", "cert": f"{d}/{place}.crt", "key": f"{d}/{place}.key"},
                    "static_host_map": {inside["B"]: [f"{b}:4242"]},
                    "lighthouse": {"am_lighthouse": place == "B", "hosts": [] if place == "B" else [inside["B"]]},
                    "listen": {"host": "0.0.0.0", "port": 4242},
                    "tun": {"dev": "neb0", "mtu": device_mtu},
                    "firewall": {"outbound": rule, "inbound": rule},
                }, f)
    return [start(place, f"nebula-{place}", "nebula", "-config", f"{d}/{place}.yml") for place in "BA"]


def answers(to, seconds=20, patience=0.2):
    """Whether a ping from A comes back within so many seconds; each is waited for with patience."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if subprocess.run(["ip", "netns", "exec", "A", "ping", "-q", "-c1", "-W", str(patience), to],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            return True
    return False


def iperf(to, seconds, programs, *more):
    """One TCP stream from A, or to it with "-R"; cpu: seconds for a GB that these programs used. None if it failed."""
    server = start("B", "iperf3", "iperf3", "-s", "-1")
    time.sleep(0.3)
    before = cpu(programs)
    try:
        text = run("A", "iperf3", "-c", to, "-t", str(seconds), "-J", "--connect-timeout", "5000", *more,
                   timeout=seconds + 20)
    except subprocess.SubprocessError:
        return None
    finally:
        spent = cpu(programs) - before
        end(server)
    whole = json.loads(text)["end"]
    got = whole["sum_received"]
    return {"mbit": got["bits_per_second"] / 1e6, "cpu": spent / max(1, got["bytes"]) * 1e9,
            "resent": whole["sum_sent"]["retransmits"]}


def result(measure, series, **figures):
    print(json.dumps({"measure": measure, "series": series, **figures}), flush=True)


def verdict(measure, what, figure, unit, least=None, most=None):
    """Says whether a figure is what was wanted; which never is a reason to fail."""
    met = figure >= least if most is None else figure <= most
    wanted = f">= {least}" if most is None else f"<= {most}"
    result(measure, "wanted", what=what, figure=round(figure, 3), unit=unit, wanted=wanted, met=met)
    say(f"{'ok    ' if met else 'MISSED'}  {what}: {figure:.2f} {unit} (wanted {wanted})")


def spread(values, digits=1):
    """Median, least, most."""
    v = sorted(values)
    return [round(x, digits) for x in (statistics.median(v), v[0], v[-1])]


def percentile(values, p):
    v = sorted(values)
    return v[min(len(v) - 1, int(len(v) * p / 100))]


def family(pid):
    """A process and all that came of it."""
    parents = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{p}/stat") as f:
                parents.setdefault(int(f.read().rsplit(")", 1)[1].split()[1]), []).append(int(p))
        except OSError:
            pass
    found = [pid]
    for p in found:
        found += parents.get(p, [])
    return found


def cpu(programs):
    """Seconds of processor time so far, of all that came of them."""
    total = 0
    for p in programs:
        for pid in family(p.pid):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
            except OSError:
                pass
    return total / TICKS


def memory(program, what):
    """MiB: VmRSS, VmHWM."""
    with open(f"/proc/{program.pid}/status") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith(what + ":"))


def others(patience):
    """Waits so many seconds at most for the machine to be quiet; what share of it was busy at last, in percent."""
    until = time.monotonic() + patience
    while True:
        share = []
        for _ in range(2):
            with open("/proc/stat") as f:
                share.append([int(x) for x in f.readline().split()[1:9]])
            time.sleep(0.4 if len(share) == 1 else 0)
        passed = [b - a for a, b in zip(*share)]
        busy = 100 * (sum(passed) - passed[3] - passed[4]) / max(1, sum(passed))
        if busy < 12 or time.monotonic() > until:
            return round(busy)
