/**
 * The few bytes of TLS that the probe and the listener need, both ways; pure (RFC 5246, extensions of RFC 6066, 7301, 7627 and 8422).
 *
 * @module
 */

/** Which kind of certificate the hello can be answered with. */
export type Signatures = "ecdsa" | "rsa" | "any";

/** What a {@linkcode clientHello} offers. */
export interface HelloOptions {
  /** 32 bytes; the server signs them. */
  readonly random: Uint8Array;
  /** The name to be asked for (RFC 6066 §3); without it no name is sent. */
  readonly serverName?: string;
  /** Protocols in order of preference (RFC 7301). */
  readonly alpn?: readonly string[];
  readonly signatures?: Signatures;
}

/** What a server says before the client has to do anything. */
export interface ServerFlight {
  readonly random: Uint8Array;
  readonly alpn?: string;
  /** DER, leaf first. */
  readonly certificates: readonly [Uint8Array<ArrayBuffer>, ...Uint8Array<ArrayBuffer>[]];
  /** The ephemeral key as the server signed it (RFC 8422 §5.4). */
  readonly keyExchange: { readonly params: Uint8Array; readonly scheme: number; readonly signature: Uint8Array };
}

/** What came is not the beginning of a TLS 1.2 handshake; `alert` is the server's own word where it said one. */
export class TlsWireError extends Error {
  override readonly name = "TlsWireError";
  /** AlertDescription of RFC 5246 §7.2. */
  readonly alert?: number;

  constructor(message: string, alert?: number, options?: ErrorOptions) {
    super(message, options);
    if (alert !== undefined) this.alert = alert;
  }
}

/** The alerts that are told apart (RFC 5246 §7.2, RFC 6066 §9). */
export const ALERT = { protocolVersion: 70, unrecognizedName: 112 } as const;

/** What may arrive before the flight must be whole: far above a real one of 1 to 10 KiB. */
const MAX_FLIGHT = 128 * 1024;
const MAX_MESSAGE = 64 * 1024;
const MAX_RECORD = 16_384;

const SUITES: Readonly<Record<"ecdsa" | "rsa", readonly number[]>> = {
  ecdsa: [0xc02b, 0xc02c, 0xcca9, 0xc023, 0xc024, 0xc009, 0xc00a],
  rsa: [0xc02f, 0xc030, 0xcca8, 0xc027, 0xc028, 0xc013, 0xc014],
};
const SCHEMES: Readonly<Record<"ecdsa" | "rsa", readonly number[]>> = {
  ecdsa: [0x0403, 0x0503, 0x0603],
  rsa: [0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601],
};
const GROUPS = [0x001d, 0x0017, 0x0018, 0x0019];

const EXTENSION = {
  serverName: 0,
  groups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  alpn: 16,
  extendedMasterSecret: 23,
  renegotiationInfo: 0xff01,
} as const;

/** Writes a whole ClientHello in one record (RFC 5246 §7.4.1.2). */
export function clientHello(options: HelloOptions): Uint8Array<ArrayBuffer> {
  const { random, signatures = "any" } = options;
  if (random.length !== 32) throw new RangeError(`Cannot write a ClientHello with ${random.length} random bytes`);
  const hello = [
    ...u16(0x0303),
    ...random,
    ...vector(1, []), // no session: a resumed one would show the certificate from before
    ...vector(2, chosen(SUITES, signatures).flatMap(u16)),
    ...vector(1, [0]),
    ...vector(2, extensions(options, signatures)),
  ];
  const handshake = [1, ...vector(3, hello)];
  return new Uint8Array([22, ...u16(0x0301), ...vector(2, handshake)]);
}

/**
 * Reads ServerHello, Certificate and ServerKeyExchange out of everything that was received so far, however it was cut
 * into records and segments.
 *
 * @returns undefined while more is needed.
 * @throws {TlsWireError} If it is an alert, or can no longer become such a flight.
 */
