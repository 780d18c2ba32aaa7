"""nginx in front of the model server, as the tests on libcurl need it: HTTP/1.1 and HTTP/2, with and without TLS, a plain front
that redirects, compresses, sets cookies, wants a password and is a proxy; and a network of the tests' own, with names and authorities.

Used by run.py.
"""
import ctypes
import fcntl
import os
import socket
import struct

from peers import Nginx

CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

# Where libcurl's published examples go.
EXAMPLE_NAMES = ("example.com", "www.example.com", "example.org", "www.example.org", "example.net", "postit.example.com",
                 "curl.se", "your.favourite.ssl.site")

# A form has a boundary that libcurl draws anew each time: what the model server sees of one is always the same.
FORM = 'proxy_set_body "a form"; proxy_set_header Content-Type form;'

PLAIN = """
location ~ ^/redirect(/.*)$ {{ return 307 $1; }}
location ~ ^/moved(/.*)$ {{ return 302 $1; }}
location /gzip/ {{ gzip on; gzip_types *; gzip_min_length 1; proxy_pass {model}/; }}
location /cookie/ {{ add_header Set-Cookie "kind=test; path=/" always; proxy_pass {model}/; }}
location /login/ {{ auth_basic test; auth_basic_user_file {directory}/passwords; proxy_pass {model}/; }}
location /form/ {{ %s proxy_pass {model}/; }}
""" % FORM
WEB = """
location ~ \\.cgi$ {{ %s proxy_pass {model}; }}
""" % FORM

# name -> port (None: a free one), how it listens, certificate, further directives
FRONTS = {
    "h1": (None, "ssl", "good", ""),
    "h2": (None, "ssl http2", "good", ""),
    "expired": (None, "ssl", "expired", ""),
    "wrong-host": (None, "ssl http2", "wrong-host", ""),
    "plain": (None, "", None, PLAIN),
    "h2c": (None, "http2", None, ""),
}
WEB_FRONTS = {
    "web": (80, "", None, WEB),
    "web-tls": (443, "ssl http2", "examples", WEB),
}


class Fronts(Nginx):
    """With `web`, also servers at the well-known ports, with a certificate for the examples' names."""

    def __init__(self, authority, directory, model_port, web):
        self.fronts = {**FRONTS, **(WEB_FRONTS if web else {})}
        self.directory = directory
        with open(os.path.join(directory, "passwords"), "w", encoding="utf-8") as f:
            f.write("user:{PLAIN}password\n")
        authority.leaf("examples", "ca", ",".join("DNS:" + name for name in EXAMPLE_NAMES))
        super().__init__(authority, directory, model_port)

    def url(self, name):
        return f"{'https' if self.fronts[name][2] else 'http'}://localhost:{self.ports[name]}"

    def server(self, authority, name, model_port):
        port, listen, certificate, more = self.fronts[name]
        model = f"http://127.0.0.1:{model_port}"
        lines = f"listen 127.0.0.1:{port or self.ports[name]} {listen};"
        if certificate:
            lines += (f" ssl_certificate {authority.path(certificate)}.pem;"
                      f" ssl_certificate_key {authority.path(certificate)}.key;")
        return (f"server {{ {lines} proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_buffering off;"
                f" proxy_set_header X-Protocol $server_protocol;"
                f" {more.format(model=model, directory=self.directory)} location / {{ proxy_pass {model}; }} }}\n")


def own_network():
    """Puts this process into a network of its own, in which only this machine is there. False: that is not allowed here."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        return False
    libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)
    with socket.socket() as s:
        request = bytearray(struct.pack("16sh14x", b"lo", 0))
        fcntl.ioctl(s, SIOCGIFFLAGS, request)
        flags, = struct.unpack_from("h", request, 16)
        struct.pack_into("h", request, 16, flags | IFF_UP)
        fcntl.ioctl(s, SIOCSIFFLAGS, request)
    return True


def own_names(directory, authority):
    """In that network, the examples' names lead here, and the tests' authority is the one that the system trusts."""
    libc = ctypes.CDLL(None, use_errno=True)
    hosts = os.path.join(directory, "hosts")
    with open(hosts, "w", encoding="utf-8") as f:
        f.write("127.0.0.1 localhost " + " ".join(EXAMPLE_NAMES) + "\n")
    for source, place in ((hosts, "/etc/hosts"), (authority.path("ca.pem"), "/etc/ssl/certs/ca-certificates.crt")):
        if libc.mount(source.encode(), place.encode(), None, MS_BIND, None) != 0:
            raise OSError(ctypes.get_errno(), "mount " + place)
