/**
 * A CA that says what a test tells it to, as an injected `fetch`: bodies and headers are written by hand from RFC 8555.
 *
 * @module
 */

/** A request as it came. */
export interface Seen {
  /** For example `POST /new-order`. */
  readonly line: string;
  readonly url: string;
  readonly headers: Headers;
  readonly redirect: string;
  /** The JWS as it was sent; empty for others. */
  readonly body: string;
  /** The JWS's protected header; empty for others. */
  readonly protected: Readonly<Record<string, unknown>>;
  /** The JWS's payload as text. */
  readonly payload: string;
}

/** Answers one request. */
export type Reply = (seen: Seen, signal: AbortSignal) => Response | Promise<Response>;

/** A CA under the control of a test. */
export interface RoutedCa {
  readonly fetch: typeof fetch;
  readonly seen: readonly Seen[];
  /** The lines of {@linkcode seen}. */
  lines(): readonly string[];
}

export const BASE = "https://ca.example";

/** The directory of {@linkcode routes} (RFC 8555 §7.1.1). */
export const DIRECTORY = {
  newNonce: `${BASE}/new-nonce`,
  newAccount: `${BASE}/new-account`,
  newOrder: `${BASE}/new-order`,
  revokeCert: `${BASE}/revoke-cert`,
  keyChange: `${BASE}/key-change`,
  Xr3kz9: "https://community.example/adding-random-entries-to-the-directory",
  meta: { termsOfService: `${BASE}/terms`, externalAccountRequired: false },
};

/** Builds a reply: text, or JSON of whatever else. */
export function reply(status: number, body: unknown = null, headers: Record<string, string> = {}): Reply {
  const json = typeof body === "string" || body === null ? undefined : JSON.stringify(body);
  const type: Record<string, string> = json === undefined ? {} : { "content-type": "application/json" };
  return () => new Response(json ?? body as string | null, { status, headers: { ...type, ...headers } });
}

/** Builds a problem document (RFC 8555 §6.7); `type` is the short name. */
export function problem(
  status: number,
  type: string,
  rest: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Reply {
  const body = { type: `urn:ietf:params:acme:error:${type}`, status, detail: `${type} happened`, ...rest };
  return reply(status, body, { "content-type": "application/problem+json", ...headers });
}

/**
 * Makes the CA. The key of a route is its request line; several replies are given one after the other, the last for ever. A POST
 * is answered with a nonce `nN` that counts up, unless the reply has a `replay-nonce` of its own (`-` for none). The
 * directory and newNonce are there already.
 */
export function routes(table: Readonly<Record<string, Reply | readonly [Reply, ...Reply[]]>>): RoutedCa {
  const seen: Seen[] = [];
  let nonces = 0;
  const left = new Map<string, readonly Reply[]>([
    ["GET /directory", [reply(200, DIRECTORY)]],
    ["HEAD /new-nonce", [() => new Response(null, { headers: { "replay-nonce": `h${++nonces}` } })]],
  ]);
  for (const [line, replies] of Object.entries(table)) left.set(line, [replies].flat());

  const answer = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const signal = init.signal ?? new AbortController().signal;
    signal.throwIfAborted();
    const request = await read(String(input), init);
    seen.push(request);
    signal.throwIfAborted();
    const [next, ...rest] = left.get(request.line) ?? [];
    if (next === undefined) throw new Error(`nobody expects ${request.line}`);
    if (rest.length > 0) left.set(request.line, rest);
    const response = await next(request, signal);
    signal.throwIfAborted();
    const nonce = response.headers.get("replay-nonce");
    if (nonce === "-") response.headers.delete("replay-nonce");
    if (nonce === null && request.line.startsWith("POST")) response.headers.set("replay-nonce", `n${++nonces}`);
    return response;
  };
  return { fetch: answer as typeof fetch, seen, lines: () => seen.map((it) => it.line) };
}

/** Never answers, and ends as `fetch` does when its signal aborts. */
export const silence: Reply = (_, signal) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

/** Ends as `fetch` does when the connection is lost. */
export const lost: Reply = () =>
  Promise.reject(new TypeError("fetch failed", { cause: new Error("connection reset by peer") }));

async function read(url: string, init: RequestInit): Promise<Seen> {
  const body = await new Response(init.body ?? null).text();
  const jws = body === "" ? {} : JSON.parse(body) as { protected?: string; payload?: string };
  return {
    line: `${init.method ?? "GET"} ${url.startsWith(BASE) ? url.slice(BASE.length) : url}`,
    url,
    headers: new Headers(init.headers),
    redirect: init.redirect ?? "follow",
    body,
    protected: jws.protected === undefined ? {} : JSON.parse(decode(jws.protected)),
    payload: decode(jws.payload ?? ""),
  };
}

function decode(base64url: string): string {
  return new TextDecoder().decode(Uint8Array.fromBase64(base64url, { alphabet: "base64url" }));
}
