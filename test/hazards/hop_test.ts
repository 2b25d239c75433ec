import { assertEquals, assertStringIncludes } from "@std/assert";
import { CALL } from "../support/fakes.ts";
import { startHaproxy } from "../support/haproxy.ts";
import { PLACEHOLDER } from "../support/haproxy.ts";
import { FILE, issue, type Kit, NAME, OLD, rejection, test, untouched, WITH_OLD } from "../support/haproxy_kit.ts";
import { tapSocket } from "../support/haproxy_tap.ts";
import { freePort } from "../support/process.ts";

/** Swaps with the probe at that port, which must fail with these words, and be tried once. */
async function lostAt(kit: Kit, port: number, hop: string): Promise<string> {
  const { haproxy, other, events } = kit;
  await using tap = tapSocket(`${haproxy.layout.root}/tap.sock`, haproxy.socket, () => undefined);
  const lb = other({ probe: `127.0.0.1:${port}` }, tap.path);
  const error = await rejection(() => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL), "SWAP_REJECTED", hop);
  assertStringIncludes(error.message, "is answered by another certificate (serial ");
  assertStringIncludes(error.message, `127.0.0.1:${port} answers with`);
  assertEquals(tap.commands.filter((it) => it.startsWith("commit")).length, 2); // and one to put back
  assertEquals(events.map((it) => [it.level, it.name]), [["warn", "balancer.put_back"]]);
  await untouched(kit);
  return error.todo ?? "";
}

test("another hop answers, F-104: swap() names another server, and puts back", WITH_OLD, async (kit) => {
  await using elsewhere = await startHaproxy();
  const todo = await lostAt(kit, elsewhere.httpsPort, "another server is in front of it");
  assertEquals(todo, "set probe= to this balancer's TLS address");
});

test(
  "another hop answers, F-104: swap() names a process that has the former one, and puts back",
  WITH_OLD,
  async (kit) => {
    await using elsewhere = await startHaproxy(WITH_OLD);
    const todo = await lostAt(kit, elsewhere.httpsPort, `(serial ${OLD.facts.serial}`);
    assertStringIncludes(todo, "end the other process");
  },
);

const port = freePort();
const bind = (root: string): string =>
  `frontend other\n  mode http\n  bind 127.0.0.1:${port} ssl crt ${root}/certs/${PLACEHOLDER}\n`;

test("another hop answers, F-104: swap() names a bind without its list", { ...WITH_OLD, last: bind }, async (kit) => {
  const todo = await lostAt(kit, port, `/certs/${PLACEHOLDER} of the same HAProxy`);
  assertEquals(todo, `set probe= to the bind that uses ${kit.haproxy.certs}`);
});

test("another hop answers, F-104: swap() names a client that changed it meanwhile", WITH_OLD, async (kit) => {
  const { haproxy, other } = kit;
  const name = `${haproxy.certs}/${FILE}`;
  const theirs = issue("b.example.com");
  await using tap = tapSocket(`${haproxy.layout.root}/tap.sock`, haproxy.socket, async (command) => {
    if (command !== `commit ssl cert ${name}` || tap.commands.filter((it) => it === command).length > 1) {
      return undefined;
    }
    const reply = await haproxy.ask(command);
    await haproxy.ask(`set ssl cert ${name} <<\n${theirs.certificates.join("")}${theirs.keyPem}`);
    await haproxy.ask(command);
    return reply;
  });
  const lb = other({}, tap.path);
  const error = await rejection(() => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL), "SWAP_REJECTED", "by now");
  assertStringIncludes(error.todo ?? "", "who else changes");
  await untouched(kit);
});
