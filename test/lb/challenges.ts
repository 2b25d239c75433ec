/**
 * The LB's own answers to http-01, behind HAProxy's rule for them. It runs whether there are challenges or not.
 *
 * @module
 */

/** Answers on a port of 127.0.0.1 until it is disposed. */
export function serveChallenges(challenges: ReadonlyMap<string, string>, port: number): AsyncDisposable {
  return Deno.serve(
    { hostname: "127.0.0.1", port, onListen(): void {} },
    (request) => answer(challenges, new URL(request.url).pathname),
  );
}

/** What a path is answered with: a token is its only segment below `/.well-known/acme-challenge`. */
export function answer(challenges: ReadonlyMap<string, string>, path: string): Response {
  const [, wellKnown, acme, token, ...more] = path.replace(/\/+$/, "").split("/");
  const ours = wellKnown === ".well-known" && acme === "acme-challenge";
  if (!ours || token === undefined || more.length > 0) return text(404, "Not Found\n");
  const keyAuthorization = challenges.get(token);
  return keyAuthorization === undefined
    ? text(404, `No key authorization for challenge: ${token}\n`)
    : text(200, keyAuthorization);
}

function text(status: number, body: string): Response {
  return new Response(body, { status, headers: { "content-type": "text/plain" } });
}
