import { assertEquals } from "@std/assert";
import { bundlePem } from "../../src/model/certificate.ts";
import { CALL } from "../support/fakes.ts";
import { type HaproxyOptions, PLACEHOLDER } from "../support/haproxy.ts";
import { atRest, FILE, issue, NAME, read, rejection, test, WITH_OLD } from "../support/haproxy_kit.ts";

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
