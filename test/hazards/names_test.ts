import { assert, assertEquals } from "@std/assert";
import { parseDnsName } from "../../src/model/dns_name.ts";
import { bundleFile, defaultSecretName } from "../../src/model/secret_name.ts";
import { CALL } from "../support/fakes.ts";
import { testApi } from "../support/fake_service.ts";
import { entries, issue, rejection, tapped, test, untouched, WITH_OLD } from "../support/haproxy_kit.ts";

/** Names that would be a path, a command, or another name where they came to a file, the socket or DNS. */
const NAMES: readonly (readonly [what: string, name: string])[] = [
  ["a path", "../../etc/passwd.example.com"],
  ["an absolute path", "/etc/passwd.example.com"],
  ["a NUL", "a\0.example.com"],
  ["a line with a command", "a.example.com\nshutdown frontend https"],
  ["a second command", "a.example.com; shutdown frontend https"],
  ["a payload", "a.example.com <<"],
  ["a label of 300 bytes", `${"a".repeat(300)}.com`],
  ["a label of 64 bytes", `${"a".repeat(64)}.example.com`],
  ["a name of 254 bytes", `${"a.".repeat(126)}co`],
  ["a wildcard in the middle", "a.*.example.com"],
  ["a part of a wildcard", "a*.example.com"],
  ["a full-width slash", "a\uff0fb.example.com"],
  ["a fraction slash", "a\u2044b.example.com"],
  ["a right-to-left mark", "a\u200fb.example.com"],
  ["a percent-encoded dot", "%2e%2e.example.com"],
];

const ROUTES: readonly (readonly [method: string, path: (name: string) => string, body: (name: string) => unknown])[] =
  [
    ["POST", () => "/v1/certificates/test/certificate", (name) => ({ domains: [name], secret_name: "x" })],
    ["POST", () => "/v1/grids/test/certificates", (domain) => ({ domains: [domain] })],
    ["POST", () => "/v1/certificates/test/authorize", (domain) => ({ domain, authorization_type: "dns-01" })],
    ["PUT", (name) => `/v1/domain_authorizations/test/${encodeURIComponent(name)}`, () => ({})],
    ["GET", (name) => `/v1/domain_authorizations/test/${encodeURIComponent(name)}`, () => undefined],
  ];

for (const [what, name] of NAMES) {
  Deno.test(`names from the API, F-133: ${what} is refused before anything is done`, async () => {
    const { ask } = testApi(); // a service that fails at every call
    for (const [method, path, body] of ROUTES) {
      const { status, text } = await ask(method, path(name), body(name));
      assert(status === 422 && text.includes("Cannot use "), `${method} ${path(name)}: ${status} ${text}`);
    }
  });
}

Deno.test("names from the API, F-133: a homograph is what it is in DNS, in files and on the socket", () => {
  const name = parseDnsName("\u0430pple.example.com"); // a Cyrillic a
  assertEquals(name, "xn--pple-43d.example.com");
  assertEquals(bundleFile(defaultSecretName(name)), "LE_CERTIFICATE_xn--pple-43d_example_com.pem");
});

test("names from the API, F-133: no file that is not plainly ours reaches disk or socket", WITH_OLD, async (kit) => {
  const before = entries(kit.haproxy.layout.root);
  for (
    const file of [
      "../x.pem",
      "a.pem\nshutdown frontend https.pem",
      "a\0.pem",
      `${"a-".repeat(150)}.pem`,
      "a b.pem",
      "a;b.pem",
    ]
  ) {
    const commands = await tapped(kit, () => undefined, async (lb) => {
      for (const run of [() => lb.swap({ file, bundle: issue() }, CALL), () => lb.remove(file, CALL)]) {
        await rejection(run, "INPUT", "as a certificate's file");
      }
    });
    assertEquals(commands, [], JSON.stringify(file));
  }
  assertEquals(entries(kit.haproxy.layout.root).filter((it) => it !== "tap.sock"), before);
  await untouched(kit);
});