export function readServerFlight(received: Uint8Array): ServerFlight | undefined {
  const flight = readMessages(handshakeBytes(received));
  if (flight === undefined && received.length > MAX_FLIGHT) {
    throw new TlsWireError(`no certificate within ${MAX_FLIGHT} bytes`);
  }
  return flight;
}

/** Joins bytes. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

// --- writing -----------------------------------------------------------------------------------------------------------

function extensions(options: HelloOptions, signatures: Signatures): number[] {
  const { serverName, alpn = [] } = options;
  const protocols = alpn.flatMap((protocol) => vector(1, ascii(protocol)));
  return [
    ...serverName === undefined ? [] : extension("serverName", vector(2, [0, ...vector(2, ascii(serverName))])),
    ...extension("groups", vector(2, GROUPS.flatMap(u16))),
    ...extension("pointFormats", vector(1, [0])),
    ...extension("signatureAlgorithms", vector(2, chosen(SCHEMES, signatures).flatMap(u16))),
    ...protocols.length === 0 ? [] : extension("alpn", vector(2, protocols)),
    ...extension("extendedMasterSecret", []),
    ...extension("renegotiationInfo", vector(1, [])),
  ];
}

function extension(name: keyof typeof EXTENSION, data: readonly number[]): number[] {
  return [...u16(EXTENSION[name]), ...vector(2, data)];
}

function chosen(table: Readonly<Record<"ecdsa" | "rsa", readonly number[]>>, signatures: Signatures): number[] {
  return signatures === "any" ? [...table.ecdsa, ...table.rsa] : [...table[signatures]];
}

function u16(value: number): number[] {
  return [value >> 8, value & 0xff];
}

function vector(lengthBytes: 1 | 2 | 3, bytes: readonly number[]): number[] {
  if (bytes.length >= 2 ** (8 * lengthBytes)) throw new RangeError(`Cannot write ${bytes.length} bytes into a hello`);
  const length = [bytes.length >> 16, (bytes.length >> 8) & 0xff, bytes.length & 0xff];
  return [...length.slice(3 - lengthBytes), ...bytes];
}

function ascii(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

// --- reading -----------------------------------------------------------------------------------------------------------

const RECORD = { alert: 21, handshake: 22 } as const;
const MESSAGE = {
  helloRequest: 0,
  serverHello: 2,
  certificate: 11,
  serverKeyExchange: 12,
  certificateStatus: 22,
} as const;

/** The handshake layer's bytes out of all whole records (RFC 5246 §6.2.1). */
export function handshakeBytes(received: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const reader = new Reader(received);
  while (reader.left >= 5) {
    const type = reader.number(1);
    const version = reader.number(2);
    const length = reader.number(2);
    if (type !== RECORD.alert && type !== RECORD.handshake) throw new TlsWireError(`a record of type ${type}, not TLS`);
    if (version >> 8 !== 3) throw new TlsWireError(`a record of version ${version}, not TLS`);
    // Empty fragments are forbidden, and would let a server keep us for ever.
    if (length === 0 || length > MAX_RECORD) throw new TlsWireError(`a record of ${length} bytes`);
    if (reader.left < length) break;
    const fragment = reader.bytes(length);
    if (type === RECORD.handshake) parts.push(fragment);
    else readAlert(fragment);
  }
  return concat(...parts);
}

/** Fatal alerts and close_notify end it; a warning, as some servers send about the name, does not (RFC 6066 §3). */
function readAlert(fragment: Uint8Array): void {
  const [level, description] = fragment;
  if (fragment.length !== 2 || description === undefined) throw new TlsWireError("an alert of the wrong length");
  if (level === 1 && description !== 0) return;
  throw new TlsWireError(`the other side answered with alert ${alertName(description)}`, description);
}

const ALERT_NAMES: Readonly<Record<number, string>> = {
  0: "close_notify",
  10: "unexpected_message",
  40: "handshake_failure",
  47: "illegal_parameter",
  50: "decode_error",
  70: "protocol_version",
  71: "insufficient_security",
  80: "internal_error",
  112: "unrecognized_name",
  116: "certificate_required",
  120: "no_application_protocol",
};

