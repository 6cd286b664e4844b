"""`python -m pledger verify|sign|submit`.

Exit codes of `verify` (audit specification, section 12): 0 proven good, 1 proven bad, 2 undecidable or
usage. `sign` and `submit` (API specification, section 10): 0 done, 2 usage or what cannot be read, 3 refused,
4 not found, 5 conflict, 6 unreachable or overloaded. Data on standard output, the rest on standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from .canonical import Tree, TreeInput, read_payload
from .client import Client, Problem
from .command import draft, signatures_asked, type_of_payload
from .envelope import ENVELOPE_MAX, Envelope
from .export_file import verify_export
from .json_text import JsonObject, JsonValue, NotJson, read_json
from .key_file import read_key_file
from .log_audit import audit_log
from .log_reader import open_log
from .note import NOTE_MAX
from .policy import Policy, policy_of
from .proof_file import PROOF_MAX, verify_proof_file
from .report import Report
from .text_forms import utf8
from .verdict import Malformed, PledgerError, ProvenBad, Result, Unreachable
from .vkey import VerifierKey

USAGE, REFUSED, NOT_FOUND, CONFLICT, UNREACHABLE = 2, 3, 4, 5, 6
_EXIT_BY_STATUS = {404: NOT_FOUND, 409: CONFLICT, 429: UNREACHABLE, 503: UNREACHABLE}


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Does what was asked and gives the exit code."""
    args = _parser().parse_args(arguments)
    try:
        code: int = args.run(args)
    except ProvenBad as error:
        return _told(error, Result.BAD.value)
    except Unreachable as error:
        return _told(error, UNREACHABLE if args.run is _submit else USAGE)
    except (PledgerError, OSError) as error:
        return _told(error, USAGE)
    except Problem as problem:
        return _told(problem, _EXIT_BY_STATUS.get(problem.status, REFUSED))
    return code


def _told(error: Exception, code: int) -> int:
    print(f"pledger: {error}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pledger", description=__doc__.split("\n\n")[0])
    verbs = parser.add_subparsers(required=True)

    verify = verbs.add_parser("verify", help="prove a public log or a proof good or bad")
    what = verify.add_mutually_exclusive_group(required=True)
    what.add_argument("--url", help="a server, such as http://127.0.0.1:8080: what it serves under /log/")
    what.add_argument("--proof", type=Path, help="a receipt, a balance proof or fork evidence")
    what.add_argument("--export", type=Path, help="an export: all but the replay, which takes the ledger's rules")
    trust = verify.add_mutually_exclusive_group(required=True)
    trust.add_argument("--vkey", help="the log's key")
    trust.add_argument("--policy", type=Path, help="a tlog-policy file: then its quorum is asked for")
    verify.add_argument("--old", type=Path, action="append", default=[], help="a checkpoint kept from earlier")
    verify.add_argument("--save", type=Path, help="keep the checkpoint here, if all was proven good")
    verify.add_argument("--payload", type=Path, help="the author's payload or envelope: is the receipt for it?")
    verify.add_argument("--without-replay", action="store_true", help="an export is good without a replay, too")
    verify.add_argument("--json", action="store_true", help="the report as JSON")
    verify.set_defaults(run=_verify)

    sign = verbs.add_parser("sign", help="sign a command after reading it")
    sign.add_argument("--type", required=True, help="the command's type, such as movement.instruct")
    sign.add_argument("--ledger", required=True, help="the ledger's origin")
    sign.add_argument("--author", required=True, help="the party that asks")
    sign.add_argument("--body", required=True, help="a JSON file, or - for standard input")
    sign.add_argument("--key", required=True, type=Path, help="the author's key file, PKCS #8 in PEM")
    sign.add_argument("--new-key", type=Path, help="the new key's file, where the command brings one")
    sign.add_argument("--expires-at", help="ten minutes from now if not given")
    sign.add_argument("--effective-at", help="the business date, where it differs")
    sign.add_argument("--idempotency-key", help="16 random bytes if not given")
    sign.add_argument("--yes", action="store_true", help="sign without asking")
    sign.set_defaults(run=_sign)

    submit = verbs.add_parser("submit", help="send a signed command")
    submit.add_argument("envelope", type=Path)
    submit.add_argument("--url", required=True)
    submit.add_argument("--vkey", help="verify the receipt under the log's key, too")
    submit.set_defaults(run=_submit)
    return parser


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise Malformed(f"{path}: more than {limit} bytes")
    return data


