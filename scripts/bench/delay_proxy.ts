/**
 * A network in the way: a TCP proxy that delays each direction, and each new connection by a round trip. It is a process of
 * its own, so that it takes no time from whom it stands between.
 *
 * @module
 */
import { type Running, start, until } from "../../test/support/process.ts";
import { pause } from "./measure.ts";

/** A proxy that runs. */
export interface DelayProxy extends AsyncDisposable {
  readonly port: number;
  /** How many connections went through so far. */
  connections(): number;
}

/** Starts one in front of a port of 127.0.0.1. */
export async function startDelayProxy(target: number, delayMs: number): Promise<DelayProxy> {
  const program = new URL(import.meta.url).pathname;
  const process: Running = start(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-net=127.0.0.1", program, `${target}`, `${delayMs}`],
  });
  const port = await until("the proxy listens", () => /^listens (\d+)$/m.exec(process.output())?.[1]);
  return {
    port: Number(port),
    connections: () => process.output().match(/^connection$/gm)?.length ?? 0,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

/** What was read, and when it may go on; without bytes it is the end. */
interface Parcel {
  readonly due: number;
  readonly bytes?: Uint8Array;
}

async function serve(target: number, delayMs: number): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(`listens ${listener.addr.port}`);
  for await (const guest of listener) {
    console.log("connection");
    guest.setNoDelay();
    void connect(guest, target, delayMs).catch(() => {}); // either side went away
  }
}

async function connect(guest: Deno.Conn, target: number, delayMs: number): Promise<void> {
  await pause(2 * delayMs); // SYN and SYN-ACK
  const host = await Deno.connect({ hostname: "127.0.0.1", port: target });
  host.setNoDelay();
  await Promise.allSettled([carry(guest, host, delayMs), carry(host, guest, delayMs)]);
}

async function carry(from: Deno.Conn, to: Deno.Conn, delayMs: number): Promise<void> {
  const parcels = new TransformStream<Parcel, Parcel>(undefined, undefined, { highWaterMark: Infinity });
  await Promise.all([pack(from, parcels.writable, delayMs), deliver(parcels.readable, to)]);
}

async function pack(from: Deno.Conn, parcels: WritableStream<Parcel>, delayMs: number): Promise<void> {
  const out = parcels.getWriter();
  const buffer = new Uint8Array(65_536);
  const due = (): number => performance.now() + delayMs;
  try {
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      void out.write({ due: due(), bytes: buffer.slice(0, count) });
    }
  } catch {
    // reset: the other side hears of it as of an end
  }
  void out.write({ due: due() });
  await out.close();
}

async function deliver(parcels: ReadableStream<Parcel>, to: Deno.Conn): Promise<void> {
  try {
    for await (const { due, bytes = new Uint8Array() } of parcels) {
      const left = due - performance.now();
      if (left > 0) await pause(left);
      for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
    }
  } finally {
    to.close();
  }
}

if (import.meta.main) await serve(Number(Deno.args[0]), Number(Deno.args[1]));
