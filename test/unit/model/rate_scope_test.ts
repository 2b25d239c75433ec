import { assertEquals } from "@std/assert";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { AcmeProblemError, isRateLimited, RateLimitedError, SidecarError } from "../../../src/model/errors.ts";
import { drained } from "../../../src/model/rate_learning.ts";
import { LETSENCRYPT_LIMITS } from "../../../src/model/rate_limits.ts";
import { type Asked, scopesOfRefusal } from "../../../src/model/rate_scope.ts";
import { span } from "../../../src/model/rate_text.ts";
import { registeredDomain } from "../../../src/suffixes/registered_domain.ts";

const account = new URL("https://ca.test/account/1");
const ORDER: Asked = {
  endpoint: "newOrder",
  account,
  names: ["www.example.com", "example.com", "a.example.org"].map((it) => parseDnsName(it)),
};
const retryAt = new Date("2026-06-01T03:00:00Z");

function limited(detail: string, identifiers: readonly string[] = [], status = 429): AcmeProblemError {
  const type = "urn:ietf:params:acme:error:rateLimited";
  const subproblems = identifiers.map((identifier) => ({ type, identifier, subproblems: [] }));
  return new AcmeProblemError({ type, detail, status, subproblems }, { status, retryAt });
}

const SET = "a.example.org,example.com,www.example.com";

// The details are Boulder's own.
for (
  const [detail, identifiers, scopes, buckets] of [
    [
      "too many new orders (300) from this account in the last 3h0m0s, retry after 2026-06-01 03:00:00 UTC: see https://letsencrypt.org/docs/rate-limits/#new-orders-per-account",
      [],
      [`account ${account.href}`],
      [`orders ${account.href}`],
    ],
    [
      'too many certificates (50) already issued for "example.com" in the last 168h0m0s, retry after 2026-06-01 03:00:00 UTC: see https://letsencrypt.org/docs/rate-limits/#new-certificates-per-registered-domain',
      [],
      ["domain example.com", "name example.com"],
      ["certificates-per-domain example.com"],
    ],
    [
      "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after 2026-06-01 03:00:00 UTC",
      [],
      [`names ${SET}`],
      [`certificates-per-names ${SET}`],
    ],
    [
      'too many failed authorizations (5) for "www.example.com" in the last 1h0m0s, retry after 2026-06-01 03:00:00 UTC',
      [],
      ["name www.example.com"],
      [`failures ${account.href} www.example.com`],
    ],
    [
      "Your account is temporarily prevented from requesting certificates for a.example.org and possibly others. Please visit: https://portal.letsencrypt.org/unpause?x=example.com",
      [],
      ["name a.example.org"],
      [],
    ],
    ["no", ["*.example.org"], ["domain example.org"], []],
    ["slow down", [], [`account ${account.href}`], []],
    ["too many certificates for others.example", [], [`account ${account.href}`], []],
  ] as const
) {
  Deno.test(`scopesOfRefusal() of "${detail.slice(0, 60)}" is ${scopes.join(" and ")}`, () => {
    const error = limited(detail, identifiers);
    const found = scopesOfRefusal(error, ORDER, registeredDomain);
    assertEquals(found.map(({ per, key }) => `${per} ${key}`), [...scopes]);
    const empty = drained(LETSENCRYPT_LIMITS, error, found, account);
    assertEquals(empty.map(({ limit, key }) => `${limit.name} ${key}`), [...buckets]);
  });
}

Deno.test("scopesOfRefusal() of an answer that does not speak of limits is the whole CA for that endpoint", () => {
  const busy = new SidecarError("CA_TRANSPORT", "503", { status: 503, retryAt });
  assertEquals(scopesOfRefusal(busy, ORDER, registeredDomain), [{ endpoint: "newOrder", per: "address", key: "" }]);
  const read = scopesOfRefusal(limited("too fast"), { endpoint: "order", account }, registeredDomain);
  assertEquals(read, [{ endpoint: "order", per: "address", key: "" }]);
});

Deno.test("scopesOfRefusal() of a nonce or the directory is everything", () => {
  const nonce = new SidecarError("CA_TRANSPORT", "503", { status: 503, retryAt, beforeAll: true });
  assertEquals(scopesOfRefusal(nonce, ORDER, registeredDomain), [{ endpoint: "*", per: "address", key: "" }]);
});

for (
  const [error, expected, why] of [
    [new RateLimitedError("x"), true, "a limit of ours"],
    [limited("x", [], 400), true, "a problem by its type"],
    [new SidecarError("CA_TRANSPORT", "x", { status: 503 }), true, "503 without a document"],
    [new SidecarError("CA_TRANSPORT", "x", { status: 502 }), false, "502"],
    [new Error("x"), false, "another error"],
  ] as const
) {
  Deno.test(`isRateLimited() is ${expected} for ${why}`, () => assertEquals(isRateLimited(error), expected));
}

Deno.test("span() says a time in the unit that people use", () => {
  const hour = 3_600_000;
  assertEquals([500, 36_000, 720_000, 7 * 24 * hour / 50, 7 * 24 * hour / 5].map(span), [
    "0.5 s",
    "36 s",
    "12 min",
    "3.36 h",
    "33.6 h",
  ]);
});
