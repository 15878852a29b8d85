"""Every column of the ledger that can hold an id or words: what erasure does with it, or why it may stay."""

from typing import Final

# What becomes of it when a person is erased.
ERASED: Final = {
    "null": (
        "actors.user_id", "awards.user_id", "beneficiaries.user_id", "beneficiaries.sealed_page", "deciders.user_id",
        "disputes.reason", "donors.user_id", "transactions.reason", "transactions.user_id",
    ),
    "the id of `actors` that stands for the person": (
        "disputes.approved_by", "disputes.proposed_by", "payments.confirmed_by", "transactions.approved_by",
        "transactions.requested_by",
    ),
    "empty when it names the person": (
        "quarantined_events.payload",
    ),
    "the row goes": (
        "manual_transfer_notes.note", "payees.currency", "payees.payee_id", "payees.sealed_account", "payees.user_id",
    ),
    "unreadable, for the key of the person is destroyed": (
        "payments.sealed_account",
    ),
}  # fmt: skip

KEPT: Final = {
    "a random id of the ledger's own; the way from it to a person is what erasure cuts": (
        "actors.actor_id", "awards.beneficiary_id", "beneficiaries.beneficiary_id",
        "beneficiary_consents.beneficiary_id", "beneficiary_consents.id", "deciders.decider_id", "donors.donor_id",
        "manual_transfers.recorded_by", "statement_files.imported_by", "statement_withdrawals.withdrawn_by",
        "transactions.beneficiary_id", "transactions.donor_id",
    ),
    "names a thing, not a person: money, an application, a programme, an event, a file": (
        "award_lots.award_id", "award_lots.donation_id", "awards.application_id", "awards.award_id",
        "awards.commitment_id", "awards.program_id", "bank_statements.file_id", "bank_statements.statement_id",
        "beneficiaries.application_id", "beneficiaries.program_id", "block_verifications.id",
        "booked_events.event_id", "closed_awards.award_id", "disputes.correction_id", "disputes.dispute_id",
        "disputes.transaction_id", "inbox.event_id", "lot_sums.donation_id", "lots.donation_id",
        "lots.earmark", "lots.program_id",
        "manual_transfers.transaction_id", "outbox.event_id", "parked_events.event_id", "payments.reference",
        "payments.transaction_id", "program_balances.program_id", "programs.program_id",
        "quarantined_events.event_id", "receipts.transaction_id", "reconciled_files.file_id",
        "sandbox_transfers.reference", "statement_files.file_id", "statement_lines.payment_id",
        "statement_lines.statement_id", "statement_texts.statement_id", "statement_withdrawals.file_id",
        "tranches.award_id", "tranches.tranche_id", "transaction_links.from_transaction",
        "transaction_links.to_transaction", "transactions.application_id", "transactions.award_id",
        "transactions.donation_id", "transactions.earmark", "transactions.id", "transactions.program_id",
        "transactions.request_id", "transactions.tranche_id", "webhook_outcomes.transaction_id",
    ),
    "one of a few words or codes, a currency, a name of ours or of a bank, or where something lies": (
        "account_totals.currency", "account_totals.kind", "aggregate_sequences.subject",
        "alembic_version.version_num", "awards.currency", "balances.currency", "bank_statements.account",
        "bank_statements.currency", "bank_statements.statement_number", "beneficiaries.currency",
        "beneficiary_consents.consent_version", "block_counts.transaction_type", "block_verifications.verified_by",
        "booked_events.event_type", "checkpoint_cosignatures.witness", "consumer_offsets.consumer",
        "consumer_offsets.topic", "disputes.code", "disputes.outcome", "disputes.rail_currency",
        "disputes.rail_status", "disputes.status_before", "inbox.consumer", "leases.holder", "leases.name",
        "lots.currency", "manual_transfers.bank_reference", "manual_transfers.outcome", "money_totals.currency",
        "outbox.event_type", "outbox.subject", "outbox.topic", "parked_events.consumer", "parked_events.reason",
        "parked_events.topic", "payments.direction", "payments.rail", "postings.currency",
        "program_balances.currency", "programs.currency", "programs.title", "quarantined_events.event_type",
        "receipts.object_key", "receipts.program_title", "receipts.public_url", "reconciled_days.account",
        "reconciled_days.currency", "row_counts.name", "sandbox_transfers.behavior", "sandbox_transfers.currency",
        "statement_files.format", "statement_files.mapping", "statement_lines.bank_reference",
        "statement_matches.kind", "transactions.code", "transactions.currency", "transactions.status",
        "transactions.transaction_type", "user_standings.role", "verification_rounds.name",
        "webhook_deliveries.currency", "webhook_deliveries.event", "webhook_deliveries.kind",
        "webhook_deliveries.provider", "webhook_deliveries.reference", "webhook_deliveries.status",
        "webhook_outcomes.outcome",
    ),
    "blocks, what is made of them, and proofs: they hold the ledger's own ids and salted commitments": (
        "balances.account", "block_verifications.failure", "blocks.data", "blocks.hash", "blocks.preimage",
        "blocks.previous_hash", "blocks.transaction_id", "blocks.transaction_type", "checkpoint_cosignatures.key_id",
        "checkpoint_cosignatures.line", "checkpoints.note", "checkpoints.root", "head.peaks", "head.tip",
        "payments.payee_commitment", "postings.account", "receipts.content", "receipts.proof", "receipts.sha256",
        "signed_checkpoints.note", "signed_checkpoints.root", "transactions.blockchain_hash",
        "transactions.previous_block_hash", "tree_spans.hashes", "verified_states.body", "verified_states.mac",
    ),
    "a hash over more than anybody can guess": (
        "booked_events.event_hash", "idempotency_keys.payload_hash", "idempotency_keys.scope_hash",
        "manual_transfers.proof_sha256", "quarantined_events.event_hash", "statement_files.sha256",
        "statement_lines.identity", "statement_matches.identity", "webhook_deliveries.sha256",
    ),
    "an organisation that an admin recorded, who has no account here; its name is sealed": (
        "donors.reference", "donors.sealed_name",
    ),
    "sealed by a key of the file, which is destroyed after IMPACTNET_LEDGER_STATEMENT_TEXT_DAYS": (
        "statement_texts.sealed",
    ),
    "why a file of the bank's was a mistake: words about a file, under its withdrawer's own random id": (
        "statement_withdrawals.reason",
    ),
    "a tombstone: without it a token of the erased would count again, and a key be made anew; it is tied to nothing": (
        "subject_keys.subject_id", "subject_keys.wrapped_key", "user_standings.user_id",
    ),
    "what was told to others, by ids that mean nothing any more, for 14 days": (
        "outbox.payload",
    ),
    "an event that waits for a day at most; what it brings back, the hourly sweep erases again": (
        "parked_events.error", "parked_events.payload", "parked_events.subject",
    ),
    "the answer to a repeated request, sealed under the client's own key, for 7 days": (
        "idempotency_keys.sealed_answer",
    ),
    "keys that tokens are signed with, and sessions that are over, by random ids": (
        "revoked_sessions.session_id", "signing_keys.jwk", "signing_keys.kid",
    ),
}  # fmt: skip
