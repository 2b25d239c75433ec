import { type Cursor, cursor, joined } from "./bytes.ts";
import { CIPHER_SUITES, EXTENSION } from "./client_hello.ts";

/** What a server of TLS 1.2 says before it waits for the client's key. */
export interface ServerFlight {
  readonly random: Uint8Array<ArrayBuffer>;
  /** The protocol that it chose. */
  readonly alpn?: string;
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array<ArrayBuffer>[];
  /** The signed part of the key exchange, and how it is signed (RFC 8422 §5.4). */
  readonly parameters: Uint8Array<ArrayBuffer>;
  readonly scheme: number;
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** The server said something else than a flight of TLS 1.2. */
export class TlsError extends Error {
  override readonly name = "TlsError";
}

const RECORD = { alert: 21, handshake: 22 };
const MESSAGE = { serverHello: 2, certificate: 11, serverKeyExchange: 12, certificateStatus: 22 };
/** No real flight is longer. */
const LONGEST = 200_000;

/**
 * Reads the flight out of what was received so far, however it is cut into records.
 *
 * @returns undefined while more has to come.
 * @throws {TlsError}
 */
export function readServerFlight(received: Uint8Array): ServerFlight | undefined {
  const messages = readMessages(handshakeOf(received));
  if (!messages.has(MESSAGE.serverKeyExchange)) {
    if (received.length > LONGEST) throw new TlsError(`no whole flight in ${LONGEST} bytes`);
    return undefined;
  }
  try {
    return { ...readHello(message(messages, "serverHello")), ...readRest(messages) };
  } catch (error) {
    if (error instanceof TlsError) throw error;
    throw new TlsError("a handshake message is malformed", { cause: error });
  }
}

/** RFC 5246 §6.2.1. */
function handshakeOf(received: Uint8Array): Uint8Array<ArrayBuffer> {
  const records = cursor(received);
  const fragments: Uint8Array[] = [];
  while (records.left >= 5) {
    const type = records.uint(1);
    const version = records.uint(2);
    const length = records.uint(2);
    if ((type !== RECORD.alert && type !== RECORD.handshake) || version >> 8 !== 3 || length === 0 || length > 16_384) {
      throw new TlsError("first record does not look like a TLS handshake");
    }
    if (records.left < length) break;
    const fragment = records.take(length);
    if (type === RECORD.handshake) fragments.push(fragment);
    else if (fragment[0] === 2 || fragment[1] === 0) throw new TlsError(`remote error: tls: ${alertName(fragment[1])}`);
  }
  return joined(...fragments);
}

/** The first message of each type. */
function readMessages(bytes: Uint8Array): ReadonlyMap<number, Cursor> {
  const found = new Map<number, Cursor>();
  const all = cursor(bytes);
  while (all.left >= 4) {
    const type = all.uint(1);
    const length = all.uint(3);
    if (!Object.values(MESSAGE).includes(type)) throw new TlsError(`unexpected handshake message ${type}`);
    if (all.left < length) break;
    if (!found.has(type)) found.set(type, cursor(all.take(length)));
    if (type === MESSAGE.serverKeyExchange) break;
  }
  return found;
}

function message(messages: ReadonlyMap<number, Cursor>, name: keyof typeof MESSAGE): Cursor {
  const found = messages.get(MESSAGE[name]);
  if (found === undefined) throw new TlsError(`no ${name} message`);
  return found;
}

/** RFC 5246 §7.4.1.3. */
function readHello(body: Cursor): Pick<ServerFlight, "random" | "alpn"> {
  if (body.uint(2) !== 0x0303) throw new TlsError("protocol version not supported");
  const random = body.take(32);
  body.vector(1);
  if (!CIPHER_SUITES.includes(body.uint(2))) throw new TlsError("server chose an unconfigured cipher suite");
  body.uint(1);
  const extensions = cursor(body.left === 0 ? new Uint8Array() : body.vector(2));
  while (extensions.left > 0) {
    const type = extensions.uint(2);
    const data = extensions.vector(2);
    if (type !== EXTENSION.alpn) continue;
    return { random, alpn: new TextDecoder().decode(cursor(cursor(data).vector(2)).vector(1)) };
  }
  return { random };
}

function readRest(messages: ReadonlyMap<number, Cursor>): Omit<ServerFlight, "random" | "alpn"> {
  const list = cursor(message(messages, "certificate").vector(3));
  const certificates: Uint8Array<ArrayBuffer>[] = [];
  while (list.left > 0) certificates.push(list.vector(3));
  const exchange = message(messages, "serverKeyExchange");
  const [type, group, point] = [exchange.take(1), exchange.take(2), exchange.vector(1)];
  if (type[0] !== 3) throw new TlsError("server chose an unsupported curve");
  return {
    certificates,
    parameters: joined(type, group, Uint8Array.of(point.length), point),
    scheme: exchange.uint(2),
    signature: exchange.vector(2),
  };
}

const ALERTS: Readonly<Record<number, string>> = {
  0: "close notify",
  40: "handshake failure",
  42: "bad certificate",
  47: "illegal parameter",
  50: "error decoding message",
  70: "protocol version not supported",
  80: "internal error",
  112: "unrecognized name",
  120: "no application protocol",
};

function alertName(description: number | undefined): string {
  return ALERTS[description ?? -1] ?? `alert(${description})`;
}
