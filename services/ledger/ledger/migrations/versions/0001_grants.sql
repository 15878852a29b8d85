-- Who may do what. Nothing is granted by default; TRUNCATE and DDL to nobody. Statements are separated by an empty line.

GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO ledger_api, ledger_worker;

-- What every service's processes do with the tables they stand on.
GRANT INSERT, UPDATE, DELETE ON aggregate_sequences, idempotency_keys, inbox, leases, outbox, parked_events,
    revoked_sessions, signing_keys, subject_keys, user_standings TO ledger_worker;

GRANT INSERT, UPDATE ON aggregate_sequences, outbox, idempotency_keys, subject_keys TO ledger_api;

-- The API: intents, and what people may change about themselves.
GRANT INSERT ON transactions, payments, donors, payees, beneficiary_consents TO ledger_api;

GRANT UPDATE (sealed_account, currency, version, updated_at) ON payees TO ledger_api;

GRANT UPDATE (sealed_page, is_public, version, updated_at) ON beneficiaries TO ledger_api;

GRANT UPDATE (confirmed_by, due_at, updated_at) ON payments TO ledger_api;

-- The lock that a confirmation takes needs some column; this one says nothing.
GRANT UPDATE (updated_at) ON transactions TO ledger_api;

-- The worker: the only one that appends.
GRANT INSERT ON blocks, tree_nodes, postings, booked_events, quarantined_events, block_verifications, donors, deciders,
    beneficiaries, programs, transactions, payments, awards, tranches, lots, award_lots, transaction_links, receipts,
    sandbox_transfers TO ledger_worker;

GRANT UPDATE (epoch, size, tip, tip_at, peaks) ON head TO ledger_worker;

GRANT UPDATE (title, revision, updated_at) ON programs TO ledger_worker;

GRANT UPDATE (paid, released, user_id, updated_at) ON awards TO ledger_worker;

GRANT UPDATE (taken, updated_at) ON lots TO ledger_worker;

GRANT UPDATE (paid, released, updated_at) ON award_lots TO ledger_worker;

GRANT UPDATE (status, code, blockchain_hash, previous_block_hash, block_index, completed_at, version, updated_at,
    user_id, requested_by, approved_by) ON transactions TO ledger_worker;

GRANT UPDATE (called_at, asked, due_at, sealed_account, updated_at) ON payments TO ledger_worker;

-- Erasure cleans the mapping from people to the ledger's own ids.
GRANT UPDATE (user_id, reference, sealed_name, updated_at) ON donors TO ledger_worker;

GRANT UPDATE (user_id) ON deciders TO ledger_worker;

GRANT UPDATE (user_id, sealed_page, amount_received, is_public, completion_date, version, updated_at)
    ON beneficiaries TO ledger_worker;

GRANT DELETE ON payees TO ledger_worker;

-- The signer: reads the tree, writes checkpoints and says so.
GRANT SELECT ON head, tree_nodes, checkpoints, outbox, aggregate_sequences TO ledger_signer;

GRANT INSERT ON checkpoints, outbox, aggregate_sequences TO ledger_signer;

GRANT UPDATE ON aggregate_sequences TO ledger_signer;
