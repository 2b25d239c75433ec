/**
 * The traps of the Kontena Load Balancer, one by one, so that nobody takes the model for kinder than the original is.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:tls";
import { type KontenaLb, type KontenaLbOptions, startKontenaLb } from "../lb/model.ts";
import { startEtcd, type TestEtcd } from "../support/etcd.ts";
import { testPki } from "../support/pki.ts";
import { freePort, has, listening, tempDir, until } from "../support/process.ts";

const PKI = testPki();
const NAME = "infra/lb";

interface Kit {
  readonly etcd: TestEtcd;
  readonly lb: KontenaLb;
  /** Sets a key below the LB's directory. */
  put(path: string, value: string): Promise<void>;
  /** Lets it look at etcd a few times more. */
  looks(): Promise<void>;
}

type Options = Omit<KontenaLbOptions, "etcd" | "name">;

/** An LB on an etcd of its own, for each test. */
function test(name: string, options: Options | (() => Options), run: (kit: Kit) => Promise<void>): void {
  const ignore = !has("etcd", "haproxy");
  Deno.test({ name: `the LB: ${name} [needs etcd, haproxy]`, ignore }, async () => {
    await using etcd = await startEtcd();
    await using lb = startKontenaLb({
      ...typeof options === "function" ? options() : options,
      etcd,
      name: NAME,
      pollMs: 50,
    });
    const looks = async (): Promise<void> => {
      const before = lb.looks;
      await until("the LB looks at etcd", () => lb.looks >= before + 4);
    };
    await run({ etcd, lb, looks, put: (path, value) => etcd.put(`/kontena/haproxy/${NAME}/${path}`, value) });
  });
}

/** A service that answers for itself, with what is put in between. */
function answering(text: string): string {
  return `http-request return status 200 content-type text/plain lf-string "${text}"`;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request on a connection of its own. */
async function get({ httpPort: port }: KontenaLb, host: string, path = "/"): Promise<Answer> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  return await exchange(connection, host, path);
}

async function exchange(connection: Deno.Conn, host: string, path: string, headers = ""): Promise<Answer> {
  const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}Connection: close\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  let text = "";
  const buffer = new Uint8Array(16_384);
  for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  const [head = "", ...body] = text.split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), body: body.join("\r\n\r\n").trimEnd() };
}

/** The serial number of the certificate that a client gets. */
async function served({ httpsPort: port }: KontenaLb, servername?: string): Promise<string> {
  const name = servername === undefined ? {} : { servername };
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...name });
  try {
    await once(socket, "secureConnect");
    return socket.getPeerCertificate().serialNumber.toLowerCase();
  } finally {
    socket.destroy();
    await once(socket, "close");
  }
}

interface Made {
  readonly serial: string;
  readonly certificate: string;
  readonly key: string;
  /** Certificate, intermediate and key. */
  readonly pem: string;
}

function make(name: string): Made {
  const { certificates, keyPem } = PKI.issue([name]);
  const serial = new X509Certificate(certificates[0]).serialNumber.toLowerCase();
  return { serial, certificate: certificates[0], key: keyPem, pem: certificates.join("") + keyPem };
}

/** A folder for the certificate directory, with files in it; it is removed when the tests of this file are over. */
function volume(files: Readonly<Record<string, string>> = {}): string {
  const { path } = VOLUMES.use(tempDir());
  for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(`${path}/${name}`, text);
  return path;
}

const VOLUMES = new DisposableStack();
Deno.test.afterAll(() => VOLUMES.dispose());

const FIRST = make("first.test");
const SECOND = make("second.test");
/** Switches TLS on and is no certificate. */
const TLS_ON = { SSL_CERT_dummy: "none" };
const WITH_FIRST = (): Options => ({ env: TLS_ON, certs: volume({ "a.pem": FIRST.pem }) });

/** Changes the text by a comment and waits until HAProxy has taken over. */
async function touch({ lb, put }: Kit, revision: string): Promise<void> {
  const before = lb.reloads;
  await put("services/touch/custom_settings", `# ${revision}`);
  await until("a reload", () => lb.reloads > before);
}

// --- files and reloads ---------------------------------------------------------------------------------------------------

test("a new or changed file is not noticed by itself", WITH_FIRST, async ({ lb, looks }) => {
  await lb.ready();
  await Deno.writeTextFile(`${lb.certs}/a.pem`, SECOND.pem);
  await Deno.writeTextFile(`${lb.certs}/b.pem`, SECOND.pem);
  await looks();
  assertEquals([await served(lb, "first.test"), await served(lb, "second.test")], [FIRST.serial, FIRST.serial]);
  assertEquals([lb.reloads, lb.refusals], [0, 0]);
});

