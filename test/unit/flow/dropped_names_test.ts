import { assertEquals, assertStringIncludes } from "@std/assert";
import { presentedAnswers } from "../../../src/flow/answers.ts";
import { keeper } from "../../../src/flow/keeper.ts";
import type { HeldCertificate } from "../../../src/flow/service.ts";
import { bundlePem } from "../../../src/model/certificate.ts";
import { parseDnsName, parseDnsNames } from "../../../src/model/dns_name.ts";
import type { Intent } from "../../../src/model/records.ts";
import { certificateSecrets, defaultSecretName } from "../../../src/model/secret_name.ts";
import { CALL } from "../../support/fakes.ts";
import { type Harness, harness } from "../../support/flow_harness.ts";
import { testPki } from "../../support/pki.ts";

const A = "a.example.com";
const SECRET = defaultSecretName(parseDnsName(A));

async function requested({ service }: Harness, ...names: readonly string[]): Promise<HeldCertificate> {
  return await service.request({ domains: parseDnsNames(names) }, CALL);
}

const warned = ({ record: { warnings = [] } }: HeldCertificate): readonly string[] => warnings.map((it) => it.name);

Deno.test("request() for fewer names tells which are in no certificate any more, until it is got again", async () => {
  const it = await harness();
  const first = await requested(it, A, "b.example.com", "c.example.com");
  const fewer = await requested(it, A);

  assertEquals([warned(first), warned(fewer)], [[], ["names-dropped"]]);
  assertStringIncludes(fewer.record.warnings![0]!.found, "the one before was for b.example.com, c.example.com too");
  const told = it.events.filter((event) => event.name === "certificate.warning").map((event) => event.text);
  assertEquals(told.length, 1);
  const dropped = it.events.filter((event) => event.name === "certificate.name_dropped").map((event) => event.text);
  const answer = /^infra\/lb: ([bc])\.example\.com is not in \S+ any more: it is answered with another certificate/;
  assertEquals(dropped.map((text) => answer.exec(text)?.[1]), ["b", "c"]);
  assertEquals(warned(await requested(it, A)), []);
});

Deno.test("request() for fewer names tells nothing of those that another certificate of ours is for", async () => {
  const it = await harness();
  await requested(it, A, "b.example.com", "c.example.com");
  await requested(it, "b.example.com");
  const fewer = await requested(it, A);

  assertStringIncludes(fewer.record.warnings![0]!.found, "the one before was for c.example.com too");
});

Deno.test("request() with two kinds of key tells it although the second is still for the name: it follows", async () => {
  const it = await harness({ settings: { keyTypes: ["ec-256", "rsa-2048"] } });
  await requested(it, A, "b.example.com");
  const fewer = await requested(it, A);

  assertStringIncludes(fewer.record.warnings![0]!.found, "the one before was for b.example.com too");
});

Deno.test("a declared set that has fewer names than before tells which", async () => {
  const it = await harness();
  const declare = (...names: readonly string[]): Intent => ({
    names: parseDnsNames(names),
    keyType: "ec-256",
    secretName: SECRET,
    certType: "fullchain",
    balancers: [],
  });
  const keep = async (intent: Intent): Promise<void> =>
    await keeper(it.parts, it.service, presentedAnswers(it.parts), [intent]).look(CALL);
  await keep(declare(A, "b.example.com"));
  await keep(declare(A));

  assertEquals(warned((await it.service.certificate(A, CALL))!), ["names-dropped"]);
});

Deno.test("a bundle that was written by hand and lacks names tells which", async () => {
  const it = await harness();
  await requested(it, A, "b.example.com");
  const value = bundlePem(testPki().issue([A])).trimEnd();
  await it.vault.write([{ name: certificateSecrets(SECRET).bundle, value }], CALL);
  await it.service.follow(SECRET, CALL);

  assertEquals(warned((await it.service.certificate(A, CALL))!), ["names-dropped"]);
});
