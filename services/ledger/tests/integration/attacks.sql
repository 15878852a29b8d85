-- Attacks on a ledger, by someone with all rights and no guards in the way. An attack is a comment (what it is | the block
-- that is named, or - | what the failure says) and its statements, up to an empty line. Words in braces stand for rows of
-- the history at hand: {sent} is the index of the first block of that kind or step, {sent_id} its transaction.

-- index | sent | missing
UPDATE blocks SET block_index = 999 WHERE block_index = {sent};

-- time | sent | columns: the column timestamp
UPDATE blocks SET timestamp = timestamp + interval '1 us' WHERE block_index = {sent};

-- type | sent | columns: the column transaction_type
UPDATE blocks SET transaction_type = 'refund' WHERE block_index = {sent};

-- id | sent | columns: the column transaction_id
UPDATE blocks SET transaction_id = 'other' WHERE block_index = {sent};

-- data | sent | columns: the column data
UPDATE blocks SET data = data || '{"amount": "1.00"}' WHERE block_index = {sent};

-- previous hash | sent | columns: the column previous_hash
UPDATE blocks SET previous_hash = repeat('a', 64) WHERE block_index = {sent};

-- nonce | sent | columns: the column nonce
UPDATE blocks SET nonce = 77 WHERE block_index = {sent};

-- hash | sent | bytes: the hash
UPDATE blocks SET hash = repeat('a', 64) WHERE block_index = {sent};

-- bytes | sent | bytes: the hash
UPDATE blocks SET preimage = preimage || 'x' WHERE block_index = {sent};

-- bytes and hash | sent | bytes
UPDATE blocks SET preimage = '{}', hash = encode(sha256('{}'), 'hex') WHERE block_index = {sent};

-- bytes that are no block | sent | bytes
UPDATE blocks SET preimage = 'null', hash = encode(sha256('null'), 'hex') WHERE block_index = {sent};

-- delete | interview | missing: no such block
DELETE FROM blocks WHERE block_index = {interview};

-- delete the tip | tip | missing: no such block
DELETE FROM blocks WHERE block_index = {tip};

-- swap | interview | columns: the column block_index
UPDATE blocks SET block_index = -1 WHERE block_index = {interview};
UPDATE blocks SET block_index = {interview} WHERE block_index = {interview} + 1;
UPDATE blocks SET block_index = {interview} + 1 WHERE block_index = -1;

-- insert | tip+1 | head: blocks go on beyond it
INSERT INTO blocks SELECT {size}, timestamp, transaction_type, 'other', data, 'other', 'other', nonce, preimage FROM
    blocks WHERE block_index = {tip};

-- leaf | sent | tree: node 0/{sent}
UPDATE tree_spans SET hashes = overlay(hashes PLACING sha256('') FROM ({sent} - first)::integer * 32 + 1)
    WHERE level = 0 AND first <= {sent} AND {sent} < first + octet_length(hashes) / 32;

-- inner node | 3 | tree: node 1/1
UPDATE tree_spans SET hashes = overlay(hashes PLACING sha256('') FROM (1 - first)::integer * 32 + 1)
    WHERE level = 1 AND first <= 1 AND 1 < first + octet_length(hashes) / 32;

-- high node | 15 | tree: node 4/0
UPDATE tree_spans SET hashes = overlay(hashes PLACING sha256('') FROM (0 - first)::integer * 32 + 1)
    WHERE level = 4 AND first <= 0 AND 0 < first + octet_length(hashes) / 32;

-- node gone | 7 | tree: node 2/1
DELETE FROM tree_spans WHERE level = 2 AND first = 1;

-- node more | tip | tree: node 0/{size}
INSERT INTO tree_spans VALUES (0, {size}, sha256(''));

-- node from nowhere | tip | tree: node 9/0
INSERT INTO tree_spans VALUES (9, 0, sha256(''));

-- node before the first | tip | tree: node 3/-1
INSERT INTO tree_spans VALUES (3, -1, sha256(''));

-- node below the leaves | tip | tree: node -1/0
INSERT INTO tree_spans VALUES (-1, 0, sha256(''));

-- node above every tree | tip | tree: node 63/0
INSERT INTO tree_spans VALUES (63, 0, sha256(''));

-- posting amount | sent | postings: the postings differ
UPDATE postings SET amount = amount * 2 WHERE block_index = {sent};

-- posting account | sent | postings: the postings differ
UPDATE postings SET account = 'mine' WHERE block_index = {sent} AND line = 1;

