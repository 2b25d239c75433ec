import { InputError } from "../../src/model/errors.ts";
import type { Settings } from "./settings.ts";

/** The sidecar's API. Rejects with {@linkcode ApiError} where it refuses, {@linkcode Unreachable} where nobody answers. */
export interface Client {
  readonly grid: string;
  get(path: string): Promise<unknown>;
  send(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<unknown>;
}

/** An answer that is not 2xx. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  /** The parsed body; undefined where there is none, or none that is JSON. */
  readonly body: unknown;
  /** What the command knows about it, a line each. */
  readonly hints: readonly string[];

  constructor(status: number, body: unknown, hints: readonly string[] = []) {
    super(`the API answered ${status}`);
    this.status = status;
    this.body = body;
    this.hints = hints;
  }
}

/** Nobody answered, or not the sidecar. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/**
 * Writes a path, each value as one segment of it.
 *
 * @throws {InputError} If a value would be taken for a step in the path (nothing, `.` and `..`), or is a PEM text.
 */
export function path(parts: TemplateStringsArray, ...values: readonly string[]): string {
  const step = values.find((value) => /^\.{0,2}$/.test(value));
  if (step !== undefined) throw new InputError("name", `${JSON.stringify(step)} is not a name`);
  if (values.some((value) => value.includes("-----BEGIN"))) throw new InputError("name", "a PEM text is not a name");
  return String.raw({ raw: parts }, ...values.map(encodeURIComponent));
}

/**
 * Talks to the sidecar; sets no time limit, for a certificate takes as long as the CA does.
 *
 * @param settings Asked at each request, so that wrong arguments are found before a missing token.
 */
export function httpClient(grid: string, settings: () => Settings, debug: (text: string) => void): Client {
  const request = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const { url, token } = settings();
    const target = new URL(path, url);
    const began = performance.now();
    const response = await reach(target, {
      method,
      headers: { authorization: `Bearer ${token}`, accept: "application/json", "content-type": "application/json" },
      redirect: "manual", // the token goes to nobody else
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    debug(`${method} ${target.pathname}: ${response.status} in ${Math.round(performance.now() - began)} ms\n`);
    return readAnswer(response, text, target);
  };
  return { grid, get: (path) => request("GET", path), send: request };
}

/**
 * Reads an answer.
 *
 * @throws {ApiError} If it is not 2xx.
 * @throws {Unreachable} If it is a redirection, or 2xx and not JSON: somebody else listens there.
 */
export function readAnswer(response: Response, text: string, target: URL): unknown {
  if (response.status >= 300 && response.status < 400) {
    throw new Unreachable(`${target.origin} points to another address, which is not followed (check KONTENA_URL)`);
  }
  const json = parseJson(text);
  if (!response.ok) throw new ApiError(response.status, json);
  if (json === undefined) {
    throw new Unreachable(`What answers at ${target.origin} is not the sidecar: no JSON (check KONTENA_URL)`);
  }
  return json;
}

/** Adds what the command knows to a refusal with this status. */
export async function explain<T>(status: number, hint: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ApiError && error.status === status) throw new ApiError(status, error.body, [hint]);
    throw error;
  }
}

async function reach(target: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(target, init);
  } catch (error) {
    const why = error instanceof Error && error.cause instanceof Error ? lastPart(error.cause.message) : "no answer";
    throw new Unreachable(
      `Cannot reach the sidecar at ${target.origin}: ${why} ` +
        `(start it with "deno task sidecar", or set KONTENA_URL to where it listens)`,
      { cause: error },
    );
  }
}

/** Fetch tells the reason last: `… tcp connect error: Connection refused (os error 111)`. */
function lastPart(message: string): string {
  return (message.split(": ").at(-1) ?? message).replace(/ \(os error \d+\)$/, "");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
