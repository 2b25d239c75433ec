import { ascii, type Cursor, cursor, joined, uint } from "../tls/bytes.ts";

/** Types of records by number (RFC 1035 §3.2.2, RFC 3596). */
export const TYPE = { A: 1, CNAME: 5, TXT: 16, AAAA: 28 } as const;

/** One of {@linkcode TYPE}. */
export type RecordType = keyof typeof TYPE;

/** A record of an answer; names are lower case without final dot. */
export interface DnsRecord {
  readonly owner: string;
  readonly type: number;
  /** Address, target or text. */
  readonly value: string;
}

/** What a server said. */
export interface DnsAnswer {
  /** RFC 1035 §4.1.1, RCODE. */
  readonly code: number;
  readonly isTruncated: boolean;
  readonly records: readonly DnsRecord[];
}

/** Labels and pointers of one name (RFC 1035 §2.3.4); a pointer in a circle would go on for ever. */
const MOST_STEPS = 256;
const IN = 1;

/** A question with recursion desired. */
export function question(id: number, name: string, type: RecordType): Uint8Array<ArrayBuffer> {
  const labels = name.split(".").map((label) => joined(uint(label.length, 1), ascii(label)));
  const header = [id, 0x0100, 1, 0, 0, 0].map((field) => uint(field, 2));
  return joined(...header, ...labels, uint(0, 1), uint(TYPE[type], 2), uint(IN, 2));
}

/**
 * Reads an answer.
 *
 * @returns undefined where it is an answer to something else.
 * @throws {RangeError} Where it is cut off.
 */
export function readAnswer(message: Uint8Array, id: number): DnsAnswer | undefined {
  const body = cursor(message);
  const [theirs, flags = 0, questions = 0, answers = 0] = [2, 2, 2, 2, 2, 2].map(() => body.uint(2));
  if (theirs !== id || (flags & 0x8000) === 0) return undefined;
  for (let i = 0; i < questions; i++) {
    readName(message, body);
    body.take(4);
  }
  const records = Array.from({ length: answers }, () => readRecord(message, body));
  return { code: flags & 0xf, isTruncated: (flags & 0x0200) !== 0, records };
}

function readRecord(message: Uint8Array, body: Cursor): DnsRecord {
  const owner = readName(message, body);
  const type = body.uint(2);
  body.take(6); // class and time to live
  const length = body.uint(2);
  const data = cursor(body.take(length));
  const at = message.length - body.left - length;
  return { owner, type, value: readValue(message, at, type, data) };
}

function readValue(message: Uint8Array, at: number, type: number, data: Cursor): string {
  if (type === TYPE.A) return [...data.take(4)].join(".");
  if (type === TYPE.AAAA) return data.take(16).toHex().replace(/....(?=.)/g, "$&:");
  if (type === TYPE.CNAME) return readName(message, cursorAt(message, at));
  let text = "";
  while (type === TYPE.TXT && data.left > 0) text += new TextDecoder().decode(data.vector(1));
  return text;
}

/** Labels, or the rest of a name that came before (RFC 1035 §4.1.4). */
function readName(message: Uint8Array, from: Cursor): string {
  const labels: string[] = [];
  let body = from;
  for (let steps = 0; steps < MOST_STEPS; steps++) {
    const length = body.uint(1);
    if (length === 0) return labels.join(".").toLowerCase();
    if (length < 0xc0) labels.push(new TextDecoder("latin1").decode(body.take(length)));
    else body = cursorAt(message, (length & 0x3f) * 256 + body.uint(1));
  }
  throw new RangeError("Cannot read a name that does not end");
}

function cursorAt(message: Uint8Array, at: number): Cursor {
  return cursor(message.subarray(at));
}
