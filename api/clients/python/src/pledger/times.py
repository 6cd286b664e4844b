"""Instants: UTC, milliseconds, one spelling, `YYYY-MM-DDTHH:MM:SS.mmmZ`, in the years 1970 to 9999."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from .verdict import Malformed

_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})Z\Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND = timedelta(milliseconds=1)


def parse_time(text: str) -> int:
    """Milliseconds since 1970. Raises Malformed for any other spelling, leap seconds and hour 24.

    >>> parse_time("1970-01-01T00:00:01.500Z")
    1500
    """
    found = _TIME.match(text)
    if found is None:
        raise Malformed(f"{text[:40]!r} is no time")
    year, month, day, hour, minute, second, millis = map(int, found.groups())
    try:
        instant = datetime(year, month, day, hour, minute, second, millis * 1000, timezone.utc)
    except ValueError:
        raise Malformed(f"{text!r} is no time") from None
    if instant < _EPOCH:
        raise Malformed(f"{text!r} is before 1970")
    return (instant - _EPOCH) // _MILLISECOND


def print_time(millis: int) -> str:
    """The spelling of so many milliseconds since 1970. Raises Malformed after the year 9999.

    >>> print_time(1500)
    '1970-01-01T00:00:01.500Z'
    """
    try:
        instant = _EPOCH + timedelta(milliseconds=millis)
    except OverflowError:
        raise Malformed("a time after the year 9999") from None
    if millis < 0:
        raise Malformed("a time before 1970")
    return instant.strftime(f"{instant.year:04}-%m-%dT%H:%M:%S.") + f"{millis % 1000:03}Z"


def now() -> int:
    """Milliseconds since 1970 by this machine's clock."""
    return (datetime.now(timezone.utc) - _EPOCH) // _MILLISECOND