function alertName(description: number): string {
  return ALERT_NAMES[description] ?? String(description);
}

function readMessages(bytes: Uint8Array<ArrayBuffer>): ServerFlight | undefined {
  const reader = new Reader(bytes);
  let hello: Hello | undefined;
  let certificates: ServerFlight["certificates"] | undefined;
  while (reader.left >= 4) {
    const type = reader.number(1);
    const length = reader.number(3);
    if (length > MAX_MESSAGE) throw new TlsWireError(`a handshake message of ${length} bytes`);
    if (reader.left < length) return undefined;
    const body = new Reader(reader.bytes(length));
    if (type === MESSAGE.helloRequest || (type === MESSAGE.certificateStatus && certificates !== undefined)) continue;
    if (type === MESSAGE.serverHello && hello === undefined) hello = readHello(body);
    else if (type === MESSAGE.certificate && hello !== undefined) certificates = readCertificates(body);
    else if (type === MESSAGE.serverKeyExchange && hello !== undefined && certificates !== undefined) {
      return { ...hello, certificates, keyExchange: readKeyExchange(body) };
    } else throw new TlsWireError(`handshake message ${type} out of its turn`);
  }
  return undefined;
}

type Hello = Pick<ServerFlight, "random" | "alpn">;

/** RFC 5246 §7.4.1.3. */
function readHello(body: Reader): Hello {
  const version = body.number(2);
  if (version !== 0x0303) throw new TlsWireError(`TLS version ${version.toString(16)} instead of 1.2`);
  const random = body.bytes(32);
  body.vector(1);
  const suite = body.number(2);
  if (!chosen(SUITES, "any").includes(suite)) throw new TlsWireError(`cipher suite ${suite}, which was not offered`);
  if (body.number(1) !== 0) throw new TlsWireError("a compression method that was not offered");
  let alpn: string | undefined;
  const extensions = new Reader(body.left === 0 ? new Uint8Array() : body.vector(2));
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const data = extensions.vector(2);
    if (type === EXTENSION.alpn) alpn = new TextDecoder().decode(new Reader(new Reader(data).vector(2)).vector(1));
  }
  return { random, ...(alpn === undefined ? {} : { alpn }) };
}

/** RFC 5246 §7.4.2. */
function readCertificates(body: Reader): ServerFlight["certificates"] {
  const list = new Reader(body.vector(3));
  const certificates: Uint8Array<ArrayBuffer>[] = [];
  while (list.left > 0) certificates.push(list.vector(3));
  const [leaf, ...chain] = certificates;
  if (leaf === undefined || leaf.length === 0) throw new TlsWireError("an empty list of certificates");
  return [leaf, ...chain];
}

/** ECDHE with a named curve, the only exchange that is offered (RFC 8422 §5.4). */
function readKeyExchange(body: Reader): ServerFlight["keyExchange"] {
  const whole = body.rest();
  if (body.number(1) !== 3) throw new TlsWireError("a key exchange without a named curve");
  body.number(2);
  body.vector(1);
  const params = whole.slice(0, whole.length - body.left);
  return { params, scheme: body.number(2), signature: body.vector(2) };
}

/** Takes numbers and vectors off the front of bytes; never beyond their end. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(size: 1 | 2 | 3): number {
    return this.bytes(size).reduce((value, byte) => value * 256 + byte, 0);
  }

  bytes(count: number): Uint8Array<ArrayBuffer> {
    if (this.left < count) throw new TlsWireError("a length that goes beyond the end of its message");
    this.#at += count;
    return this.#bytes.slice(this.#at - count, this.#at);
  }

  vector(lengthBytes: 1 | 2 | 3): Uint8Array<ArrayBuffer> {
    return this.bytes(this.number(lengthBytes));
  }

  /** What is left, without taking it. */
  rest(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(this.#at);
  }
}
