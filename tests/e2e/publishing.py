"""What applications publish as JSON: each pod at its own address, and a broker at one URL."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from adapter.sim.workloads import ContainerKey

POD_PATH = "/stats.json"
BROKER_PATH = "/queues.json"


class Publisher:
    """Serves both; attribute *port* is where, at every address.

    Args:
        nodes: Which pods there are, and how many items wait in each: `Nodes.share` of ``depth``.

    Attributes:
        queues: Items that wait at the broker, by queue.
    """

    def __init__(self, nodes):
        self.queues = {}
        self.port = 0
        self._nodes = nodes

    def document(self, path, address):
        """What is at *path* of *address* now; None for nothing."""
        if path == BROKER_PATH:
            items = [{"name": name, "waiting": depth} for name, depth in self.queues.items()]
            return {"queues": items}
        if path == POD_PATH:
            for pod in self._nodes.truth.pods():
                if pod.ip == address:
                    key = ContainerKey(pod.key.namespace, pod.key.name, "app")
                    depth = self._nodes.shares.load(key, "depth").at(time.time())
                    return {"pod": pod.key.name, "queue": {"depth": depth}}
        return None


@contextlib.contextmanager
def publishing(nodes):
    """A publisher that listens while the block runs."""
    publisher = Publisher(nodes)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are kept
        timeout = 60

        def do_GET(self):
            document = publisher.document(self.path, self.connection.getsockname()[0])
            body = json.dumps(document).encode()
            self.send_response(404 if document is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True  # of kept connections, which end with the client
        block_on_close = False

    # pods have addresses all over 127/8
    with Server(("0.0.0.0", 0), Handler) as server:
        publisher.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield publisher
        finally:
            server.shutdown()
            thread.join()
