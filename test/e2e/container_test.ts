/**
 * The image and `compose/haproxy.yml` as they are printed, without Docker: `test/image` does what both files say.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { makeSealer } from "../../mod.ts";
import { systemClock } from "../../plugin/clock.ts";
import { openSqlite, sqliteVault } from "../../plugin/sqlite/mod.ts";
import { type Container, GATEWAY } from "../image/container.ts";
import { privateTest } from "../image/private.ts";
import { processesOf, type Scene, startScene } from "../image/scene.ts";
import { CALL } from "../support/fakes.ts";
import { joined } from "../support/gate.ts";
import { askSocket } from "../support/haproxy.ts";
import { PEBBLE_PROGRAMS } from "../support/pebble.ts";
import { until } from "../support/process.ts";
import { madeBy } from "../support/stage.ts";

/** Where HAProxy is: second in the compose file. */
const HAPROXY = "172.30.0.3";

const NAMES = "www.example.com example.com";

privateTest({
  name: "haproxy.yml in containers: names in, certificate served",
  file: import.meta.url,
  programs: [...PEBBLE_PROGRAMS, "haproxy"],
  async fn(image, t): Promise<void> {
    await using scene = await startScene(image, "haproxy.yml", NAMES, HAPROXY);
    await scene.project.up("haproxy");
    await t.step("a declared certificate is issued through HAProxy and served", () => issued(scene));
    await t.step("the first process is the sidecar, alone and without rights", () => isFirst(scene));
    await t.step("the command line is in the container", () => commandLine(scene));
    await t.step("what it does not need is refused", () => refused(scene));
    await t.step("the health check tells", () => healthCheck(scene));
    await t.step("a fault of the configuration is told, and ends it with 1", () => faulty(scene));
    await t.step("no secret is in arguments, environments or logs", () => secretive(scene));
    await t.step("SIGTERM ends it soon, also in the middle of an order, and nothing is lost", () => ends(scene));
  },
});

async function issued(scene: Scene): Promise<void> {
  await scene.served("www.example.com");
  assertEquals((await madeBy(scene.pebble)).certificates, 1);
  const shared = scene.project.volume("certificates");
  assertEquals(await listing(shared), [".: 2750 10001:99", "certs: 2750 10001:99", "challenges.list: 640 10001:99"]);
  assertEquals((await listing(`${shared}/certs`)).slice(1), [
    ".staging: 2700 10001:99",
    "00-placeholder.pem: 640 10001:99",
    "LE_CERTIFICATE_www_example_com.pem: 640 10001:99",
  ]);
  const { sidecar = "" } = scene.project.addresses;
  using answers = await Deno.connect({ hostname: sidecar, port: 54322 });
  assertEquals(answers.remoteAddr.transport, "tcp", "the balancer reaches the http-01 answers");
  await assertRejects(() => Deno.connect({ hostname: sidecar, port: 9292 }), Deno.errors.ConnectionRefused);
}

async function isFirst({ project }: Scene): Promise<void> {
  const sidecar = project.running("sidecar");
  const all = await processesOf(sidecar);
  assertEquals(all.map(({ path }) => path), [`/proc/${sidecar.pid}`]);
  const status = all[0]!.status;
  for (
    const line of [
      "NSpid:\t\\d+\t1",
      "Uid:\t10001\t.*",
      "Gid:\t10001\t.*",
      "Groups:\t99 ",
      "CapBnd:\t0+",
      "NoNewPrivs:\t1",
    ]
  ) {
    assertMatch(status, new RegExp(`^${line}$`, "m"));
  }
  const printed = /^Permissions: (.*)$/m.exec(sidecar.output())?.[1];
  assertStringIncludes((await argumentsOf(sidecar)).join(" "), ` ${printed} /app/kontena-certificates.js`);
}

