"""Real TLS peers for the tests: a certificate authority made with the openssl command; nginx, haproxy and stunnel in front of the
model server.

Used by run.py, lazy.py, the tests of libcurl and of SDKs, and the benchmark. Everything lives in the directory given and listens
on 127.0.0.1 only. The keys made here are worth nothing, and must never be put into the tree.
"""
import os
import select
import signal
import socket
import ssl
import subprocess
import threading
import time

from server import free_ports

GOOD_NAMES = "DNS:localhost,IP:127.0.0.1"


def relay(near, far):
    """Both ways, until one of them ends. `near` may be a TLS connection, which can hold bytes that select does not know of."""
    held = getattr(near, "pending", int)
    while True:
        ready = [near] if held() else select.select([near, far], [], [])[0]
        for one, other in ((near, far), (far, near)):
            if one in ready:
                data = one.recv(65536)
                if not data:
                    return
                other.sendall(data)


class Authority:
    """Certificates in `directory`: NAME.pem (with its chain) and NAME.key; ca.pem is what a client is to trust."""

    def __init__(self, directory):
        self.directory = directory
        self.request("ca")
        self.sign("ca", None, "basicConstraints=critical,CA:TRUE", 30)
        self.request("stranger-ca")
        self.sign("stranger-ca", None, "basicConstraints=critical,CA:TRUE", 30)
        self.request("middle")
        self.sign("middle", "ca", "basicConstraints=critical,CA:TRUE", 30)
        self.leaf("good", "ca")
        self.leaf("other-key", "ca")
        self.leaf("client", "ca")
        self.leaf("chain", "middle")
        self.append("chain", "middle")
        self.leaf("unknown-ca", "stranger-ca")
        self.leaf("wrong-host", "ca", "DNS:elsewhere.invalid")
        self.leaf("expired", "ca", days=-1)
        self.leaf("self-signed", None)

    def path(self, name):
        return os.path.join(self.directory, name)

    def run(self, *words):
        subprocess.run(["openssl", *words], cwd=self.directory, check=True, capture_output=True)

    def request(self, name):
        self.run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
                 "-keyout", name + ".key", "-out", name + ".csr")

    def sign(self, name, issuer, extensions, days):
        with open(self.path(name + ".ext"), "w", encoding="utf-8") as f:
            f.write(extensions + "\n")
        by = ["-CA", issuer + ".pem", "-CAkey", issuer + ".key", "-CAcreateserial"] if issuer else \
            ["-signkey", name + ".key"]
        self.run("x509", "-req", "-in", name + ".csr", "-days", str(days), "-extfile", name + ".ext", *by,
                 "-out", name + ".pem")

    def leaf(self, name, issuer, names=GOOD_NAMES, days=30):
        self.request(name)
        self.sign(name, issuer, "subjectAltName=" + names, days)

    def append(self, name, issuer):
        with open(self.path(issuer + ".pem"), encoding="utf-8") as f:
            more = f.read()
        with open(self.path(name + ".pem"), "a", encoding="utf-8") as f:
            f.write(more)


# name -> certificate, protocols, further directives of its server
FRONTS = {
    "tls13": ("good", "TLSv1.3", ""),
    "tls12": ("good", "TLSv1.2", ""),
    "tickets": ("good", "TLSv1.2 TLSv1.3", "ssl_session_tickets on; ssl_session_cache shared:s:1m;"),
    "no-tickets": ("good", "TLSv1.3", "ssl_session_tickets off; ssl_session_cache off;"),
    "session-ids": ("good", "TLSv1.2", "ssl_session_tickets off; ssl_session_cache shared:i:1m;"),
    "http2": ("good", "TLSv1.3", "http2"),
    "chain": ("chain", "TLSv1.3", ""),
    "brief": ("good", "TLSv1.2 TLSv1.3", "keepalive_timeout 500ms;"),
    "unknown-ca": ("unknown-ca", "TLSv1.3", ""),
    "wrong-host": ("wrong-host", "TLSv1.3", ""),
    "expired": ("expired", "TLSv1.3", ""),
    "self-signed": ("self-signed", "TLSv1.3", ""),
    "client-cert": ("good", "TLSv1.3", "ssl_verify_client optional; ssl_client_certificate {ca};"),
}


