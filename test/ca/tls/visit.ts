import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { readCertificate } from "../x509/read_certificate.ts";
import { joined } from "./bytes.ts";
import { clientHello } from "./client_hello.ts";
import { readServerFlight, type ServerFlight, TlsError } from "./server_flight.ts";
import { isProven } from "./signature.ts";

/** Where to ask for what. */
export interface Visit {
  readonly address: string;
  readonly port: number;
  readonly serverName: string;
  readonly alpn?: string;
}

/**
 * Says hello, reads what a server of TLS 1.2 says up to its signature, checks that and hangs up. The platform's TLS would
 * refuse the critical extension of a challenge certificate.
 *
 * @throws {TlsError} Where it answers, but not like that.
 * @throws {Error} Of the connection; `signal.reason` on abort.
 */
export async function visit({ address, port, serverName, alpn }: Visit, signal: AbortSignal): Promise<ServerFlight> {
  const random = randomBytes(32);
  const hello = clientHello({ serverName, random, ...(alpn === undefined ? {} : { alpn }) });
  const flight = await exchange(address, port, hello, signal);
  const [leaf] = flight.certificates;
  if (leaf === undefined) return flight;
  if (!isProven(publicKeyOf(leaf), random, flight)) throw new TlsError("invalid signature by the server certificate");
  return flight;
}

function publicKeyOf(certificate: Uint8Array): Uint8Array {
  try {
    return readCertificate(certificate).spki;
  } catch (cause) {
    throw new TlsError("failed to parse certificate from server", { cause });
  }
}

function exchange(address: string, port: number, hello: Uint8Array, signal: AbortSignal): Promise<ServerFlight> {
  const socket = connect({ host: address, port });
  const answered = new Promise<ServerFlight>((resolve, reject) => {
    let received = new Uint8Array();
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    socket.on("close", () => {
      signal.removeEventListener("abort", stop);
      reject(new TlsError("EOF"));
    });
    socket.on("error", reject);
    socket.on("connect", () => socket.write(hello));
    socket.on("data", (data: Uint8Array) => {
      received = joined(received, data);
      try {
        const flight = readServerFlight(received);
        if (flight !== undefined) resolve(flight);
      } catch (error) {
        reject(error);
      }
    });
    if (signal.aborted) stop();
  });
  return answered.finally(() => hangUp(socket));
}

/** A socket whose end was not waited for would still be open when the test is over. */
async function hangUp(socket: ReturnType<typeof connect>): Promise<void> {
  if (socket.closed) return;
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.destroy();
  await closed;
}