async function commandLine({ project }: Scene): Promise<void> {
  const list = await project.running("sidecar").exec(["kontena", "certificate", "list"]);
  assertEquals([list.code, list.stderr], [0, ""]);
  assertStringIncludes(list.stdout, "www.example.com");
  const check = await project.running("sidecar").exec(["kontena", "lb", "check"]);
  assertEquals([check.code, check.stderr], [0, ""], check.stdout);
}

/** Each line is tried by a program that has the sidecar's own flags, user and root. */
const ATTEMPTS = {
  "read /etc/passwd": `Deno.readTextFile("/etc/passwd")`,
  "read the launcher": `Deno.readTextFile("/app/launch.js")`,
  "write beside the shared folders": `Deno.writeTextFile("/etc/haproxy/else", "")`,
  "write to /tmp": `Deno.writeTextFile("/tmp/else", "")`,
  "run a program": `new Deno.Command("/bin/sh").output()`,
  "reach another port": `Deno.connect({ hostname: "haproxy", port: 22 })`,
  "reach another host": `Deno.connect({ hostname: "192.0.2.1", port: 443 })`,
  "read another variable": `Deno.env.get("PATH")`,
  "ask for the host's name": `Deno.hostname()`,
} as const;

async function refused({ project }: Scene): Promise<void> {
  const sidecar = project.running("sidecar");
  const flags = (await argumentsOf(sidecar)).filter((it) => it.startsWith("--"));
  const tries = Object.entries(ATTEMPTS).map(([what, code]) =>
    `out[${JSON.stringify(what)}] = await (async () => await ${code})().then(() => "done", (error) => error.name);`
  );
  const program = `const out = {};\n${tries.join("\n")}\nconsole.log(JSON.stringify(out));`;
  const { stdout, stderr } = await sidecar.exec(["deno", "run", ...flags, "-"], { stdin: program });
  assertEquals(stderr, "");
  assertEquals(JSON.parse(stdout), Object.fromEntries(Object.keys(ATTEMPTS).map((what) => [what, "NotCapable"])));
  // And below Deno's own fence the system's: the root is read-only, the rest is somebody else's.
  for (const path of ["/app/else", "/tmp/else", "/usr/local/bin/else", "/run/secrets/else", "/etc/haproxy/../else"]) {
    assertEquals((await sidecar.exec(["touch", path])).code, 1, path);
  }
  assertEquals((await sidecar.exec(["touch", "/data/mine"])).code, 0);
}

async function healthCheck({ project }: Scene): Promise<void> {
  const sidecar = project.running("sidecar");
  assert(await project.isHealthy(sidecar, "sidecar"));
  assert(await project.isHealthy(sidecar, "sidecar", { API_LISTEN: "0.0.0.0:9292" }));
  assert(!await project.isHealthy(sidecar, "sidecar", { API_LISTEN: "127.0.0.1:9293" }), "where nobody listens");
}

async function faulty({ project }: Scene): Promise<void> {
  await using container = await project.run("sidecar", { KEY_TYPE: "rsa-1024", API_LISTEN: "0.0.0.0:9292" });
  assertEquals(await container.exit, 1);
  const faults = container.output().trimEnd().split("\n");
  assertEquals(faults.length, 3, container.output());
  assertStringIncludes(faults[1] ?? "", "KEY_TYPE");
  assertStringIncludes(faults[2] ?? "", "API_LISTEN");
}

async function secretive({ project, secret }: Scene): Promise<void> {
  const secrets = [secret("vault_key"), secret("api_token")];
  const containers = ["sidecar", "haproxy"].map((name) => project.running(name));
  const processes = (await Promise.all(containers.map(processesOf))).flat();
  const texts = await Promise.all(
    processes.flatMap(({ path }) => ["cmdline", "environ"].map((file) => Deno.readTextFile(`${path}/${file}`))),
  );
  assert(
    texts.join("").includes("API_TOKEN_FILE=/run/secrets/api_token"),
    "the environment is the one that was looked at",
  );
  for (const text of [...texts, ...containers.map((it) => it.output())]) {
    assert(!secrets.some((it) => text.includes(it)) && !text.includes("PRIVATE KEY"));
  }
}