test("another comment line is enough for a reload, which reads the directory again", WITH_FIRST, async (kit) => {
  const { lb } = kit;
  await lb.ready();
  const { pid } = lb;
  await Deno.writeTextFile(`${lb.certs}/b.pem`, SECOND.pem);
  await touch(kit, "revision 1");
  assertEquals([await served(lb, "first.test"), await served(lb, "second.test")], [FIRST.serial, SECOND.serial]);
  assert(lb.pid !== pid && lb.pid !== undefined);
  assertStringIncludes(lb.configuration(), "backend touch\n    option forwardfor\n    # revision 1\n");
});

test("what does not change the text reloads nothing", WITH_FIRST, async ({ lb, put, looks }) => {
  await lb.ready();
  await put("services/touch/custom_settings", "# revision 1");
  await until("a reload", () => lb.reloads === 1);
  await put("services/touch/custom_settings", "# revision 1");
  await put("services/touch/unknown_key", "revision 2");
  await put("certs/bundle", "true");
  await looks();
  assertEquals([lb.reloads, lb.refusals], [1, 0]);
});

test("one bad file blocks every reload; mending it is not enough, the text has to change", WITH_FIRST, async (kit) => {
  const { lb, put, looks } = kit;
  await lb.ready();
  const { pid } = lb;
  await Deno.writeTextFile(`${lb.certs}/bad.pem`, "half-written");
  await put("services/touch/custom_settings", "# revision 1");
  await until("a refusal", () => lb.refusals === 1);
  await put("services/web/custom_settings", answering("web"));
  await put("services/web/virtual_hosts", "web.test");
  await until("a refusal of another's change", () => lb.configuration().includes("hdr(host) -i web.test"));
  await until("a refusal of another's change", () => lb.refusals >= 2);
  assertEquals([lb.pid, await served(lb), (await get(lb, "web.test")).status], [pid, FIRST.serial, 503]);
  await Deno.remove(`${lb.certs}/bad.pem`);
  await looks();
  assertEquals([lb.reloads, lb.pid], [0, pid]);
  await touch(kit, "revision 2");
  assertEquals((await get(lb, "web.test")).body, "web");
  assertMatch(lb.output(), /bad\.pem/);
});

test("HAProxy does not come back by itself while a bad file is there", WITH_FIRST, async (kit) => {
  const { lb, put, looks } = kit;
  await lb.ready();
  await Deno.writeTextFile(`${lb.certs}/bad.pem`, "half-written");
  await lb.kill();
  await until("a refusal", () => lb.refusals === 1);
  await Deno.remove(`${lb.certs}/bad.pem`);
  await looks();
  assertEquals([lb.pid, await listening(lb.httpPort)], [undefined, false]);
  await put("services/touch/custom_settings", "# revision 1");
  await lb.ready();
});

// On 1.8 a dot file is loaded as any other, and a bad one blocks. 2.6 leaves it out, so the model cannot show that.
test("sub-directories are not looked into, nor are dot files by 2.6", WITH_FIRST, async (kit) => {
  const { lb } = kit;
  await lb.ready();
  await Deno.mkdir(`${lb.certs}/.staging`);
  await Deno.writeTextFile(`${lb.certs}/.staging/half.pem`, "half-written");
  await Deno.writeTextFile(`${lb.certs}/.half.pem`, "half-written");
  await touch(kit, "revision 1");
  await Deno.rename(`${lb.certs}/.staging/half.pem`, `${lb.certs}/half.tmp`);
  await kit.put("services/touch/custom_settings", "# revision 2");
  await until("a refusal of any other name", () => lb.refusals === 1);
});

// --- certificates of the environment -------------------------------------------------------------------------------------

test("the first file in byte order is the default certificate, and capitals come first", {
  env: { SSL_CERTS: FIRST.pem, SSL_CERT_acme_challenge_x: SECOND.pem },
}, async ({ lb }) => {
  await lb.ready();
  assertEquals(files(lb), ["SSL_CERT_acme_challenge_x.pem", "cert1_gen.pem"]);
  const unknown = await served(lb, "unknown.test");
  assertEquals([await served(lb), unknown, await served(lb, "first.test")], [
    SECOND.serial,
    SECOND.serial,
    FIRST.serial,
  ]);
});

