import { setTimeout as pause } from "node:timers/promises";
import type { Socket } from "node:net";
import { type Interference, Raw } from "./hooks.ts";
import type { FaultKind } from "./kind.ts";

const CHUNK = "x".repeat(64 * 1024);

/** What a network does to requests and answers. */
export const NETWORK_FAULTS: Readonly<Record<string, FaultKind>> = {
  "reset-before": {
    about: "The connection ends before the request was read: nothing happened",
    at: ["any"],
    options: {},
    make: () => ({ arrive: () => "reset" }),
  },
  "reset-after": {
    about: "The connection ends without an answer, after the request took effect",
    at: ["any"],
    options: {},
    make: () => ({ leave: () => "reset" }),
  },
  hang: {
    about: "No answer ever comes; `when` says whether the request took effect",
    at: ["any"],
    options: { when: "before (default) or after the request took effect" },
    make: (options) => {
      const silent = new Raw(closed);
      return options.word("when", "before", "after") === "before" ? { arrive: () => silent } : { leave: () => silent };
    },
  },
  truncated: {
    about: "The answer is cut off in the middle",
    at: ["any"],
    options: {
      how:
        "length (default): Content-Length promises more; chunked: no last chunk; json: a whole answer of half a JSON",
    },
    make: (options) => {
      const how = options.word("how", "length", "chunked", "json");
      return { leave: (response) => cutOff(response, how) };
    },
  },
  "slow-body": {
    about: "The body comes a byte at a time",
    at: ["any"],
    options: { ms: "between two bytes, default 1000" },
    make: (options) => {
      const ms = options.number("ms", 1000);
      return { leave: async (response) => slowly(await headAnd(response), ms) };
    },
  },
  "endless-body": {
    about: "The body never ends",
    at: ["any"],
    options: {},
    make: () => ({ leave: async (response) => endless((await headAnd(response)).head) }),
  },
  "endless-headers": {
    about: "The headers never end",
    at: ["any"],
    options: {},
    make: () => ({ leave: () => endless("HTTP/1.1 200 OK\r\nx-more: ") }),
  },
  "long-headers": {
    about: "The headers are long",
    at: ["any"],
    options: { bytes: "of one header, default 40000" },
    make: (options) => {
      const bytes = options.number("bytes", 40_000);
      return {
        leave: (response) => {
          response.headers.set("x-more", "x".repeat(bytes));
          return response;
        },
      };
    },
  },
};

async function cutOff(response: Response, how: "length" | "chunked" | "json"): Promise<Interference> {
  const { status, headers } = response;
  const text = await response.text();
  const half = text.slice(0, Math.ceil(text.length / 2));
  if (how === "json") return new Response(half, { status, headers });
  const lines = headerLines(headers);
  const [length, body] = how === "length"
    ? [`content-length: ${text.length}`, half]
    : ["transfer-encoding: chunked", `${half.length.toString(16)}\r\n${half}\r\n`];
  return new Raw(async (socket) =>
    void await write(socket, `HTTP/1.1 ${status} x\r\n${lines}${length}\r\n\r\n${body}`)
  );
}

async function headAnd(response: Response): Promise<{ readonly head: string; readonly text: string }> {
  const text = await response.text();
  return { head: `HTTP/1.1 ${response.status} x\r\n${headerLines(response.headers)}connection: close\r\n\r\n`, text };
}

function slowly({ head, text }: { readonly head: string; readonly text: string }, ms: number): Raw {
  return new Raw(async (socket) => {
    let open = await write(socket, head);
    const gone = new AbortController();
    socket.once("close", () => gone.abort());
    for (let i = 0; open && i < text.length; i++) {
      await pause(ms, undefined, { signal: gone.signal }).catch(() => {});
      open = await write(socket, text.charAt(i));
    }
  });
}

function endless(head: string): Raw {
  return new Raw(async (socket) => {
    for (let open = await write(socket, head); open;) open = await write(socket, CHUNK);
  });
}

function headerLines(headers: Headers): string {
  return [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
}

/** False once the other side has gone. */
function write(socket: Socket, text: string): Promise<boolean> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve(false);
    const leave = (): void => resolve(false);
    socket.once("close", leave);
    socket.write(text, (error) => {
      socket.off("close", leave);
      resolve(error === undefined || error === null);
    });
  });
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    socket.once("close", () => resolve());
  });
}
