-- Statements are separated by an empty line.
-- The next that is due of one direction, past whatever is due of the other; in the order in which they are asked for, so
-- that many of the same instant are not sorted for each.
CREATE INDEX ix_payments_due ON payments (direction, due_at, transaction_id) WHERE due_at IS NOT NULL;

DROP INDEX ix_payments_due_at;
