"""Pledger from Python: sign and submit commands, and verify what a ledger says without trusting it.

A second verifier, written from the specifications and independent of the ledger's own program. Start with
`pledger.client.Client`, `pledger.command.draft`, `pledger.receipt.verify_receipt`,
`pledger.balance_proof.verify_balance_proof` and `pledger.log_audit.audit_log`.
"""

__version__ = "0.1.0"
