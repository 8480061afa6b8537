"""One data channel from A to B that carries all it can: dc-bulk.c at both ends, or the same in another stack."""
import json
import os
import select
import shutil
import subprocess
import time

from bench import HERE, ROOT, Missing, cpu, end, log_of, need, start


class Failed(Exception):
    """It did not work this time; str() says what."""


# ---- programs: each returns the command of an end ------------------------------------------------------


def adit():
    program = f"{os.environ['BUILD']}/tests/bench/dc-bulk"
    need(program)
    return [program]


def pion():
    sources = "/usr/share/gocode"
    if not shutil.which("go") or not os.path.isdir(f"{sources}/src/github.com/pion/webrtc"):
        raise Missing("not installed; `tests/interop/install pion` does it")
    out = f"{ROOT}/build/interop"
    os.makedirs(out, exist_ok=True)
    made = subprocess.run(["go", "build", "-p", "2", "-o", f"{out}/pion-bulk", f"{HERE}/peers/pion.go"], text=True,
                          capture_output=True, env=os.environ | {"GOPATH": sources, "GO111MODULE": "off", "GOFLAGS": "",
                                                                 "GOCACHE": f"{out}/go-cache"})
    if made.returncode:
        raise Missing("it does not build: " + made.stderr.strip().replace("\n", "; ")[-300:])
    return [f"{out}/pion-bulk"]


def aiortc():
    if subprocess.run(["/usr/bin/python3", "-c", "import aiortc"], stderr=subprocess.DEVNULL).returncode:
        raise Missing("not installed; `tests/interop/install aiortc` does it")
    return [f"{HERE}/peers/aiortc"]


STACKS = {"adit": adit, "pion": pion, "aiortc": aiortc}


# ---- a run ---------------------------------------------------------------------------------------------


class End:
    def __init__(self, place, command, *what):
        self.rest, self.log = b"", f"{os.path.basename(command[0])}-{place}"
        self.child = start(place, self.log, *command, *what, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, line=""):
        try:
            self.child.stdin.write(line.encode() + b"\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            raise Failed(log_of(self.log)) from None

    def hear(self, what, seconds=20):
        """The next line, raw; what is expected is for the error."""
        until = time.monotonic() + seconds
        while b"\n" not in self.rest:
            ready = select.select([self.child.stdout], [], [], max(0, until - time.monotonic()))[0]
            more = os.read(self.child.stdout.fileno(), 65536) if ready else b""
            if not more:
                raise Failed(log_of(self.log) if ready else f"{self.log}: no {what} within {seconds} s")
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()


def carry(command, size, order, seconds, warm=1.0, ready=None):
    """Bulk from A to B for so many seconds, after a while that does not count; ready() is called before all that.

    Mbit/s, CPU seconds for a GB (both ends), how many ms it took from the answer given to the offerer until both ends
    had the channel open, and what part of the CPU was the sender's."""
    ends = []
    try:
        a = End("A", command, "offer", str(size), order)
        ends.append(a)
        b = End("B", command, "answer", str(size), order)
        ends.append(b)
        b.tell(a.hear("offer"))
        answer = b.hear("answer")
        begun = time.monotonic()
        a.tell(answer)
        for e in ends:
            if not json.loads(e.hear("open channel")).get("open"):
                raise Failed(f"{e.log}: it said something else than that the channel is open")
        opened = time.monotonic()
        if ready:
            ready()

        def mark():
            b.tell()
            return json.loads(b.hear("count")), [cpu([e.child]) for e in ends]

        if warm:
            a.tell()
            time.sleep(warm)
        first, before = mark()
        if not warm:
            a.tell()
        time.sleep(seconds)
        last, after = mark()
        got = last["bytes"] - first["bytes"]
        if not got:
            raise Failed("nothing came")
        spent = [y - x for x, y in zip(before, after)]
        return {"mbit": got * 8 / 1e6 / (last["time"] - first["time"]), "cpu": sum(spent) / got * 1e9,
                "open_ms": (opened - begun) * 1000, "sender": spent[0] / max(sum(spent), 0.01)}
    finally:
        end(*(e.child for e in ends))
