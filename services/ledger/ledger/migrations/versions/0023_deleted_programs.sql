-- A programme that was taken back before anybody gave or applied: its block and its row stay, it is shown no more and takes no
-- money. Statements are separated by an empty line.
ALTER TABLE programs ADD COLUMN IF NOT EXISTS deleted_at TIMESTAMP WITH TIME ZONE;

-- Statistics leave them out, whatever there is of others.
CREATE INDEX ix_programs_deleted ON programs (program_id) WHERE deleted_at IS NOT NULL;

GRANT UPDATE (deleted_at) ON programs TO ledger_worker;
