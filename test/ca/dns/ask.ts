import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import { joined, uint } from "../tls/bytes.ts";
import { type DnsAnswer, question, readAnswer, type RecordType } from "./message.ts";

/** A DNS server. */
export interface DnsServer {
  readonly address: string;
  readonly port: number;
}

/** What is sent is lost now and then. */
const SEND_AGAIN_MS = 1_500;

/** Asks over UDP, and over TCP where the answer did not fit; until the signal aborts. */
export async function ask(
  server: DnsServer,
  name: string,
  type: RecordType,
  signal: AbortSignal,
): Promise<DnsAnswer> {
  const [id = 0] = crypto.getRandomValues(new Uint16Array(1));
  const message = question(id, name, type);
  const answer = await overUdp(server, message, id, signal);
  return answer.isTruncated ? await overTcp(server, message, id, signal) : answer;
}

function overUdp(
  { address, port }: DnsServer,
  message: Uint8Array,
  id: number,
  signal: AbortSignal,
): Promise<DnsAnswer> {
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  const send = (): void => socket.send(message, port, address);
  const again = setInterval(send, SEND_AGAIN_MS);
  return withAbort<DnsAnswer>(signal, (resolve, reject) => {
    socket.on("error", reject);
    socket.on("message", (bytes) => settle(() => readAnswer(bytes, id), resolve, reject));
    send();
  }).finally(() => {
    clearInterval(again);
    return new Promise<void>((resolve) => socket.close(() => resolve()));
  });
}

/** RFC 1035 §4.2.2: the same with its length before it. */
function overTcp(
  { address, port }: DnsServer,
  message: Uint8Array,
  id: number,
  signal: AbortSignal,
): Promise<DnsAnswer> {
  const socket = connect({ host: address, port });
  let received = new Uint8Array();
  return withAbort<DnsAnswer>(signal, (resolve, reject) => {
    socket.on("error", reject);
    socket.on("close", () => reject(new RangeError("The DNS server hung up")));
    socket.on("connect", () => socket.write(joined(uint(message.length, 2), message)));
    socket.on("data", (bytes: Uint8Array) => {
      received = joined(received, bytes);
      const [high = 0, low = 0] = received;
      if (received.length >= 2 + high * 256 + low) settle(() => readAnswer(received.subarray(2), id), resolve, reject);
    });
  }).finally(() => {
    if (socket.closed) return;
    socket.destroy();
    return new Promise<void>((resolve) => socket.once("close", () => resolve()));
  });
}

function settle<T>(read: () => T | undefined, resolve: (value: T) => void, reject: (error: unknown) => void): void {
  try {
    const value = read();
    if (value !== undefined) resolve(value);
  } catch (error) {
    reject(error);
  }
}

function withAbort<T>(
  signal: AbortSignal,
  work: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    const end = <A>(settle: (value: A) => void) => (value: A): void => {
      signal.removeEventListener("abort", stop);
      settle(value);
    };
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    work(end(resolve), end(reject));
  });
}
