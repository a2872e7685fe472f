"""TLS towards others: contexts for clients, asyncio's buffer for each connection, what failed.

Python 3.13 turned on ``VERIFY_X509_STRICT``, which refuses many cluster CAs (no authority key
identifier, no key usage: older EKS, microk8s, kubeadm; kubernetes-client/python issue 2394). We
clear that flag and keep everything else strict.
"""

import asyncio.sslproto
import errno
import os
import socket
import ssl
from pathlib import Path

TLS_BUFFER_BYTES = 16 * 1024
"""Read buffer of one TLS connection; asyncio's own 256 KiB cost 346 KB each at 5,000 kubelets."""


def cap_tls_buffers(size: int = TLS_BUFFER_BYTES) -> None:
    """Cap asyncio's read buffer per TLS connection, for connections made from now on."""
    if hasattr(asyncio.sslproto.SSLProtocol, "max_size"):
        asyncio.sslproto.SSLProtocol.max_size = size


def client_context(
    *,
    ca_file: str | Path | None = None,
    ca_data: str | None = None,
    insecure: bool = False,
    cert_file: str | Path | None = None,
    key_file: str | Path | None = None,
    verify_hostname: bool = True,
) -> ssl.SSLContext:
    """Build a context for a client of TLS servers.

    Args:
        ca_file: PEM bundle that replaces the system's roots.
        ca_data: The same as text.
        insecure: Accept any certificate.
        cert_file: Client certificate chain (PEM); needs *key_file*.
        key_file: Its key (PEM).
        verify_hostname: False verifies the chain only.

    Raises:
        OSError: A file cannot be read.
        ssl.SSLError: A file holds no usable PEM.
    """
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None, cadata=ca_data)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not verify_hostname or insecure:
        context.check_hostname = False
    if insecure:
        context.verify_mode = ssl.CERT_NONE
    if cert_file:
        context.load_cert_chain(str(cert_file), str(key_file) if key_file else None)
    return context


_NAME_MISMATCHES = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def is_name_mismatch(error: ssl.SSLCertVerificationError) -> bool:
    """Whether a certificate that verifies is for another host than was asked for."""
    return error.verify_code in _NAME_MISMATCHES


def os_cause(error: OSError) -> str:
    """Name an error of the operating system; asyncio's own text holds the address."""
    if isinstance(error, socket.gaierror):
        return "its host cannot be resolved"
    number = error.errno
    if number is None:
        return "the connection broke"
    return os.strerror(number).lower() if number in errno.errorcode else "network error"
