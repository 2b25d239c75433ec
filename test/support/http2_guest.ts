/**
 * One HTTP/2 connection (RFC 9113), as small as a test needs it: a request at a time, answers that no window is too small for.
 * It never connects again, so that a connection that was cut is seen; Deno's `node:http2` client ends its process with
 * `free(): invalid pointer`.
 *
 * @module
 */
import { connectTls, type Site } from "../../scripts/demo/visit.ts";
import { type Guest, guestOn } from "./guest.ts";
import { bytesFrom, type TakeBytes } from "./socket_bytes.ts";

/** RFC 9113 §6. */
const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY] = [0x0, 0x1, 0x3, 0x4, 0x6, 0x7];
const [END_STREAM, ACK, END_HEADERS] = [0x1, 0x1, 0x4];
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** `:status: 200` of the static table (RFC 7541, appendix A), which comes first. */
const STATUS_200 = 0x88;

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Connects and makes the first request. An answer is a body. */
export function http2Guest(site: Site, name: string): Promise<Guest<string>> {
  const socket = connectTls(site, name, "h2");
  const take = bytesFrom(socket);
  const send = (frame: Frame): void => void socket.write(bytesOf(frame));
  let stream = -1;
  const hello = (): void => {
    socket.write(PREFACE);
    send({ type: SETTINGS, flags: 0, stream: 0, payload: new Uint8Array() });
  };
  return guestOn(socket, hello, async () => {
    stream += 2; // a client's are odd (§5.1.1)
    send({ type: HEADERS, flags: END_STREAM | END_HEADERS, stream, payload: getOf(name) });
    return await answer(stream, take, send);
  });
}

/** The body of an answer 200. */
async function answer(stream: number, take: TakeBytes, send: (frame: Frame) => void): Promise<string> {
  let text = "";
  for (;;) {
    const { type, flags, stream: of, payload } = await nextFrame(take);
    const mine = of === stream;
    if ((type === SETTINGS || type === PING) && (flags & ACK) === 0) {
      send({ type, flags: ACK, stream: 0, payload: type === PING ? payload : new Uint8Array() });
    }
    if (type === GOAWAY || (mine && type === RST_STREAM)) throw new Error("the connection is ended by the server");
    if (mine && type === HEADERS && payload[0] !== STATUS_200) throw new Error("not answered 200");
    if (mine && type === DATA) text += new TextDecoder().decode(payload);
    if (mine && (type === DATA || type === HEADERS) && (flags & END_STREAM) !== 0) return text;
  }
}

/** GET / over https (RFC 7541 §6.1, appendix A), with the authority as a literal (§6.2.2). */
function getOf(name: string): Uint8Array<ArrayBuffer> {
  const authority = new TextEncoder().encode(name);
  return Uint8Array.of(0x82, 0x87, 0x84, 0x01, authority.length, ...authority);
}

/** RFC 9113 §4.1. */
function bytesOf({ type, flags, stream, payload }: Frame): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(9 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length << 8 | type);
  view.setUint8(4, flags);
  view.setUint32(5, stream);
  bytes.set(payload, 9);
  return bytes;
}

async function nextFrame(take: TakeBytes): Promise<Frame> {
  const view = new DataView((await take(9)).buffer);
  const head = view.getUint32(0);
  return {
    type: head & 0xff,
    flags: view.getUint8(4),
    stream: view.getUint32(5) & 0x7fffffff,
    payload: await take(head >>> 8),
  };
}
