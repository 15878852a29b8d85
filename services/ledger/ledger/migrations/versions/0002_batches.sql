-- What batches need. Statements are separated by an empty line.
GRANT SELECT ON consumer_offsets TO ledger_api;

GRANT SELECT, INSERT, UPDATE ON consumer_offsets TO ledger_worker;

-- Money that is free to give is found in the order it came in, however many lots are spent already.
CREATE INDEX ix_lots_open ON lots (program_id, received) WHERE earmark IS NULL AND taken < amount;

CREATE INDEX ix_lots_earmark ON lots (earmark, received) WHERE earmark IS NOT NULL AND taken < amount;

DROP INDEX ix_lots_program_id;
