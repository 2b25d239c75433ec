import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { ROOT } from "../../scripts/command.ts";
import { bringParts } from "../../scripts/demo/bring.ts";
import type { CaName } from "../../scripts/demo/ca.ts";
import { startLoad } from "../../scripts/demo/load.ts";
import { openConnection } from "../../scripts/demo/open_connection.ts";
import { bundlePem } from "../../src/model/certificate.ts";
import { startHaproxy, type TestHaproxy } from "../support/haproxy.ts";
import { PEBBLE_PROGRAMS } from "../support/pebble.ts";
import { testPki } from "../support/pki.ts";
import { has, type Running, start, tempDir, until } from "../support/process.ts";

const NAME = "www.example.test";

function startDemo(folder: string, ...args: readonly string[]): Running {
  return start(Deno.execPath(), {
    args: ["task", "--quiet", "demo", ...args],
    cwd: ROOT,
    // what a user may have set for a sidecar of his own must not reach the demo's
    env: { TMPDIR: folder, NO_COLOR: "1", DENO: "", API_TOKEN: "short", KONTENA_TOKEN: "of-another-sidecar" },
  });
}

/** What is still there of a demo: files, and processes that were started on them. */
async function leftOf(folder: string): Promise<readonly string[]> {
  const left = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  for await (const { name } of Deno.readDir("/proc")) {
    const command = /^\d+$/.test(name) ? await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "") : "";
    if (command.includes(folder)) left.push(command.replaceAll("\0", " "));
  }
  return left;
}

/** What is told of tls-sni-01, whichever CA the rest was played with. */
const TLS_SNI = [
  "   No public CA has offered tls-sni-01 since 2019. ",
  "   $ bin/kontena certificate authorize --auth-type tls-sni-01 --lb-link infra/lb api.example.com\n",
  "     Served by infra/lb: api.example.com\n",
  "   ✓ LE_TLS_SNI_api_example_com is gone from the vault, and its certificate from HAProxy\n",
];

/** No step and no request failed, and the visitors met the three certificates. */
function assertEnd(output: string): void {
  const last = output.trimEnd().split("\n").at(-1) ?? "";
  const [, made] = /^9 steps passed, 0 failed; requests made: (\d+), requests failed: 0$/.exec(last) ?? [];
  assert(Number(made) >= 200, last);
  const serials = [...output.matchAll(/^ {3}(\d+) +met serial ([0-9a-f]+) /gm)];
  assertEquals(new Set(serials.map(([, , serial]) => serial)).size, 3, "the old certificate and two new ones");
  assertEquals(serials.reduce((sum, [, count]) => sum + Number(count), 0) <= Number(made), true);
  assertMatch(output, /^ {5}[0-9a-f]{32}\.[0-9a-f]{32}\.acme\.invalid: serial [0-9a-f]+$/m);
  assertMatch(output, /^ {3}✓ The default certificate was serial [0-9a-f]+ all the time$/m);
}

Deno.test({
  name:
    "deno task demo shows the whole job and ends by itself: no request failed, nothing is left [needs haproxy, pebble]",
  ignore: !has(...PEBBLE_PROGRAMS, "haproxy"),
  fn: async () => {
    using folder = tempDir();
    await using demo = startDemo(folder.path);

    assertEquals(await demo.exit, 0, demo.output());

    const output = demo.output();
    assertEnd(output);
    assertStringIncludes(output, "   Pebble, an ACME CA ");
    assertStringIncludes(output, "   Pebble does not, so a second sidecar, ");
    assertEquals(output.split("certificate register --agree-tos").length - 1, 2, "each CA knows its own account");
    for (
      const line of [
        ...TLS_SNI,
        "   $ bin/kontena certificate register --agree-tos you@example.com\n     Email registered to LetsEncrypt\n",
        "   $ bin/kontena certificate authorize --auth-type tls-alpn-01 --lb-link infra/lb shop.example.com\n",
        "   $ bin/kontena certificate authorize --auth-type http-01 --lb-link infra/lb www.example.com\n",
        "     LE_CERTIFICATE_shop_example_com_BUNDLE\n",
        "     Served by infra/lb: shop.example.com, www.example.com\n",
        "     Configuration file is valid\n",
      ]
    ) assertStringIncludes(output, line);
    assertEquals(await leftOf(folder.path), []);
  },
});

Deno.test({
  name: "deno task demo, ended in the middle by SIGTERM, leaves nothing behind [needs haproxy, pebble]",
  ignore: !has(...PEBBLE_PROGRAMS, "haproxy"),
  fn: async () => {
    using folder = tempDir();
    await using demo = startDemo(folder.path);
    await until("the demo has begun", () => demo.output().includes("\n3. "), 30_000);
    assert((await leftOf(folder.path)).length > 3, "HAProxy, Pebble, its DNS and the sidecar can be seen");

    demo.kill("SIGTERM");

    assertEquals(await demo.exit, 143, demo.output());
    assertEquals(await leftOf(folder.path), []);
  },
});

Deno.test({
  name: "deno task demo --ca=test shows the same with the test authority and one sidecar [needs haproxy]",
  ignore: !has("haproxy"),
  fn: async () => {
    using folder = tempDir();
    await using demo = startDemo(folder.path, "--ca=test");

    assertEquals(await demo.exit, 0, demo.output());

    const output = demo.output();
    assertEnd(output);
    for (const line of ["   the test authority ", ...TLS_SNI]) assertStringIncludes(output, line);
    assertEquals(output.split("certificate register --agree-tos").length - 1, 1);
    assertEquals(output.includes("Pebble"), false);
    const [, refused] = /So far the CA refused (\d+) of \d+ requests for their nonce/.exec(output) ?? [];
    assert(Number(refused) > 0, "the test authority refuses good nonces as well");
    assertEquals(await leftOf(folder.path), []);
  },
});

