import { assertEquals } from "@std/assert";
import { bundlePem } from "../../src/model/certificate.ts";
import { parseDnsName } from "../../src/model/dns_name.ts";
import { CALL } from "../support/fakes.ts";
import { type HaproxyOptions, PLACEHOLDER } from "../support/haproxy.ts";
import { atRest, FILE, fingerprintOf, issue, NAME, read, rejection, test, WITH_OLD } from "../support/haproxy_kit.ts";

const OTHERS: HaproxyOptions = { files: { "01-other.pem": bundlePem(issue(NAME)) } };

test("overlapping names: swap() reports a name that another file answers", OTHERS, async ({ haproxy, lb }) => {
  const by = `${haproxy.certs}/01-other.pem`;
  const bundle = issue(NAME, "b.example.com");
  assertEquals(await lb.swap({ file: FILE, bundle }, CALL), { kind: "added", shadowed: [{ name: NAME, by }] });
  const all = issue(NAME);
  assertEquals(await lb.swap({ file: FILE, bundle: all }, CALL), { kind: "replaced", shadowed: [{ name: NAME, by }] });
  assertEquals(await lb.swap({ file: FILE, bundle: all }, CALL), { kind: "unchanged", shadowed: [{ name: NAME, by }] });
  await atRest(haproxy);
});

const ZZ: HaproxyOptions = { files: { "zz-default.pem": bundlePem(issue("zz.example.com")) } };

test(
  "file that sorts first: swap() warns of a file that would become the default certificate",
  ZZ,
  async ({ haproxy, lb, events }) => {
    await lb.swap({ file: "LE_a.pem", bundle: issue(NAME) }, CALL);
    assertEquals(events, []); // the placeholder sorts first
    await lb.swap({ file: "-a.pem", bundle: issue("b.example.com") }, CALL);
    assertEquals(events.map((it) => [it.level, it.name, it.fields?.["displaced"]]), [
      ["warn", "balancer.default_changes", PLACEHOLDER],
    ]);
    await atRest(haproxy);
  },
);

test(
  "file that sorts first: swap() refuses a file that would displace the default certificate named",
  ZZ,
  async ({ haproxy, other }) => {
    const lb = other({ default: PLACEHOLDER });
    await rejection(() => lb.swap({ file: "-a.pem", bundle: issue(NAME) }, CALL), "BALANCER_CONFIG", PLACEHOLDER);
    assertEquals(read(`${haproxy.certs}/-a.pem`), undefined);
    assertEquals((await lb.swap({ file: FILE, bundle: issue(NAME) }, CALL)).kind, "added");
  },
);

test(
  "file that sorts first: remove() leaves the default certificate, which HAProxy does not give up",
  WITH_OLD,
  async ({ haproxy, lb }) => {
    await rejection(() => lb.remove(PLACEHOLDER, CALL), "SWAP_REJECTED", "used as default certificate");
    assertEquals(read(`${haproxy.certs}/${PLACEHOLDER}`) === undefined, false);
  },
);

test("file that sorts first: one of somebody else is told, and ours do not change the default", ZZ, async (kit) => {
  const { haproxy, other, events } = kit;
  const theirs = issue("theirs.example.com");
  const before = await fingerprintOf(haproxy, "unknown.example.com");
  await Deno.writeTextFile(`${haproxy.certs}/-theirs.pem`, bundlePem(theirs));
  const swap = async (): Promise<void> => {
    await other({ default: PLACEHOLDER }).swap({ file: FILE, bundle: issue(NAME) }, CALL);
  };
  await swap();
  assertEquals(await fingerprintOf(haproxy, "unknown.example.com"), before);
  assertEquals(events.map((it) => [it.name, it.fields?.["file"], it.fields?.["displaced"]]), [
    ["balancer.default_changes", "-theirs.pem", PLACEHOLDER],
  ]);
  await haproxy.reload(); // it is their directory too
  assertEquals(await fingerprintOf(haproxy, "unknown.example.com"), theirs.facts.fingerprint);
  await Deno.remove(`${haproxy.certs}/-theirs.pem`);
  await haproxy.reload();
  await swap();
  assertEquals([await fingerprintOf(haproxy, "unknown.example.com"), events.length], [before, 1]);
});

test("overlapping names: the first in memory, the first file after a reload, told both times", OTHERS, async (kit) => {
  const { haproxy, lb } = kit;
  const [wild, exact] = [issue("*.example.com"), issue("b.example.com")];
  const b = parseDnsName("b.example.com");
  assertEquals(await lb.swap({ file: "LE_wild.pem", bundle: wild }, CALL), { kind: "added", shadowed: [] });
  assertEquals(await lb.swap({ file: "LE_exact.pem", bundle: exact }, CALL), { kind: "added", shadowed: [] });
  assertEquals(await fingerprintOf(haproxy, "b.example.com"), exact.facts.fingerprint); // exact before wildcard
  const first = issue("b.example.com");
  const by = `${haproxy.certs}/LE_exact.pem`;
  const report = await lb.swap({ file: "LE_early.pem", bundle: first }, CALL);
  assertEquals(report, { kind: "added", shadowed: [{ name: b, by }] });
  await haproxy.reload();
  assertEquals(await fingerprintOf(haproxy, "b.example.com"), first.facts.fingerprint);
  const after = await lb.swap({ file: "LE_exact.pem", bundle: exact }, CALL);
  assertEquals(after.shadowed, [{ name: b, by: `${haproxy.certs}/LE_early.pem` }]);
  await atRest(haproxy);
});
