import { assert, assertEquals } from "@std/assert";
import { PLACEHOLDER } from "../../plugin/certs/placeholder.ts";
import { probe } from "../../plugin/net/tls_probe.ts";
import { CALL } from "../support/fakes.ts";
import { namesIn, ROOT_KEY } from "../support/kontena_kit.ts";
import { kontenaE2e, type KontenaStage, startKontenaStage } from "../support/kontena_stage.ts";
import { start, tempDir, until } from "../support/process.ts";
import { dumpOf, launchSidecar, MAIN, ROOT, startSidecarProcess } from "../support/sidecar.ts";

/** What a shell says of a process that the system killed. */
const SIGKILLED = 128 + 9;

/** With `SOAK` both moments at every step, without it they take turns. Side by side, as they mostly wait. */
const LANES = Deno.env.has("SOAK")
  ? (["before", "after"] as const).flatMap((moment) => [1, 2].map((first) => ({ moment, first })))
  : [{ moment: "before", first: 1 }, { moment: "after", first: 2 }] as const;

kontenaE2e(
  "kill -9 at every file and key of a Kontena LB: the directory stays good, the next start repairs it",
  async () => {
    const ends = await Promise.all(LANES.map(killAtChanges));
    for (const end of ends) assert(end > 8, `there were no more than ${end} changes`);
  },
);

/** Kills one sidecar after the other, two changes later each, until one gets to the end. */
async function killAtChanges({ moment, first }: { moment: "before" | "after"; first: number }): Promise<number> {
  await using stage = await startKontenaStage();
  for (let at = first;; at += 2) {
    const name = `n${at}.example.com`;
    using folder = tempDir();
    const env = { ...stage.env, ACME_AGREE_TOS: "true", CERTIFICATES: name, CHALLENGE: "http-01" };
    const death = await runUntilKilled(stage, { ...env, CRASH: moment, CRASH_AT: String(at) }, folder.path);
    if (death === undefined) return at;
    try {
      await checkDirectory(stage);
      await finish(stage, env, folder.path, name);
    } catch (error) {
      throw new Error(`after a death ${moment} ${death}`, { cause: error });
    }
  }
}

/** @returns The change that it died at, or undefined if it got to the end. */
async function runUntilKilled(
  stage: KontenaStage,
  env: Readonly<Record<string, string>>,
  folder: string,
): Promise<string | undefined> {
  const program = `${ROOT}test/support/crashing_at_places.ts`;
  await using sidecar = launchSidecar({ challengePort: stage.challengePort, env, folder, program });
  let code: number | undefined;
  sidecar.exit.then((it) => code = it);
  const ended = (): boolean => code !== undefined || sidecar.output().includes("certificate.served");
  await until(`the sidecar dies at change ${env["CRASH_AT"]}`, ended, 20_000);
  // What comes after it is served, the tidying, may be the change that it dies at.
  if (code === undefined) await until("it dies after all", () => code !== undefined, 1_000).catch(() => {});
  if (code === undefined) return undefined;
  assertEquals(code, SIGKILLED, sidecar.output());
  return sidecar.output().match(/^change \d+: .*$/gm)?.at(-1) ?? "no change";
}

/** Whatever is visible in the directory, HAProxy takes. */
async function checkDirectory({ kit: { certs, lb } }: KontenaStage): Promise<void> {
  using folder = tempDir();
  const text = `frontend f\n  mode http\n  timeout client 1s\n  bind unix@${folder.path}/s ssl crt ${certs}/\n`;
  await Deno.writeTextFile(`${folder.path}/haproxy.cfg`, text);
  await using check = start("haproxy", { args: ["-c", "-f", `${folder.path}/haproxy.cfg`] });
  assertEquals(await check.exit, 0, check.output());
  assertEquals(lb.refusals, 0, lb.output());
}

/** Starts the ordinary sidecar on what was left, and looks at what there is once it serves. */
async function finish(
  { kit, challengePort }: KontenaStage,
  env: Readonly<Record<string, string>>,
  folder: string,
  name: string,
): Promise<void> {
  await using sidecar = await startSidecarProcess({ challengePort, env, folder, program: MAIN });
  const file = `LE_CERTIFICATE_${name.replaceAll(".", "_")}.pem`;
  await until("the file", () => namesIn(kit.certs).includes(file), 20_000);
  const target = { hostname: "127.0.0.1", port: kit.lb.httpsPort };
  const fingerprint = await recorded(folder);
  await until(
    "it is served",
    async () => (await probe(target, { serverName: name }, CALL)).fingerprint === fingerprint,
  );
  const tidy = (): boolean => namesIn(kit.certs).every((it) => it === PLACEHOLDER || /^LE_\w+\.pem$/.test(it));
  await until("nothing is left in the directory", tidy);
  const keys = [`${ROOT_KEY}/services/kontena-certificates/custom_settings`];
  await until("no route is left", async () => String(await kit.etcd.keys(ROOT_KEY)) === String(keys));
  assertEquals(await sidecar.stop(), 0);
}

/** The fingerprint of the certificate that the ledger has, once it has one; the sidecar is running. */
async function recorded(folder: string): Promise<string> {
  const found = (): string | undefined => {
    const [, fingerprint] = /"certificates\/[^]*?fingerprint\\":\\"([0-9a-f]{64})/.exec(dumpOf(folder)) ?? [];
    return fingerprint;
  };
  return await until("the certificate's record", found, 20_000);
}
