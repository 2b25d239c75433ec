import { assertEquals } from "@std/assert";
import { parseDnsName, parseDnsNames } from "../../../src/model/dns_name.ts";
import type { CertificateRecord } from "../../../src/model/records.ts";
import { type Dispensable, dispensable, replacedBy } from "../../../src/model/replaces.ts";
import { defaultSecretName } from "../../../src/model/secret_name.ts";

const NAME = parseDnsName("a.example");
const AT = new Date("2026-06-01T00:00:00Z");
const CA = new URL("https://ca.test/directory");
const ACCOUNT = new URL("https://ca.test/account/1");

const HELD: Extract<CertificateRecord, { readonly origin: "ca" }> = {
  origin: "ca",
  intent: {
    names: [NAME],
    keyType: "ec-256",
    secretName: defaultSecretName(NAME),
    certType: "fullchain",
    balancers: [],
  },
  facts: {
    subject: "",
    issuer: "",
    names: [NAME],
    serial: "01",
    notBefore: AT,
    notAfter: AT,
    fingerprint: "",
    certId: "a.b",
  },
  directory: CA,
  account: ACCOUNT,
  order: CA,
  storedAt: AT,
};
const { certId: _, ...ANONYMOUS } = HELD.facts;

for (
  const [held, names, expected, why] of [
    [HELD, ["a.example"], "a.b", "the certificate of the same name"],
    [HELD, ["b.example", "a.example"], "a.b", "a certificate with a name in common"],
    [HELD, ["b.example"], undefined, "none of other names"],
    [undefined, ["a.example"], undefined, "none where there is none"],
    [{ ...HELD, directory: new URL("https://other.test/") }, ["a.example"], undefined, "none of another CA"],
    [{ ...HELD, account: new URL("https://ca.test/account/2") }, ["a.example"], undefined, "none of another account"],
    [{ ...HELD, facts: ANONYMOUS }, ["a.example"], undefined, "none without a name in renewal information"],
    [{ ...HELD, origin: "imported" }, ["a.example"], undefined, "none that came from elsewhere"],
  ] as readonly (readonly [CertificateRecord | undefined, readonly string[], string | undefined, string])[]
) {
  Deno.test(`replacedBy() names ${why}`, () => {
    assertEquals(replacedBy({ names: parseDnsNames(names), directory: CA, account: ACCOUNT }, held), expected);
  });
}

const BOTH = { replaces: "a.b", profile: "short" };
for (
  const [order, problem, expected] of [
    [BOTH, "alreadyReplaced", "replaces"],
    [BOTH, "malformed", "replaces"],
    [BOTH, "unauthorized", "replaces"],
    [BOTH, "invalidProfile", "profile"],
    [BOTH, "rateLimited", undefined],
    [BOTH, "rejectedIdentifier", undefined],
    [BOTH, "serverInternal", undefined],
    [{ profile: "short" }, "unauthorized", "profile"],
    [{ profile: "short" }, "malformed", undefined],
    [{ replaces: "a.b" }, "invalidProfile", undefined],
    [{}, "malformed", undefined],
  ] as readonly (readonly [Dispensable, string, keyof Dispensable | undefined])[]
) {
  Deno.test(`dispensable() of ${JSON.stringify(order)} at ${problem} is ${expected ?? "nothing"}`, () => {
    const type = `urn:ietf:params:acme:error:${problem}`;
    assertEquals(dispensable(order, { type, subproblems: [] }), expected);
  });
}
