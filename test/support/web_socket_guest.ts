/**
 * One WebSocket (RFC 6455) over TLS that is verified, which Deno's own cannot be told; and the server that sends back what it
 * gets.
 *
 * @module
 */
import { connectTls, type Site } from "../../scripts/demo/visit.ts";
import { type Guest, guestOn } from "./guest.ts";
import { bytesFrom, type TakeBytes } from "./socket_bytes.ts";

/** The only frame, a text of one piece (§5.2); what a client sends is masked. */
const [TEXT, MASKED] = [0x81, 0x80];
/** Any mask will do. */
const MASK = [1, 2, 3, 4] as const;

/** Connects, and speaks once. An answer is what was said. */
export function webSocketGuest(site: Site, name: string): Promise<Guest<string>> {
  const socket = connectTls(site, name, "http/1.1");
  const take = bytesFrom(socket);
  let count = 0;
  const hello = async (): Promise<void> => {
    socket.write(
      `GET / HTTP/1.1\r\nhost: ${name}\r\nupgrade: websocket\r\nconnection: upgrade\r\n` +
        `sec-websocket-version: 13\r\nsec-websocket-key: ${btoa("0123456789abcdef")}\r\n\r\n`,
    );
    await upgraded(take);
  };
  return guestOn(socket, hello, async () => {
    const words = `hello ${count++}`;
    socket.write(masked(words));
    const answer = await text(take);
    if (answer !== words) throw new Error(`"${words}" came back as "${answer}"`);
    return answer;
  });
}

/** Sends back every message. */
export function echoServer(): AsyncDisposable & { readonly port: number } {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }): void => socket.send(data);
    socket.onerror = (): void => {}; // HAProxy ended
    return response;
  });
  return { port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** Reads the answer to the handshake, and nothing after it (§4.2.2). */
async function upgraded(take: TakeBytes): Promise<void> {
  let head = "";
  while (!head.endsWith("\r\n\r\n")) head += String.fromCharCode(...await take(1));
  if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(`no WebSocket: ${head.slice(0, 60)}`);
}

/** Fewer than 126 bytes, so that the length is one byte. */
function masked(words: string): Uint8Array {
  const bytes = new TextEncoder().encode(words).map((byte, i) => byte ^ MASK[i % 4]!);
  return Uint8Array.of(TEXT, MASKED | bytes.length, ...MASK, ...bytes);
}

async function text(take: TakeBytes): Promise<string> {
  const [kind, length = 0] = await take(2);
  if (kind !== TEXT || length >= 126) throw new Error("the WebSocket is ended by the server");
  return new TextDecoder().decode(await take(length));
}