-- posting currency | sent | postings: the postings differ
UPDATE postings SET currency = 'USD' WHERE block_index = {sent} AND line = 1;

-- posting line | sent | postings: the lines
UPDATE postings SET line = 7 WHERE block_index = {sent} AND line = 1;

-- posting gone | sent | postings: the postings differ
DELETE FROM postings WHERE block_index = {sent};

-- posting more | decision | postings: postings of a block that moves no money
INSERT INTO postings VALUES ({decision}, 0, 'a', 'NGN', 1);

-- posting of no block | 999 | postings: of a block that is not there
INSERT INTO postings VALUES (999, 0, 'a', 'NGN', 1);

-- balance | - | balances NGN bank:clearing: 1.00, the blocks say 0.00
UPDATE balances SET balance = balance + 1 WHERE account = 'bank:clearing';

-- balance gone | - | balances NGN bank:clearing: missing
DELETE FROM balances WHERE account = 'bank:clearing';

-- balance more | - | balances NGN program:mine:available: no block
INSERT INTO balances VALUES ('program:mine:available', 'NGN', 0);

-- lot amount | donation | lots {lot}: amount is 101.00, the blocks say 100.00
UPDATE lots SET amount = amount + 1 WHERE donation_id = '{lot}';

-- lot taken | donation | lots {lot}: 41.00 of it is taken, awards and refunds say 40.00
UPDATE lots SET taken = taken + 1 WHERE donation_id = '{lot}';

-- lot program | donation | lots {lot}: program_id
UPDATE lots SET program_id = gen_random_uuid() WHERE donation_id = '{lot}';

-- lot earmark | donation | lots {lot}: earmark
UPDATE lots SET earmark = gen_random_uuid() WHERE donation_id = '{lot}';

-- lot place | donation | lots {lot}: received is 0
UPDATE lots SET received = 0 WHERE donation_id = '{lot}';

-- lot gone | donation | lots {lot}: missing
DELETE FROM lots WHERE donation_id = '{lot}';

-- lot more | 0 | lots {nobody}: no block has brought it in
INSERT INTO lots (donation_id, program_id, currency, amount, received) VALUES ('{nobody}', '{nobody}', 'NGN', 5, 0);

-- share amount | commitment | award_lots of {award}: they sum to 62.00 of 60.00
UPDATE award_lots SET amount = amount + 1 WHERE award_id = '{award}';

-- share paid | - | award_lots {award} of {lot}: paid
UPDATE award_lots SET paid = paid - 1 WHERE award_id = '{award}' AND donation_id = '{lot}';

-- share released | - | award_lots {award} of {lot}: paid
UPDATE award_lots SET released = released + 1 WHERE award_id = '{award}' AND donation_id = '{lot}';

-- share gone | commitment | award_lots of {award}: they sum to 20.00 of 60.00
DELETE FROM award_lots WHERE award_id = '{award}' AND donation_id = '{lot}';

-- link amount | sent | transaction_links to {sent_id}: they sum to 41.00 of 40.00
UPDATE transaction_links SET amount = amount + 1 WHERE id = {link};

-- link source | sent | transaction_links from {nobody} to {sent_id}
UPDATE transaction_links SET from_transaction = '{nobody}' WHERE id = {link};

-- link target | sent | transaction_links to {sent_id}: they sum to
UPDATE transaction_links SET to_transaction = '{nobody}' WHERE id = {link};

-- link gone | sent | transaction_links to {sent_id}: they sum to
DELETE FROM transaction_links WHERE id = {link};

-- link more | - | nothing was sent or came back by it
INSERT INTO transaction_links (id, from_transaction, to_transaction, amount) VALUES (999, '{lot}', '{nobody}', 1);

-- link back gone | failed | transaction_links from {failed_id}: they do not mirror
DELETE FROM transaction_links WHERE from_transaction = '{failed_id}';

-- another donor's money, everywhere | 0 | verified state {state}: rows beside blocks 0 to
UPDATE transaction_links SET from_transaction = CASE from_transaction WHEN '{lot}' THEN '{other_lot}'::uuid ELSE
    '{lot}' END WHERE to_transaction = '{failed_id}' AND from_transaction IN ('{lot}', '{other_lot}');
UPDATE transaction_links SET to_transaction = CASE to_transaction WHEN '{lot}' THEN '{other_lot}'::uuid ELSE '{lot}'
    END WHERE from_transaction = '{failed_id}' AND to_transaction IN ('{lot}', '{other_lot}');
