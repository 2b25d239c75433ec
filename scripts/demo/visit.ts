import { connect, type TLSSocket } from "node:tls";

/** Where visitors go, and whom they trust. */
export interface Site {
  readonly port: number;
  /** PEM. */
  readonly roots: readonly string[];
}

/** What a visitor met. */
export interface Visit {
  /** Serial number of the certificate: lower-case hexadecimal, whole bytes. */
  readonly serial: string;
  /** The HAProxy process that answered. */
  readonly pid: number;
  readonly ms: number;
}

/** Longer than any answer takes, on the slowest machine. */
const TIMEOUT_MS = 10_000;

/**
 * One request as a browser makes it when it comes for the first time: a new connection, a full TLS handshake in which the
 * certificate's chain and name are verified, one GET, and the end of the connection.
 *
 * @throws {Error} If any of it went wrong, or the answer was not 200.
 */
export async function visit(site: Site, name: string): Promise<Visit> {
  const begin = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<Omit<Visit, "ms">>();
  const socket = openTls(site, name);
  const late = setTimeout(() => reject(new Error(`no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  let text = "";
  let serial = "";
  socket.on("secureConnect", () => {
    serial = serialOf(socket);
    socket.write(request(name, "close"));
  });
  socket.on("data", (part: string) => text += part);
  socket.on("end", () => {
    const pid = readAnswer(text);
    if (pid === undefined) reject(new Error(`not answered 200: ${JSON.stringify(text.slice(0, 60))}`));
    else resolve({ serial, pid });
  });
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("the connection was closed before the answer")));
  try {
    return { ...await promise, ms: performance.now() - begin };
  } finally {
    clearTimeout(late);
    socket.destroy();
  }
}

/** A connection on which nothing was sent yet; an unverified certificate is an error. It offers no earlier session. */
export function openTls(site: Site, name: string): TLSSocket {
  return connectTls(site, name, "http/1.1").setEncoding("utf8");
}

/** The same for another protocol; what comes is bytes. */
export function connectTls({ port, roots }: Site, name: string, protocol: "http/1.1" | "h2"): TLSSocket {
  return connect({
    host: "127.0.0.1",
    port,
    servername: name,
    ca: [...roots],
    rejectUnauthorized: true,
    ALPNProtocols: [protocol],
  });
}

/** The bytes of a GET. */
export function request(name: string, connection: "close" | "keep-alive"): string {
  return `GET / HTTP/1.1\r\nhost: ${name}\r\nconnection: ${connection}\r\n\r\n`;
}

/** The process that gave a whole answer of status 200; undefined if it is none. */
export function readAnswer(text: string): number | undefined {
  const pid = /^HTTP\/1\.1 200 [^]*\r\n\r\nhello from (\d+)\n$/.exec(text)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

function serialOf(socket: TLSSocket): string {
  const serial = socket.getPeerCertificate().serialNumber.toLowerCase();
  return serial.length % 2 === 0 ? serial : `0${serial}`;
}
