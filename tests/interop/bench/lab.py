"""Three hosts in network namespaces of their own:

    adit (eth0) ────── (a0) router (b0) ────── (eth0) peer
    10.77.1.2             also the STUN server       10.77.2.2
    2001:db8:1::2         198.51.100.1               2001:db8:2::2

With nat=True the router shows adit as 203.0.113.1 and peer as 203.0.113.2, whatever their port, lets both be reached
there, and drops what is sent to an inside address: they can meet by server-reflexive candidates only.

A namespace lives as long as the process that holds it, and that one as long as the pipe from us; what runs inside is
killed with us. Nothing has a name, nothing stays behind, whichever way the bench ends.
"""
import os
import shutil
import subprocess
import sys

STUN, ADIT_PUBLIC = '198.51.100.1', '203.0.113.1'

NAT = '''
table ip bench {
    chain outside_only { type filter hook prerouting priority raw; ip daddr 10.77.0.0/16 drop; }
    chain inward { type nat hook prerouting priority dstnat;
        ip daddr 203.0.113.1 dnat to 10.77.1.2; ip daddr 203.0.113.2 dnat to 10.77.2.2; }
    chain outward { type nat hook postrouting priority srcnat;
        ip saddr 10.77.1.2 snat to 203.0.113.1; ip saddr 10.77.2.2 snat to 203.0.113.2; }
    chain to_us { type nat hook input priority 100;
        ip saddr 10.77.1.2 snat to 203.0.113.1; ip saddr 10.77.2.2 snat to 203.0.113.2; }
}
'''
BLACK_HOLE = '''
table inet hole {
    chain forward { type filter hook forward priority 0; meta length > %d drop; }
}
'''
COUNTED = '''
table inet counted {
    counter passed {}
    chain forward { type filter hook forward priority 0;
        udp sport { %(ports)s } counter name passed; udp dport { %(ports)s } counter name passed; }
}
'''


class Unavailable(Exception):
    """This machine cannot make such a lab."""


class Host:
    def __init__(self):
        self._holder = subprocess.Popen(['unshare', '--net', 'sh', '-c', 'echo; exec cat'], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if not self._holder.stdout.readline():
            raise Unavailable('no network namespace could be made')
        self.pid = self._holder.pid

    def enter(self, command):
        """The command inside; it does not outlive us."""
        return ['nsenter', '--net=/proc/%d/ns/net' % self.pid, 'setpriv', '--pdeathsig', 'KILL', *command]

    def run(self, command, text=None):
        done = subprocess.run(self.enter(command), input=text, text=True, capture_output=True)
        if done.returncode:
            raise RuntimeError('%s: %s' % (command[0], done.stderr.strip()))
        return done.stdout

    def ip(self, *lines):
        self.run(['ip', '-batch', '-'], '\n'.join(lines) + '\n')

    def close(self):
        self._holder.stdin.close()
        self._holder.stdout.close()
        self._holder.wait()


class Lab:
    """families: which of 4 and 6 the hosts have. mtu: larger packets vanish in the router without a word. one_link: both
    are in 10.77.1.0/24, adit as .2 and peer as .3, and the router is a bridge."""

    def __init__(self, families=(4,), nat=False, mtu=None, one_link=False):
        self.hosts = []
        self._stun = None
        try:
            self.adit, self.router, self.peer = (self._host() for _ in range(3))
            self._connect(self.adit, 'a0', 1, families)
            self._connect(self.peer, 'b0', 2, families)
            if one_link:
                self._join()
            self.router.ip('link set lo up', 'address add %s/32 dev lo' % STUN)
            self.router.run(['sh', '-c', 'cd /proc/sys/net; echo 1 | tee ipv4/ip_forward ipv6/conf/all/forwarding'])
            if nat or mtu:
                self._filter((NAT if nat else '') + (BLACK_HOLE % mtu if mtu else ''))
        except BaseException:
            self.close()
            raise

    def _host(self):
        self.hosts.append(Host())
        return self.hosts[-1]

    def _join(self):
        self.router.ip('link add br0 type bridge forward_delay 0 mcast_snooping 0', 'link set br0 up',
                       'link set a0 master br0', 'link set b0 master br0', 'address flush dev a0', 'address flush dev b0',
                       'address add 10.77.1.1/24 dev br0')
        self.peer.ip('address flush dev eth0', 'address add 10.77.1.3/24 dev eth0', 'route add default via 10.77.1.1')

    def _filter(self, rules):
        if not shutil.which('nft'):
            raise Unavailable('nftables is not installed')
        self.router.run(['nft', '-f', '-'], rules)

    def _connect(self, host, port, number, families):
        if 6 not in families:
            host.run(['sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'])
        host.ip('link set lo up')
        self.router.ip('link add %s type veth peer name eth0 netns %d' % (port, host.pid))
        # One datagram per packet on the wire, whatever the program handed over at once: the black hole counts packets.
        setup = {self.router: ['link set %s gso_max_segs 1 up' % port], host: ['link set eth0 gso_max_segs 1 up']}
        if 4 in families:
            setup[self.router] += ['address add 10.77.%d.1/24 dev %s' % (number, port)]
            setup[host] += ['address add 10.77.%d.2/24 dev eth0' % number, 'route add default via 10.77.%d.1' % number]
            # The router's own answers to the public address need a way before they are translated back.
            setup[self.router] += ['route add 203.0.113.%d/32 via 10.77.%d.2' % (number, number)]
        if 6 in families:
            setup[self.router] += ['address add 2001:db8:%d::1/64 dev %s nodad' % (number, port)]
            setup[host] += ['address add 2001:db8:%d::2/64 dev eth0 nodad' % number,
                            'route add default via 2001:db8:%d::1' % number]
        for where, lines in setup.items():
            where.ip(*lines)

    def stun(self):
        """Start the STUN server; its HOST:PORT."""
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'stun_server.py')
        self._stun = subprocess.Popen(self.router.enter([sys.executable, program, STUN, '3478']), stdout=subprocess.PIPE)
        if self._stun.stdout.readline() != b'ready\n':
            raise Unavailable('the STUN server does not start')
        return STUN + ':3478'

    def count_ports(self, ports):
        """Packets from and to these UDP ports, whose ever they are."""
        self._filter(COUNTED % {'ports': ', '.join(map(str, sorted(ports)))})

    def counted(self):
        words = self.router.run(['nft', 'list', 'counter', 'inet', 'counted', 'passed']).split()
        return int(words[words.index('packets') + 1])

    def forwarded(self):
        """Packets that the router carried so far: (IPv4, IPv6)."""
        ipv4 = [l.split() for l in self.router.run(['cat', '/proc/net/snmp']).splitlines() if l.startswith('Ip:')]
        ipv6 = dict(l.split() for l in self.router.run(['cat', '/proc/net/snmp6']).splitlines())
        return int(dict(zip(*ipv4))['ForwDatagrams']), int(ipv6['Ip6OutForwDatagrams'])

    def close(self):
        if self._stun:
            self._stun.kill()
            self._stun.stdout.close()
            self._stun.wait()
        for host in self.hosts:
            host.close()
