import { createPrivateKey, X509Certificate } from "node:crypto";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type DnsName, parseDnsName } from "../../src/model/dns_name.ts";
import type { CertificateRecord, OrderRecord } from "../../src/model/records.ts";
import { certificateSecrets, defaultSecretName, orderKeyName, type SecretName } from "../../src/model/secret_name.ts";
import { given } from "../../src/model/shape.ts";
import { CALL } from "../support/fakes.ts";
import { tempDir, until } from "../support/process.ts";
import {
  dumpOf,
  launchSidecar,
  type LeftStores,
  MAIN,
  openStores,
  ROOT,
  startSidecarProcess,
} from "../support/sidecar.ts";
import { e2e, madeBy, type Stage, startStage } from "../support/stage.ts";

/** What a shell says of a process that the system killed. */
const SIGKILLED = 128 + 9;

const CRASHING = `${ROOT}test/support/crashing_sidecar.ts`;

/** Where the process is killed, and how the name is proven; both times at every write. */
const VARIANTS = [
  { moment: "before", challenge: "tls-alpn-01" },
  { moment: "after", challenge: "http-01" },
  { moment: "before", challenge: "http-01" },
  { moment: "after", challenge: "tls-alpn-01" },
] as const;

type Variant = (typeof VARIANTS)[number];

/** With `SOAK` all variants, without it one of each. */
const CHOSEN = Deno.env.has("SOAK") ? VARIANTS : VARIANTS.slice(0, 2);

/** Side by side, as they mostly wait: one takes the odd writes of a variant, one the even. */
const LANES = CHOSEN.flatMap((variant) => [1, 2].map((first) => ({ variant, first, step: 2 })));

e2e("kill -9 at every write of an issuance: the restart finishes the same order with the same key", async () => {
  const ends = await Promise.all(LANES.map(killAtWrites));

  for (const end of ends) assert(end > 15, `there were no more than ${end} writes`);
});

/** Kills one sidecar after the other, some writes later each, until one gets to the end. */
async function killAtWrites({ variant, first, step }: typeof LANES[number]): Promise<number> {
  await using stage = await startStage();
  for (let at = first;; at += step) {
    const name = parseDnsName(`n${at}.example.com`);
    const made = await madeBy(stage.pebble);
    using folder = tempDir();
    const death = await runUntilKilled(stage, variant, { at, name, folder: folder.path });
    if (death === undefined) return at;
    try {
      await finish(stage, variant, { at, name, folder: folder.path, death });
      const now = await madeBy(stage.pebble);
      assertEquals([now.orders - made.orders, now.certificates - made.certificates], [1, 1], "orders, certificates");
    } catch (error) {
      throw new Error(`after a death ${variant.moment} ${death.lastWrite} (${variant.challenge})`, { cause: error });
    }
  }
}

interface Run {
  readonly at: number;
  readonly name: DnsName;
  readonly folder: string;
}

/** What a sidecar had written down when it died. */
interface Death {
  readonly lastWrite: string;
  readonly order?: OrderRecord;
  /** The certificate's private key, PEM. */
  readonly sealedKey?: string;
}

function environment(stage: Stage, { challenge }: Variant, name: DnsName): Record<string, string> {
  return { ...stage.env, ACME_AGREE_TOS: "true", CERTIFICATES: name, CHALLENGE: challenge };
}

/** @returns What it left, or undefined if it got to the end: the last write notes how the attempt went. */
async function runUntilKilled(stage: Stage, variant: Variant, { at, name, folder }: Run): Promise<Death | undefined> {
  await using sidecar = launchSidecar({
    challengePort: stage.challengePort,
    env: { ...environment(stage, variant, name), CRASH: variant.moment, CRASH_AT: String(at) },
    folder,
    program: CRASHING,
  });
  let code: number | undefined;
  sidecar.exit.then((it) => code = it);
  const atTheEnd = (): boolean => Number(/^write (\d+): put attempts/m.exec(sidecar.output())?.[1] ?? at) < at;
  await until(`the sidecar dies at write ${at}`, () => code !== undefined || atTheEnd());
  if (code === undefined) return undefined;
  assertEquals(code, SIGKILLED, sidecar.output());
  const lastWrite = sidecar.output().match(/^write \d+: .*$/gm)?.at(-1) ?? "";
  await using left = await openStores(folder);
  const [order] = (await left.records.orders.list(CALL)).map((it) => it.value);
  const sealed = order === undefined ? undefined : await left.vault.read(orderKeyName(order.id), CALL);
  return { lastWrite, ...given("order", order), ...given("sealedKey", sealed?.value) };
}

/** Starts the ordinary sidecar on what was left, waits until it has finished, and checks what there is then. */
async function finish(stage: Stage, variant: Variant, { name, folder, death }: Run & { death: Death }): Promise<void> {
  {
    await using sidecar = await startSidecarProcess({
      challengePort: stage.challengePort,
      env: environment(stage, variant, name),
      folder,
      program: MAIN,
    });
    await until("the restart finishes", () => isFinished(folder));
    assertEquals((await sidecar.ask("/health")).status, 200);
    assertEquals((await sidecar.ask("/ready")).text, '{"ready":true,"missing":[]}');
    assertEquals(sidecar.events().filter((it) => it["level"] === "error"), []);
    sidecar.process.kill("SIGKILL");
  }
  await using left = await openStores(folder);
  const record = (await left.records.certificates.get(defaultSecretName(name), CALL))?.value;
  assert(record?.origin === "ca");
  if (death.order !== undefined && death.order.step !== "intended") assertEquals(record.order, death.order.url);
  await checkSecrets(left, name, death.sealedKey);
  await checkServed(stage, record);
  await checkNothingLeft(stage, left);
}

/** Nothing is on its way any more, and the balancer serves what the vault has. */
function isFinished(folder: string): boolean {
  const dump = dumpOf(folder);
  return !dump.includes('"orders/') && !dump.includes(".order-key.") && dump.includes('"deployments/');
}

/** The three secrets are of one key: the one that was sealed before the death, if one was. */
async function checkSecrets({ vault }: LeftStores, name: DnsName, sealedKey: string | undefined): Promise<void> {
  const names = certificateSecrets(defaultSecretName(name));
  const read = async (secret: SecretName): Promise<string> => (await vault.read(secret, CALL))?.value ?? "";
  const key = await read(names.privateKey);
  const certificate = await read(names.certificate);
  assertEquals(key, sealedKey ?? key);
  assertEquals(await read(names.bundle), `${certificate}\n${key}`);
  assert(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)));
}

async function checkServed({ haproxy }: Stage, { intent, facts }: CertificateRecord): Promise<void> {
  const shown = await haproxy.ask(`show ssl cert ${haproxy.certs}/${intent.secretName}.pem`);
  assertStringIncludes(shown, `Serial: ${facts.serial.toUpperCase()}\n`);
  assertStringIncludes(shown, "Status: Used\n");
}

/** No answer to a challenge is up, neither in the balancer nor in the ledger. */
async function checkNothingLeft({ haproxy }: Stage, { records }: LeftStores): Promise<void> {
  assertEquals(await records.answers.list(CALL), []);
  assertEquals((await records.authorizations.list(CALL)).map(({ value }) => value.presented), [false]);
  assertEquals((await haproxy.ask(`show ssl crt-list ${haproxy.challenges}`)).trim(), `# ${haproxy.challenges}`);
  assert(!(await haproxy.ask("show ssl cert")).includes("/acme-"));
}
