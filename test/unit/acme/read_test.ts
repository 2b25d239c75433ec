import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readLocation, readOrdersPage, readOrdersUrl } from "../../../src/acme/read_account.ts";
import { readAuthorization, readChallenge } from "../../../src/acme/read_authorization.ts";
import { readChain } from "../../../src/acme/read_chain.ts";
import { readDirectory } from "../../../src/acme/read_directory.ts";
import { readOrder } from "../../../src/acme/read_order.ts";
import type { Answer } from "../../../src/acme/transport.ts";
import { urlPolicy } from "../../../src/acme/url_policy.ts";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import { DIRECTORY } from "../../support/acme_routes.ts";

const asked = new URL("https://ca.example/order/1");
const urls = urlPolicy(new URL("https://ca.example/directory"));

function answer(body: unknown, headers: Record<string, string> = {}): Answer {
  return {
    url: asked,
    status: 200,
    headers: new Headers({ "content-type": "application/json", ...headers }),
    text: typeof body === "string" ? body : JSON.stringify(body),
    at: new Date("2026-11-23T12:00:00Z"),
  };
}

// RFC 8555 §7.1.3, its example.
const ORDER = {
  status: "pending",
  expires: "2016-01-05T14:09:07.99Z",
  identifiers: [{ type: "dns", value: "www.example.org" }, { type: "dns", value: "*.example.org" }],
  notBefore: "2016-01-01T00:00:00Z",
  authorizations: ["https://ca.example/authz/1", "/authz/2"],
  finalize: "https://ca.example/order/1/finalize",
};
const common = {
  url: asked,
  names: [parseDnsName("www.example.org"), parseDnsName("*.example.org")],
  authorizations: [new URL("https://ca.example/authz/1"), new URL("https://ca.example/authz/2")],
  finalize: new URL("https://ca.example/order/1/finalize"),
  expires: new Date("2016-01-05T14:09:07.990Z"),
};
const rejected = { type: "urn:ietf:params:acme:error:rejectedIdentifier", detail: "no", subproblems: [] };

for (
  const [status, more, expected] of [
    ["pending", {}, {}],
    ["ready", {}, {}],
    ["processing", {}, {}],
    ["valid", { certificate: "/cert/1" }, { certificate: new URL("https://ca.example/cert/1") }],
    ["invalid", {}, {}],
    ["invalid", { error: rejected }, { problem: rejected }],
  ] as const
) {
  Deno.test(`readOrder() reads an order that is ${status}${"error" in more ? " and says why" : ""}`, () => {
    const order: unknown = readOrder(answer({ ...ORDER, status, ...more }), asked, urls);
    assertEquals(order, { ...common, status, ...expected });
  });
}

for (
  const [retryAfter, expected] of [["5", 5_000], ["Mon, 23 Nov 2026 12:00:07 GMT", 7_000], ["soon", undefined]] as const
) {
  Deno.test(`readOrder() reads Retry-After: ${retryAfter}`, () => {
    const headers = { "retry-after": retryAfter, date: "Mon, 23 Nov 2026 12:00:00 GMT" };
    assertEquals(readOrder(answer(ORDER, headers), asked, urls).pollAfterMs, expected);
    const authorization = readAuthorization(answer(AUTHORIZATION, headers), asked, urls);
    assertEquals(authorization.pollAfterMs, expected);
  });
}

for (
  const identifiers of [
    [{ type: "dns", value: "www.example.org" }, { type: "ip", value: "192.0.2.1" }],
    [{ type: "dns", value: "www.example.org" }, { type: "dns", value: "localhost" }],
    [{ type: "permanent-identifier", value: "1" }],
  ]
) {
  Deno.test(`readOrder() has no names for ${JSON.stringify(identifiers.at(-1))}`, () => {
    assertEquals(readOrder(answer({ ...ORDER, identifiers }), asked, urls).names, []);
  });
}

// RFC 8555 §7.1.4, its example, and one of a type that we do not know.
const AUTHORIZATION = {
  status: "pending",
  expires: "2016-01-02T14:09:30Z",
  identifier: { type: "dns", value: "www.example.org" },
  challenges: [
    { type: "http-01", url: "https://ca.example/chall/1", status: "pending", token: "DGyRejmCefe7v4NfDGDKfA" },
    { type: "dns-persist-01", url: "/chall/2", status: "invalid", error: rejected, "issuer-domain-names": ["a"] },
  ],
};