/** The CA that is chosen on a machine with some programs, where others can be installed or not. */
async function chosen(
  asked: CaName | undefined,
  present: readonly string[],
  install?: (has: Set<string>) => void,
): Promise<Record<"notes" | "said" | "looked", readonly string[]> & { readonly ca: CaName }> {
  const programs = new Set(present);
  const looked: string[] = [];
  const notes: string[] = [];
  const said: string[] = [];
  const ca = await bringParts(asked, { note: (text) => notes.push(text) }, {
    has: (program) => looked.push(program) > 0 && programs.has(program),
    say: (line) => said.push(line),
    ...install === undefined ? {} : { install: () => Promise.resolve().then(() => install(programs)) },
  });
  return { ca, notes, said, looked };
}

const broken = (): never => {
  throw new Error("no network\nat all");
};

for (
  const [what, asked, present, install, ca, told] of [
    ["Pebble is there", undefined, ["haproxy", ...PEBBLE_PROGRAMS], undefined, "pebble", [0, 0]],
    [
      "Pebble can be brought",
      undefined,
      ["haproxy"],
      (all: Set<string>): void => PEBBLE_PROGRAMS.forEach((it) => all.add(it)),
      "pebble",
      [0, 1],
    ],
    ["Pebble cannot be brought", undefined, ["haproxy", "openssl"], undefined, "test", [1, 0]],
    ["bringing Pebble fails", undefined, ["haproxy", "openssl"], broken, "test", [1, 1]],
    ["one of its programs is missing", undefined, ["haproxy", "pebble", "openssl"], undefined, "test", [1, 0]],
    ["it was asked for", "test", ["haproxy"], broken, "test", [0, 0]],
    ["it was asked for, though Pebble is there", "test", ["haproxy", ...PEBBLE_PROGRAMS], broken, "test", [0, 0]],
  ] as const
) {
  Deno.test(`bringParts() decides for ${ca === "test" ? "the test authority" : "Pebble"} where ${what}`, async () => {
    const { ca: found, notes, said, looked } = await chosen(asked, present, install);

    assertEquals([found, [notes.length, said.length]], [ca, told]);
    if (asked === "test") assertEquals([...new Set(looked)], ["haproxy"]);
    if (notes.length > 0) assertMatch(notes[0] ?? "", /^Pebble cannot be had here: .*--ca=test$/);
  });
}

for (
  const [what, asked, present] of [
    ["HAProxy", undefined, PEBBLE_PROGRAMS],
    ["HAProxy, also with the test authority,", "test", PEBBLE_PROGRAMS],
    ["Pebble that was asked for", "pebble", ["haproxy", "openssl"]],
  ] as const
) {
  Deno.test(`bringParts() cannot do without ${what}`, async () => {
    await assertRejects(() => chosen(asked, present), Error, "a program that the demo needs is missing");
  });
}

Deno.test("deno task demo refuses an argument that it does not know", async () => {
  using folder = tempDir();
  await using demo = startDemo(folder.path, "--kep");

  assertEquals(await demo.exit, 1);
  assertStringIncludes(demo.output(), "There is no --kep here");
});

/** A HAProxy whose default is a certificate for the name, and a client that trusts its root. */
async function site(): Promise<{ readonly haproxy: TestHaproxy; readonly port: number; readonly roots: string[] }> {
  const pki = testPki();
  const haproxy = await startHaproxy({ files: { "00-first.pem": bundlePem(pki.issue([NAME], { serial: "0abc" })) } });
  return { haproxy, port: haproxy.httpsPort, roots: [pki.rootPem] };
}

Deno.test({
  name: "startLoad() counts what each connection met, and every failure once HAProxy is gone [needs haproxy]",
  ignore: !has("haproxy"),
  fn: async () => {
    const target = await site();
    await using haproxy = target.haproxy;
    const call = { signal: AbortSignal.timeout(20_000) };
    await using load = startLoad(target, [NAME], call);

    const before = await load.next(5, call);
    await haproxy.kill();
    const after = await load.next(5, call);
    await load.stop();

    assertEquals([before.failed, [...before.serials], [...before.pids]], [0, [["0abc", 5]], [haproxy.pid]]);
    assertEquals([after.failed, after.serials.size], [5, 0]);
    assertMatch(after.reasons[0] ?? "", /ECONNREFUSED/);
    assert(load.tally.failed >= 5 && load.tally.made >= 10);
  },
});

for (
  const [what, name, roots, reason] of [
    ["an untrusted chain", NAME, [testPki("ec-384").rootPem], /unable to verify/],
    ["another name's certificate", "other.example.test", undefined, /does not match/],
  ] as const
) {
  Deno.test({
    name: `startLoad() counts ${what} as a failure [needs haproxy]`,
    ignore: !has("haproxy"),
    fn: async () => {
      const target = await site();
      await using _haproxy = target.haproxy;
      const call = { signal: AbortSignal.timeout(20_000) };
      await using load = startLoad({ port: target.port, roots: roots ?? target.roots }, [name], call);

      const { failed, reasons } = await load.next(2, call);

      assertEquals(failed, 2);
      assertMatch(reasons[0] ?? "", reason);
    },
  });
}

Deno.test({
  name: "openConnection() answers on one connection, and fails once it was closed [needs haproxy]",
  ignore: !has("haproxy"),
  fn: async () => {
    const target = await site();
    await using haproxy = target.haproxy;
    using open = await openConnection(target, NAME);

    assertEquals(await open.ask(), haproxy.pid);
    assertEquals(open.answered, 2);
    await haproxy.kill();
    await haproxy.restart();
    await assertRejects(() => open.ask(), Error, "was closed");
  },
});
