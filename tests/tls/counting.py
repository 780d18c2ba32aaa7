"""A TLS front of the model server that counts: connections, handshakes, and connections on which nothing was ever said."""
import socket
import ssl
import threading
import time

from peers import relay
from server import free_ports

SILENCE = 8


class CountingFront:
    """
    Shows the certificate `first`, and `later` from `seconds` after the first connection on: one, or several in turn, of which None
    is none: it takes the connection and is silent. With `later` None it stops listening then. reset() begins anew.
    """

    def __init__(self, authority, model_port):
        self.authority, self.model_port = authority, model_port
        self.port, = free_ports(1)
        self.listener = None

    def reset(self, first="good", later="good", seconds=0.35, versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)):
        self.close()
        self.connections = self.handshakes = self.refused = self.silent = 0
        self.first, self.later, self.seconds, self.versions = first, later, seconds, versions
        self.turn = 0
        self.began = None
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def close(self):
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None

    def context(self):
        late = time.monotonic() - self.began >= self.seconds
        name = self.later if late and self.later else self.first
        if isinstance(name, tuple):
            name = name[self.turn % len(name)]
            self.turn += 1
        if name is None:
            time.sleep(SILENCE)
            raise OSError
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version, context.maximum_version = self.versions
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self.authority.path(name + ".pem"), self.authority.path(name + ".key"))
        return context

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.began is None:
                self.began = time.monotonic()
                if self.later is None:
                    threading.Timer(self.seconds, self.close).start()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            if not client.recv(1, socket.MSG_PEEK):
                self.silent += 1
                client.close()
                return
            near = self.context().wrap_socket(client, server_side=True)
        except OSError:
            self.refused += 1
            client.close()
            return
        self.handshakes += 1
        try:
            with near, socket.create_connection(("127.0.0.1", self.model_port)) as far:
                relay(near, far)
                near.settimeout(1)
                near.unwrap()
        except OSError:
            pass  # the client has gone
