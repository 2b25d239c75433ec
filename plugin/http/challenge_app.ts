import { type Context, Hono } from "hono";
import type { PublishedAnswers } from "../../mod.ts";
import { isToken } from "../../src/model/key_authorization.ts";

/** Answers http-01 challenges to whoever asks, under whatever host name (RFC 8555 §8.3). */
export function challengeApp(answers: PublishedAnswers): Hono {
  const app = new Hono();
  app.notFound(nothing);
  app.onError((_error, c) => c.text("Unavailable\n", 503));
  app.get("/health", (c) => c.text("ok"));
  app.get("/.well-known/acme-challenge/:token", async (c) => {
    const token = c.req.param("token");
    if (!isToken(token)) return nothing(c); // not even looked up
    const found = await answers.find(token, { signal: c.req.raw.signal });
    if (found === undefined) return nothing(c);
    return c.body(found, 200, { "content-type": "application/octet-stream", "cache-control": "no-store" });
  });
  return app;
}

/** Repeats nothing of the request. */
function nothing(c: Context): Response {
  return c.text("Not found\n", 404);
}