class Nginx:
    """One nginx with all fronts. A daemon, so that it does not count as something that a program left behind."""

    fronts = FRONTS

    def __init__(self, authority, directory, model_port):
        self.ports = dict(zip(self.fronts, free_ports(len(self.fronts))))
        self.pid_file = os.path.join(directory, "nginx.pid")
        config = os.path.join(directory, "nginx.conf")
        servers = "".join(self.server(authority, name, model_port) for name in self.fronts)
        places = "".join(f"{kind}_temp_path {directory}/nginx-{kind};"
                         for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(config, "w", encoding="utf-8") as f:
            f.write(f"pid {self.pid_file}; error_log {directory}/nginx.log; worker_processes 1;"
                    f"events {{ worker_connections 512; }}\n"
                    f"http {{ access_log off; client_max_body_size 32m; {places}\n{servers}}}\n")
        subprocess.run(["/usr/sbin/nginx", "-p", directory, "-e", os.path.join(directory, "nginx.log"), "-c", config],
                       check=True)
        deadline = time.monotonic() + 10
        while not os.path.exists(self.pid_file) and time.monotonic() < deadline:
            time.sleep(0.01)

    def server(self, authority, name, model_port):
        certificate, protocols, more = self.fronts[name]
        http2, more = ("http2", "") if more == "http2" else ("", more)
        return (f"server {{ listen 127.0.0.1:{self.ports[name]} ssl {http2}; ssl_protocols {protocols};"
                f" ssl_certificate {authority.path(certificate)}.pem;"
                f" ssl_certificate_key {authority.path(certificate)}.key;"
                f" {more.replace('{ca}', authority.path('ca.pem'))}"
                f" location / {{ proxy_pass http://127.0.0.1:{model_port}; proxy_http_version 1.1;"
                f" proxy_set_header Host $http_host; proxy_buffering off; }} }}\n")

    def end(self):
        end_daemon(self.pid_file)


def end_daemon(pid_file):
    with open(pid_file, encoding="utf-8") as f:
        os.kill(int(f.read()), signal.SIGQUIT if "nginx" in pid_file else signal.SIGTERM)


def told(authority, port, argv, **files):
    """A command line with the front's address for {tls}, in an environment that says whom to trust and what other files there are."""
    trusted = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PERL_LWP_SSL_CA_FILE"), "ca.pem")
    return ["/usr/bin/env", *(f"{name}={authority.path(file)}" for name, file in {**trusted, **files}.items()),
            *(word.replace("{tls}", f"https://localhost:{port}/v1") for word in argv)]


# name -> command, its configuration; {dir}, {port}, {model} and {pair} (certificate and key in one file) are filled in
DAEMONS = {
    "haproxy": ("/usr/sbin/haproxy -D -p {dir}/haproxy.pid -f {dir}/haproxy.conf", """
global
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
frontend tls
    bind 127.0.0.1:{port} ssl crt {pair}
    default_backend model
backend model
    server model 127.0.0.1:{model}
"""),
    "stunnel": ("/usr/bin/stunnel4 {dir}/stunnel.conf", """
pid = {dir}/stunnel.pid
output = {dir}/stunnel.log
debug = err
[model]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{model}
cert = {pair}
"""),
}


class Daemons:
    """The other fronts, each a daemon of its own, with the certificate "good"."""

    def __init__(self, authority, directory, model_port):
        self.ports = dict(zip(DAEMONS, free_ports(len(DAEMONS))))
        self.pid_files = [os.path.join(directory, name + ".pid") for name in DAEMONS]
        pair = os.path.join(directory, "pair.pem")
        with open(pair, "w", encoding="utf-8") as out:
            for kind in ("pem", "key"):
                with open(authority.path("good." + kind), encoding="utf-8") as f:
                    out.write(f.read())
        os.chmod(pair, 0o600)
        for name, (command, text) in DAEMONS.items():
            fill = {"dir": directory, "port": self.ports[name], "model": model_port, "pair": pair}
            with open(os.path.join(directory, name + ".conf"), "w", encoding="utf-8") as f:
                f.write(text.format(**fill))
            subprocess.run(command.format(**fill).split(), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not all(map(os.path.exists, self.pid_files)) and time.monotonic() < deadline:
            time.sleep(0.01)

    def end(self):
        for pid_file in self.pid_files:
            end_daemon(pid_file)


class ChangingKey:
    """A front whose first connection since reset() shows one key, and every later one another; same name, same authority."""

    def __init__(self, authority, model_port):
        self.contexts = []
        for name in ("good", "other-key"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(authority.path(name + ".pem"), authority.path(name + ".key"))
            self.contexts.append(context)
        self.model_port = model_port
        self.port, = free_ports(1)
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.reset()
        threading.Thread(target=self.accept, daemon=True).start()

    def reset(self):
        self.connections = self.served_later = 0

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            self.connections += 1
            threading.Thread(target=self.serve, args=(client, self.connections > 1), daemon=True).start()

    def serve(self, client, later):
        try:
            with self.contexts[later].wrap_socket(client, server_side=True) as near, \
                    socket.create_connection(("127.0.0.1", self.model_port)) as far:
                threading.Thread(target=self.answers, args=(far, near), daemon=True).start()
                while data := near.recv(65536):
                    self.served_later += later
                    far.sendall(data)
        except OSError:
            pass  # a client that refuses this key, or has gone

    @staticmethod
    def answers(far, near):
        try:
            while data := far.recv(65536):
                near.sendall(data)
        except (OSError, ValueError):
            pass
