-- Statements are separated by an empty line.
-- A payment may be made of a hundred thousand donations: the graph and traces show the largest, and its sum is summed
-- without reading rows.
CREATE INDEX ix_transaction_links_paid ON transaction_links (to_transaction, amount, id DESC);

DROP INDEX ix_transaction_links_to_transaction;
