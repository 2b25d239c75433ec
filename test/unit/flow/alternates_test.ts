import { assert, assertEquals } from "@std/assert";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import { certificateSecrets, defaultSecretName } from "../../../src/model/secret_name.ts";
import { CALL } from "../../support/fakes.ts";
import { type Harness, harness } from "../../support/flow_harness.ts";
import { mintAt } from "../../support/minting.ts";
import { better, ofAnother } from "../../support/worse.ts";

const DOMAINS = parseDnsNames(["www.example.com", "example.com"]);
const BUNDLE = certificateSecrets(defaultSecretName(DOMAINS[0])).bundle;
const ALTERNATES = [1, 2].map((n) => new URL(`https://ca.test/alternate/${n}`));

/** A CA that offers a default chain and two alternates; `alternate` makes what those answer. */
async function offering(
  preferredChain: string,
  alternate: (pem: string, n: number) => string | SidecarError,
  spoil: (pem: string) => string = (pem) => pem,
): Promise<Harness> {
  const it = await harness({ settings: { preferredChain } });
  mintAt(it.authority, it.clock.now, better);
  const as = it.authority.as.bind(it.authority);
  let first = "";
  it.authority.as = (url, key) => {
    const account = as(url, key);
    return {
      ...account,
      certificate: async (from, call) => {
        const n = ALTERNATES.findIndex(({ href }) => href === from.href);
        if (n < 0) {
          first = (await account.certificate(from, call)).pem;
          return { pem: spoil(first), alternates: ALTERNATES };
        }
        const answer = alternate(first, n);
        if (answer instanceof SidecarError) throw answer;
        return { pem: answer, alternates: [] };
      },
    };
  };
  return it;
}

const foreign = await ofAnother({
  names: DOMAINS,
  publicKey:
    (await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"])).publicKey,
  now: new Date("2026-06-01T00:00:00Z"),
});
const intermediate = foreign.slice(foreign.lastIndexOf("-----BEGIN"));

Deno.test("F-84: where no chain leads to the preferred issuer, the default is used and told", async () => {
  const it = await offering("Nobody's root", (pem) => pem);
  await it.service.request({ domains: DOMAINS }, CALL);
  assertEquals((await it.vault.read(BUNDLE, CALL))?.value.match(/BEGIN CERTIFICATE/g)?.length, 3);
  assert(it.events.some((event) => event.name === "chain.default"));
});

Deno.test("F-84: an alternate that cannot be had, or read, gives the default", async () => {
  const answers = [new SidecarError("CA_TRANSPORT", "500"), "<html>"];
  const it = await offering("Nobody's root", (_pem, n) => answers[n]!);
  const held = await it.service.request({ domains: DOMAINS }, CALL);
  assertEquals(held.deployments.map((deployment) => deployment.state), ["served"]);
});

Deno.test("F-84: the alternate that leads to the preferred issuer is used, also where the default cannot be read", async () => {
  const leaf = (pem: string): string => pem.slice(0, pem.indexOf("-----END") + 26);
  for (const spoil of [(pem: string): string => pem, (): string => "<html>"]) {
    const it = await offering("R0", (pem, n) => n === 0 ? leaf(pem) : pem, spoil);
    const held = await it.service.request({ domains: DOMAINS }, CALL);
    assertEquals(held.deployments.map((deployment) => deployment.state), ["served"]);
  }
});

Deno.test("F-84: a preferred chain that stays broken is kept aside like any other", async () => {
  const it = await offering("Our own", (pem, n) => n === 0 ? pem + intermediate : pem);
  let error = await it.service.request({ domains: DOMAINS }, CALL).catch((error) => error);
  for (let look = 2; look <= 5; look++) {
    const [record] = await it.service.interrupted(CALL);
    error = await it.service.resume(record!, CALL).catch((error) => error);
  }
  assertEquals([error.code, (await it.records.asides.list(CALL))[0]?.value.reasons[0].name], [
    "CERTIFICATE_REJECTED",
    "chain-broken",
  ]);
});
