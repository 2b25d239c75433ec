import { once } from "node:events";
import type { Socket } from "node:net";
import defer * as nodeNet from "node:net";
import type { TLSSocket } from "node:tls";
import defer * as nodeTls from "node:tls";
import { given } from "../../src/model/shape.ts";
import type { Call } from "../../src/ports.ts";
import { type Endpoint, ONE_ADDRESS } from "./connection.ts";
import { ProbeError } from "./probe_error.ts";
import { proxyHeader } from "./proxy_header.ts";
import type { ProbeOptions } from "./tls_probe.ts";

/**
 * Reads a certificate by a whole handshake of `node:tls`, for servers that refuse TLS 1.2. The handshake itself proves the
 * key. Both sockets are destroyed on every way out.
 *
 * @throws {ProbeError} If the handshake fails.
 */
export async function probeByRuntime(
  target: Endpoint,
  options: ProbeOptions,
  { signal }: Call,
): Promise<{ readonly der: Uint8Array<ArrayBuffer>; readonly alpn?: string }> {
  const { serverName, alpn = [], proxy } = options;
  const socket: Socket = nodeNet.connect({ host: target.hostname, port: target.port, ...ONE_ADDRESS });
  let secure: TLSSocket | undefined;
  try {
    await once(socket, "connect", { signal });
    if (proxy !== undefined) socket.write(proxyHeader(proxy));
    // Whom to trust is not the question: the caller compares fingerprints.
    secure = nodeTls.connect({ socket, servername: serverName, ALPNProtocols: [...alpn], rejectUnauthorized: false });
    await once(secure, "secureConnect", { signal });
    const der = new Uint8Array(secure.getPeerCertificate(true).raw);
    const protocol = secure.alpnProtocol;
    return { der, ...given("alpn", typeof protocol === "string" ? protocol : undefined) };
  } catch (cause) {
    signal.throwIfAborted();
    const where = `${target.hostname}:${target.port}`;
    throw new ProbeError("refused", `Cannot read the certificate of ${serverName} from ${where} by TLS 1.3`, { cause });
  } finally {
    secure?.destroy();
    socket.destroy();
  }
}