UPDATE award_lots SET donation_id = CASE donation_id WHEN '{lot}' THEN '{other_lot}'::uuid ELSE '{lot}' END WHERE
    award_id = '{failed_award}' AND donation_id IN ('{lot}', '{other_lot}');

-- award amount | commitment | awards {award}: amount is 61.00, the blocks say 60.00
UPDATE awards SET amount = amount + 1 WHERE award_id = '{award}';

-- award paid | - | awards {award}: paid 39.00 and released 0.00, the blocks say 40.00 and 0
UPDATE awards SET paid = paid - 1 WHERE award_id = '{award}';

-- award released | - | awards {award}: paid 40.00 and released 1.00, the blocks say 40.00 and 0
UPDATE awards SET released = 1 WHERE award_id = '{award}';

-- award beneficiary | commitment | awards {award}: beneficiary_id is {nobody}
UPDATE awards SET beneficiary_id = '{nobody}' WHERE award_id = '{award}';

-- award application | 0 | verified state {state}: rows beside blocks 0 to
UPDATE awards SET application_id = '{nobody}' WHERE award_id = '{award}';

-- award gone | commitment | awards {award}: missing
DELETE FROM awards WHERE award_id = '{award}';

-- tranche amount | commitment | tranches of {award}: they sum to 61.00 of 60.00
UPDATE tranches SET amount = amount + 1 WHERE tranche_id = (SELECT min(tranche_id::text)::uuid FROM tranches WHERE
    award_id = '{award}');

-- program currency | program_create | programs {program}: currency is USD, the blocks say NGN
UPDATE programs SET currency = 'USD' WHERE program_id = '{program}';

-- program more | - | programs {nobody}: no block has opened it
INSERT INTO programs (program_id, currency) VALUES ('{nobody}', 'NGN');

-- payee | sent | payments {sent_id}: it does not say
UPDATE payments SET payee_commitment = repeat('a', 64) WHERE transaction_id = '{sent_id}';

-- rail | 0 | verified state {state}: rows beside blocks 0 to
UPDATE payments SET rail = 'other' WHERE transaction_id = '{sent_id}';

-- received | - | 41.00 received, the books say 40.00
UPDATE beneficiaries SET amount_received = 41 WHERE amount_received = 40;

-- transaction amount | completed | transactions {sent_id}: amount is 41.00, the blocks say 40.00
UPDATE transactions SET amount = 41 WHERE id = '{sent_id}';

-- transaction status | sent | transactions {sent_id}: it is failed, which its blocks do not say
UPDATE transactions SET status = 'failed' WHERE id = '{sent_id}';

-- transaction disputed | completed | transactions {sent_id}: disputed, and no dispute is open
UPDATE transactions SET status = 'disputed' WHERE id = '{sent_id}';

-- transaction hash | completed | transactions {sent_id}: blockchain_hash is aaaa
UPDATE transactions SET blockchain_hash = repeat('a', 64) WHERE id = '{sent_id}';

-- transaction previous | completed | transactions {sent_id}: previous_block_hash is aaaa
UPDATE transactions SET previous_block_hash = repeat('a', 64) WHERE id = '{sent_id}';

-- transaction place | completed | transactions {sent_id}: block_index is 1
UPDATE transactions SET block_index = 1 WHERE id = '{sent_id}';

-- transaction donor | donation | transactions {lot}: donor_id is {nobody}
UPDATE transactions SET donor_id = '{nobody}' WHERE id = '{lot}';

-- transaction program | donation | transactions {lot}: program_id is {nobody}
UPDATE transactions SET program_id = '{nobody}' WHERE id = '{lot}';

-- transaction beneficiary | completed | transactions {sent_id}: beneficiary_id
UPDATE transactions SET beneficiary_id = '{nobody}' WHERE id = '{sent_id}';

-- transaction time | 0 | verified state {state}: rows beside blocks 0 to
UPDATE transactions SET initiated_at = initiated_at - interval '1 day' WHERE id = '{lot}';

-- transaction gone | completed | transactions {sent_id}: missing
DELETE FROM transactions WHERE id = '{sent_id}';

-- transaction unbooked | donation | transactions {lot}: blockchain_hash is None
UPDATE transactions SET blockchain_hash = NULL, previous_block_hash = NULL, block_index = NULL WHERE id = '{lot}';

-- transaction more | - | transactions {nobody}: a donation without a block that is completed
INSERT INTO transactions (id, transaction_type, status, program_id, amount, currency, initiated_at) VALUES
    ('{nobody}', 'donation', 'completed', '{program}', 1000, 'NGN', now());

