-- Two guards that a superuser's session_replication_role = replica still went past. Statements are separated by an empty line.

ALTER TABLE transactions ENABLE ALWAYS TRIGGER check_intent;

ALTER TABLE transactions ENABLE ALWAYS TRIGGER check_status_move;

-- They act as the owner of the schema: nobody may hang them on a table of their own. Firing them needs no privilege.
REVOKE EXECUTE ON FUNCTION post_entries(), count_blocks(), sum_postings(), count_rows() FROM PUBLIC;
