// A second verifier, written from docs/verification.md alone: proofs and dumps, with nothing but Node's own crypto.
//   node verify.mjs proof FILE POLICY
//   node verify.mjs audit DUMP CHECKPOINT POLICY
//   node verify.mjs judge    reads lines {"command", "files": [base64, ...]}, writes a line of JSON for each: null or why not
import { createHash, createPublicKey, verify as verifySignature } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

class NotVerified extends Error {}

function need(condition, failure) {
  if (!condition) throw new NotVerified(failure);
}

// Conventions

const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const same = (one, other) => Buffer.compare(one, other) === 0;

function decodeText(bytes, what) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new NotVerified(`${what}: not UTF-8`);
  }
}

function decodeBase64(text, what) {
  const bytes = Buffer.from(text, "base64");
  need(bytes.toString("base64") === text, `${what}: not canonical base64`);
  return bytes;
}

function decodeHash(text, what) {
  const bytes = decodeBase64(text, what);
  need(bytes.length === 32, `${what}: not a hash`);
  return bytes;
}

function decodeNumber(text, what) {
  need(/^(0|[1-9][0-9]{0,18})$/.test(text) && BigInt(text) < 2n ** 63n, `${what}: not a number`);
  return BigInt(text);
}

// Canonical JSON

function encodeCanonical(value) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    need(Number.isSafeInteger(value), "bytes: not an integer of the profile");
    return String(value);
  }
  if (typeof value === "string") {
    need(value.isWellFormed(), "bytes: a lone surrogate");
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(encodeCanonical).join(",")}]`;
  const names = Object.keys(value).sort();
  need(names.every((name) => /^[A-Za-z0-9_.:-]+$/.test(name)), "bytes: a key outside the profile");
  return `{${names.map((name) => `"${name}":${encodeCanonical(value[name])}`).join(",")}}`;
}

function decodeCanonical(bytes, most) {
  need(bytes.length <= most, "bytes: too many");
  const text = decodeText(bytes, "bytes");
  let encoded, value;
  try {
    value = JSON.parse(text);
    encoded = encodeCanonical(value);
  } catch (error) {
    if (error instanceof NotVerified) throw error;
    throw new NotVerified("bytes: not JSON");
  }
  need(encoded === text, "bytes: not canonical");
  return value;
}

// Block

const GENESIS = Buffer.from(
  '{"block_index":0,"data":{"currencies":{"NGN":2},"profile":"impactnet-jcs-1"},"nonce":0,"previous_hash":"' +
    "0".repeat(64) +
    '","timestamp":"2026-01-01T00:00:00.000000Z","transaction_id":"genesis","transaction_type":"genesis"}',
);
const DIGITS = { NGN: 2 };
const ID = /^[A-Za-z0-9_.-]{1,100}$/;
const HASH = /^[0-9a-f]{64}$/;
const WORD = /^[^\x00-\x1f]{1,200}$/u;
const SCORE = /^(0|[1-9][0-9]{0,17})(\.[0-9]+)?$/;
const STEP = /^(sent|completed|failed)$/;
const COUNT = { test: (value) => Number.isSafeInteger(value) && value >= 0 };
const DONOR = (data) => `external:donor:${data.donor_id}`;
const AVAILABLE = (data) => `program:${data.program_id}:available`;
const COMMITTED = (data) => `program:${data.program_id}:committed:${data.award_id}`;
const BENEFICIARY = (data) => `beneficiary:${data.beneficiary_id}`;
const CLEARING = () => "bank:clearing";
const AWARD = { award_id: ID, program_id: ID, beneficiary_id: ID };

// Fields, fields that may be left out, and moves by step ("" where there are none).
const TYPES = {
  program_create: [{ program_id: ID, currency: /^NGN$/ }],
  donation: [{ donor_id: ID, program_id: ID }, { earmark: ID }, { "": [DONOR, AVAILABLE] }],
  commitment: [AWARD, {}, { "": [AVAILABLE, COMMITTED] }],
  decommitment: [AWARD, {}, { "": [COMMITTED, AVAILABLE] }],
  decision: [
    {
      application_id: ID, program_id: ID, decider_id: ID, outcome: /^(approved|rejected)$/,
      submission_sha256: HASH, reviews: COUNT, final_score: SCORE,
    },
    { award_id: ID },
  ],
  interview: [{ application_id: ID, transcript_sha256: HASH, messages: COUNT, model: WORD, prompt_version: WORD }],
  disbursement: [
    { ...AWARD, transaction_id: ID, tranche_id: ID, payee_commitment: HASH, step: STEP },
    {},
    { sent: [COMMITTED, CLEARING], completed: [CLEARING, BENEFICIARY], failed: [CLEARING, COMMITTED] },
  ],
  refund: [
    { transaction_id: ID, donation_id: ID, donor_id: ID, program_id: ID, step: STEP },
    {},
    { sent: [AVAILABLE, CLEARING], completed: [CLEARING, DONOR], failed: [CLEARING, AVAILABLE] },
  ],
  reversal: [{ ...AWARD, disbursement_id: ID, code: WORD }, {}, { "": [BENEFICIARY, COMMITTED] }],
  exception: [{ event_id: ID, event_type: WORD, event_hash: HASH, code: WORD }],
};

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const hasExactly = (value, names) =>
  isObject(value) && Object.keys(value).length === names.length && names.every((name) => Object.hasOwn(value, name));
const matches = (form, value) => (form === COUNT || typeof value === "string") && form.test(value);

function readAmount(text, currency, signed) {
  const form = new RegExp(`^${signed ? "-?" : ""}(0|[1-9][0-9]{0,17})\\.[0-9]{${DIGITS[currency]}}$`);
  need(matches(form, text), "data: not an amount");
  return BigInt(text.replace(".", ""));
}

function isDay(text) {
  const [year, month, day] = text.split("-").map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function readMoney(block, moves) {
  const { data } = block;
  const step = data.step ?? "";
  if (step) need(block.transaction_id === `${data.transaction_id}:${step}`, "transaction_id: not that of its step");
  need(typeof data.currency === "string" && Object.hasOwn(DIGITS, data.currency), "data.currency: unknown");
  const amount = readAmount(data.amount, data.currency, false);
  need(amount > 0n, "data.amount: nothing");
  need(Array.isArray(data.postings) && data.postings.length >= 2, "postings: fewer than two");
  const changes = new Map();
  for (const line of data.postings) {
    need(hasExactly(line, ["account", "amount"]), "postings: not account and amount");
    need(matches(/^[A-Za-z0-9_.:-]{1,320}$/, line.account), "postings: no account");
    const change = readAmount(line.amount, data.currency, true);
    need(change !== 0n, "postings: nothing");
    changes.set(line.account, (changes.get(line.account) ?? 0n) + change);
  }
  const [from, to] = moves[step].map((account) => account(data));
  const left = [...changes].filter(([, change]) => change !== 0n);
  need(left.length === 2 && changes.get(from) === -amount && changes.get(to) === amount, "postings: another movement");
  return { amount, from, to, step };
}

function readBlock(preimage) {
  const block = decodeCanonical(preimage, 65535);
  const names = ["block_index", "data", "nonce", "previous_hash", "timestamp", "transaction_id", "transaction_type"];
  need(hasExactly(block, names), "fields: not the seven");
  need(COUNT.test(block.block_index) && COUNT.test(block.nonce), "block_index, nonce: not integers");
  need(matches(/^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$/, block.timestamp), "timestamp: not of its form");
  need(isDay(block.timestamp.slice(0, 10)), "timestamp: no day");
  need(matches(HASH, block.previous_hash), "previous_hash: not of its form");
  need(matches(/^[A-Za-z0-9_.:-]{1,100}$/, block.transaction_id), "transaction_id: not of its form");
  if (block.transaction_type === "genesis") {
    need(same(preimage, GENESIS), "genesis: another");
    return block;
  }
  need(typeof block.transaction_type === "string" && Object.hasOwn(TYPES, block.transaction_type), "transaction_type");
  const [fields, optional = {}, moves] = TYPES[block.transaction_type];
  need(isObject(block.data), "data: not an object");
  const there = { ...fields };
  for (const name of Object.keys(optional)) if (Object.hasOwn(block.data, name)) there[name] = optional[name];
  need(hasExactly(block.data, [...Object.keys(there), ...(moves ? ["amount", "currency", "postings"] : [])]), "data: fields");
  for (const [name, form] of Object.entries(there)) need(matches(form, block.data[name]), `data.${name}: not of its form`);
  if (moves) block.money = readMoney(block, moves);
  return block;
}

// Merkle tree

const leafHash = (preimage) => sha256(Buffer.from([0]), preimage);
const node = (left, right) => sha256(Buffer.from([1]), left, right);

function rootOf(leaves) {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0];
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return node(rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)));
}

function checkInclusion(leaf, index, size, path, root) {
  need(index < size, "inclusion: outside");
  let [fn, sn, r] = [index, size - 1n, leaf];
  for (const p of path) {
    need(sn !== 0n, "inclusion: too long");
    if (fn & 1n || fn === sn) {
      r = node(p, r);
      while (fn !== 0n && !(fn & 1n)) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else {
      r = node(r, p);
    }
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  need(sn === 0n && same(r, root), "inclusion: another root");
}

// Keys, notes, policy, checkpoint

const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const ORDER_EIGHT = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
const SMALL = new Set([0n, 1n, P - 1n, ORDER_EIGHT, P - ORDER_EIGHT]);
const number = (bytes) => BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);

function power(base, exponent) {
  let result = 1n;
  for (base %= P; exponent > 0n; exponent >>= 1n, base = (base * base) % P) if (exponent & 1n) result = (result * base) % P;
  return result;
}

function isSoundPoint(bytes) {
  const y = number(bytes) & (2n ** 255n - 1n);
  if (bytes.length !== 32 || y >= P || SMALL.has(y)) return false;
  const d = ((P - 121665n) * power(121666n, P - 2n)) % P;
  const square = ((y * y - 1n + P) * power(d * y * y + 1n, P - 2n)) % P;
  return power(square, (P - 1n) / 2n) === 1n; // x = 0 comes with y = 1 or p-1 only, which are small
}

function holds(publicKey, message, signature) {
  if (signature.length !== 64 || !isSoundPoint(publicKey) || !isSoundPoint(signature.subarray(0, 32))) return false;
  if (number(signature.subarray(32)) >= ORDER) return false;
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey.toString("base64url") }, format: "jwk" });
  return verifySignature(null, message, key, signature);
}

const isName = (name) => name !== "" && !/[+\p{White_Space}\x00-\x1f]/u.test(name);

function parseKey(text, kind) {
  const [name, id, ...rest] = text.split("+");
  const bytes = decodeBase64(rest.join("+"), "key");
  need(isName(name) && bytes.length === 33 && bytes[0] === kind, "key: not of its form");
  const expected = sha256(`${name}\n`, bytes).subarray(0, 4);
  need(expected.toString("hex") === id && isSoundPoint(bytes.subarray(1)), "key: not to be trusted");
  return { name, id, kind, bytes: bytes.subarray(1) };
}

function parsePolicy(bytes) {
  const policy = { logs: [], witnesses: new Map(), groups: new Map(), quorum: null };
  for (const line of decodeText(bytes, "policy").split("\n")) {
    const [keyword, ...items] = line.split(/[ \t]+/).filter((item) => item !== "");
    if (keyword === undefined || keyword.startsWith("#")) continue;
    if (keyword === "log") policy.logs.push(parseKey(items[0], 1));
    else if (keyword === "witness") policy.witnesses.set(items[0], parseKey(items[1], 4));
    else if (keyword === "group") {
      const [name, threshold, ...members] = items;
      const count = threshold === "all" ? members.length : threshold === "any" ? 1 : Number(threshold);
      need(members.every((member) => policy.witnesses.has(member) || policy.groups.has(member)), "policy: undefined member");
      need(count >= 1 && count <= members.length, "policy: threshold");
      policy.groups.set(name, { count, members });
    } else if (keyword === "quorum" && policy.quorum === null) [policy.quorum] = items;
    else throw new NotVerified("policy: a line that is none");
  }
  need(policy.quorum !== null && policy.logs.length > 0, "policy: no quorum or no log");
  return policy;
}

function hasSeen(policy, name, signers) {
  const group = policy.groups.get(name);
  if (group === undefined) return signers.has(policy.witnesses.get(name));
  return group.members.filter((member) => hasSeen(policy, member, signers)).length >= group.count;
}

function openCheckpoint(bytes, policy) {
  const whole = decodeText(bytes, "note");
  need(bytes.length <= 1_000_000 && !/[\x00-\x09\x0b-\x1f]/.test(whole), "note: too long or a control character");
  const end = whole.lastIndexOf("\n\n");
  need(end >= 0 && whole.endsWith("\n"), "note: no signatures");
  const text = whole.slice(0, end + 1);
  const lines = whole.slice(end + 2, -1).split("\n");
  need(lines.length <= 100, "note: too many signatures");
  const signers = new Set();
  for (const line of lines) {
    const match = /^— ([^ ]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line);
    need(match !== null && isName(match[1]), "note: not a signature line");
    const decoded = decodeBase64(match[2], "signature");
    need(decoded.length > 4, "note: an empty signature");
    const id = decoded.subarray(0, 4).toString("hex");
    const key = [...policy.logs, ...policy.witnesses.values()].find((each) => each.name === match[1] && each.id === id);
    if (key === undefined) continue;
    let [message, signature] = [text, decoded.subarray(4)];
    if (key.kind === 4) {
      need(signature.length === 72 && signature[0] < 0x80, "signature: no time");
      message = `cosignature/v1\ntime ${signature.readBigUInt64BE()}\n${text}`;
      signature = signature.subarray(8);
    }
    need(holds(key.bytes, Buffer.from(message), signature), `signature of ${key.name}: it does not hold`);
    signers.add(key);
  }
  const [origin, size, root, ...more] = text.slice(0, -1).split("\n");
  need(origin && size && root && more.every((line) => line !== ""), "checkpoint: its lines");
  need(policy.logs.some((log) => log.name === origin && signers.has(log)), "checkpoint: not signed by its log");
  need(policy.quorum === "none" || hasSeen(policy, policy.quorum, signers), "checkpoint: too few cosignatures");
  return { origin, size: decodeNumber(size, "size"), root: decodeHash(root, "root") };
}

// What is verified

function proof(file, policyFile) {
  const policy = parsePolicy(policyFile);
  const end = file.indexOf("\n\n");
  need(end >= 0, "proof: no checkpoint");
  const [header, extra, index, ...hashes] = decodeText(file.subarray(0, end), "proof").split("\n");
  need(header === "c2sp.org/tlog-proof@v1" && extra?.startsWith("extra ") && index?.startsWith("index "), "proof: its form");
  need(hashes.length <= 63, "proof: too many hashes");
  const preimage = decodeBase64(extra.slice(6), "extra");
  const at = decodeNumber(index.slice(6), "index");
  const path = hashes.map((hash) => decodeHash(hash, "hash"));
  const checkpoint = openCheckpoint(file.subarray(end + 2), policy);
  checkInclusion(leafHash(preimage), at, checkpoint.size, path, checkpoint.root);
  need(BigInt(readBlock(preimage).block_index) === at, "block: another index");
}

const TERMS = ["amount", "currency", "award_id", "beneficiary_id", "program_id"];
const REST = ["tranche_id", "payee_commitment", "donation_id", "donor_id"];
const termsOf = (type, data, names) => JSON.stringify([type, ...names.map((name) => data[name] ?? null)]);

function follow(block, sent, paid, tranches) {
  const { data, transaction_type: type } = block;
  const isDisbursement = type === "disbursement";
  if (type === "reversal") {
    need(paid.get(data.disbursement_id) === termsOf("disbursement", data, TERMS), "step: nothing such to reverse");
    paid.delete(data.disbursement_id);
    for (const [tranche, payment] of tranches) if (payment === data.disbursement_id) tranches.delete(tranche);
  } else if (block.money.step === "sent") {
    need(!sent.has(data.transaction_id) && !paid.has(data.transaction_id), "step: sent before");
    need(!isDisbursement || !tranches.has(data.tranche_id), "tranche: paid already");
    if (isDisbursement) tranches.set(data.tranche_id, data.transaction_id);
    sent.set(data.transaction_id, termsOf(type, data, [...TERMS, ...REST]));
  } else if (block.money.step) {
    need(sent.get(data.transaction_id) === termsOf(type, data, [...TERMS, ...REST]), "step: nothing such under way");
    sent.delete(data.transaction_id);
    if (isDisbursement && data.step === "completed") paid.set(data.transaction_id, termsOf(type, data, TERMS));
    if (isDisbursement && data.step === "failed") tranches.delete(data.tranche_id);
  }
}

function checkAward({ award_id: award, beneficiary_id: beneficiary, program_id: program }, awards) {
  const whose = JSON.stringify([beneficiary, program]);
  if (award !== undefined && !awards.has(award)) awards.set(award, whose);
  need(award === undefined || awards.get(award) === whose, "award: another's");
}

function followRefund({ data, transaction_type: type, transaction_id: id, money: { amount, step } }, gifts) {
  if (type === "donation") gifts.set(id, { ...data, kept: amount });
  if (type !== "refund" || step === "completed") return;
  const gift = gifts.get(data.donation_id);
  need(gift !== undefined, "refund: no such donation");
  need(["donor_id", "program_id", "currency"].every((name) => gift[name] === data[name]), "refund: another's donation");
  need(step === "failed" || gift.kept >= amount, "refund: more than was given");
  gift.kept += step === "failed" ? amount : -amount;
}

// Lots

function readAwards(dump, size) {
  const [applications, beneficiaries] = [new Map(), new Map()];
  for (let begin = 0, count = 0n; begin < dump.length && count < size; count++) {
    const end = dump.indexOf(10, begin);
    const preimage = dump.subarray(begin, end < 0 ? dump.length : end);
    begin = end < 0 ? dump.length : end + 1;
    try {
      const { transaction_type: type, data } = readBlock(preimage);
      const [map, value] = type === "decision" ? [applications, data.application_id] : [beneficiaries, data.beneficiary_id];
      if (type !== "commitment" && (type !== "decision" || data.award_id === undefined)) continue;
      if (!map.has(data.award_id)) map.set(data.award_id, value);
    } catch (error) {
      if (!(error instanceof NotVerified)) throw error;
    }
  }
  const known = new Set([...applications.values(), ...beneficiaries.keys(), ...beneficiaries.values()]);
  const applicationOf = ({ award_id: award, beneficiary_id: beneficiary }) => {
    if (applications.has(award)) return applications.get(award);
    for (const [other, whose] of beneficiaries)
      if (whose === beneficiary && applications.has(other)) return applications.get(other);
    return undefined;
  };
  return { known, applicationOf };
}

const total = (lots, of) => lots.reduce((sum, lot) => sum + of(lot), 0n);

// Plainly: every lot of the log is kept, in order, and gone through each time.
class Lots {
  constructor(awards) {
    Object.assign(this, { awards, lots: [], shares: new Map(), payments: new Map(), stopped: new Set() });
  }

  follow({ data, transaction_type: type, transaction_id: id, money: { amount, from, to, step } }) {
    if (this.stopped.has(data.program_id) || step === "completed") return;
    const shares = (account) => {
      const key = `${data.currency} ${account}`;
      if (!this.shares.has(key)) this.shares.set(key, new Map());
      return this.shares.get(key);
    };
    const add = (map, lot, change) => map.set(lot, (map.get(lot) ?? 0n) + change);
    if (type === "donation") {
      this.lots.push({ id, data, left: amount });
    } else if (type === "commitment") {
      this.commit(data, amount, (lot, part) => add(shares(to), lot, part));
    } else if (type === "decommitment") {
      const held = [...shares(from)].filter(([, part]) => part > 0n);
      const all = held.reduce((sum, [, part]) => sum + part, 0n);
      if (amount < all && held.length > 1) return void this.stopped.add(data.program_id);
      for (const [lot, part] of held) {
        const back = amount < all ? amount : part;
        lot.left += back;
        add(shares(from), lot, -back);
      }
    } else if (type === "disbursement" && step === "sent") {
      const taken = [];
      for (const lot of this.lots) {
        const held = shares(from).get(lot) ?? 0n;
        const part = held < amount ? held : amount;
        amount -= part;
        if (part > 0n) taken.push([lot, part]);
        add(shares(from), lot, -part);
      }
      this.payments.set(data.transaction_id, taken);
    } else if (type === "disbursement" || type === "reversal") {
      const payment = data.transaction_id ?? data.disbursement_id;
      for (const [lot, part] of this.payments.get(payment)) add(shares(to), lot, part);
    } else {
      const lot = this.lots.find((each) => each.id === data.donation_id);
      need(lot !== undefined, "lots: no such donation");
      const isWhole = ["donor_id", "program_id", "currency"].every((name) => lot.data[name] === data[name]);
      need(isWhole, "lots: the donation is another's");
      if (step === "sent") need(lot.left >= amount, "lots: not so much is left of the donation");
      lot.left += step === "sent" ? -amount : amount;
    }
  }

  commit(data, amount, take) {
    const own = this.lots.filter((lot) => lot.data.program_id === data.program_id && lot.data.currency === data.currency);
    const application = this.awards.applicationOf(data);
    const purposes = [data.award_id, data.beneficiary_id, application].filter((each) => each !== undefined);
    const usable = [
      ...own.filter((lot) => purposes.includes(lot.data.earmark)),
      ...own.filter((lot) => lot.data.earmark === undefined),
    ];
    const may = own.filter(({ left, data: { earmark } }) =>
      left > 0n && earmark !== undefined && !purposes.includes(earmark) && !this.awards.known.has(earmark));
    if (application === undefined && may.length > 0) {
      const sums = may.map((one) => total(may.filter((lot) => lot.data.earmark === one.data.earmark), (lot) => lot.left));
      const most = sums.reduce((one, other) => (one > other ? one : other));
      need(total(usable, (lot) => lot.left) + most >= amount, "lots: not enough, whatever the award is for");
      this.stopped.add(data.program_id);
      return;
    }
    for (const lot of usable) {
      const part = lot.left < amount ? lot.left : amount;
      if (part > 0n) take(lot, part);
      lot.left -= part;
      amount -= part;
    }
    need(amount === 0n, "lots: the rest is earmarked for something else");
  }
}

function audit(dump, checkpointFile, policyFile) {
  const checkpoint = openCheckpoint(checkpointFile, parsePolicy(policyFile));
  const [leaves, ids, balances] = [[], new Set(), new Map()];
  const [awards, sent, paid, tranches, gifts] = Array.from({ length: 5 }, () => new Map());
  let [previousHash, timestamp, nonce] = ["0".repeat(64), "", 0];
  const lots = new Lots(readAwards(dump, checkpoint.size));
  for (let begin = 0; begin < dump.length; ) {
    const end = dump.indexOf(10, begin);
    const preimage = dump.subarray(begin, end < 0 ? dump.length : end);
    begin = end < 0 ? dump.length : end + 1;
    try {
      need(leaves.length > 0 || same(preimage, GENESIS), "genesis: another");
      const block = readBlock(preimage);
      need(block.block_index === leaves.length, "block_index: another");
      need(block.previous_hash === previousHash, "previous_hash: another");
      need(block.timestamp > timestamp, "timestamp: not later");
      need(block.nonce >= nonce, "nonce: fell");
      need(!ids.has(block.transaction_id), "transaction_id: again");
      if (block.money) {
        follow(block, sent, paid, tranches);
        followRefund(block, gifts);
        checkAward(block.data, awards);
        const { amount, from, to } = block.money;
        balances.set(from, (balances.get(from) ?? 0n) - amount);
        balances.set(to, (balances.get(to) ?? 0n) + amount);
        need(!from.startsWith("program:") || balances.get(from) >= 0n, "balances: below zero");
        lots.follow(block);
      }
      ids.add(block.transaction_id);
      [previousHash, timestamp, nonce] = [sha256(preimage).toString("hex"), block.timestamp, block.nonce];
    } catch (error) {
      if (!(error instanceof NotVerified)) throw error;
      throw new NotVerified(`block ${leaves.length}: ${error.message}`);
    }
    leaves.push(leafHash(preimage));
  }
  need(BigInt(leaves.length) === checkpoint.size, `block ${leaves.length}: another number of blocks`);
  need(same(rootOf(leaves), checkpoint.root), "root: another");
}

const COMMANDS = { proof, audit };

function judge(command, files) {
  try {
    COMMANDS[command](...files);
    return null;
  } catch (error) {
    if (error instanceof NotVerified) return error.message;
    throw error;
  }
}

const [command, ...paths] = process.argv.slice(2);
if (command === "judge") {
  for await (const line of createInterface({ input: process.stdin })) {
    const task = JSON.parse(line);
    console.log(JSON.stringify(judge(task.command, task.files.map((file) => Buffer.from(file, "base64")))));
  }
} else if (Object.hasOwn(COMMANDS, command) && paths.length === COMMANDS[command].length) {
  const failure = judge(command, paths.map((path) => readFileSync(path)));
  console.log(failure === null ? "VERIFIED" : `NOT VERIFIED: ${failure}`);
  process.exitCode = failure === null ? 0 : 1;
} else {
  console.error("usage: verify.mjs proof FILE POLICY | audit DUMP CHECKPOINT POLICY | judge");
  process.exitCode = 2;
}
