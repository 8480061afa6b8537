"""An internet gateway by UPnP, as bad as it is told to be; prints what it is asked.

usage: igd.py ADDRESS [--location HOST] [--control URL] [--outside IP] [--permanent PORT] [--taken PORT:N]
              [--refuse PORT] [--mute] [--huge]

PORT is the inner one, of whom it is meant for.
"""
import argparse
import http.server
import re
import socket
import struct
import threading
import time

args = argparse.ArgumentParser(usage=__doc__)
args.add_argument("address")
args.add_argument("--location", help="the host that LOCATION names")
args.add_argument("--control", default="/control", help="the URL of its service")
args.add_argument("--outside", default="11.0.0.10")
args.add_argument("--permanent", help="error 725 unless the lease is 0")
args.add_argument("--taken", action="append", default=[], help="error 718 so often")
args.add_argument("--refuse", help="error 606")
args.add_argument("--mute", action="store_true", help="takes connections and says nothing")
args.add_argument("--huge", action="store_true", help="a description without an end")
args = args.parse_args()
taken = {port: int(n) for port, n in (t.split(":") for t in args.taken)}

SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1"
CONFIG = "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1"
DESCRIPTION = f"""<?xml version="1.0"?><root><device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType>
<serviceList><service><serviceType>{CONFIG}</serviceType><controlURL>/config</controlURL>
<eventSubURL>/e</eventSubURL><SCPDURL>/s</SCPDURL></service>
<service><serviceType>{SERVICE}</serviceType><controlURL>{args.control}</controlURL>
<eventSubURL>/e</eventSubURL><SCPDURL>/s</SCPDURL></service></serviceList></device></root>"""


def tell(*words):
    print(*words, flush=True)


def answer_searches():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("239.255.255.250", 1900))
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                 struct.pack("4s4s", socket.inet_aton("239.255.255.250"), socket.inet_aton(args.address)))
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.bind((args.address, 1900))
    tell("ready")
    while True:
        asked, whom = s.recvfrom(2000)
        kind = re.search(rb"^ST: *(\S+)", asked, re.M)[1].decode()
        tell("search", kind)
        out.sendto(f"HTTP/1.1 200 OK\r\nST: {kind}\r\nUSN: uuid:1::{kind}\r\n"
                   f"LOCATION: http://{args.location or args.address}:5000/root.xml\r\n\r\n".encode(), whom)


class Gateway(http.server.BaseHTTPRequestHandler):
    def say(self, body, code=200):
        body = body.encode()
        self.send_response(code)
        self.send_header("Content-Length", len(body))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        tell("GET", self.path)
        if args.mute:
            time.sleep(60)
        if args.huge:
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(bytes(1 << 20))
            except OSError:
                tell("hung up")
            return
        self.say(DESCRIPTION)

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        action = re.search(r"#(\w+)", self.headers["SOAPAction"])[1]
        named = dict(re.findall(r"<(New\w+)>([^<]*)<", text))
        code = 0
        tell(action, named.get("NewExternalPort", "-"), named.get("NewInternalPort", "-"),
             named.get("NewInternalClient", "-"), named.get("NewLeaseDuration", "-"))
        if action == "AddPortMapping":
            port = named["NewInternalPort"]
            if port == args.refuse:
                code = 606
            elif taken.get(port):
                taken[port] -= 1
                code = 718
            elif port == args.permanent and named["NewLeaseDuration"] != "0":
                code = 725
        if code:
            self.say(f"<s:Fault><UPnPError><errorCode>{code}</errorCode></UPnPError></s:Fault>", 500)
        else:
            self.say(f"<u:{action}Response><NewExternalIPAddress>{args.outside}</NewExternalIPAddress>"
                     f"</u:{action}Response>")

    def log_message(self, *_):
        pass


threading.Thread(target=answer_searches, daemon=True).start()
http.server.ThreadingHTTPServer(("0.0.0.0", 5000), Gateway).serve_forever()