Deno.test("readAuthorization() reads an authorization with its challenges", () => {
  assertEquals(readAuthorization(answer(AUTHORIZATION), asked, urls), {
    url: asked,
    name: parseDnsName("www.example.org"),
    status: "pending",
    expires: new Date("2016-01-02T14:09:30Z"),
    challenges: [
      {
        type: "http-01",
        url: new URL("https://ca.example/chall/1"),
        status: "pending",
        token: "DGyRejmCefe7v4NfDGDKfA",
      },
      { type: "dns-persist-01", url: new URL("https://ca.example/chall/2"), status: "invalid", problem: rejected },
    ],
  });
});

for (
  const [wildcard, value, name] of [
    [true, "example.org", "*.example.org"],
    [true, "*.example.org", "*.example.org"],
    [false, "example.org", "example.org"],
    [undefined, "EXAMPLE.org", "example.org"],
  ] as const
) {
  Deno.test(`readAuthorization() reads ${value} with wildcard ${wildcard}`, () => {
    const body = { ...AUTHORIZATION, identifier: { type: "dns", value }, wildcard };
    assertEquals(readAuthorization(answer(body), asked, urls).name, parseDnsName(name));
  });
}

Deno.test("readOrder() takes JSON by whatever spelling of its type", () => {
  for (const type of ["Application/JSON; charset=utf-8", "application/json", "application/vnd.ca+json"]) {
    assertEquals(readOrder(answer(ORDER, { "content-type": type }), asked, urls).status, "pending");
  }
});

Deno.test("readChallenge() reads a challenge that stands alone", () => {
  const body = { type: "http-01", url: "https://ca.example/chall/1", status: "processing", token: "x" };
  assertEquals(readChallenge(answer(body), urls), { ...body, url: new URL(body.url), status: "processing" });
});

Deno.test("readDirectory() reads what it needs and leaves the rest", () => {
  const meta = {
    termsOfService: "https://ca.example/terms",
    website: "https://www.ca.example/",
    caaIdentities: ["ca.example"],
    externalAccountRequired: true,
    profiles: { classic: "the old one", "__proto__": "odd", odd: 1 },
  };
  const text = JSON.stringify({ ...DIRECTORY, newOrder: "/new-order", meta }).replace(
    '"odd":1',
    '"__proto__":"odd","odd":1',
  );
  const { resources, info } = readDirectory(answer(text), urls);
  assertEquals(resources, {
    newNonce: new URL("https://ca.example/new-nonce"),
    newAccount: new URL("https://ca.example/new-account"),
    newOrder: new URL("https://ca.example/new-order"),
    revokeCert: new URL("https://ca.example/revoke-cert"),
    keyChange: new URL("https://ca.example/key-change"),
  });
  assertEquals(Object.entries(info.profiles), [["classic", "the old one"], ["__proto__", "odd"], ["odd", "1"]]);
  assertEquals({ ...info, profiles: {} }, {
    termsOfService: new URL("https://ca.example/terms"),
    website: new URL("https://www.ca.example/"),
    caaIdentities: ["ca.example"],
    externalAccountRequired: true,
    profiles: {},
  });
});

Deno.test("readDirectory() is content with the least", () => {
  const { newNonce, newAccount, newOrder } = DIRECTORY;
  const { resources, info } = readDirectory(answer({ newNonce, newAccount, newOrder }), urls);
  assertEquals(resources.revokeCert, undefined);
  assertEquals(info, { caaIdentities: [], externalAccountRequired: false, profiles: {} });
});

Deno.test("readChain() gives the chain as it came, and its alternates", () => {
  const headers = {
    "content-type": "application/pem-certificate-chain; charset=utf-8",
    link: '<https://ca.example/directory>;rel="index", </cert/1/1>;rel="alternate", </cert/1/2>;rel="alternate"',
  };
  assertEquals(readChain(answer("-----BEGIN", headers), urls), {
    pem: "-----BEGIN",
    alternates: [new URL("https://ca.example/cert/1/1"), new URL("https://ca.example/cert/1/2")],
  });
});

