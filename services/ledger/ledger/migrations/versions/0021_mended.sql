-- What a verification has looked at (0: blocks and the rows beside them, 1: balances and sealed states too, 2: which
-- donation paid for what too), and as of when. Rows of before looked, as far as can be told, at the least, and when they
-- were written. Statements are separated by an empty line.
ALTER TABLE block_verifications
    ADD COLUMN depth SMALLINT DEFAULT 0 NOT NULL,
    ADD COLUMN as_of TIMESTAMP WITH TIME ZONE;
