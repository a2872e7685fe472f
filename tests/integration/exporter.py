"""A small exporter whose true values are known and can be changed while it is scraped."""

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Exporter:
    """Serves what `page` gives at each scrape; attribute *port* is where.

    Attributes:
        gauges: Value by series, such as ``depth{pod="a"}``.
        rates: Increase a second of each counter, by series; counters began at 0 *age* seconds ago.
    """

    def __init__(self, age=0.0):
        self.gauges = {}
        self.rates = {}
        self.port = 0
        self._began = time.time() - age

    def page(self):
        """The exposition of this moment."""
        elapsed = time.time() - self._began
        lines = [f"{series} {value}" for series, value in self.gauges.items()]
        lines += [f"{series} {rate * elapsed}" for series, rate in self.rates.items()]
        return "\n".join(lines) + "\n"

    def history(self, labels):
        """The counters so far, each second, in OpenMetrics; *labels* are the target's."""
        seconds = range(int(time.time() - self._began))
        lines = [
            f"{series.removesuffix('}')},{labels}}} {rate * second} {self._began + second:.3f}"
            for series, rate in self.rates.items()
            for second in seconds
        ]
        return "\n".join([*lines, "# EOF\n"])


def exporting(age=0.0):
    """An exporter that listens while the block runs; its counters are *age* seconds old."""
    return listening(Exporter(age))


@contextlib.contextmanager
def listening(exporter):
    """Have *exporter*, which has a `page` and is told its `port`, listen while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = exporter.page().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        exporter.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield exporter
        finally:
            server.shutdown()
            thread.join()
