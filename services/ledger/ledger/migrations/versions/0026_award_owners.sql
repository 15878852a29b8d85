-- An erasure asks whose award it is, and so does the hourly look at who has come back. Statements are separated by an empty line.
CREATE INDEX ix_awards_user_id ON awards (user_id) WHERE user_id IS NOT NULL;