test("a bad piece of SSL_CERTS is left out, keeps its number, and its beginning is printed", {
  env: { SSL_CERTS: FIRST.pem + SECOND.key + SECOND.certificate + SECOND.pem },
}, async ({ lb }) => {
  await lb.ready();
  // The certificate behind the key went to the next piece, which is good because its first certificate parses.
  assertEquals(files(lb), ["cert1_gen.pem", "cert3_gen.pem"]);
  assertStringIncludes(lb.output(), `WARN -- Kontena::CertSplitter: invalid certificate: ${SECOND.key.slice(0, 51)}`);
});

for (
  const [what, pem] of [
    ["without a key", FIRST.certificate],
    ["with another's key", FIRST.certificate + SECOND.key],
  ] as const
) {
  test(`a bundle ${what} passes for valid, and HAProxy never starts`, { env: { SSL_CERT_x: pem } }, async (kit) => {
    const { lb, put } = kit;
    await until("a refusal", () => lb.refusals === 1);
    assertStringIncludes(lb.output(), "valid certificate: CN=first.test");
    assertEquals(files(lb), ["SSL_CERT_x.pem"]);
    await put("services/touch/custom_settings", "# revision 1");
    await until("another refusal", () => lb.refusals === 2);
    assertEquals([lb.pid, await listening(lb.httpPort)], [undefined, false]);
  });
}

test("files of others are left alone at boot", () => ({
  env: { SSL_CERTS: SECOND.pem },
  certs: volume({ "cert9_gen.pem": FIRST.pem, "cert1_gen.pem": "of the last boot" }),
}), async ({ lb }) => {
  await lb.ready();
  assertEquals(files(lb), ["cert1_gen.pem", "cert9_gen.pem"]);
  assertEquals([await served(lb, "first.test"), await served(lb, "second.test")], [FIRST.serial, SECOND.serial]);
});

for (
  const [env, why] of [
    [{ SSL_CERTS: "" }, "an empty SSL_CERTS"],
    [{ SSL_CERT_FILE: "/etc/ssl/cert.pem" }, "OpenSSL's own SSL_CERT_FILE"],
    [{ SSL_CERT_DIR: "/etc/ssl/certs" }, "OpenSSL's own SSL_CERT_DIR"],
  ] as const
) {
  test(`${why} switches TLS on, and without a directory HAProxy does not start`, { env }, async ({ lb, looks }) => {
    await until("a refusal", () => lb.refusals === 1);
    assertStringIncludes(lb.output(), "unable to stat SSL certificate");
    assertEquals([files(lb), lb.pid], [undefined, undefined]);
    await looks();
    assertEquals([lb.refusals, await listening(lb.httpPort)], [1, false]);
  });
}

test("an empty directory keeps HAProxy down until there is a file and another text", () => ({
  env: TLS_ON,
  certs: volume(),
}), async ({ lb, put, looks }) => {
  await until("a refusal", () => lb.refusals === 1);
  await Deno.writeTextFile(`${lb.certs}/a.pem`, FIRST.pem);
  await looks();
  assertEquals([lb.pid, lb.refusals], [undefined, 1]);
  await put("services/touch/custom_settings", "# revision 1");
  await lb.ready();
  assertEquals([await served(lb), lb.reloads], [FIRST.serial, 0]);
});

test("files alone do not switch TLS on", () => ({ certs: volume({ "a.pem": FIRST.pem }) }), async ({ lb, put }) => {
  await put("services/web/custom_settings", answering("web"));
  await lb.ready();
  assertEquals(await listening(lb.httpsPort), false);
});

/** Undefined where there is no directory. */
function files({ certs }: KontenaLb): readonly string[] | undefined {
  try {
    return [...Deno.readDirSync(certs)].map((entry) => entry.name).sort();
  } catch {
    return undefined;
  }
}

// --- routing -------------------------------------------------------------------------------------------------------------

const ACME = "/.well-known/acme-challenge/";

/** Services by name, keys of each. */
async function services({ put }: Kit, all: Readonly<Record<string, Readonly<Record<string, string>>>>): Promise<void> {
  for (const [name, keys] of Object.entries(all)) {
    for (const [key, value] of Object.entries({ custom_settings: answering(name), ...keys })) {
      await put(`services/${name}/${key}`, value);
    }
  }
}

