/**
 * Renewal information that makes a sidecar in a hurry renew at once.
 *
 * @module
 */

/** A window that was over before it was told, as for what is revoked: renewed at once. */
export const PAST_WINDOW = JSON.stringify({
  suggestedWindow: { start: "2026-01-01T00:00:00Z", end: "2026-01-02T00:00:00Z" },
});

/** A hook of the test authority: it is asked again in a minute, which is a second to a sidecar in a hurry. */
export function askAgainSoon(response: Response, { endpoint }: { readonly endpoint?: string }): Response {
  if (endpoint !== "renewalInfo") return response;
  const headers = new Headers(response.headers);
  headers.set("retry-after", "60");
  return new Response(response.body, { status: response.status, headers });
}
