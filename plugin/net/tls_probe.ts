import type { KeyObject, X509Certificate } from "node:crypto";
import defer * as nodeCrypto from "node:crypto";
import { describe, SidecarError } from "../../src/model/errors.ts";
import { given } from "../../src/model/shape.ts";
import type { Call } from "../../src/ports.ts";
import { type Endpoint, Received, withConnection, writeAll } from "./connection.ts";
import { withDeadline } from "./deadline.ts";
import { ProbeError } from "./probe_error.ts";
import { proxyHeader, type ProxyVersion } from "./proxy_header.ts";
import { isSignedBy } from "./tls_signature.ts";
import { ALERT, clientHello, concat, readServerFlight, type Signatures, TlsWireError } from "./tls_wire.ts";

/** How to ask. */
export interface ProbeOptions {
  readonly serverName: string;
  readonly alpn?: readonly string[];
  /** The PROXY header that the bind wants. */
  readonly proxy?: ProxyVersion;
  /** Restricts the kind of certificate, where a name may have one of each; default `any`. */
  readonly signatures?: Signatures;
  /** Default 5,000. */
  readonly timeoutMs?: number;
}

/** The certificate that answered, by a server that has its key. */
export interface Probed {
  /** SHA-256 over the DER, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** Lower-case hexadecimal, as openssl writes it but in small letters. */
  readonly serial: string;
  readonly der: Uint8Array<ArrayBuffer>;
  /** The protocol that the server chose. */
  readonly alpn?: string;
}

/**
 * Asks which certificate a TLS server answers a name with: a TLS 1.2 hello of our own, the certificate read off the answer,
 * the server's signature over the exchange checked with the certificate's key, and the connection closed. It sees every
 * certificate, also one with a critical extension, and trusts none: the caller compares. A server that refuses TLS 1.2 is
 * asked by the runtime's own TLS, where `signatures` has no effect and challenge certificates cannot be seen.
 *
 * @throws {ProbeError} With the kind of failure.
 */
export async function probe(target: Endpoint, options: ProbeOptions, call: Call): Promise<Probed> {
  const where = `${target.hostname}:${target.port}`;
  const { timeoutMs = 5_000 } = options;
  const late = (): Error => new ProbeError("unreachable", `${where} gave no TLS answer within ${timeoutMs} ms`);
  return await withDeadline(timeoutMs, call, late, async (inner) => {
    try {
      return await ask(target, options, inner);
    } catch (error) {
      if (!(error instanceof TlsWireError) || error.alert !== ALERT.protocolVersion) {
        throw asProbeError(error, where, options);
      }
      const { probeByRuntime } = await import("./tls_runtime_probe.ts");
      return read(await probeByRuntime(target, options, inner));
    }
  });
}

/** Takes fingerprint and serial off a certificate. */
function read({ der, alpn }: { readonly der: Uint8Array<ArrayBuffer>; readonly alpn?: string }): Probed {
  return {
    fingerprint: nodeCrypto.createHash("sha256").update(der).digest("hex"),
    serial: serialOf(parse(der)),
    der,
    ...given("alpn", alpn),
  };
}

async function ask(target: Endpoint, options: ProbeOptions, call: Call): Promise<Probed> {
  const random = crypto.getRandomValues(new Uint8Array(32));
  const header = options.proxy === undefined ? new Uint8Array() : proxyHeader(options.proxy);
  const hello = clientHello({ ...options, random });
  const flight = await withConnection({ transport: "tcp", ...target }, call, async (connection) => {
    await writeAll(connection, concat(header, hello));
    const received = new Received();
    while (await received.more(connection)) {
      const flight = readServerFlight(received.bytes);
      if (flight !== undefined) return flight;
    }
    throw new ProbeError("hung up", `${target.hostname}:${target.port} hung up on ${options.serverName}`);
  });
  const [der] = flight.certificates;
  if (!isSignedBy(keyOf(der), random, flight)) {
    throw new ProbeError(
      "unproven",
      `The server shows a certificate for ${options.serverName} but did not sign with its key`,
    );
  }
  return read({ der, ...given("alpn", flight.alpn) });
}

function parse(der: Uint8Array): X509Certificate {
  return readable(() => new nodeCrypto.X509Certificate(der));
}

function keyOf(der: Uint8Array): KeyObject {
  return readable(() => new nodeCrypto.X509Certificate(der).publicKey);
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new TlsWireError("a certificate that cannot be parsed", undefined, { cause });
  }
}

/** Whole bytes, as openssl prints them. */
function serialOf(certificate: X509Certificate): string {
  const serial = certificate.serialNumber.toLowerCase();
  return serial.length % 2 === 0 ? serial : `0${serial}`;
}

function asProbeError(error: unknown, where: string, { serverName }: ProbeOptions): unknown {
  if (error instanceof SidecarError) return error;
  if (error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe) {
    return new ProbeError("hung up", `${where} hung up on ${serverName}`, { cause: error });
  }
  if (!(error instanceof TlsWireError)) {
    return new ProbeError("unreachable", `Cannot reach ${where}: ${describe(error)}`, { cause: error });
  }
  if (error.alert === ALERT.unrecognizedName) {
    return new ProbeError("no certificate", `${where} has no certificate for ${serverName}`, { cause: error });
  }
  const failure = error.alert === undefined ? "garbled" : "refused";
  return new ProbeError(failure, `Cannot read the certificate of ${serverName} from ${where}: ${error.message}`, {
    cause: error,
  });
}