test("host and path win over host, host over path, and the name that sorts first inside a class", {}, async (kit) => {
  const { lb } = kit;
  await services(kit, {
    "0acme": { virtual_hosts: "a.test,b.test", virtual_path: ACME },
    "api": { virtual_hosts: "a.test", virtual_path: "/api,/.well" },
    "catch": { virtual_path: ACME },
    "star": { virtual_hosts: "*.star.test" },
    "web": { virtual_hosts: "a.test" },
    "web2": { virtual_hosts: "a.test" },
    "zero": { virtual_path: "/" },
  });
  await until("all services", () => lb.configuration().includes("use_backend zero"));
  await until("all services", async () => (await get(lb, "c.test")).body === "zero");
  for (
    const [host, path, expected] of [
      ["a.test", `${ACME}token`, "0acme"],
      ["b.test", `${ACME}token`, "0acme"],
      ["b.test", "/", "zero"],
      ["a.test", "/api", "api"],
      ["a.test", "/apix?y=1", "api"],
      ["a.test", "/", "web"],
      ["A.TEST:8080", "/", "web"],
      // A path alone loses to any service of that host.
      ["x.star.test", `${ACME}token`, "star"],
      ["star.test", "/", "zero"],
      ["c.test", `${ACME}token`, "catch"],
    ] as const
  ) assertEquals((await get(lb, host, path)).body, expected, `${host} ${path}`);
});

test("a service whose name sorts later gets nothing of what an earlier one claims", {}, async (kit) => {
  await services(kit, {
    "app": { virtual_hosts: "a.test", virtual_path: "/" },
    "certificates": { virtual_hosts: "a.test", virtual_path: ACME },
  });
  await until("both services", async () => (await get(kit.lb, "a.test")).body === "app");
  assertEquals((await get(kit.lb, "a.test", `${ACME}token`)).body, "app");
});

test("a path is taken away unless it is kept; the port of Host always is", {}, async (kit) => {
  const { lb } = kit;
  await using server = echo();
  const upstream = { "upstreams/one": `127.0.0.1:${server.addr.port}`, "custom_settings": "# none" };
  await services(kit, {
    "cut": { ...upstream, virtual_hosts: "cut.test", virtual_path: "/api" },
    "keep": { ...upstream, virtual_hosts: "keep.test", virtual_path: "/api", keep_virtual_path: "true" },
  });
  await until("both services", async () => (await get(lb, "keep.test", "/api")).status === 200);
  assertEquals((await get(lb, "cut.test:81", "/api/x?y=1")).body, "cut.test /x?y=1 from 127.0.0.1");
  assertEquals((await get(lb, "cut.test", "/apix")).body, "cut.test /x from 127.0.0.1");
  assertEquals((await get(lb, "keep.test", "/api/x?y=1")).body, "keep.test /api/x?y=1 from 127.0.0.1");
});

test("what came by TLS is told to the service; a client's own word is not taken away", WITH_FIRST, async (kit) => {
  const both = answering("%[req.fhdr(x-forwarded-proto,1)] %[req.fhdr(x-forwarded-proto,2)]");
  await services(kit, { "web": { virtual_path: "/", custom_settings: both } });
  await until("the service", async () => (await get(kit.lb, "first.test")).status === 200);
  const plain = await Deno.connect({ hostname: "127.0.0.1", port: kit.lb.httpsPort });
  using connection = await Deno.startTls(plain, { hostname: "first.test", caCerts: [PKI.rootPem] });
  const answer = await exchange(connection, "first.test", "/", "X-Forwarded-Proto: gopher\r\n");
  assertEquals(answer, { status: 200, body: "gopher https" });
});

/** Says what it was asked. */
function echo(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: freePort(), onListen(): void {} }, ({ url, headers }) => {
    const { pathname, search } = new URL(url);
    return new Response(`${headers.get("host")} ${pathname}${search} from ${headers.get("x-forwarded-for")}`);
  });
}

test("a service without upstreams answers 503; a TCP service needs a port and an upstream", {}, async (kit) => {
  const { lb, put } = kit;
  await using server = echo();
  const [port, other] = [freePort(), freePort()];
  await put("tcp-services/bare/external_port", `${other}`);
  await put("tcp-services/raw/external_port", `${port}`);
  await put("tcp-services/raw/upstreams/one", `127.0.0.1:${server.addr.port}`);
  await services(kit, { "web": { virtual_hosts: "a.test", custom_settings: "# none" } });
  await until("the TCP service", () => listening(port));
  await until("the service", () => lb.configuration().includes("use_backend web"));
  assertStringIncludes((await get(lb, "a.test")).body, "503 Service Unavailable");
  assertEquals((await get({ ...lb, httpPort: port }, "a.test")).body, "a.test / from null");
  assertEquals([await listening(other), lb.configuration().includes("bare")], [false, false]);
});

const TOKEN = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0";