Deno.test("readOrdersPage() reads the orders and where the next are", () => {
  const page = readOrdersPage(answer({ orders: ["/order/1"] }, { link: '</orders?cursor=2>;rel="next"' }), urls);
  assertEquals(page, {
    orders: [new URL("https://ca.example/order/1")],
    next: new URL("https://ca.example/orders?cursor=2"),
  });
  assertEquals(readOrdersPage(answer({ orders: [] }), urls), { orders: [] });
});

Deno.test("readOrdersUrl() is undefined where the CA keeps no list", () => {
  assertEquals(readOrdersUrl(answer({ status: "valid", orders: "/orders/1" }), urls)?.pathname, "/orders/1");
  assertEquals(readOrdersUrl(answer({ status: "valid" }), urls), undefined);
});

const evil = "https://evil.example/x";
const polluted = '{"__proto__":{"status":"pending","identifiers":[],"authorizations":[],"finalize":"/x"}}';
for (
  const [why, read, part] of [
    ["an unknown status", () => readOrder(answer({ ...ORDER, status: "lost" }), asked, urls), '"status"'],
    [
      "a valid order without certificate",
      () => readOrder(answer({ ...ORDER, status: "valid" }), asked, urls),
      '"certif',
    ],
    ["no identifiers", () => readOrder(answer({ ...ORDER, identifiers: undefined }), asked, urls), '"identifiers"'],
    ["fields on __proto__", () => readOrder(answer(polluted), asked, urls), '"identifiers" is missing'],
    ["a list", () => readOrder(answer([ORDER]), asked, urls), "the order"],
    ["null", () => readOrder(answer("null"), asked, urls), "the order"],
    [
      "another finalize",
      () => readOrder(answer({ ...ORDER, finalize: evil }), asked, urls),
      '"finalize": it is on evil',
    ],
    [
      "another authorization",
      () => readOrder(answer({ ...ORDER, authorizations: [evil] }), asked, urls),
      "evil.example",
    ],
    ["a broken time", () => readOrder(answer({ ...ORDER, expires: "soon" }), asked, urls), '"expires"'],
    ["an address", () => {
      return readAuthorization(answer({ ...AUTHORIZATION, identifier: { type: "ip", value: "::1" } }), asked, urls);
    }, '"type"'],
    ["no name", () => {
      return readAuthorization(answer({ ...AUTHORIZATION, identifier: { type: "dns", value: "a b" } }), asked, urls);
    }, "authorization"],
    ["another challenge", () => readChallenge(answer({ type: "x", url: evil, status: "valid" }), urls), "evil.example"],
    ["a directory without newOrder", () => readDirectory(answer({ ...DIRECTORY, newOrder: 1 }), urls), '"newOrder"'],
    ["a directory of others", () => readDirectory(answer({ ...DIRECTORY, newNonce: evil }), urls), "evil.example"],
    ["another alternate", () => {
      const headers = { "content-type": "application/pem-certificate-chain", link: `<${evil}>;rel=alternate` };
      return readChain(answer("", headers), urls);
    }, "evil.example"],
    ["DER", () => readChain(answer("", { "content-type": "application/pkix-cert" }), urls), "application/pkix-cert"],
    ["no Location", () => readLocation(answer({}), "create the order", urls), "Cannot create the order"],
    ["another Location", () => readLocation(answer({}, { location: evil }), "create the order", urls), "evil.example"],
  ] as const
) {
  Deno.test(`a reader refuses ${why}`, () => {
    const error = assertThrows(read, SidecarError, part);
    assertEquals(error.code, "CA_ANSWER");
    assertStringIncludes(error.message, "Cannot ");
  });
}

for (
  const [why, body, type] of [
    ["a web page", "<html>", "text/html"],
    ["JSON that is cut off", JSON.stringify(ORDER).slice(0, 99), "application/json"],
    ["JSON that is deeper than anybody needs", "[".repeat(30_000), "application/json"],
    ["nothing", "", "application/json"],
  ] as const
) {
  Deno.test(`readOrder() takes ${why} for an answer that did not arrive whole`, () => {
    const read = (): unknown => readOrder(answer(body, { "content-type": type }), asked, urls);
    const error = assertThrows(read, SidecarError, "Cannot read the order");
    assertEquals(error.code, "CA_TRANSPORT");
  });
}
