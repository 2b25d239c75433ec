import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { acmeAuthority, importAccountKey } from "../../mod.ts";
import { systemClock } from "../../plugin/clock.ts";
import { CALL } from "../support/fakes.ts";
import type { Pebble } from "../support/pebble.ts";
import { tempDir, until } from "../support/process.ts";
import { ROOT, startSidecarProcess, type TestSidecar } from "../support/sidecar.ts";
import { e2e, startStage } from "../support/stage.ts";

const CRASHING = `${ROOT}test/support/crashing_sidecar.ts`;

/**
 * The writes of a rollover: the new key sealed; the change announced, and then sent to the CA; the new key in the former one's
 * place; the record; the sealed one removed; the announcement removed. With `SOAK` all of them.
 */
const WRITES = Deno.env.has("SOAK") ? [1, 2, 3, 4, 5, 6] : [2, 3, 5];

e2e("the account's key is changed by command; certificates and TXT records go on with the new one", async () => {
  await using stage = await startStage();
  const { pebble, haproxy, env, challengePort } = stage;
  await using sidecar = await startSidecarProcess({ env, challengePort });
  const nobody = await sidecar.kontena("certificate", "account", "show");
  assertEquals(nobody.code, 1);
  assertStringIncludes(nobody.stderr, "Let's Encrypt registration missing");
  await sidecar.ok("certificate", "register", "--agree-tos", "you@example.com");
  await sidecar.ok("certificate", "request", "api.example.com");
  const before = await accountOf(sidecar);
  assertEquals([before["state"], before["email"], before["key type"]], ["valid", "you@example.com", "ec-256"]);
  const authorized = await sidecar.ok("certificate", "authorize", "--auth-type", "dns-01", "hand.example.com");
  await sidecar.ok("certificate", "authorize", "--type", "http-01", "--lb-link", "infra/lb", "up.example.com");

  const changed = await sidecar.ok("certificate", "account", "rollover");

  const after = await accountOf(sidecar);
  assertEquals([after["url"], after["state"], after["created"]], [before["url"], "valid", before["created"]]);
  assertNotEquals(after["thumbprint"], before["thumbprint"]);
  assertStringIncludes(changed, `another key: ${after["thumbprint"]} (ec-256)`);
  const content = contentOf(changed);
  assertNotEquals(content, contentOf(authorized), "the record is the one of the key before");
  assertEquals(await sidecar.ok("vault", "list", "-q"), await sidecar.ok("vault", "list", "-q"));
  assert(!(await sidecar.ok("vault", "list")).includes("account-key"), "the sealed key is listed");

  const serial = await servedSerial(haproxy);
  await sidecar.ok("certificate", "get", "api.example.com");
  assertNotEquals(await servedSerial(haproxy), serial, "it was not renewed");
  await sidecar.ok("certificate", "get", "up.example.com");
  await pebble.setTxt("_acme-challenge.hand.example.com", content);
  await sidecar.ok("certificate", "get", "hand.example.com");

  await sidecar.ok("certificate", "account", "update", "me@example.com");
  assertEquals((await accountOf(sidecar))["email"], "me@example.com");
  const refused = await sidecar.kontena("certificate", "account", "update", "me..too@example.com");
  assertEquals(refused.code, 1);
  assertEquals((await accountOf(sidecar))["email"], "me@example.com");
  assertEquals(accountsOf(pebble), 1);
  assert(!sidecar.process.output().includes("PRIVATE KEY"));
  assertEquals((await haproxy.check()).code, 0);
});

e2e(
  "F-32: kill -9 after a write of a rollover: the restart knows the key that counts, and makes no account",
  async () => {
    await using stage = await startStage();
    const { pebble, env, challengePort } = stage;
    using folder = tempDir();
    const common = { env, challengePort, folder: folder.path };
    await using first = await startSidecarProcess(common);
    await first.ok("certificate", "register", "--agree-tos", "you@example.com");
    await first.stop();

    const ends: string[] = [];
    for (const at of WRITES) {
      await using dying = await startSidecarProcess({
        ...common,
        env: { ...env, CRASH: "after", CRASH_AT: String(at) },
        program: CRASHING,
      });
      const former = (await accountOf(dying))["thumbprint"];
      const { code } = await dying.kontena("certificate", "account", "rollover");
      assertEquals(code, 1, `there is no write ${at}`);
      await dying.process.exit;

      await using restarted = await startSidecarProcess(common);
      await restarted.ok("certificate", "request", `n${at}.example.com`);
      const now = await accountOf(restarted);
      assertEquals([now["state"], now["pending"]], ["valid", undefined], `killed after write ${at}`);
      const key = await importAccountKey(await restarted.ok("vault", "read", "--value", "LE_PRIVATE_KEY"));
      assertEquals(key.thumbprint, now["thumbprint"]);
      ends.push(now["thumbprint"] === former ? "old" : "new");
      await restarted.stop();
    }
    assert(ends.includes("old") && ends.includes("new"), ends.join());
    assertEquals(accountsOf(pebble), 1);
  },
);

