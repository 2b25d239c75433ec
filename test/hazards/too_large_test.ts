import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { SidecarError } from "../../src/model/errors.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { parseHaproxy } from "../../plugin/haproxy/url.ts";
import { fakeClock } from "../support/fake_clock.ts";
import { CALL } from "../support/fakes.ts";
import type { HaproxyOptions, TestHaproxy } from "../support/haproxy.ts";
import {
  atRest,
  FILE,
  fingerprintOf,
  issue,
  type Kit,
  NAME,
  OLD,
  PKI,
  read,
  rejection,
  test,
  WITH_OLD,
} from "../support/haproxy_kit.ts";
import { withKeyOf } from "../support/pki.ts";
import { until } from "../support/process.ts";

const large = (name: string = NAME): Bundle => PKI.issue([name], { padding: 12_000 });

for (const mode of ["directory", "crt-list"] as const) {
  test(`bundle too large for the socket: placed, told, and served after a reload (${mode})`, { mode }, async (kit) => {
    const { haproxy, lb, events } = kit;
    const bundle = large();
    const swap = (): Promise<unknown> => lb.swap({ file: FILE, bundle }, CALL);
    const error = await rejection(swap, "SWAP_REJECTED", "served from HAProxy's next reload on");
    assertStringIncludes(error.todo ?? "", "reload HAProxy, or set reload=; or use an EC key");
    assertEquals(read(`${haproxy.certs}/${FILE}`), bundlePem(bundle));
    await rejection(swap, "SWAP_REJECTED", "next reload");
    assertEquals(events.map((it) => [it.level, it.name]), [["error", "balancer.reload_needed"]]); // once
    await atRest(haproxy);
    await haproxy.reload();
    assertEquals(await lb.swap({ file: FILE, bundle }, CALL), { kind: "unchanged", shadowed: [] });
    assertEquals(await fingerprintOf(haproxy), bundle.facts.fingerprint);
  });
}

test("bundle too large for the socket: the old one is served until then", WITH_OLD, async ({ haproxy, lb }) => {
  await rejection(() => lb.swap({ file: FILE, bundle: large() }, CALL), "SWAP_REJECTED", "next reload");
  assertEquals(await fingerprintOf(haproxy), OLD.facts.fingerprint);
  const small = issue(NAME);
  assertEquals((await lb.swap({ file: FILE, bundle: small }, CALL)).kind, "replaced");
  assertEquals(await fingerprintOf(haproxy), small.facts.fingerprint);
});

const MASTER: HaproxyOptions = { ...WITH_OLD, master: true };
const byMaster = ({ layout }: TestHaproxy): string => `${layout.root}/master.sock`;

/** A script of ours, which does what a service manager would; it must not see what the sidecar knows. */
function byCommand({ layout, pid }: TestHaproxy): string {
  const script = `${layout.root}/reload.sh`;
  Deno.writeTextFileSync(script, '#!/bin/sh\n[ -z "$HOME" ] && kill -USR2 "$1"\n', { mode: 0o755 });
  return `${script} ${pid}`;
}

async function workerOf(haproxy: TestHaproxy): Promise<string | undefined> {
  return /^Pid: (\d+)$/m.exec(await haproxy.ask("show info"))?.[1];
}

function servedByReload(how: (haproxy: TestHaproxy) => string): (kit: Kit) => Promise<void> {
  return async ({ haproxy, other, events }) => {
    const [lb, worker, bundle] = [other({ reload: how(haproxy) }), await workerOf(haproxy), large()];
    assertEquals(await lb.swap({ file: FILE, bundle }, CALL), { kind: "replaced", shadowed: [] });
    assertEquals(await fingerprintOf(haproxy), bundle.facts.fingerprint);
    const after = await workerOf(haproxy);
    assert(after !== worker);
    const small = issue(NAME);
    assertEquals((await lb.swap({ file: FILE, bundle: small }, CALL)).kind, "replaced");
    assertEquals([await workerOf(haproxy), await fingerprintOf(haproxy)], [after, small.facts.fingerprint]);
    assertEquals(events, []);
    await atRest(haproxy);
  };
}

