import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { runtimeSocket } from "../../plugin/haproxy/runtime.ts";
import { CALL } from "../support/fakes.ts";
import {
  FILE,
  fingerprintOf,
  issue,
  type Kit,
  NAME,
  rejection,
  servedForGood,
  tapped,
  test,
  untouched,
  WITH_OLD,
} from "../support/haproxy_kit.ts";
import { SidecarError } from "../../src/model/errors.ts";
import { until } from "../support/process.ts";

async function unreachable(kit: Kit, socket: string, part: string): Promise<string> {
  const swap = (): Promise<unknown> => kit.other({}, socket).swap({ file: FILE, bundle: issue(NAME) }, CALL);
  const error = await rejection(swap, "BALANCER_UNREACHABLE", part);
  return error.todo ?? "";
}

test("socket missing, F-99: swap() says so, and nothing changes", WITH_OLD, async (kit) => {
  const todo = await unreachable(kit, `${kit.haproxy.layout.root}/none.sock`, "none.sock");
  assertStringIncludes(todo, "start HAProxy, and share the directory of its socket");
  await untouched(kit);
});

test("socket dead, F-99: swap() says so, and works after a restart", WITH_OLD, async (kit) => {
  await kit.haproxy.kill();
  assertStringIncludes(await unreachable(kit, kit.haproxy.socket, "cannot reach its runtime socket"), "HAProxy runs");
  await kit.haproxy.restart();
  const bundle = issue(NAME);
  assertEquals((await kit.lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
  await servedForGood(kit, bundle);
});

test(
  "socket hanging, F-99: a HAProxy that stands still is given up, and used when it goes on",
  WITH_OLD,
  async (kit) => {
    const { haproxy, lb } = kit;
    Deno.kill(haproxy.pid, "SIGSTOP");
    try {
      await until("all of its threads stand still", () => statesOf(haproxy.pid).every((state) => state === "T"));
      const runtime = runtimeSocket("lb", { transport: "unix", path: haproxy.socket });
      const ask = (): Promise<string> => runtime.ask("show info", CALL, { timeoutMs: 100 });
      await assertRejects(ask, SidecarError, 'HAProxy gave no answer to "show info"');
    } finally {
      Deno.kill(haproxy.pid, "SIGCONT");
    }
    assertEquals((await lb.swap({ file: FILE, bundle: issue(NAME) }, CALL)).kind, "replaced");
  },
);

test("socket of a wrong type, F-99: a file, a folder, and somebody else's", WITH_OLD, async (kit) => {
  const { root } = kit.haproxy.layout;
  await unreachable(kit, `${root}/haproxy.cfg`, "cannot reach its runtime socket");
  await unreachable(kit, `${root}/certs`, "cannot reach its runtime socket");
  // The socket of a frontend that waits for a PROXY header, and hangs up.
  await unreachable(kit, `${root}/https.sock`, "its runtime socket");
  await untouched(kit);
});

test("socket without permission, F-99: swap() says that its level is too low", WITH_OLD, async (kit) => {
  assertStringIncludes(await unreachable(kit, `${kit.haproxy.layout.root}/operator.sock`, "denied"), "level admin");
  await untouched(kit);
});

test("master that does not close, F-99: swap() says that this is the master's socket", {
  ...WITH_OLD,
  master: true,
}, async (kit) => {
  const todo = await unreachable(kit, `${kit.haproxy.layout.root}/master.sock`, "is the socket of HAProxy's master");
  assertStringIncludes(todo, "the master's is for reload=");
});

test("reply that breaks off, F-103: a commit whose answer is lost is looked up", WITH_OLD, async (kit) => {
  const bundle = issue(NAME);
  const file = `${kit.haproxy.certs}/${FILE}`;
  for (const [answer, next] of [["", bundle], [`Committing ${file}.`, issue(NAME)]] as const) {
    let dropped = false;
    const drop = async (command: string): Promise<string | undefined> => {
      if (dropped || !command.startsWith("commit")) return undefined;
      dropped = true;
      assertStringIncludes(await kit.haproxy.ask(command), "Success!");
      return answer;
    };
    const commands = await tapped(kit, drop, async (lb) => {
      assertEquals((await lb.swap({ file: FILE, bundle: next }, CALL)).kind, "replaced");
    });
    assertEquals(commands.filter((it) => it.startsWith("commit")).length, 1);
    assertEquals(await fingerprintOf(kit.haproxy), next.facts.fingerprint);
  }
  assertEquals(kit.events, []);
});

for (const start of ["set ssl cert", "commit ssl cert"]) {
  test(
    `reply that breaks off, F-103: the connection drops at "${start}", and all is put back`,
    WITH_OLD,
    async (kit) => {
      let dropped = false;
      const drop = (command: string): { do: "close" } | undefined => {
        if (dropped || !command.startsWith(start)) return undefined;
        dropped = true;
        return { do: "close" };
      };
      await tapped(kit, drop, async (lb) => {
        const swap = (): Promise<unknown> => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL);
        await rejection(swap, "BALANCER_UNREACHABLE", "the former state was put back");
      });
      await untouched(kit);
    },
  );
}

/** What each thread of a process does (proc(5), the third field of `stat`): the kernel stops them one after the other. */
function statesOf(pid: number): readonly string[] {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => {
    const stat = Deno.readTextFileSync(`/proc/${pid}/task/${name}/stat`);
    return stat.charAt(stat.lastIndexOf(")") + 2);
  });
}
