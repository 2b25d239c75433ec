import { assertEquals, assertStringIncludes } from "@std/assert";
import { bundlePem } from "../../src/model/certificate.ts";
import type { Event } from "../../src/ports.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { parseHaproxy } from "../../plugin/haproxy/url.ts";
import { fakeClock } from "../support/fake_clock.ts";
import { CALL } from "../support/fakes.ts";
import type { HaproxyOptions } from "../support/haproxy.ts";
import {
  atRest,
  FILE,
  fingerprintOf,
  issue,
  NAME,
  OLD,
  once,
  read,
  rejection,
  set,
  tapped,
  test,
  WITH_OLD,
} from "../support/haproxy_kit.ts";
import type { TapAnswer } from "../support/haproxy_tap.ts";

const TWO: HaproxyOptions = { files: { [FILE]: bundlePem(OLD), "filler-0.pem": bundlePem(issue("n0.filler.test")) } };

test(
  "dangling transaction, F-100: swap() aborts an unfinished change of its own, left over by a process that died",
  TWO,
  async ({ haproxy, lb, events }) => {
    assertStringIncludes(await set(haproxy, "LE_CERTIFICATE_b.pem", issue(NAME)), "not referenced");
    assertStringIncludes(await set(haproxy, FILE, issue(NAME)), "Transaction created");
    const bundle = issue(NAME);
    assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
    assertEquals(events.map((it) => [it.level, it.name]), [["info", "balancer.transaction_aborted"]]);
    assertEquals(await fingerprintOf(haproxy), bundle.facts.fingerprint);
    await atRest(haproxy);
  },
);

test(
  "foreign transaction, F-101: swap() gives another client's change 30 s, then aborts it",
  TWO,
  async ({ haproxy }) => {
    const clock = fakeClock();
    const events: Event[] = [];
    const parts = { clock, events: { emit: (it: Event) => events.push(it) } };
    const lb = haproxyBalancer(parseHaproxy("lb", haproxy.url()), parts);
    assertStringIncludes(await set(haproxy, "filler-0.pem", issue("n0.filler.test")), "Transaction created");
    const report = await clock.run(lb.swap({ file: FILE, bundle: issue(NAME) }, CALL));
    assertEquals(report.kind, "replaced");
    assertEquals(clock.now().getTime() - fakeClock().now().getTime() >= 30_000, true);
    assertEquals(events.map((it) => [it.level, it.name]), [["warn", "balancer.transaction_aborted"]]);
    await atRest(haproxy);
  },
);

test(
  "foreign transaction, F-101: swap() lets another client finish its change",
  TWO,
  async ({ haproxy, lb, events }) => {
    const theirs = issue("n0.filler.test");
    await set(haproxy, "filler-0.pem", theirs);
    const swapping = lb.swap({ file: FILE, bundle: issue(NAME) }, CALL);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assertStringIncludes(await haproxy.ask(`commit ssl cert ${haproxy.certs}/filler-0.pem`), "Success!");
    assertEquals([(await swapping).kind, events], ["replaced", []]);
    assertEquals(await fingerprintOf(haproxy, "n0.filler.test"), theirs.facts.fingerprint);
  },
);

test(
  "wrong-file reply: swap() never puts its certificate under another file, as HAProxy 2.6 would",
  TWO,
  async (kit) => {
    const { haproxy } = kit;
    const filler = await fingerprintOf(haproxy, "n0.filler.test");
    const bundle = issue(NAME);
    const between = once("set ssl cert", async () => void await set(haproxy, "filler-0.pem", issue("n0.filler.test")));
    const commands = await tapped(kit, between, async (lb) => {
      assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
    });
    assertEquals(commands.filter((it) => it.startsWith("set")).length, 2);
    assertStringIncludes(await haproxy.ask(`commit ssl cert ${haproxy.certs}/filler-0.pem`), "No ongoing transaction");
    assertEquals(await fingerprintOf(haproxy, "n0.filler.test"), filler);
    assertEquals(await fingerprintOf(haproxy), bundle.facts.fingerprint);
    await atRest(haproxy);
  },
);

test("wrong-file reply: swap() believes no reply that names another file", WITH_OLD, async (kit) => {
  const lie = (command: string): TapAnswer => {
    if (command.startsWith("commit")) return "Committing /other.pem\nSuccess!\n\n";
    return undefined;
  };
  await tapped(kit, lie, async (lb) => {
    await rejection(() => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL), "SWAP_REJECTED", "could not be put back");
  });
  assertEquals(kit.events.map((it) => it.name), ["balancer.put_back_failed"]);
  assertEquals(read(`${kit.haproxy.certs}/${FILE}`), bundlePem(OLD));
});

for (
  const steps of [["new"], ["new", "set"], ["new", "set", "commit"], ["new", "set", "file"], [
    "new",
    "set",
    "file",
    "commit",
  ]]
) {
  test(
    `dangling transaction, F-100: swap() recovers what a process left that was killed after ${steps.join(", ")}`,
    {},
    async ({ haproxy, lb }) => {
      const [path, bundle, next] = [`${haproxy.certs}/${FILE}`, issue(NAME), issue(NAME)];
      for (const step of steps) {
        if (step === "file") await Deno.writeTextFile(path, bundlePem(bundle));
        else if (step === "set") await set(haproxy, FILE, bundle);
        else await haproxy.ask(`${step} ssl cert ${path}`);
      }
      assertEquals((await lb.swap({ file: FILE, bundle: next }, CALL)).kind, "added");
      assertEquals(await fingerprintOf(haproxy), next.facts.fingerprint);
      await atRest(haproxy);
    },
  );
}
