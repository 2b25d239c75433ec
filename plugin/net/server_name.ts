import { handshakeBytes, Reader, TlsWireError } from "./tls_wire.ts";

/** What may arrive before a hello must be whole: one with a post-quantum key share has 2 KiB. */
const MAX_HELLO = 16 * 1024;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;

/** A client's hello that is whole. */
export interface AskedName {
  /** In small letters; undefined where it names none. */
  readonly serverName: string | undefined;
}

/**
 * Reads the name that a client asks for (RFC 6066 §3) out of everything that it has sent so far, however that was cut into
 * records and segments.
 *
 * @returns undefined while more is needed.
 * @throws {TlsWireError} If it is no ClientHello, or too long for one.
 */
export function readServerName(received: Uint8Array): AskedName | undefined {
  const reader = new Reader(handshakeBytes(received));
  if (reader.left >= 4) {
    const type = reader.number(1);
    const length = reader.number(3);
    if (type !== CLIENT_HELLO) throw new TlsWireError(`handshake message ${type} instead of a hello`);
    if (length > MAX_HELLO) throw new TlsWireError(`a hello of ${length} bytes`);
    if (reader.left >= length) return { serverName: nameIn(new Reader(reader.bytes(length))) };
  }
  if (received.length > MAX_HELLO) throw new TlsWireError(`no hello within ${MAX_HELLO} bytes`);
  return undefined;
}

/** The same layout up to TLS 1.3 (RFC 8446 §4.1.2). */
function nameIn(hello: Reader): string | undefined {
  hello.bytes(2 + 32); // version, random
  hello.vector(1); // session
  hello.vector(2); // cipher suites
  hello.vector(1); // compression methods
  const extensions = new Reader(hello.left === 0 ? new Uint8Array() : hello.vector(2));
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const data = new Reader(extensions.vector(2));
    if (type === SERVER_NAME) return hostIn(new Reader(data.vector(2)));
  }
  return undefined;
}

function hostIn(names: Reader): string | undefined {
  while (names.left > 0) {
    const type = names.number(1);
    const name = names.vector(2);
    if (type === HOST_NAME) return new TextDecoder().decode(name).toLowerCase();
  }
  return undefined;
}
