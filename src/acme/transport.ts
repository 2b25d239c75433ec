import { SidecarError } from "../model/errors.ts";
import type { Call, Clock } from "../ports.ts";
import { readText } from "./body.ts";
import { badAnswer, TransportError } from "./failure.ts";
import { DOCUMENT_BYTES, HEADER_CHARS, REQUEST_MS } from "./limits.ts";
import { isJson } from "./media_type.ts";

/** One HTTP request. */
export interface Outgoing {
  readonly method: "GET" | "HEAD" | "POST";
  readonly url: URL;
  /** What it is for, after "Cannot ". */
  readonly doing: string;
  /** A JWS. */
  readonly body?: string;
  readonly accept?: string;
  /** The most that is read of a good answer; {@linkcode DOCUMENT_BYTES} unless told. */
  readonly maxBytes?: number;
}

/** An answer, whole: nothing is left to read, close or cancel. */
export interface Answer {
  /** What was asked. */
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  /** Empty for errors that are not JSON: nobody reads a proxy's web page. */
  readonly text: string;
  /** When it came, by our clock. */
  readonly at: Date;
}

/** What is told of every answer, for logs and metrics. */
export interface AnswerNote {
  /** HTTP method. */
  readonly method: "GET" | "HEAD" | "POST";
  /** What was asked. */
  readonly url: URL;
  /** HTTP status. */
  readonly status: number;
}

/** Sends one request, once. `onHeaders` hears of every answer, also of one whose body then cannot be read. */
export type Send = (request: Outgoing, call: Call, onHeaders?: (headers: Headers) => void) => Promise<Answer>;

/** What a {@linkcode transport} is made of. */
export interface TransportOptions {
  readonly fetch: typeof fetch;
  readonly userAgent: string;
  readonly clock: Clock;
  /** A signal that aborts after so many milliseconds, real ones: sockets know no other clock. */
  readonly deadline: (ms: number) => AbortSignal;
  readonly onAnswer?: (note: AnswerNote) => void;
}

/**
 * Makes {@linkcode Send}: no redirect is followed, size and time are capped, every body is read or cancelled.
 *
 * @throws {SidecarError} From the function made: `CA_TRANSPORT` if no whole answer came, `CA_ANSWER` if it was too large.
 */
export function transport({ fetch, userAgent, clock, deadline, onAnswer }: TransportOptions): Send {
  return async (request, call, onHeaders) => {
    call.signal.throwIfAborted();
    const late = deadline(REQUEST_MS);
    const signal = AbortSignal.any([call.signal, late]);
    try {
      const response = await fetch(request.url.href, toInit(request, userAgent, signal));
      onHeaders?.(response.headers);
      onAnswer?.({ method: request.method, url: request.url, status: response.status });
      const text = await readWanted(request, response, signal);
      return { url: request.url, status: response.status, headers: response.headers, text, at: clock.now() };
    } catch (error) {
      call.signal.throwIfAborted();
      if (error instanceof SidecarError) throw error;
      throw late.aborted ? tooSlow(request) : lost(request, error);
    }
  };
}

function toInit({ method, body, accept }: Outgoing, userAgent: string, signal: AbortSignal): RequestInit {
  return {
    method,
    signal,
    redirect: "manual",
    headers: {
      "user-agent": userAgent, // RFC 8555 §6.1: MUST
      "accept-language": "en",
      ...(accept === undefined ? {} : { accept }),
      ...(body === undefined ? {} : { "content-type": "application/jose+json" }),
    },
    // Deno sends a text again by itself where a connection that was used before ends without an answer, so that one newOrder
    // becomes two. It does not do so with a Blob, which is the same on the wire. Who asks again, and how, is decided above.
    ...(body === undefined ? {} : { body: new Blob([body]) }),
  };
}

async function readWanted(request: Outgoing, response: Response, signal: AbortSignal): Promise<string> {
  const problem = !response.ok;
  if (headerChars(response.headers) > HEADER_CHARS) {
    await response.body?.cancel();
    throw badAnswer(`Cannot ${request.doing}: the headers of the answer are longer than ${HEADER_CHARS / 1024} KB`);
  }
  if (problem && !isJson(response.headers)) {
    await response.body?.cancel();
    return "";
  }
  const most = problem ? DOCUMENT_BYTES : request.maxBytes ?? DOCUMENT_BYTES;
  const text = await readText(response, most, signal);
  if (text === undefined) throw badAnswer(`Cannot ${request.doing}: the answer is longer than ${most / 1024} KB`);
  return text;
}

function headerChars(headers: Headers): number {
  return [...headers].reduce((sum, [name, value]) => sum + name.length + value.length, 0);
}

function tooSlow({ doing, url }: Outgoing): TransportError {
  return new TransportError(`Cannot ${doing}: ${url.host} did not answer within ${REQUEST_MS / 1000} s`, false);
}

function lost({ doing, url }: Outgoing, cause: unknown): TransportError {
  const why = reason(cause);
  const distrust = /certificate|UnknownIssuer/i.test(why);
  return new TransportError(`Cannot ${doing}: no whole answer from ${url.host}: ${why}`, !distrust, {
    cause,
    ...(distrust ? { todo: "if the CA's own HTTPS has a private root, name its file in ACME_CA_FILE" } : {}),
  });
}

/** "fetch failed" says nothing; the reason is its cause. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
