"""Chromium, headless, driven over the DevTools protocol through two pipes (no port, no library)."""
import fcntl
import json
import os
import queue
import subprocess
import threading

FLAGS = ('--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
         '--disable-background-networking', '--disable-component-update', '--disable-default-apps',
         '--disable-extensions', '--disable-dev-shm-usage', '--mute-audio', '--remote-debugging-pipe')


class Gone(Exception):
    pass


def pipe_above(lowest):
    """A pipe whose two descriptors leave the low numbers free."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest) for fd in ends)
    for fd in ends:
        os.close(fd)
    return high


class Browser:
    def __init__(self, program, profile, flags=()):
        read_commands, commands = pipe_above(10)
        answers, write_answers = pipe_above(10)
        os.dup2(read_commands, 3)  # the two numbers that --remote-debugging-pipe demands
        os.dup2(write_answers, 4)
        self.process = subprocess.Popen(
            [program, *FLAGS, *flags, '--user-data-dir=' + profile, 'about:blank'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(3, 4))
        for fd in (3, 4, read_commands, write_answers):
            os.close(fd)
        self._commands = os.fdopen(commands, 'wb', 0)
        self._answers = os.fdopen(answers, 'rb', 0)
        self._lock, self._number, self._waiting = threading.Lock(), 0, {}
        self.events = queue.Queue()  # (method, params), and None when the browser is gone
        threading.Thread(target=self._read, daemon=True).start()
        self._session = None

    def _read(self):
        data = b''
        while True:
            chunk = self._answers.read(1 << 16)
            if not chunk:
                break
            data += chunk
            *whole, data = data.split(b'\0')
            for message in map(json.loads, whole):
                if 'id' in message:
                    self._waiting.pop(message['id']).put(message)
                else:
                    self.events.put((message['method'], message['params']))
        for waiting in list(self._waiting.values()):
            waiting.put(None)
        self.events.put(None)

    def call(self, method, **params):
        reply = queue.Queue()
        with self._lock:
            self._number += 1
            message = {'id': self._number, 'method': method, 'params': params}
            if self._session:
                message['sessionId'] = self._session
            self._waiting[self._number] = reply
            self._commands.write(json.dumps(message).encode() + b'\0')
        answer = reply.get(timeout=30)
        if answer is None:
            raise Gone('the browser ended')
        if 'error' in answer:
            raise Gone('%s: %s' % (method, answer['error'].get('message')))
        return answer['result']

    def attach(self):
        """From here on, calls go to the one page."""
        page = next(t for t in self.call('Target.getTargets')['targetInfos'] if t['type'] == 'page')
        self._session = self.call('Target.attachToTarget', targetId=page['targetId'], flatten=True)['sessionId']

    def evaluate(self, script):
        result = self.call('Runtime.evaluate', expression=script)
        if 'exceptionDetails' in result:
            raise Gone(json.dumps(result['exceptionDetails']))

    def close(self):
        self._session = None
        try:
            self.call('Browser.close')
            self.process.wait(5)
        except (Gone, OSError, subprocess.TimeoutExpired, queue.Empty):
            self.process.kill()
            self.process.wait()
