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
  tapped,
  test,
  untouched,
  WITH_OLD,
} from "../support/haproxy_kit.ts";
import type { TapAnswer } from "../support/haproxy_tap.ts";

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
