import { assertEquals, assertStringIncludes } from "@std/assert";
import type { WiringPart } from "../../src/ports.ts";
import { CALL } from "../support/fakes.ts";
import { askSocket, startHaproxy, type TestHaproxy } from "../support/haproxy.ts";
import { has } from "../support/process.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { parseHaproxy } from "../../plugin/haproxy/url.ts";
import { systemClock } from "../../plugin/clock.ts";

function test(name: string, run: (haproxy: TestHaproxy) => Promise<void>): void {
  Deno.test({
    name: `${name} [needs haproxy]`,
    ignore: !has("haproxy"),
    async fn(): Promise<void> {
      await using haproxy = await startHaproxy({ master: true });
      await run(haproxy);
    },
  });
}

/** What the check says of `reload=`. */
async function tried(haproxy: TestHaproxy, reload: string): Promise<WiringPart> {
  const config = parseHaproxy("lb", haproxy.url({ reload }));
  const lb = haproxyBalancer(config, { clock: systemClock, events: { emit: (): void => {} } });
  const parts = await lb.wiring.check(CALL);
  assertEquals(parts.filter((it) => it.part !== "reload").map((it) => it.state), ["ok", "ok", "ok", "ok"]);
  return parts.find((it) => it.part === "reload")!;
}

const masterOf = ({ layout }: TestHaproxy): string => `${layout.root}/master.sock`;
const workerOf = async (haproxy: TestHaproxy): Promise<number> =>
  Number(/^Pid: (\d+)$/m.exec(await haproxy.ask("show info"))?.[1]);

test("lb check asks a master for its worker, and does not have it reload", async (haproxy) => {
  const pid = await workerOf(haproxy);
  const before = await askSocket(masterOf(haproxy), "show proc; quit");
  const { state, found } = await tried(haproxy, masterOf(haproxy));

  assertEquals([state, found], [
    "ok",
    `the master on ${masterOf(haproxy)} answers, and has process ${pid}; it was not told to reload`,
  ]);
  const reloads = (text: string): unknown => /^\d+\s+master\s+(\d+)/m.exec(text)?.[1];
  const after = await askSocket(masterOf(haproxy), "show proc; quit");
  assertEquals([reloads(after), await workerOf(haproxy)], [reloads(before), pid]);
});

test("lb check names a socket that is not a master's, is another one's, or is not there", async (haproxy) => {
  await using other = await startHaproxy({ master: true });
  const { root } = haproxy.layout;
  for (
    const [socket, found, todo] of [
      [haproxy.socket, "which is not the socket of a master", "-W -S SOCKET"],
      [
        masterOf(other),
        `process ${await workerOf(haproxy)}, which has the runtime socket, is not its worker`,
        "own master",
      ],
      [`${root}/none.sock`, `cannot use reload= ${root}/none.sock: `, "start HAProxy with -W -S SOCKET"],
    ] as const
  ) {
    const part = await tried(haproxy, socket);
    assertEquals(part.state, "missing", part.found);
    assertStringIncludes(part.found, found);
    assertStringIncludes(part.todo ?? "", todo);
  }
});

test("lb check sees that a program is there and may be run, and does not run it", async (haproxy) => {
  const { root } = haproxy.layout;
  const program = `${root}/reload-lb`;
  await Deno.writeTextFile(program, `#!/bin/sh\ntouch ${root}/was-run\n`, { mode: 0o755 });
  assertEquals((await tried(haproxy, `${program} now`)).found, `${program} is there and may be run; it was not run`);
  await Deno.chmod(program, 0o644);
  for (
    const [path, found] of [
      [program, "it is not executable"],
      [root, "it is not a file"],
      [`${root}/none`, `cannot use reload= ${root}/none: `],
    ] as const
  ) {
    const part = await tried(haproxy, path);
    assertEquals([part.state, part.todo], ["missing", "name a program that the sidecar may run"]);
    assertStringIncludes(part.found, found);
  }
  assertEquals(await Deno.stat(`${root}/was-run`).catch(() => "not there"), "not there");
});
