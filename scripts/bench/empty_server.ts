/**
 * The least that a Hono server on Deno can be: what the sidecar's start and memory are compared with.
 *
 * @module
 */
import { Hono } from "hono";

if (import.meta.main) {
  const app = new Hono().get("/health", (c) => c.text("ok"));
  Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.env.get("PORT")), onListen: () => {} }, app.fetch);
}
