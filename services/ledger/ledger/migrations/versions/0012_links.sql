-- Links between lots and payments add up, whatever the code believes. Statements are separated by an empty line.

-- What has gone out of a lot and not come back, beside what it holds: an old lot may have any number of links, so they are
-- not summed again with each new one. A projection, written by the trigger below and by nobody else.
CREATE TABLE lot_sums (
    donation_id UUID NOT NULL,
    amount NUMERIC(20, 2) NOT NULL,
    given NUMERIC(20, 2) NOT NULL,
    CONSTRAINT pk_lot_sums PRIMARY KEY (donation_id),
    CONSTRAINT fk_lot_sums_donation_id_lots FOREIGN KEY(donation_id) REFERENCES lots (donation_id),
    CONSTRAINT ck_lot_sums_given CHECK (given BETWEEN 0 AND amount)
);

-- A payment takes all that it is made of in one statement, and what it gives back goes the same ways whole. As in 0009,
-- each row looks up its own: a payment has a few links, however many there are of others.
CREATE FUNCTION check_links() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = ledger, pg_temp SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    broken record;
BEGIN
    SELECT from_transaction AS source, to_transaction AS target INTO broken
    FROM (SELECT from_transaction, to_transaction, amount,
            (SELECT transaction_type FROM transactions WHERE id = added.from_transaction) AS source,
            (SELECT transaction_type FROM transactions WHERE id = added.to_transaction) AS target,
            (SELECT links.amount FROM transaction_links AS links WHERE links.from_transaction = added.to_transaction
                AND links.to_transaction = added.from_transaction) AS opposite,
            -- A disbursement is paid from what was set aside for its award, a refund from the donation it gives back.
            (SELECT CASE WHEN award_id IS NULL THEN donation_id = added.from_transaction ELSE (SELECT true FROM award_lots
                    WHERE award_lots.award_id = transactions.award_id AND donation_id = added.from_transaction) END
                FROM transactions WHERE id = added.to_transaction) AS is_meant
        FROM added) AS ends
    WHERE (source = 'donation' AND target IN ('disbursement', 'refund') AND opposite IS NULL AND is_meant
        OR source IN ('disbursement', 'refund') AND target = 'donation' AND opposite = amount) IS NOT TRUE LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a link from % to % neither pays from a lot that is meant for it nor gives back what it paid', broken.source, broken.target
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    -- Of the two ends of a link, the one that is no lot is the payment.
    SELECT payment INTO broken
    FROM (SELECT payment,
            (SELECT amount FROM transactions WHERE id = payment) AS amount,
            (SELECT sum(amount) FROM transaction_links WHERE to_transaction = payment) AS taken,
            (SELECT sum(amount) FROM transaction_links WHERE from_transaction = payment) AS given_back
        FROM (SELECT DISTINCT CASE WHEN (SELECT true FROM lots WHERE donation_id = to_transaction)
            THEN from_transaction ELSE to_transaction END AS payment FROM added) AS touched) AS payments
    WHERE taken IS DISTINCT FROM amount OR given_back <> amount LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'links of % do not sum to its amount', broken.payment USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    -- Where there is no lot there is no amount either, and NOT NULL refuses it; more than it holds, the check.
    WITH moved AS MATERIALIZED (
        SELECT lot, sum(amount) AS amount, (SELECT true FROM lot_sums WHERE donation_id = lot) AS is_known
        FROM (SELECT from_transaction AS lot, amount FROM added
                WHERE (SELECT true FROM lots WHERE donation_id = to_transaction) IS NULL
            UNION ALL SELECT to_transaction, -amount FROM added
                WHERE (SELECT true FROM lots WHERE donation_id = to_transaction)) AS moves
        GROUP BY lot
    ), known AS (
        UPDATE lot_sums SET given = lot_sums.given + moved.amount
        FROM moved WHERE moved.is_known AND lot_sums.donation_id = moved.lot
    )
    INSERT INTO lot_sums (donation_id, amount, given)
        SELECT lot, (SELECT amount FROM lots WHERE donation_id = lot), amount FROM moved WHERE is_known IS NULL;
    RETURN NULL;
END
$$;

CREATE TRIGGER check_links AFTER INSERT ON transaction_links REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION check_links();

ALTER TABLE transaction_links ENABLE ALWAYS TRIGGER check_links;

-- The other way round: no payment under way without lots behind it, and none that failed or came back and kept their money.
-- At the commit, because a payment is there before its links; only for the few that begin or end in this way.
CREATE FUNCTION check_sources() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger SET enable_seqscan = off AS $$
DECLARE
    it record;
BEGIN
    SELECT status, amount,
            coalesce((SELECT sum(amount) FROM transaction_links WHERE to_transaction = NEW.id), 0) AS taken,
            coalesce((SELECT sum(amount) FROM transaction_links WHERE from_transaction = NEW.id), 0) AS given_back
        INTO it FROM transactions WHERE id = NEW.id;
    IF it.taken <> it.amount OR it.status IN ('failed', 'reversed') AND it.given_back <> it.amount
            OR it.status = 'completed' AND it.given_back <> 0 THEN
        RAISE EXCEPTION '% is %, with % taken from lots and % given back of %',
            NEW.id, it.status, it.taken, it.given_back, it.amount USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER check_sources AFTER INSERT ON transactions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.transaction_type = 'disbursement' AND (NEW.status <> 'failed' OR NEW.blockchain_hash IS NOT NULL)
        OR NEW.transaction_type = 'refund' AND (NEW.status <> 'pending' OR NEW.blockchain_hash IS NOT NULL))
    EXECUTE FUNCTION check_sources();

CREATE CONSTRAINT TRIGGER check_sources_when_booked AFTER UPDATE OF blockchain_hash ON transactions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.transaction_type IN ('disbursement', 'refund')
        AND OLD.blockchain_hash IS NULL AND NEW.blockchain_hash IS NOT NULL)
    EXECUTE FUNCTION check_sources();

CREATE CONSTRAINT TRIGGER check_sources_when_over AFTER UPDATE OF status ON transactions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.transaction_type IN ('disbursement', 'refund')
        AND NEW.blockchain_hash IS NOT NULL AND OLD.status <> NEW.status
        AND NEW.status IN ('completed', 'failed', 'reversed'))
    EXECUTE FUNCTION check_sources();

ALTER TABLE transactions ENABLE ALWAYS TRIGGER check_sources;

ALTER TABLE transactions ENABLE ALWAYS TRIGGER check_sources_when_booked;

ALTER TABLE transactions ENABLE ALWAYS TRIGGER check_sources_when_over;

-- What was there before; a sum that does not fit stops the migration, and has been named by verification.
INSERT INTO lot_sums (donation_id, amount, given)
    SELECT lots.donation_id, lots.amount, sum(moves.amount)
    FROM (SELECT from_transaction AS lot, amount FROM transaction_links
        UNION ALL SELECT to_transaction, -amount FROM transaction_links) AS moves
    JOIN lots ON lots.donation_id = moves.lot GROUP BY lots.donation_id;

-- It acts as the owner of the schema: nobody may hang it on a table of their own.
REVOKE EXECUTE ON FUNCTION check_links() FROM PUBLIC;

GRANT SELECT ON lot_sums TO ledger_api, ledger_worker;
