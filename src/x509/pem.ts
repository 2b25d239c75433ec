/** One block of a PEM text (RFC 7468). */
export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array<ArrayBuffer>;
}

const BEGIN = "-----BEGIN ";
const DASHES = "-----";
const LABEL = /^[A-Z0-9]{1,20}(?: [A-Z0-9]{1,20}){0,4}$/;
/** The lines of Base64 are 64 characters long (RFC 7468 §2). */
const WIDTH = 64;

/**
 * Reads a PEM text that holds nothing but blocks: between them only white space is possible, of whatever kind, so texts with
 * CRLF, without a final newline or with their newlines turned into spaces are read too. Linear in the length of the text.
 *
 * @throws {SyntaxError} If anything else is found; the message quotes nothing of the text.
 */
export function readPem(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  for (let rest = text.trim(); rest !== "";) {
    const { block, end } = readBlock(rest, blocks.length + 1);
    blocks.push(block);
    rest = rest.slice(end).trimStart();
  }
  if (blocks.length === 0) throw new SyntaxError("it is empty");
  return blocks;
}

/** Writes one block: 64 columns, LF, one final newline. */
export function writePem(label: string, der: Uint8Array): string {
  const lines = der.toBase64().match(new RegExp(`.{1,${WIDTH}}`, "g")) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

function readBlock(text: string, number: number): { readonly block: PemBlock; readonly end: number } {
  if (!text.startsWith(BEGIN)) throw new SyntaxError(`there is something other than PEM before block ${number}`);
  const labelEnd = text.indexOf(DASHES, BEGIN.length);
  const label = text.slice(BEGIN.length, Math.max(labelEnd, BEGIN.length));
  if (!LABEL.test(label)) throw new SyntaxError(`the first line of block ${number} is malformed`);
  const last = `-----END ${label}-----`;
  const bodyEnd = text.indexOf(last, labelEnd);
  if (bodyEnd < 0) throw new SyntaxError(`block ${number} is cut off: it has no END line`);
  const body = text.slice(labelEnd + DASHES.length, bodyEnd);
  return { block: { label, der: decode(body, number) }, end: bodyEnd + last.length };
}

function decode(body: string, number: number): Uint8Array<ArrayBuffer> {
  if (body.includes(":")) throw new SyntaxError(`block ${number} has header lines, as encrypted keys have`);
  try {
    const der = Uint8Array.fromBase64(body, { lastChunkHandling: "strict" });
    if (der.length > 0) return der;
  } catch {
    // the runtime's message is no use to the reader, and its source may be a key
  }
  throw new SyntaxError(`block ${number} is not Base64`);
}
