/**
 * Visitors of four kinds, in a process of their own, so that what is measured does not wait for them: new connections,
 * connections that are kept open, HTTP/2, WebSockets. Each line on its standard input ends a window, and one line of JSON on its
 * standard output tells what became of it.
 *
 * @module
 */
import type { Guest } from "../../test/support/guest.ts";
import { http2Guest } from "../../test/support/http2_guest.ts";
import { webSocketGuest } from "../../test/support/web_socket_guest.ts";
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
async function stay(counter: Counter, everyMs: number, open: () => Promise<Guest<unknown>>): Promise<never> {
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

async function main([port = "", name = "", rootFile = ""]: readonly string[]): Promise<void> {
  const site: Site = { port: Number(port), roots: [await Deno.readTextFile(rootFile)] };
  const counters = KINDS.map((kind) => [kind, new Counter()] as const);
  const [fresh, kept, http2, sockets] = counters.map(([, counter]) => counter) as [Counter, Counter, Counter, Counter];
  setInterval(() => void fresh.count(() => visit(site, name)), 10);
  for (let i = 0; i < 20; i++) void stay(kept, 50, () => openConnection(site, name));
  for (let i = 0; i < 4; i++) void stay(http2, 20, () => http2Guest(site, name));
  for (let i = 0; i < 4; i++) void stay(sockets, 20, () => webSocketGuest(site, name));
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