test("bundle too large for the socket: served by a command that reloads", MASTER, servedByReload(byCommand));
test("master that does not close: it is told to reload, and not waited for", MASTER, servedByReload(byMaster));

test("bundle too large for the socket: HAProxy refuses the reload, the file is put back", MASTER, async (kit) => {
  const { haproxy } = kit;
  const url = haproxy.url({ reload: byMaster(haproxy) });
  const clock = { ...fakeClock(), sleep: (ms: number) => new Promise<void>((done) => setTimeout(done, ms)) };
  const lb = haproxyBalancer(parseHaproxy("lb", url), { clock, events: { emit(): void {} }, reloadMs: 400 });
  const bundle = withKeyOf(large(), issue(NAME));
  const error = await rejection(() => lb.swap({ file: FILE, bundle }, CALL), "SWAP_REJECTED", "was put back");
  // From 2.8 on a master says why; before that no new worker is all that is seen.
  assertMatch(error.message, /was told to reload, and process \d+ still answers|was not reloaded: \[ALERT\]/);
  assertEquals(read(`${haproxy.certs}/${FILE}`), bundlePem(OLD));
  assertEquals(await fingerprintOf(haproxy), OLD.facts.fingerprint);
  await atRest(haproxy);
});

test("bundle too large for the socket: not served after the reload, and taken back", MASTER, async (kit) => {
  const { haproxy } = kit;
  const elsewhere = large("b.example.com");
  const wrong: Bundle = { ...elsewhere, facts: { ...elsewhere.facts, names: [NAME] } };
  const lb = kit.other({ reload: byMaster(haproxy) });
  await rejection(() => lb.swap({ file: FILE, bundle: wrong }, CALL), "SWAP_REJECTED", "was put back");
  assertEquals(read(`${haproxy.certs}/${FILE}`), bundlePem(OLD));
  assertEquals(await fingerprintOf(haproxy), OLD.facts.fingerprint);
});

test("bundle too large for the socket: a large former one is put back by a reload", MASTER, async (kit) => {
  const { haproxy } = kit;
  const [lb, former] = [kit.other({ reload: byMaster(haproxy) }), large()];
  await lb.swap({ file: FILE, bundle: former }, CALL);
  const bundle = withKeyOf(issue(NAME), issue(NAME));
  await rejection(() => lb.swap({ file: FILE, bundle }, CALL), "SWAP_REJECTED", "the former state was put back");
  assertEquals(read(`${haproxy.certs}/${FILE}`), bundlePem(former));
  // An old worker may still take a connection.
  await until("it is served again", async () => await fingerprintOf(haproxy) === former.facts.fingerprint);
  await atRest(haproxy);
});

for (
  const [what, reload, code, part] of [
    ["a socket where nobody listens", "/nowhere/master.sock", "BALANCER_CONFIG", "reload= /nowhere/master.sock"],
    ["a program that is not there", "/nowhere/reload", "BALANCER_CONFIG", "reload= /nowhere/reload"],
    ["a program that fails", "/bin/false", "SWAP_REJECTED", "/bin/false ended with 1"],
  ] as const
) {
  test(`bundle too large for the socket: reload= is ${what}`, WITH_OLD, async ({ haproxy, other }) => {
    const run = (): Promise<unknown> => other({ reload }).swap({ file: FILE, bundle: large() }, CALL);
    const error = await rejection(run, "SWAP_REJECTED", part);
    assert(error.cause instanceof SidecarError && error.cause.code === code);
    assertEquals(read(`${haproxy.certs}/${FILE}`), bundlePem(OLD));
    assertEquals(await fingerprintOf(haproxy), OLD.facts.fingerprint);
    await atRest(haproxy);
  });
}
