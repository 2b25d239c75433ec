import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { describe, type Events, withoutPem } from "../../mod.ts";
import { bearer } from "./auth.ts";
import { account } from "./account.ts";
import { authorizations } from "./authorizations.ts";
import { balancers } from "./balancers.ts";
import { certificates } from "./certificates.ts";
import { failureOf, notFound, Refusal } from "./errors.ts";
import type { Face } from "./face.ts";
import { health, type HealthOptions } from "./health.ts";
import { documentRoute } from "./openapi.ts";
import { mount, type Route } from "./route.ts";
import { secrets } from "./secrets.ts";

/** What the management API is made of. */
export interface ApiOptions extends Face, HealthOptions {}

const MAX_BODY_BYTES = 1_048_576;

/**
 * The management API: Kontena's REST routes under `/v1`, and the probes. Everything but the probes wants the token.
 *
 * It sets no time limit of its own: issuing a certificate takes as long as the CA does.
 */
export function api(options: ApiOptions): Hono {
  const app = new Hono();
  app.onError((error, c) => answer(c, error, options));
  app.notFound((c) => c.json({ error: "Not found" }, 404));
  app.use("/metrics", bearer(options.token));
  app.use("/v1/*", bearer(options.token), bodyLimit({ maxSize: MAX_BODY_BYTES, onError: tooLarge }));
  app.use("/v1/*", async (c, next) => {
    await next();
    c.header("cache-control", "no-store"); // answers may hold keys
  });
  app.use("/v1/:collection/:grid/*", async (c, next) => {
    if (c.req.param("grid") !== options.grid) throw notFound();
    await next();
  });
  mount(app, routesOf(options));
  return app;
}

/** All routes of the API. */
export function routesOf(options: ApiOptions): readonly Route[] {
  const routes = [
    ...health(options),
    ...account(options),
    ...certificates(options),
    ...authorizations(options),
    ...balancers(options),
    ...secrets(options),
  ];
  return [...routes, documentRoute(routes, VERSION)];
}

/** Version of the API's description: that of the program. */
const VERSION = "0.1.0";

function answer(c: Context, error: unknown, { events, clock }: ApiOptions): Response {
  if (c.req.raw.signal.aborted) return new Response(null, { status: 499 }); // nobody is there to read it
  const failure = failureOf(error, clock.now());
  if (failure.status === 500) tellFailure(events, c, error);
  return c.json(failure.body, failure.status as ContentfulStatusCode, { ...failure.headers });
}

/** Tells what the caller is not told; never a body, which may hold a key. */
function tellFailure(events: Events, c: Context, error: unknown): void {
  const kind = error instanceof Error ? error.name : typeof error;
  events.emit({
    level: "error",
    name: "api.failed",
    text: `${c.req.method} ${c.req.path} failed: ${kind}: ${withoutPem(describe(error))}`,
    fields: { error: kind },
  });
}

function tooLarge(): never {
  throw new Refusal(413, { error: `Request body is larger than ${MAX_BODY_BYTES} bytes` });
}
