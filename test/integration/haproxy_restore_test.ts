import { assertEquals } from "@std/assert";
import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { parseDnsName } from "../../src/model/dns_name.ts";
import type { StoredFile } from "../../src/ports.ts";
import { sniFile } from "../../plugin/certs/sni_file.ts";
import { challengeFile } from "../../plugin/haproxy/alpn.ts";
import { CALL } from "../support/fakes.ts";
import { type HaproxyOptions, PLACEHOLDER, startHaproxy, type TestHaproxy } from "../support/haproxy.ts";
import { tapSocket } from "../support/haproxy_tap.ts";
import { challengeCertificate, testPki, withKeyOf } from "../support/pki.ts";
import { has } from "../support/process.ts";
import { adapterOf, clientSees } from "../support/reconcile_stage.ts";

const PKI = testPki();
const NAMES = ["a.example.com", "b.example.com", "c.example.com"];
const OLD = NAMES.map((name) => PKI.issue([name]));
const NEW = NAMES.map((name) => PKI.issue([name]));
const fileOf = (i: number): string => `LE_CERTIFICATE_${i}.pem`;
const stored = (bundles: readonly Bundle[]): readonly StoredFile[] =>
  bundles.map((bundle, i) => ({ file: fileOf(i), pem: bundlePem(bundle) }));
const FILES = Object.fromEntries(stored(OLD).map(({ file, pem }) => [file, pem]));

function test(name: string, options: HaproxyOptions, run: (haproxy: TestHaproxy) => Promise<void>): void {
  Deno.test({
    name: `${name} [needs haproxy]`,
    ignore: !has("haproxy"),
    async fn(): Promise<void> {
      await using haproxy = await startHaproxy(options);
      await run(haproxy);
      assertEquals((await haproxy.ask("show ssl cert")).includes("# transaction"), false);
      assertEquals((await haproxy.check()).code, 0);
    },
  });
}

const seen = (haproxy: TestHaproxy): Promise<readonly (string | undefined)[]> =>
  Promise.all(NAMES.map((name) => clientSees(haproxy, name)));
const fingerprints = (bundles: readonly Bundle[]): readonly string[] => bundles.map((it) => it.facts.fingerprint);

for (const mode of ["directory", "crt-list"] as const) {
  test(`restore() puts files back on disk and in memory: ${mode}`, { mode, files: FILES }, async (haproxy) => {
    if (mode === "crt-list") {
      const text = await Deno.readTextFile(haproxy.list);
      await Deno.writeTextFile(haproxy.list, text.split("\n").filter((it) => !it.endsWith(fileOf(1))).join("\n"));
    }
    const done = await adapterOf(haproxy).restore!(stored(NEW), CALL);

    assertEquals([...done], [0, 1, 2].map(fileOf));
    assertEquals(await seen(haproxy), fingerprints(NEW));
    await haproxy.reload();
    assertEquals(await seen(haproxy), fingerprints(NEW));
  });
}

test("restore() leaves to a swap what is not loaded or not on disk", { files: FILES }, async (haproxy) => {
  await Deno.remove(`${haproxy.certs}/${fileOf(0)}`);
  await Deno.writeTextFile(`${haproxy.certs}/LE_CERTIFICATE_3.pem`, bundlePem(PKI.issue(["d.example.com"])));
  const done = await adapterOf(haproxy).restore!(stored([...NEW, PKI.issue(["d.example.com"])]), CALL);

  assertEquals([...done], [1, 2].map(fileOf));
  assertEquals(await seen(haproxy), [OLD[0]!, NEW[1]!, NEW[2]!].map((it) => it.facts.fingerprint));
});

test("restore() goes on where HAProxy refuses one of them", { files: FILES }, async (haproxy) => {
  const bad = [NEW[0]!, withKeyOf(NEW[1]!, NEW[0]!), NEW[2]!];
  const done = await adapterOf(haproxy).restore!(stored(bad), CALL);

  assertEquals([...done], [0, 2].map(fileOf));
  assertEquals(await seen(haproxy), [NEW[0]!, OLD[1]!, NEW[2]!].map((it) => it.facts.fingerprint));
});

test("sign() is the worker's and the configuration's", {}, async (haproxy) => {
  const lb = adapterOf(haproxy);
  const before = await lb.sign(CALL);
  assertEquals(await lb.sign(CALL), before);
  assertEquals(await adapterOf(haproxy, "lb").sign(CALL), before);
  assertEquals(await adapterOf(haproxy, "other").sign(CALL) === before, false);
  await haproxy.reload();
  assertEquals(await lb.sign(CALL) === before, false);
});

test("inventory() tells file and memory apart, and which answers are missing", {
  files: { ...FILES, "other.pem": bundlePem(PKI.issue(["other.example.com"])) },
}, async (haproxy) => {
  const lb = adapterOf(haproxy);
  const [up, down] = [parseDnsName("up.example.com"), parseDnsName("down.example.com")];
  await lb.alpn!.answer(challengeCertificate(up, "token.thumbprint"), CALL);
  await Deno.writeTextFile(`${haproxy.certs}/${fileOf(1)}`, "changed");
  await Deno.remove(`${haproxy.certs}/${fileOf(2)}`);
  const files = [0, 1, 2, 3].map(fileOf);
  const answers = [up, down].flatMap((name) =>
    (["tls-alpn-01", "tls-sni-01", "http-01"] as const).map((type) => ({ type, name }))
  );
  const found = await lb.inventory({ files, answers }, CALL);

  const [first, ...others] = files.map((file) => found.files.get(file));
  assertEquals(others.map((it) => [it?.disk === undefined, it?.memory?.loaded]), [[false, true], [true, true], [
    true,
    false,
  ]]);
  assertEquals([first?.memory?.loaded, first?.disk?.length, first?.memory?.sha1?.length], [true, 64, 40]);
  assertEquals(found.missing.map((it) => `${it.type} ${it.name}`), [
    "tls-sni-01 up.example.com",
    "tls-alpn-01 down.example.com",
    "tls-sni-01 down.example.com",
  ]);
  assertEquals([challengeFile(up), sniFile(up), PLACEHOLDER].some((file) => found.files.has(file)), false);
  await Deno.writeTextFile(`${haproxy.certs}/${fileOf(1)}`, bundlePem(OLD[1]!));
});

test("inventory() asks again where HAProxy is busy with a certificate", { files: FILES }, async (haproxy) => {
  const busy = "Can't show!\nOperations on certificates are currently locked!\n\n";
  const refused = new Set<string>();
  await using tap = tapSocket(`${haproxy.layout.root}/tap.sock`, haproxy.socket, (command) => {
    if (!command.startsWith("show ssl cert") || refused.has(command)) return undefined;
    refused.add(command);
    return busy;
  });
  const found = await adapterOf(haproxy, "lb", tap.path).inventory({ files: [fileOf(0)], answers: [] }, CALL);

  assertEquals([found.files.get(fileOf(0))?.memory?.loaded, refused.size], [true, 2]);
});
