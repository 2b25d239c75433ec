/**
 * What has to be true of vault, ledger and balancer after a sidecar was killed and another one has finished its work.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { DnsName } from "../../src/model/dns_name.ts";
import type { CertificateRecord } from "../../src/model/records.ts";
import { certificateSecrets, defaultSecretName } from "../../src/model/secret_name.ts";
import { CALL } from "./fakes.ts";
import type { KillStage } from "./kill_stage.ts";
import type { LeftStores } from "./sidecar.ts";

/** The three secrets are of one key. */
export async function checkSecrets(
  { vault }: LeftStores,
  name: DnsName,
  there: "surely" | "perhaps" = "surely",
): Promise<void> {
  const names = certificateSecrets(defaultSecretName(name));
  const [key, certificate, bundle] = await Promise.all(
    [names.privateKey, names.certificate, names.bundle].map(async (it) => (await vault.read(it, CALL))?.value),
  );
  if (there === "perhaps" && key === undefined && certificate === undefined && bundle === undefined) return;
  assert(key !== undefined && certificate !== undefined, "a part is missing");
  assert(bundle === `${certificate}\n${key}`, "the bundle is not made of the other two"); // no difference shown: it is a key
  assert(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)), "the key is another one's");
}

/** The certificate is of the key that was sealed before the death, if one was. */
export async function checkKey({ vault }: LeftStores, name: DnsName, sealedKey: string | undefined): Promise<void> {
  const key = (await vault.read(certificateSecrets(defaultSecretName(name)).privateKey, CALL))?.value;
  assert(sealedKey === undefined || key === sealedKey, "it is not the key that was sealed"); // nor is it shown here
}

/** The balancer uses the certificate that is written down. */
export async function checkServed({ haproxy }: KillStage, record: CertificateRecord | undefined): Promise<void> {
  assert(record !== undefined, "there is no certificate");
  const shown = await haproxy.ask(`show ssl cert ${haproxy.certs}/${record.intent.secretName}.pem`);
  assertStringIncludes(shown, `Serial: ${record.facts.serial.toUpperCase()}\n`);
  assertStringIncludes(shown, "Status: Used\n");
}

/** No answer to a challenge is up or will be. */
export async function checkNothingLeft(stage: KillStage, left: LeftStores): Promise<void> {
  assertEquals((await left.records.authorizations.list(CALL)).filter(({ value }) => value.presented), []);
  await checkNothingAnswered(stage, left);
}

/** No answer to a challenge is up, neither in the balancer nor in the ledger; a restart may put it up again. */
export async function checkNothingAnswered({ haproxy }: KillStage, { records }: LeftStores): Promise<void> {
  assertEquals(await records.answers.list(CALL), []);
  assertEquals((await haproxy.ask(`show ssl crt-list ${haproxy.challenges}`)).trim(), `# ${haproxy.challenges}`);
  assert(!(await haproxy.ask("show ssl cert")).includes("/acme-"), "a challenge certificate is there");
}
