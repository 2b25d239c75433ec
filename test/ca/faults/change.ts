/** Changes of answers that several faults make. */
import { isObject, type JsonObject } from "../fields.ts";
import { Problem, type ProblemExtras, type ProblemType } from "../problem.ts";
import { refuse } from "../answer.ts";
import type { Scene } from "./kind.ts";

/** The same answer with other headers; undefined takes one away. */
export function withHeaders(response: Response, changes: Readonly<Record<string, string | undefined>>): Response {
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
  }
  return new Response(response.body, { status: response.status, headers });
}

/** The same answer with another body; a refusal is left as it is. */
export async function withBody(
  response: Response,
  change: (text: string) => string | Uint8Array<ArrayBuffer> | Promise<string | Uint8Array<ArrayBuffer>>,
): Promise<Response> {
  if (!response.ok) return response;
  const { status, headers } = response;
  return new Response(await change(await response.text()), { status, headers });
}

/** The same with a change in its JSON object. */
export function withJson(response: Response, change: (body: JsonObject) => unknown): Promise<Response> {
  return withBody(response, (text) => {
    const body: unknown = JSON.parse(text);
    return JSON.stringify(isObject(body) ? change(body) : body);
  });
}

/** A refusal of the authority's own making. */
export function refused({ parts }: Scene, type: ProblemType, detail: string, extras: ProblemExtras = {}): Response {
  return refuse(parts, new Problem(type, detail, extras));
}

/** A web page, as proxies in front of CAs answer with. */
export function page(status: number, headers: Readonly<Record<string, string>> = {}): Response {
  const text = `<html><head><title>${status}</title></head><body><h1>${status}</h1></body></html>`;
  return new Response(text, { status, headers: { "content-type": "text/html", ...headers } });
}

/** Retry-After as an option says it: any text; `date:SECONDS` an HTTP date so far ahead; `none` or empty none. */
export function retryAfterHeaders({ parts }: Scene, value: string): Readonly<Record<string, string>> {
  const date = parts.settings.now();
  if (value === "" || value === "none") return {};
  const seconds = /^date:(-?\d+)$/.exec(value)?.[1];
  const text = seconds === undefined ? value : new Date(date.getTime() + Number(seconds) * 1000).toUTCString();
  return { "retry-after": text, date: date.toUTCString() };
}

/** What {@linkcode retryAfterHeaders} reads, for the catalogue. */
export const RETRY_AFTER = "Retry-After as text; date:SECONDS for an HTTP date; none";
