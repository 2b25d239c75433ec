import { assertEquals } from "@std/assert";
import { bundlePem } from "../../src/model/certificate.ts";
import { CALL } from "../support/fakes.ts";
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
  servedForGood,
  tapped,
  test,
  untouched,
  WITH_OLD,
} from "../support/haproxy_kit.ts";
import type { HaproxyOptions, TestHaproxy } from "../support/haproxy.ts";
import type { TapAnswer } from "../support/haproxy_tap.ts";
import { start } from "../support/process.ts";

test(
  "swap during a reload, F-105: swap() goes on with the new worker after a reload before commit",
  WITH_OLD,
  async (kit) => {
    const { haproxy, events } = kit;
    const bundle = issue(NAME);
    await tapped(kit, once("commit ssl cert", () => haproxy.reload()), async (lb) => {
      assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
    });
    assertEquals(events.map((it) => it.name), ["balancer.reloaded"]);
    assertEquals(await fingerprintOf(haproxy), bundle.facts.fingerprint);
    await atRest(haproxy);
  },
);

test(
  "swap during a reload, F-105: swap() goes on with the new worker where the old one dropped a command",
  WITH_OLD,
  async (kit) => {
    const bundle = issue(NAME);
    const dropped = once("commit ssl cert", async () => {
      await kit.haproxy.reload();
      return { do: "close" };
    });
    await tapped(kit, dropped, async (lb) => {
      assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
    });
    assertEquals(await fingerprintOf(kit.haproxy), bundle.facts.fingerprint);
  },
);

test(
  "swap during a reload, F-105: swap() is done again for a new worker that loaded the former file",
  WITH_OLD,
  async (kit) => {
    const { haproxy } = kit;
    const bundle = issue(NAME);
    let committed = 0;
    const lost = async (command: string): Promise<TapAnswer> => {
      if (command.startsWith("commit")) committed++;
      if (command !== "show info" || committed !== 1) return undefined;
      committed++;
      await Deno.writeTextFile(`${haproxy.certs}/${FILE}`, bundlePem(OLD));
      await haproxy.reload();
      return undefined;
    };
    await tapped(kit, lost, async (lb) => {
      assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
    });
    assertEquals(committed, 3);
    assertEquals(await fingerprintOf(haproxy), bundle.facts.fingerprint);
    assertEquals(read(`${haproxy.certs}/${FILE}`), bundlePem(bundle));
  },
);

test(
  "swap during a reload, F-105: swap() gives up on a balancer that is reloaded all the time",
  WITH_OLD,
  async (kit) => {
    let swapping = false;
    const always = async (command: string): Promise<TapAnswer> => {
      if (command === "show info" && swapping) await kit.haproxy.reload();
      swapping = true;
      return undefined;
    };
    await tapped(kit, always, async (lb) => {
      await rejection(
        () => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL),
        "SWAP_REJECTED",
        "in each of 3 attempts",
      );
    });
    await untouched(kit);
  },
);

test(
  "swap during a reload, F-105: swap() leaves the former file when HAProxy dies, and works after its restart",
  WITH_OLD,
  async (kit) => {
    const { haproxy } = kit;
    await tapped(kit, once("commit ssl cert", () => haproxy.kill()), async (lb) => {
      await rejection(() => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL), "BALANCER_UNREACHABLE");
    });
    await haproxy.restart();
    await untouched(kit);
    assertEquals((await kit.lb.swap({ file: FILE, bundle: issue(NAME) }, CALL)).kind, "replaced");
  },
);

/** A map that is read when all certificates are loaded; where it is a pipe, the reload stands there until somebody writes. */
const WITH_GATE: HaproxyOptions = {
  ...WITH_OLD,
  last(root): string {
    Deno.writeTextFileSync(`${root}/gate.map`, "");
    return `backend gate\n  mode http\n  http-request set-header x-gate %[path,map(${root}/gate.map)]\n`;
  },
};

/** A reload that has loaded all certificates and goes no further. */
async function standingReload(haproxy: TestHaproxy): Promise<() => Promise<void>> {
  const map = `${haproxy.layout.root}/gate.map`;
  await Deno.remove(map);
  await using mkfifo = start("mkfifo", { args: [map] });
  assertEquals(await mkfifo.exit, 0);
  const reloading = haproxy.reload();
  const gate = await Deno.open(map, { write: true }); // until the new process reads it
  return async (): Promise<void> => {
    gate.close();
    await reloading;
    await Deno.remove(map);
    await Deno.writeTextFile(map, "");
  };
}

test("swap during a reload, F-105: the new worker takes over before swap() ends", WITH_GATE, async (kit) => {
  const { haproxy, events } = kit;
  const bundle = issue(NAME);
  const takeOver = await standingReload(haproxy);
  let commits = 0;
  const proven = async (command: string): Promise<undefined> => {
    if (command.startsWith("commit")) commits++;
    if (command !== "show info" || commits !== 1) return;
    commits++;
    await takeOver();
  };
  await tapped(kit, proven, async (lb) => {
    assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
  });
  assertEquals(events.map((it) => it.name), ["balancer.reloaded"]);
  await servedForGood(kit, bundle);
});

test("swap during a reload, F-105: what was lost after swap() is mended by the next one", WITH_GATE, async (kit) => {
  const { haproxy, lb } = kit;
  const bundle = issue(NAME);
  const takeOver = await standingReload(haproxy);
  const { pid } = await lb.state(CALL);
  assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
  assertEquals(await fingerprintOf(haproxy), bundle.facts.fingerprint);
  await takeOver();
  assertEquals(await fingerprintOf(haproxy), OLD.facts.fingerprint, "nothing was lost: the hazard was not provoked");
  assertEquals((await lb.state(CALL)).pid === pid, false); // by which it is noticed
  assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
  await servedForGood(kit, bundle);
});
