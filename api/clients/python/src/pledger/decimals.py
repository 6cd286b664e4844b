"""Quantities and values as the ledger spells them.

Source: audit specification, section 1. No floating point: a text is scaled by its digits.
"""

from __future__ import annotations

import re

from .text_forms import U128_MAX
from .verdict import Malformed

SIGNIFICANT_DIGITS_MAX = 28

_QUANTITY = re.compile(r"(0|[1-9][0-9]{0,38})(?:\.([0-9]{0,29}[1-9]))?\Z", re.ASCII)


def parse_quantity(text: str, decimals: int = 30) -> int:
    """An amount in smallest units of an asset with so many decimals; more decimals are a refusal, no rounding.

    Raises Malformed.

    >>> parse_quantity("12.5", 8)
    1250000000
    """
    found = _QUANTITY.match(text)
    if found is None:
        raise Malformed(f"{text[:80]!r} is no quantity")
    fraction = found.group(2) or ""
    if len(fraction) > decimals:
        raise Malformed(f"{text!r} has more than {decimals} decimals")
    units = int(found.group(1) + fraction.ljust(decimals, "0"))
    if units > U128_MAX:
        raise Malformed(f"{text!r} is more than 2^128 - 1 smallest units")
    return units


def is_quantity(text: str) -> bool:
    """Whether it is spelled as a quantity, whatever the asset."""
    found = _QUANTITY.match(text)
    return found is not None and int(found.group(1)) <= U128_MAX


def is_value(text: str) -> bool:
    """Whether it is spelled as a price or rate: a quantity, or one below zero; at most 28 significant digits."""
    digits = text[1:] if text.startswith("-") else text
    if not is_quantity(digits) or text == "-0":
        return False
    return len(digits.replace(".", "").lstrip("0")) <= SIGNIFICANT_DIGITS_MAX
