-- An admin asks for all transactions of a kind, or for all that failed. Statements are separated by an empty line.

-- Few of one kind among many of another are found without reading the others.
CREATE INDEX ix_transactions_type ON transactions (transaction_type, id);

-- What is under way has an index of its own; what is completed is nearly everything.
CREATE INDEX ix_transactions_in_vain ON transactions (status, id) WHERE status IN ('failed','reversed');

-- What was written about the money of people who had been erased already, and stayed. What is an organisation's stays.
CREATE FUNCTION is_nobodys(asked uuid) RETURNS boolean LANGUAGE sql STABLE SET search_path = ledger AS $$
    SELECT EXISTS (SELECT FROM transactions LEFT JOIN donors USING (donor_id)
        WHERE id = asked AND transactions.user_id IS NULL AND reference IS NULL)
$$;

UPDATE transactions SET reason = NULL WHERE reason IS NOT NULL AND is_nobodys(id);

UPDATE disputes SET reason = NULL WHERE reason IS NOT NULL AND is_nobodys(transaction_id);

DELETE FROM manual_transfer_notes USING manual_transfers WHERE transfer_id = id AND is_nobodys(transaction_id);

DROP FUNCTION is_nobodys(uuid);