test("ACME_CHALLENGE_ in the environment takes all challenges away from services", {
  env: { [`ACME_CHALLENGE_${TOKEN}`]: `${TOKEN}.thumb\n` },
}, async (kit) => {
  const { lb } = kit;
  await services(kit, { "0acme": { virtual_hosts: "a.test", virtual_path: ACME } });
  await until("the service", () => lb.configuration().includes("use_backend 0acme"));
  await until("an answer", async () => (await get(lb, "a.test", ACME + TOKEN)).status === 200);
  assertEquals(await get(lb, "a.test", ACME + TOKEN), { status: 200, body: `${TOKEN}.thumb` });
  assertEquals(await get(lb, "a.test", `${ACME}other`), {
    status: 404,
    body: "No key authorization for challenge: other",
  });
  for (const path of [ACME, `${ACME}${TOKEN}/more`]) assertEquals((await get(lb, "a.test", path)).status, 404, path);
});

// --- etcd ----------------------------------------------------------------------------------------------------------------

test("health_check_uri of a TCP service freezes it until the key is gone", {}, async ({ lb, etcd, put, looks }) => {
  await until("HAProxy", () => lb.pid !== undefined);
  await put("tcp-services/raw/health_check_uri", "/");
  await looks();
  const before = lb.configuration();
  await put("services/web/custom_settings", answering("web"));
  await looks();
  assertEquals([lb.configuration(), lb.reloads, lb.refusals], [before, 0, 0]);
  assertStringIncludes(lb.output(), "undefined method 'health_check_uri='");
  await etcd.remove(`/kontena/haproxy/${NAME}/tcp-services/raw/health_check_uri`);
  await until("the other service", () => lb.reloads === 1);
  assertStringIncludes(lb.configuration(), "backend web");
});

test("it makes its directory, and keeps its configuration while etcd is away", WITH_FIRST, async (kit) => {
  const { lb, etcd, put, looks } = kit;
  await lb.ready();
  const { pid } = lb;
  assertEquals(await etcd.keys("/kontena/haproxy"), []);
  const before = lb.configuration();
  await etcd.stop();
  await looks();
  assertEquals([lb.pid, lb.configuration(), await served(lb)], [pid, before, FIRST.serial]);
  assertStringIncludes(lb.output(), "ERROR -- ");
  await etcd.restart();
  await put("services/touch/custom_settings", "# revision 1");
  await until("a reload", () => lb.reloads === 1);
});

// --- processes -----------------------------------------------------------------------------------------------------------

test("a killed HAProxy comes back, with what is on disk", WITH_FIRST, async ({ lb }) => {
  await lb.ready();
  const { pid } = lb;
  await Deno.writeTextFile(`${lb.certs}/a.pem`, SECOND.pem);
  await lb.kill();
  await until("another HAProxy", () => lb.pid !== undefined && lb.pid !== pid);
  await lb.ready();
  assertEquals([await served(lb), lb.reloads], [SECOND.serial, 0]);
});

test("a request in flight holds the old HAProxy, and then a killed newest is not replaced", {}, async (kit) => {
  const { lb, put, looks } = kit;
  const release = Promise.withResolvers<void>();
  let asked = false;
  const slow = async (): Promise<Response> => {
    asked = true;
    await release.promise;
    return new Response("at last");
  };
  await using server = Deno.serve({ hostname: "127.0.0.1", port: freePort(), onListen(): void {} }, slow);
  await put("services/web/virtual_path", "/");
  await put("services/web/upstreams/one", `127.0.0.1:${server.addr.port}`);
  await until("the service", () => lb.configuration().includes("server one"));
  await lb.ready();
  const answer = get(lb, "a.test");
  await until("the request", () => asked);
  const { pid } = lb;
  await touch(kit, "revision 1");
  await lb.kill();
  await looks();
  assertEquals([lb.pid, await listening(lb.httpPort)], [pid, false]);
  release.resolve();
  assertEquals((await answer).body, "at last");
  await until("another HAProxy", () => lb.pid !== undefined && lb.pid !== pid);
  await lb.ready();
});

test("a reload loses no request", {}, async (kit) => {
  const { lb } = kit;
  await services(kit, { "web": { virtual_path: "/" } });
  await until("the service", () => lb.configuration().includes("use_backend web"));
  await until("the service", async () => (await get(lb, "a.test")).status === 200);
  const { reloads } = lb;
  let count = 0;
  const failures: unknown[] = [];
  const ask = async (): Promise<void> => {
    for (; count < 200 || lb.reloads < reloads + 2; count++) {
      await get(lb, "a.test").then(({ status }) => status === 200 || failures.push(status), (it) => failures.push(it));
    }
  };
  const reload = async (): Promise<void> => {
    await touch(kit, "revision 1");
    await touch(kit, "revision 2");
  };
  await Promise.all([ask(), ask(), reload()]);
  assertEquals(failures, []);
});
