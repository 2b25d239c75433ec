import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createServer } from "node:net";
import { acmeAuthority } from "../../src/acme/authority.ts";
import { SidecarError } from "../../src/model/errors.ts";
import type { AuthorityInfo } from "../../src/ports.ts";
import { type AuthorityOptions, startAuthority, type TestAuthority } from "../ca/mod.ts";
import { inWorld } from "../support/failure_world.ts";
import { CALL } from "../support/fakes.ts";
import { hastyClock } from "../support/flow_harness.ts";

const SLOW_MS = 2_000;

for (const status of [301, 302, 307, 308]) {
  Deno.test(`F-16: ${status} on the directory is followed once`, () =>
    inWorld({}, async (world) => {
      await world.strike(`redirect@directory?status=${status}`);
      await world.lookUntilRenewed();
      await world.checkRenewed();
      const paths = world.log().filter(({ endpoint }) => endpoint === "directory").map(({ path }) => path);
      assertEquals([...new Set(paths)], ["/directory", "/directory?moved=1"]);
    }));

  Deno.test(`F-16: ${status} on a signed request is not followed`, () =>
    inWorld({}, async (world) => {
      await world.strike(`redirect@newOrder?status=${status}`);
      await world.look();
      await world.check({ code: "CA_ANSWER", says: new RegExp(`answered ${status} and points to .*not followed`) });
      assertEquals(world.requests().filter((it) => it.startsWith("newOrder")), [`newOrder ${status}`]);
    }));
}

/** Asks for the directory over https. */
async function about(
  authority: { readonly directory: URL },
  caCerts: readonly string[],
): Promise<AuthorityInfo> {
  using client = Deno.createHttpClient({ caCerts: [...caCerts] });
  const ca = acmeAuthority({
    directory: authority.directory,
    fetch: (input, init) => fetch(input, { ...init, client }),
    clock: hastyClock(),
    userAgent: "kontena-certificates-test/1",
    deadline: () => AbortSignal.timeout(SLOW_MS),
  });
  return await ca.about(CALL);
}

Deno.test("F-17: a redirect from https to http is refused", async () => {
  await using plain = await startAuthority();
  const faults = [{ fault: "redirect", to: plain.directory.href }];
  await using authority = await startAuthority({ tls: true, faults });
  const error = await assertRejects(() => about(authority, [authority.tlsRootPem!]), SidecarError, "not an https URL");
  assertEquals([error.code, plain.log.length], ["CA_ANSWER", 0]);
});

for (
  const [why, options, roots] of [
    ["an unknown root", {}, (): readonly string[] => []],
    ["an expired certificate", { tlsFlaw: "expired" }, (it: TestAuthority) => [it.tlsRootPem!]],
    ["a certificate for another host", { tlsFlaw: "other-host" }, (it: TestAuthority) => [it.tlsRootPem!]],
  ] as readonly (readonly [string, AuthorityOptions, (it: TestAuthority) => readonly string[]])[]
) {
  Deno.test(`F-18: a CA with ${why} hears no request`, async () => {
    await using authority = await startAuthority({ tls: true, ...options });
    const error = await assertRejects(() => about(authority, roots(authority)), SidecarError);
    assertEquals([error.code, authority.log.length], ["CA_TRANSPORT", 0]);
    assertStringIncludes(String(error.todo), "ACME_CA_FILE");
  });
}

for (
  const [why, answer] of [
    ["speaks only TLS 1.0", Uint8Array.of(21, 3, 1, 0, 2, 2, 70)], // alert: fatal, protocol_version
    ["resets the handshake", undefined],
  ] as const
) {
  Deno.test(`F-18: a CA that ${why} hears no request`, async () => {
    let bytes = "";
    const server = createServer((socket) =>
      socket.once("data", (data) => {
        bytes += data.toString("latin1");
        if (answer === undefined) socket.destroy();
        else socket.end(answer);
      })
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const directory = new URL(`https://127.0.0.1:${port}/directory`);
    const error = await assertRejects(() => about({ directory }, []), SidecarError);
    assertEquals([error.code, bytes.includes("directory")], ["CA_TRANSPORT", false]);
    await new Promise((resolve) => server.close(resolve));
  });
}

for (
  const [fault, code, says] of [
    ["directory-without?field=newOrder", "CA_ANSWER", /newOrder/],
    ["directory-without?field=newNonce", "CA_ANSWER", /newNonce/],
    ["directory-elsewhere", "CA_ANSWER", /ACME_HOSTS/],
    ["directory-elsewhere?scheme=http&host=169.254.169.254", "CA_ANSWER", undefined],
  ] as const
) {
  Deno.test(`F-19: ${fault} is refused by name`, () =>
    inWorld({}, async (world) => {
      await world.strike(fault);
      await world.look();
      await world.check({ code, ...(says === undefined ? {} : { says }) });
    }));
}

for (const fault of ["directory-relative", "directory-without?field=meta", "directory-without?field=revokeCert"]) {
  Deno.test(`F-19: ${fault} is taken, as is a field without meaning`, () =>
    inWorld({ authority: { directoryNoise: true } }, async (world) => {
      await world.strike(fault);
      await world.lookUntilRenewed();
      await world.checkRenewed();
    }));
}

Deno.test("F-20: the directory's URLs have changed for the next process, and for this one within the hour", () =>
  inWorld({}, async (world) => {
    await using after = world.restart();
    await world.strike("directory-moved");
    await after.lookUntilRenewed();
    await world.checkRenewed();
    world.authority.faults.clear();
    await world.strike("directory-moved?version=3");
    await world.lookUntilRenewed();
    await world.checkRenewed();
  }));

Deno.test("F-24: a CA whose name is not in DNS is out of reach by that name", () =>
  inWorld({
    fresh: true,
    directory: () => new URL("https://ca.kontena-certificates.invalid/directory"),
    patienceMs: SLOW_MS,
  }, async (world) => {
    await world.look();
    await world.check({ code: "CA_TRANSPORT", says: /ca\.kontena-certificates\.invalid/ });
  }));
