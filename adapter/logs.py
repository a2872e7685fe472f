"""Log format and levels: text or JSON lines on standard error, klog's ``-v`` levels mapped."""

import json
import logging
import sys
import time


class _JsonFormatter(logging.Formatter):
    """One object a line; what a record has as ``fields`` is in it, too."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "ts": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        entry |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1] is not None:
            entry["error"] = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
        return json.dumps(entry)


class _TextFormatter(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        stamp = self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ")
        text = f"{stamp} {record.levelname:<7} {record.name.removeprefix('adapter.')}: "
        text += _one_line(record.getMessage())
        if record.exc_info and record.exc_info[1] is not None:
            text += _one_line(f" ({type(record.exc_info[1]).__name__}: {record.exc_info[1]})")
            if logging.getLogger().isEnabledFor(logging.DEBUG):
                text += "\n" + self.formatException(record.exc_info)
        return text


def _one_line(text: str) -> str:
    r"""*text* without what would begin another line, or reach a terminal: clients chose some of it.

    >>> _one_line("GET /a\nforged \x1b[2K")
    'GET /a\\nforged \\x1b[2K'
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def configure_logs(*, json_format: bool = False, verbosity: int = 0) -> None:
    """Send logs to standard error; *verbosity* 4 and more (klog's ``-v=4``) includes debug."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if json_format else _TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbosity >= 4 else logging.INFO)
    for noisy in ("asyncio", "aiohttp.access", "urllib3", "kubernetes"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
