import { Hono } from "hono";
import type { FaultBoard } from "./faults/board.ts";
import { CATALOGUE } from "./faults/catalogue.ts";
import { COMMON, type FaultSpec } from "./faults/spec.ts";
import { isObject } from "./fields.ts";
import type { LogEntry } from "./log.ts";
import { serve } from "./serve.ts";

/** The control port that listens. */
export interface Control extends AsyncDisposable {
  readonly url: URL;
}

/** What the control port answers, for people. */
export const CONTROL: Readonly<Record<string, string>> = {
  "GET /catalogue": "all faults that can be set, with their options",
  "GET /faults": "those that are set, with how often they struck",
  "POST /faults":
    `sets one: {"fault":"rate-limited","at":"newOrder","times":1,"retry-after":"3600"}, or the short form as text`,
  "DELETE /faults": "clears all",
  "DELETE /faults/:id": "clears one",
  "GET /log?from=N": "every request from the N-th on, and what came of it",
};

/** Opens the control port, on loopback alone. */
export async function startControl(port: number, board: FaultBoard, log: readonly LogEntry[]): Promise<Control> {
  const app = controlApp(board, log);
  const server = await serve({ hostname: "127.0.0.1", port }, async ({ method, target, headers, body }) => {
    const init = { method, headers, ...(method === "GET" || method === "HEAD" ? {} : { body }) };
    return await app.fetch(new Request(new URL(target, "http://127.0.0.1"), init));
  });
  return {
    url: new URL(`http://127.0.0.1:${server.port}`),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function controlApp(board: FaultBoard, log: readonly LogEntry[]): Hono {
  const app = new Hono();
  app.get("/", ({ json }) => json(CONTROL));
  app.get("/catalogue", ({ json }) => json({ common: COMMON, faults: described() }));
  app.get("/faults", ({ json }) => json(board.list()));
  app.post("/faults", async ({ req, json }) => json(board.set(specOf(await req.text())), 201));
  app.delete("/faults", ({ json }) => json({ cleared: board.clear() }));
  app.delete("/faults/:id", ({ req, json }) => {
    const cleared = board.clear(req.param("id"));
    return json({ cleared }, cleared === 0 ? 404 : 200);
  });
  app.get("/log", ({ req, json }) => json(log.slice(Number(req.query("from") ?? "0"))));
  app.onError((error, { json }) => json({ error: error.message }, 400));
  return app;
}

function specOf(text: string): FaultSpec | string {
  if (!text.trimStart().startsWith("{")) return text;
  const spec: unknown = JSON.parse(text);
  if (!isObject(spec) || typeof spec.fault !== "string") throw new SyntaxError(`"fault" names no fault`);
  return spec as FaultSpec; // the board looks at the rest
}

function described(): unknown {
  return Object.fromEntries(
    Object.entries(CATALOGUE).map(([name, { about, at, options }]) => [name, { about, at, options }]),
  );
}