-- event type | commitment | booked_events {commitment_id}: event_type is other
UPDATE booked_events SET event_type = 'other' WHERE event_id = '{commitment_id}';

-- event hash | 0 | verified state {state}: rows beside blocks 0 to
UPDATE booked_events SET event_hash = sha256('') WHERE event_id = '{commitment_id}';

-- event hash of an exception | exception | booked_events {exception_id}: event_hash
UPDATE booked_events SET event_hash = sha256('') WHERE event_id = '{exception_id}';

-- event gone | commitment | booked_events {commitment_id}: missing
DELETE FROM booked_events WHERE event_id = '{commitment_id}';

-- quarantined event | - | quarantined_events
UPDATE quarantined_events SET payload = convert_to(replace(convert_from(payload, 'UTF8'), 'NGN', 'USD'), 'UTF8');

-- receipt number | - | receipts: numbers 1 to 99
UPDATE receipts SET number = 99 WHERE number = 2;

-- receipt gone | - | receipts: numbers 1 to
DELETE FROM receipts WHERE number = 2;

-- receipt of another | - | receipts 2: nothing was completed
UPDATE receipts SET transaction_id = '{nobody}' WHERE number = 2;

-- receipt content | - | verified state {state}: receipts 1 to
UPDATE receipts SET sha256 = repeat('a', 64) WHERE number = 2;

-- head tip | tip | head: it does not fit the last block
UPDATE head SET tip = repeat('a', 64);

-- head time | tip | head: it does not fit the last block
UPDATE head SET tip_at = tip_at + interval '1 us';

-- head epoch | tip | head: it does not fit the last block
UPDATE head SET epoch = 0;

-- head peaks | tip | head: its peaks
UPDATE head SET peaks = peaks || 'x';

-- head back | tip | head: blocks go on beyond it
UPDATE head SET size = size - 1;

-- head forward | tip+1 | missing: no such block
UPDATE head SET size = size + 1;

-- head gone | 0 | head: missing
DELETE FROM head;

-- checkpoint root | checkpoint+-1 | checkpoint {checkpoint}: its columns differ
UPDATE checkpoints SET root = sha256('') WHERE size = {checkpoint};

-- checkpoint note | checkpoint+-1 | checkpoint {checkpoint}: invalid signature
UPDATE checkpoints SET note = replace(note, E'\n{checkpoint}\n', E'\n7\n') WHERE size = {checkpoint};

-- checkpoint size | 2 | checkpoint 3: its columns differ
UPDATE checkpoints SET size = 3 WHERE size = {checkpoint};

-- state body | - | verified state {state}: no known key
UPDATE verified_states SET body = replace(body, 'size {state}', 'size 3') WHERE size = {state};

-- state seal | - | verified state {state}: no known key
UPDATE verified_states SET mac = sha256('') WHERE size = {state};

-- state size | - | verified state 3: its column differs
UPDATE verified_states SET size = 3 WHERE size = {state};

-- state gone | - | one before it is missing
DELETE FROM verified_states WHERE size = {state};

-- state forged | - | verified state 3: no known key
INSERT INTO verified_states VALUES (3, 'x', 'y');

-- block count | - | block_counts donation: 9, there are 3
UPDATE block_counts SET number = 9 WHERE transaction_type = 'donation';

-- block count gone | - | block_counts donation: 0, there are 3
DELETE FROM block_counts WHERE transaction_type = 'donation';

-- program count | - | row_counts programs: 9, there are 2
UPDATE row_counts SET number = 9 WHERE name = 'programs';

-- money total | - | money_totals NGN: they are not those of the blocks
UPDATE money_totals SET received = received + 1;

-- sum of a lot | - | lot_sums {lot}
UPDATE lot_sums SET given = given + 1 WHERE donation_id = '{lot}';

-- refunds of a lot | - | lot_sums {lot}
UPDATE lot_sums SET refunded = refunded + 1 WHERE donation_id = '{lot}';

-- promises of a lot | - | lot_sums {lot}
UPDATE lot_sums SET promised = promised + 1 WHERE donation_id = '{lot}';

-- payments of a lot | - | lot_sums {lot}
UPDATE lot_sums SET paid = paid + 1 WHERE donation_id = '{lot}';

-- account total | - | account_totals bank NGN: 1.00, the accounts have 0.00
UPDATE account_totals SET balance = 1 WHERE kind = 'bank';

-- program balance | - | program_balances {program} NGN: they are not those of its accounts
UPDATE program_balances SET available = available + 1 WHERE program_id = '{program}';