async function ends(scene: Scene): Promise<void> {
  const { pebble, project } = scene;
  assertEquals(await endedBy(project.running("sidecar")), 0);

  // The CA's looks at the new name end here at first, so that the order stays under way for as long as it takes.
  await pebble.setA("shop.example.org", [GATEWAY]);
  await using looks = heldLooks();
  const more = { CERTIFICATES: `${NAMES}; shop.example.org` };
  const second = await project.up("sidecar", more);
  await looks.first;
  assertEquals(await endedBy(second), 0);
  assertEquals((await listing(`${project.volume("certificates")}/certs/.staging`)).length, 1, "no half file");
  await checkVault(scene);

  // It goes on with the same order: the challenge is answered again, and the CA's looks, let go, find that.
  await project.up("sidecar", more);
  const socket = `${project.volume("socket")}/admin.sock`;
  await until(
    "the challenge is answered again",
    async () =>
      (await askSocket(socket, "show ssl crt-list -n /etc/haproxy/challenges.list")).includes("shop.example.org"),
  );
  looks.letGo();
  await scene.served("shop.example.org");
  assertEquals(await madeBy(pebble), { orders: 2, certificates: 2 }, "and the order is the same");
}

/** A place where the CA looks and waits; it looks more than once at a time. */
function heldLooks(): AsyncDisposable & { readonly first: Promise<void>; letGo(): void } {
  const listener = Deno.listen({ hostname: GATEWAY, port: 443 });
  const { promise: first, resolve: came } = Promise.withResolvers<void>();
  const { promise: free, resolve: letGo } = Promise.withResolvers<void>();
  const passed = (async () => {
    const looks: Promise<void>[] = [];
    for await (const look of listener) {
      came();
      looks.push(free.then(async () => joined(look, await Deno.connect({ hostname: HAPROXY, port: 443 }))));
    }
    await Promise.allSettled(looks);
  })();
  return {
    first,
    letGo,
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      letGo();
      await passed;
    },
  };
}

/** Everything that was kept is there, and opens with the key. */
async function checkVault({ project, secret }: Scene): Promise<void> {
  await using store = openSqlite(`${project.volume("data")}/vault.db`);
  const vault = sqliteVault(store, await makeSealer(secret("vault_key")), systemClock);
  const names = (await vault.list(CALL)).map((it) => it.name).filter((name) => name.startsWith("LE_CERTIFICATE"));
  assertEquals(names.map(String).sort(), [
    "LE_CERTIFICATE_www_example_com_BUNDLE",
    "LE_CERTIFICATE_www_example_com_CERTIFICATE",
    "LE_CERTIFICATE_www_example_com_PRIVATE_KEY",
  ]);
  for (const name of names) assertMatch((await vault.read(name, CALL))?.value ?? "", /^-----BEGIN /);
}

/** Sends SIGTERM; fails unless it ends within two seconds. */
async function endedBy(container: Container): Promise<number> {
  const began = performance.now();
  container.kill("SIGTERM");
  const code = await container.exit;
  const ms = performance.now() - began;
  assert(ms < 2_000, `${ms} ms\n${container.output()}`);
  return code;
}

async function argumentsOf({ pid }: Container): Promise<readonly string[]> {
  return (await Deno.readTextFile(`/proc/${pid}/cmdline`)).split("\0").slice(0, -1);
}

/** A folder and what is in it: name, mode, owner. */
async function listing(folder: string): Promise<readonly string[]> {
  const names = [".", ...(await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name)];
  const lines = await Promise.all(names.map(async (name) => {
    const { mode, uid, gid } = await Deno.stat(`${folder}/${name}`);
    return `${name}: ${(mode! & 0o7777).toString(8)} ${uid}:${gid}`;
  }));
  return lines.sort();
}
