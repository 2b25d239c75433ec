import { Hono } from "hono";
import { bearer } from "./auth.ts";

/** What the routes for probes and collectors need. */
export interface HealthOptions {
  readonly token: string;
  /** `missing`: one sentence for each part that is not there, without secrets. */
  readonly ready: () => Promise<{ readonly ready: boolean; readonly missing: readonly string[] }>;
  /** All metrics in Prometheus' text format 0.0.4. */
  readonly metrics: () => Promise<string>;
}

/** `GET /health`, `GET /ready`, and, with the token, `GET /metrics`. */
export function health({ token, ready, metrics }: HealthOptions): Hono {
  const app = new Hono();
  app.get("/health", (c) => c.text("ok"));
  app.get("/ready", async (c) => {
    const state = await ready();
    return c.json({ ready: state.ready, missing: state.missing }, state.ready ? 200 : 503);
  });
  app.get("/metrics", bearer(token), async (c) => {
    return c.body(await metrics(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  });
  return app;
}
