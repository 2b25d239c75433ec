/**
 * Visitors of four kinds, in a process of their own, so that what is measured does not wait for them: new connections,
 * connections that are kept open, HTTP/2, WebSockets. Each line on its standard input ends a window, and one line of JSON on its
 * standard output tells what became of it.
 *
 * @module
 */
import { openConnection } from "../demo/open_connection.ts";
import { type Site, visit } from "../demo/visit.ts";
import { pause } from "./measure.ts";

/** What became of one kind of visitors in a window. */
export interface Visits {
  /** Milliseconds of each request that was answered. */
  readonly ms: readonly number[];
  /** Requests that were not. */
  readonly failed: number;
  /** Connections that the server ended while they were open. */
  readonly severed: number;
}

/** The kinds. */
export const KINDS = ["new connections", "keep-alive", "HTTP/2", "WebSocket"] as const;

/** One window, by kind. */
export type Window = Readonly<Record<typeof KINDS[number], Visits>>;

/** Someone who asks again and again on one connection. */
interface Guest extends Disposable {
  ask(): Promise<unknown>;
}

class Counter {
  #window: { ms: number[]; failed: number; severed: number } = { ms: [], failed: 0, severed: 0 };

  async count(ask: () => Promise<unknown>): Promise<boolean> {
    const begin = performance.now();
    try {
      await ask();
      this.#window.ms.push(performance.now() - begin);
      return true;
    } catch {
      this.#window.failed++;
      return false;
    }
  }

  severed(): void {
    this.#window.severed++;
  }

  next(): Visits {
    const window = this.#window;
    this.#window = { ms: [], failed: 0, severed: 0 };
    return window;
  }
}

/** Asks at an interval; where the connection is lost it is counted as severed, and another one is opened. */
async function stay(counter: Counter, everyMs: number, open: () => Promise<Guest>): Promise<never> {
  for (;;) {
    const guest = await open().catch(() => undefined);
    if (guest === undefined) await counter.count(() => Promise.reject(new Error("not let in")));
    for (let well = guest !== undefined; well;) {
      await pause(everyMs);
      well = await counter.count(() => guest!.ask());
      if (!well) counter.severed();
    }
    guest?.[Symbol.dispose]();
    await pause(everyMs);
  }
}

/** One connection is used for all its requests: where another process answers, it was cut. */
async function http2Guest({ port }: Site): Promise<Guest> {
  const client = Deno.createHttpClient({ http1: false, http2: true });
  const answer = async (): Promise<string> => await (await fetch(`https://127.0.0.1:${port}/`, { client })).text();
  const first = await answer();
  return {
    async ask(): Promise<void> {
      if (await answer() !== first) throw new Error("another process answered");
    },
    [Symbol.dispose]: () => client.close(),
  };
}

function webSocketGuest(site: Site): Promise<Guest> {
  const { promise, resolve, reject } = Promise.withResolvers<Guest>();
  const socket = new WebSocket(`wss://127.0.0.1:${site.port}/`);
  socket.onerror = (): void => reject(new Error("no WebSocket"));
  socket.onopen = (): void => resolve({ ask, [Symbol.dispose]: () => socket.close() });
  const ask = (): Promise<void> =>
    new Promise((done, fail) => {
      socket.onmessage = (): void => done();
      socket.onclose = (): void => fail(new Error("closed"));
      if (socket.readyState === WebSocket.OPEN) socket.send("hello");
      else fail(new Error("closed"));
    });
  return promise;
}

async function main([port = "", name = "", rootFile = ""]: readonly string[]): Promise<void> {
  const site: Site = { port: Number(port), roots: [await Deno.readTextFile(rootFile)] };
  const counters = KINDS.map((kind) => [kind, new Counter()] as const);
  const [fresh, kept, http2, sockets] = counters.map(([, counter]) => counter) as [Counter, Counter, Counter, Counter];
  setInterval(() => void fresh.count(() => visit(site, name)), 10);
  for (let i = 0; i < 20; i++) void stay(kept, 50, () => openConnection(site, name));
  for (let i = 0; i < 4; i++) void stay(http2, 20, () => http2Guest(site));
  for (let i = 0; i < 4; i++) void stay(sockets, 20, () => webSocketGuest(site));
  for await (const line of lines(Deno.stdin.readable)) {
    if (line === "end") Deno.exit(0);
    console.log(JSON.stringify(Object.fromEntries(counters.map(([kind, counter]) => [kind, counter.next()]))));
  }
}

/** Lines of a stream. */
export async function* lines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    const all = `${rest}${part}`.split("\n");
    rest = all.pop() ?? "";
    yield* all;
  }
}

if (import.meta.main) await main(Deno.args);
