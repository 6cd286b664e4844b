"""HTTP with limits: one request, a bounded answer, a timeout, no redirect and no proxy.

A redirect would let one host answer for another; a proxy from the environment would see what is read.
"""

from __future__ import annotations

import http.client
import ipaddress
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from .verdict import Unreachable

TIMEOUT_SECONDS = 30.0
ANSWER_MAX = 64 * 1024 * 1024
"""Bytes of the longest thing that a server serves: a document."""


@dataclass(frozen=True)
class Answer:
    """An answer of any status; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())


def origin_of(url: str) -> str:
    """Scheme and authority of a server's URL, without a slash at the end.

    Raises Unreachable unless it is `https`, or `http` to a loopback address.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise Unreachable(f"{url[:200]!r}: {error}") from None
    if parts.username or parts.path.strip("/") or parts.query or parts.fragment or not host:
        raise Unreachable(f"{url[:200]!r}: scheme and host alone are asked for")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise Unreachable(f"{url[:200]!r}: plain HTTP is for loopback only")
    return f"{parts.scheme}://{parts.netloc}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def send(
    method: str,
    url: str,
    body: Optional[bytes] = None,
    headers: Mapping[str, str] = {},
    limit: int = ANSWER_MAX,
    timeout: float = TIMEOUT_SECONDS,
) -> Answer:
    """Sends one request and reads at most `limit` bytes; `timeout` is in seconds for each wait.

    Raises Unreachable if nobody answers in HTTP, or with more.
    """
    request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)
    try:
        try:
            response = _OPENER.open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            read = response.read(limit + 1)
            status, given = response.status, response.headers
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(f"{url}: {error}") from None
    if len(read) > limit:
        raise Unreachable(f"{url}: more than {limit} bytes")
    return Answer(status, {name.lower(): value for name, value in given.items()}, read)
