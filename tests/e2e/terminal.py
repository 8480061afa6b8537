#!/usr/bin/env python3
"""terminal - runs a program at a terminal, for tests of what people do at one.

terminal.py [--suspend] [--expect TEXT --type LINE] [--paste FILE] [--then interrupt|hangup|wait] [--settings FILE] CMD...

--expect TEXT --type LINE: waits until the program has written TEXT, and types LINE.
--suspend runs it under a shell with job control and presses ^Z once it reads; when the shell has the
terminal back, fg. Prints "suspended: same" or "changed": the terminal as the shell got it.

Waits until the program has said something, pastes FILE in pieces as a terminal does, presses Enter,
and does what --then says. What the program writes goes to stdout.
--settings FILE gets "same" or "changed": the terminal as it was found and as it was left.
Exit code: the program's; 128 + N when signal N ended it; 124 when it went on for 30 s.
"""
import argparse
import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time

args = argparse.ArgumentParser()
args.add_argument("--suspend", action="store_true")
args.add_argument("--paste")
args.add_argument("--expect")
args.add_argument("--type", default="")
args.add_argument("--then", choices=["interrupt", "hangup", "wait"], default="wait")
args.add_argument("--settings")
args.add_argument("command", nargs=argparse.REMAINDER)
args = args.parse_args()

if args.suspend:
    args.command = ["sh", "-mc", '"$@"; echo "the shell has it"; read x; fg', "sh"] + args.command

main, terminal = pty.openpty()
before = termios.tcgetattr(terminal)
child = subprocess.Popen(args.command, stdin=terminal, stdout=terminal, stderr=terminal,
                         start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
end = time.monotonic() + 30


def pump(seconds, until=lambda: False):
    """Shows what the program writes, for so long or until it is enough."""
    stop = min(end, time.monotonic() + seconds)
    while time.monotonic() < stop and not until():
        ready, _, _ = select.select([main], [], [], 0.05)
        if ready:
            try:
                data = os.read(main, 65536)
            except OSError:
                return
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            pump.seen += len(data)
            pump.text += data


def in_lines():
    """Is the terminal as shells have it? Programs that read bytes switch that off."""
    return bool(termios.tcgetattr(terminal)[3] & termios.ICANON)


pump.seen, pump.text = 0, b""
pump(10, lambda: pump.seen > 0 or child.poll() is not None)
pump(0.3)
if args.suspend:
    pump(10, lambda: not in_lines())
    os.write(main, b"\x1a")
    pump(10, lambda: b"the shell has it\r\n" in pump.text)  # the whole line: ours is to be one of its own
    print("suspended:", "same" if termios.tcgetattr(terminal) == before else "changed", flush=True)
    os.write(main, b"\r")
    pump(10, lambda: not in_lines())
if args.expect:
    pump(20, lambda: args.expect.encode() in pump.text)
    os.write(main, args.type.encode() + b"\r")
if args.paste:
    text = open(args.paste, "rb").read()
    for at in range(0, len(text), 1024):
        _, writable, _ = select.select([], [main], [], 2)
        if writable:
            os.write(main, text[at:at + 1024])
        pump(0.01)
    os.write(main, b"\r")
if args.then == "interrupt":
    os.write(main, b"\x03")
elif args.then == "hangup":
    os.close(terminal)
    os.close(main)
if args.then != "hangup":
    pump(60, lambda: child.poll() is not None)
try:
    code = child.wait(max(0.1, min(10, end - time.monotonic())))
except subprocess.TimeoutExpired:
    child.kill()
    code = 124
if args.settings and args.then != "hangup":
    with open(args.settings, "w") as f:
        f.write("same" if termios.tcgetattr(terminal) == before else "changed")
sys.exit(code if code >= 0 else 128 - code)
