-- A bank's reference proves one transfer however it is written. Statements are separated by an empty line.

-- As statements are compared with it: `bank_references.normalized`. Two transfers that one reference proves by now stop the
-- migration, for one line at the bank cannot be both.
DROP INDEX uq_manual_transfers_bank_reference;

CREATE UNIQUE INDEX uq_manual_transfers_bank_reference
    ON manual_transfers (left(upper(replace(bank_reference, ' ', '')), 64)) WHERE outcome = 'paid';