e2e("a deactivated account stops everything loudly, and only --new-account makes another", async () => {
  await using stage = await startStage();
  const { pebble, haproxy, challengePort } = stage;
  const env = { ...stage.env, ACME_AGREE_TOS: "true", ACME_EMAIL: "you@example.com", CERTIFICATES: "api.example.com" };
  using folder = tempDir();
  const common = { env, challengePort, folder: folder.path };
  await using sidecar = await startSidecarProcess(common);
  await until("the certificate is served", () => eventOf(sidecar, "certificate.served"), 30_000);
  const serial = await servedSerial(haproxy);

  const unasked = await sidecar.kontena("certificate", "account", "deactivate");
  assertEquals([unasked.code, (await accountOf(sidecar))["state"]], [1, "valid"]);
  assertStringIncludes(unasked.stderr, "Command requires --force");
  await sidecar.ok("certificate", "account", "deactivate", "--force");
  await checkClosed(sidecar, /was deactivated on \S+Z by command/);
  await sidecar.stop();

  await using restarted = await startSidecarProcess(common);
  await until("the keeper tells it", () => eventOf(restarted, "account.closed"), 20_000);
  await checkClosed(restarted, /was deactivated on \S+Z by command/);
  assertEquals([accountsOf(pebble), await servedSerial(haproxy)], [1, serial]);

  await restarted.ok("certificate", "register", "--new-account", "--agree-tos", "you@example.com");
  await restarted.ok("certificate", "request", "api.example.com");
  assertEquals([accountsOf(pebble), (await accountOf(restarted))["state"]], [2, "valid"]);
  assertNotEquals(await servedSerial(haproxy), serial);
  assertEquals((await restarted.ask("/ready")).status, 200);
});

e2e("F-26: an account that was deactivated at the CA is found so, told, and not replaced", async () => {
  await using stage = await startStage();
  const { pebble, challengePort } = stage;
  const env = { ...stage.env, ACME_AGREE_TOS: "true", ACME_EMAIL: "you@example.com" };
  await using sidecar = await startSidecarProcess({ env, challengePort });
  await sidecar.ok("certificate", "request", "api.example.com");
  const { directory, fetch } = pebble;
  const ca = acmeAuthority({ directory, fetch, clock: systemClock, userAgent: "kontena-certificates-test/1" });
  const key = await importAccountKey(await sidecar.ok("vault", "read", "--value", "LE_PRIVATE_KEY"));
  await ca.as((await ca.find(key, CALL))!, key).deactivate(CALL);

  const first = await sidecar.kontena("certificate", "request", "other.example.com");
  assertEquals(first.code, 1);
  assertMatch(first.stderr, /was deactivated at the CA, found on \S+Z/);
  await checkClosed(sidecar, /was deactivated at the CA, found on \S+Z/);
  assertEquals(accountsOf(pebble), 1);
});

/** Every way says it: commands, `/ready`, the log. */
async function checkClosed(sidecar: TestSidecar, says: RegExp): Promise<void> {
  const commands = [
    "certificate request other.example.com",
    "certificate authorize other.example.com",
    "certificate revoke --force api.example.com",
    "certificate account rollover",
    "certificate account update me@example.com",
    "certificate account deactivate --force",
    "certificate register --agree-tos you@example.com",
  ];
  for (const command of commands) {
    const { code, stderr } = await sidecar.kontena(...command.split(" "));
    assertEquals(code, 1, command);
    assertMatch(stderr, says, command);
    assertStringIncludes(stderr, "kontena certificate register --new-account", command);
  }
  const explained = await sidecar.ok("certificate", "explain", "api.example.com");
  assertStringIncludes(explained, "Nothing until there is another account");
  assertMatch(explained, says);
  const { status, text } = await sidecar.ask("/ready");
  assertEquals(status, 503);
  assertMatch(text, says);
  assertMatch((await sidecar.ask("/metrics")).text, /^kontena_account_deactivated\{directory="[^"]+"\} 1$/m);
  assertEquals((await accountOf(sidecar))["state"]?.startsWith("deactivated"), true);
  const told = sidecar.events().filter(({ event }) => event === "account.deactivated" || event === "account.closed");
  assert(told.length > 0 && told.every(({ level }) => level === "error"));
}

/** What `account show` prints, by its names. */
async function accountOf(sidecar: TestSidecar): Promise<Readonly<Record<string, string>>> {
  const text = await sidecar.ok("certificate", "account", "show");
  return Object.fromEntries([...text.matchAll(/^ {2}([a-z ]+): (.*)$/gm)].map(([, name, value]) => [name, value]));
}

function contentOf(text: string): string {
  const [, content = ""] = /^Record content: (\S+)$/m.exec(text) ?? [];
  assertNotEquals(content, "", text);
  return content;
}

async function servedSerial(haproxy: { readonly certs: string; ask(line: string): Promise<string> }): Promise<string> {
  const shown = await haproxy.ask(`show ssl cert ${haproxy.certs}/LE_CERTIFICATE_api_example_com.pem`);
  return /^Serial: (\S+)$/m.exec(shown)?.[1] ?? "";
}

/** How many accounts the CA has made. */
function accountsOf(pebble: Pebble): number {
  return pebble.output().match(/There are now \d+ accounts in memory/g)?.length ?? 0;
}

function eventOf(sidecar: TestSidecar, name: string): Readonly<Record<string, unknown>> | undefined {
  return sidecar.events().find(({ event }) => event === name);
}