def _verify(args: argparse.Namespace) -> int:
    if args.policy is not None:
        policy = Policy.parse(utf8(_read(args.policy, NOTE_MAX)))
    else:
        policy = policy_of(VerifierKey.parse(args.vkey))
    if args.proof is not None:
        if args.old or args.save:
            raise Malformed("--old and --save go with --url")
        signed = None if args.payload is None else _read(args.payload, ENVELOPE_MAX)
        report = verify_proof_file(_read(args.proof, PROOF_MAX), policy, signed)
    elif args.export is not None:
        if args.old or args.save or args.payload:
            raise Malformed("--old and --save go with --url, --payload goes with --proof")
        with args.export.open("rb") as file:
            report = verify_export(file, policy, args.without_replay)
    else:
        if args.payload:
            raise Malformed("--payload goes with --proof")
        old = [utf8(_read(path, NOTE_MAX)) for path in args.old]
        report = audit_log(open_log(args.url), policy, old)
        if args.save:
            _save(args.save, report)
    print(report.to_json() if args.json else report)
    return report.result.value


def _save(path: Path, report: Report) -> None:
    if report.result is Result.GOOD and report.checkpoint is not None:
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(report.checkpoint.opened.text, encoding="utf-8", newline="\n")
        fresh.replace(path)


def _sign(args: argparse.Namespace) -> int:
    data = sys.stdin.buffer.read(ENVELOPE_MAX) if args.body == "-" else _read(Path(args.body), ENVELOPE_MAX)
    body = _plain(read_json(data))
    if not isinstance(body, dict):
        raise Malformed("a body is an object")
    payload = draft(args.type, args.ledger, args.author, body, args.expires_at, args.idempotency_key, args.effective_at)
    kind = type_of_payload(args.type)
    keys = [read_key_file(_read(path, NOTE_MAX)) for path in (args.key, args.new_key) if path]
    if len(keys) != signatures_asked(payload):
        raise Malformed(f"{args.type} takes {signatures_asked(payload)} signatures: see --new-key")
    _show(read_payload(payload, kind))
    if not args.yes:
        if args.body == "-" or not sys.stdin.isatty():
            raise Malformed("nobody can be asked: add --yes")
        print("sign exactly this? [yes/no] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip() != "yes":
            return USAGE
    sys.stdout.write(bytes(Envelope.sign(kind, payload, keys)).decode() + "\n")
    return 0


def _plain(value: JsonValue) -> TreeInput:
    """A body as `canonical` takes it; what is ambiguous is refused here, what the profile forbids there."""
    if isinstance(value, JsonObject):
        if len(set(value.names())) != len(value.members):
            raise NotJson("a member twice")
        return {name: _plain(item) for name, item in value.members}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, (str, bool)):
        return value
    raise NotJson("amounts are strings, and what is absent is left out: no number, no null")


def _show(tree: Tree, name: str = "") -> None:
    """Every member of what is signed, on standard error: texts in quotes, so that nothing passes for layout."""
    if isinstance(tree, dict):
        for key, item in tree.items():
            _show(item, f"{name}.{key}" if name else key)
    elif isinstance(tree, list):
        for place, item in enumerate(tree):
            _show(item, f"{name}[{place}]")
    else:
        print(f"{name:<40} {repr(tree) if isinstance(tree, str) else tree}", file=sys.stderr)


def _submit(args: argparse.Namespace) -> int:
    envelope = Envelope.parse(_read(args.envelope, ENVELOPE_MAX))
    receipt = Client(args.url).submit(envelope)
    if args.vkey is not None:
        receipt.verify(envelope, policy_of(VerifierKey.parse(args.vkey)))
    print(f"record {receipt.seq} {receipt.status} {receipt.command_id.hex()}")
    if receipt.proof is not None:
        sys.stdout.write(receipt.proof)
    return 0
