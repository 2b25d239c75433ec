import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../plugin/clock.ts";
import type { Call, WiringPart } from "../../src/ports.ts";
import { kontena, type KontenaKit, ROOT_KEY } from "../support/kontena_kit.ts";
import { freePort } from "../support/process.ts";
import { checking, filesIn } from "../support/wired.ts";
import { CALL } from "../support/fakes.ts";

const ANSWERS = { hostname: "127.0.0.1", port: freePort() };
const ANSWER = `127.0.0.1:${ANSWERS.port}`;
/** A balancer that polls ten times a second needs a tenth of the time. */
const HASTY = { ...systemClock, sleep: (ms: number, call: Call) => systemClock.sleep(ms / 10, call) };
const BASES = ["etcd", "certificates", "TLS", "reload"] as const;

async function checked(
  kit: KontenaKit,
  changes: Readonly<Record<string, string>> = {},
): Promise<readonly WiringPart[]> {
  await using over = checking([kit.other(changes)], ANSWERS, { clock: HASTY });
  const before = await tracesOf(kit);
  const parts = await over.service.check("null/lb", CALL) ?? [];
  assertEquals(await tracesOf(kit), before);
  assertEquals(await over.ledger.list("", CALL), []);
  return parts;
}

/** Files and keys; of the revision only whether it is there. */
async function tracesOf({ etcd, certs }: KontenaKit): Promise<readonly string[]> {
  return [...filesIn(certs), ...await etcd.keys(ROOT_KEY).catch(() => [])];
}

const states = (parts: readonly WiringPart[]): Record<string, string> =>
  Object.fromEntries(parts.map((it) => [it.part, it.state]));

function lineOf(parts: readonly WiringPart[], part: string): string {
  const { state, found, todo } = parts.find((it) => it.part === part)!;
  assertEquals(state, "missing", JSON.stringify(parts, undefined, 1));
  assert(todo !== undefined && !found.includes("\n"), found);
  return `${found} (${todo})`;
}

kontena("lb check is green with a Kontena Load Balancer, and leaves nothing", { answer: ANSWER }, async (kit) => {
  const parts = await checked(kit);
  assertEquals(states(parts), {
    ...Object.fromEntries(BASES.map((part) => [part, "ok"])),
    "http-01 route": "ok",
    "tls-alpn-01 route": "untried",
  }, JSON.stringify(parts, undefined, 1));
  assertStringIncludes(parts.at(-1)?.found ?? "", "older than 2.0 and cannot route by ALPN");
  assertEquals(kit.lb.refusals, 0);
});

kontena("lb check uses the runtime socket where it is shared", { answer: ANSWER, socket: true }, async (kit) => {
  const parts = await checked(kit);
  assertEquals(states(parts)["runtime socket"], "ok", JSON.stringify(parts, undefined, 1));
  assertStringIncludes(
    lineOf(await checked(kit, { socket: `${kit.certs}/none.sock` }), "runtime socket"),
    "gives no HAProxy of 2.2 or later, so certificates go in by file and reload",
  );
});

kontena("lb check names an etcd that does not answer", { answer: ANSWER }, async (kit) => {
  await kit.etcd.stop();
  const parts = await checked(kit);
  const { endpoint } = kit.etcd;
  assertStringIncludes(lineOf(parts, "etcd"), `etcd at ${endpoint} does not answer: `);
  assertEquals([states(parts)["reload"], states(parts)["http-01 route"]], ["untried", "untried"]);
});

kontena("lb check names a file that HAProxy would not take", { answer: ANSWER }, async (kit) => {
  await Deno.writeTextFile(`${kit.certs}/bad.pem`, "nothing");
  const parts = await checked(kit);
  assertStringIncludes(lineOf(parts, "certificates"), `${kit.certs}/bad.pem holds no certificate`);
  assertEquals(
    ["TLS", "reload", "http-01 route"].map((it) => states(parts)[it]),
    ["untried", "untried", "untried"],
  );
});

kontena("lb check names a folder that the balancer has not", { answer: ANSWER }, async (kit) => {
  const certs = await Deno.makeTempDir({ dir: kit.lb.root });
  const parts = await checked(kit, { certs });
  const line = lineOf(parts, "TLS");
  assertStringIncludes(line, `that is no file of ${certs}`);
  assertStringIncludes(line, "share the folder that it has as /etc/haproxy/certs");
  assertEquals(states(parts)["http-01 route"], "ok");
});

kontena("lb check names a balancer without TLS", { answer: ANSWER, env: {}, ready: false }, async (kit) => {
  const line = lineOf(await checked(kit), "TLS");
  assertStringIncludes(line, `127.0.0.1:${kit.lb.httpsPort} does not serve TLS: `);
  assertStringIncludes(line, "give it an SSL_CERT_ variable, which switches TLS on");
});

kontena("lb check names an answer= that is not the sidecar", {}, async (kit) => {
  const line = lineOf(await checked(kit), "http-01 route");
  assertStringIncludes(line, "does not give the http-01 answer for wiring-");
});

kontena("lb check names a balancer that does not follow etcd", { answer: ANSWER }, async (kit) => {
  const key = `${ROOT_KEY}/tcp-services/x/health_check_uri`;
  await kit.etcd.put(key, "/");
  const parts = await checked(kit);
  const line = lineOf(parts, "reload");
  assertEquals(
    line.startsWith(`it stays with its last configuration: the key ${key} keeps it from rendering`),
    true,
    line,
  );
  assertStringIncludes(line, "remove that key from etcd");
  assertEquals(states(parts)["http-01 route"], "untried");
});
