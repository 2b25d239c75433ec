/**
 * Routes as data: what serves them also documents them.
 *
 * @module
 */
import type { Context, Hono } from "hono";
import type { GenericSchema, InferOutput } from "valibot";
import { readBody } from "./schemas.ts";

/** One route of the API. */
export interface Route {
  readonly method: "get" | "post" | "put" | "delete";
  /** In Hono's spelling, for example `/v1/secrets/:grid/:name`. */
  readonly path: string;
  /** One sentence, without a period. */
  readonly summary: string;
  /** The group under which it is listed. */
  readonly tag: string;
  /** A later route does the same better. */
  readonly deprecated?: true;
  /** It wants no token. */
  readonly open?: true;
  readonly query?: Readonly<Record<string, QueryParameter>>;
  readonly body?: GenericSchema;
  /** What it answers where all goes well, by status; refusals are the same for all routes. */
  readonly answers: Readonly<Record<number, RouteAnswer>>;
  readonly handle: (c: Context) => Response | Promise<Response>;
}

/** A parameter behind the `?`. */
export interface QueryParameter {
  readonly schema: GenericSchema;
  readonly description: string;
}

/** An answer; without a schema it has no body, or a text. */
export interface RouteAnswer {
  readonly description: string;
  readonly schema?: GenericSchema;
  /** Where it is not JSON. */
  readonly mediaType?: string;
}

/** The body of a route, and what handles a request whose body fits it. */
export function taking<S extends GenericSchema>(
  body: S,
  handle: (c: Context, body: InferOutput<S>) => Promise<Response>,
): Pick<Route, "body" | "handle"> {
  return { body, handle: async (c) => await handle(c, await readBody(c.req, body)) };
}

/** Registers the routes in their order: a fixed path goes before one with a parameter in the same place. */
export function mount(app: Hono, routes: readonly Route[]): void {
  for (const { method, path, handle } of routes) app.on(method.toUpperCase(), path, handle);
}

/** A part of the path. */
export function pathPart(c: Context, name: string): string {
  const part = c.req.param(name);
  if (part === undefined) throw new TypeError(`the route ${c.req.path} has no :${name}`);
  return part;
}
