"""``viaduct top nodes|pods``: what ``kubectl top`` shows, with the age and origin of the values.

It reads any server of ``metrics.k8s.io``; the origin is ``-`` where the server does not tell it.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

from adapter.cli.top_api import fetch_metrics, fetch_nodes, has_pods
from adapter.cli.top_table import (
    Row,
    aligned,
    cells,
    container_rows,
    header,
    node_rows,
    ordered,
    pod_rows,
)
from adapter.errors import AdapterError
from adapter.kube.api import KubeApi, KubeApiError
from adapter.kube.credentials import KubeCredentials
from adapter.periodic import SystemClock

_RESOURCES = {
    **dict.fromkeys(("nodes", "node", "no"), "nodes"),
    **dict.fromkeys(("pods", "pod", "po"), "pods"),
}
_NEED_CREDENTIALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_FOR_SERVER = ("certificate_authority", "insecure_skip_tls_verify", "token_file")


def main(argv: Sequence[str]) -> int:
    """Print usage once; 1 when there is none or the API fails."""
    arguments = parser()
    options = arguments.parse_args(argv)
    if options.name and options.all_namespaces:
        arguments.error("a name needs its namespace: use --namespace instead of --all-namespaces")
    if not options.server and any(getattr(options, name) for name in _FOR_SERVER):
        arguments.error(
            "--certificate-authority, --insecure-skip-tls-verify and --token-file need --server"
        )
    try:
        return asyncio.run(_connect_and_show(options))
    except AdapterError as error:
        print(f"error: {error}{_advice(error, options)}", file=sys.stderr)
        return 1


async def show(options: argparse.Namespace, api: KubeApi, now: float) -> int:
    """Print the usage *options* ask for; *now* is Unix seconds.

    Raises:
        AdapterError: The API is missing or fails, or there are no metrics yet.
    """
    nodes = _RESOURCES[options.resource] == "nodes"
    rows = await (_node_rows if nodes else _pod_rows)(options, api, now)
    if not rows:
        where = f" in {options.namespace} namespace" if not options.all_namespaces else ""
        print(f"No resources found{where}.", file=sys.stderr)
        return 0
    lines = [cells(row, percent=nodes) for row in ordered(rows, options.sort_by)]
    _print(header(_key_columns(options), percent=nodes), lines, with_header=not options.no_headers)
    return 0


def _advice(error: AdapterError, options: argparse.Namespace) -> str:
    refused = isinstance(error, KubeApiError) and error.http_status in _NEED_CREDENTIALS
    return ": give --token-file" if refused and options.server and not options.token_file else ""


def _key_columns(options: argparse.Namespace) -> list[str]:
    if _RESOURCES[options.resource] == "nodes":
        return ["NAME"]
    columns = ["NAMESPACE"] if options.all_namespaces else []
    return [*columns, "POD", "NAME"] if options.containers else [*columns, "NAME"]


async def _node_rows(options: argparse.Namespace, api: KubeApi, now: float) -> list[Row]:
    metrics = await fetch_metrics(
        api, "nodes", namespace="", name=options.name, selectors=_selectors(options)
    )
    if not metrics:
        raise AdapterError("metrics not available yet: no node has a sample")
    return node_rows(metrics, await fetch_nodes(api, options.name, options.selector), now)


async def _pod_rows(options: argparse.Namespace, api: KubeApi, now: float) -> list[Row]:
    namespace = "" if options.all_namespaces else options.namespace
    metrics = await fetch_metrics(
        api, "pods", namespace=namespace, name=options.name, selectors=_selectors(options)
    )
    if not metrics and not _selectors(options) and await has_pods(api, namespace):
        raise AdapterError("metrics not available yet: there are pods, but none has a sample")
    rows = container_rows if options.containers else pod_rows
    return rows(metrics, now, with_namespace=options.all_namespaces)


def _selectors(options: argparse.Namespace) -> dict[str, str]:
    given = {"labelSelector": options.selector, "fieldSelector": options.field_selector}
    return {name: text for name, text in given.items() if text}


def _print(titles: Sequence[str], lines: Sequence[Sequence[str]], *, with_header: bool) -> None:
    plain = aligned([titles, *lines] if with_header else lines)
    if not sys.stdout.isatty():
        print(plain)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=with_header, padding=(0, 3, 0, 0))
    for title in titles:
        numeric = "(" in title or title == "AGE"
        table.add_column(Text(title), justify="right" if numeric else "left", no_wrap=True)
    for line in lines:
        table.add_row(*map(Text, line))
    console = Console(highlight=False)
    # a narrow terminal wraps a long line, as with kubectl; a name that is cut helps nobody
    console.width = max(console.width, *(len(line) + 3 for line in plain.splitlines()))
    console.print(table)


async def _connect_and_show(options: argparse.Namespace) -> int:
    api = await _connect(options)
    try:
        return await show(options, api, SystemClock().time())
    finally:
        await api.close()


async def _connect(options: argparse.Namespace) -> KubeApi:
    """A client of kube-apiserver, or of the server named."""
    if not options.server:
        return await KubeApi.connect(options.kubeconfig or _default_kubeconfig())
    credentials = KubeCredentials(
        server=options.server.rstrip("/"),
        source="--server",
        clock=SystemClock(),
        ca_file=options.certificate_authority or None,
        insecure=options.insecure_skip_tls_verify,
        token_file=options.token_file or None,
    )
    return KubeApi(credentials)


def _default_kubeconfig() -> str | None:
    """The file kubectl would take; None leaves the credentials of a pod."""
    first = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    if first:
        return first
    usual = Path.home() / ".kube" / "config"
    return str(usual) if usual.exists() else None


def parser() -> argparse.ArgumentParser:
    """The arguments of ``viaduct top``."""
    found = argparse.ArgumentParser(
        prog="viaduct top",
        description="Usage of nodes or pods as the metrics API serves it, with age and origin.",
    )
    add = found.add_argument
    add("resource", choices=sorted(_RESOURCES), metavar="nodes|pods")
    add("name", nargs="?", default="", help="only this node or pod")
    add("-n", "--namespace", default="default", help="namespace of the pods (default: default)")
    add("-A", "--all-namespaces", action="store_true", help="pods of all namespaces")
    add("-l", "--selector", default="", help="label selector")
    add("--field-selector", default="", help="such as metadata.name!=web-0")
    add("--containers", action="store_true", help="a line for each container of the pods")
    add("--sort-by", default="", choices=("cpu", "memory"), help="largest first")
    add("--no-headers", action="store_true", help="without the line of titles")
    add("--kubeconfig", default="", help="how to reach kube-apiserver (default: as kubectl)")
    add("--server", default="", help="ask this address directly, such as https://localhost:6443")
    add("--certificate-authority", default="", metavar="FILE", help="CA of --server")
    add("--insecure-skip-tls-verify", action="store_true", help="do not verify --server")
    add("--token-file", default="", metavar="FILE", help="bearer token for --server")
    return found
