import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ConfigError, configManual, VARIABLES } from "../../../plugin/config.ts";
import { flagsOf, nameserversOf, permissionsOf } from "../../../plugin/permissions.ts";
import { configOf, environment } from "../../support/config_env.ts";

const LB = "haproxy+unix:///run/haproxy/admin.sock?certs=/etc/haproxy/certs&probe=127.0.0.1:443";

Deno.test("readConfig() has a default for everything", () => {
  const config = configOf();
  assertEquals(config.directories.map(String), ["https://acme-v02.api.letsencrypt.org/directory"]);
  assertEquals(config.apiListen, { hostname: "127.0.0.1", port: 9292 });
  assertEquals(config.challengeListen, { hostname: "127.0.0.1", port: 54322 });
  assertEquals(config.challengeTlsListen, undefined);
  assertEquals(config.vault, { kind: "sqlite", path: "data/vault.db" });
  assertEquals([...config.challenges] as string[], ["tls-alpn-01", "http-01"]);
  assertEquals([config.keyTypes, config.grid, config.agreeTos] as unknown[], [["ec-256"], "default", false]);
});

Deno.test("readConfig() takes the original's names where ours are not set", () => {
  const config = configOf({ ACME_ENDPOINT: "https://ca.example/dir", KONTENA_GRID_NAME: "prod" });
  assertEquals([config.directories[0].href, config.grid], ["https://ca.example/dir", "prod"]);
});

Deno.test("readConfig() reads declared certificates; the first name is the subject", () => {
  const config = configOf({
    CERTIFICATES: "a.example www.a.example; b.example\n*.c.example",
    LOAD_BALANCERS: `infra/lb=${LB}`,
  });
  assertEquals(config.certificates.map((it) => it.names.join(" ")), [
    "a.example www.a.example",
    "b.example",
    "*.c.example",
  ]);
  assertEquals(config.certificates[0]?.balancers, ["infra/lb"]);
  assertEquals(config.certificates[2]?.secretName as string, "LE_CERTIFICATE_STAR_c_example");
});

Deno.test("readConfig() takes two key types; what is declared is of the first", () => {
  const config = configOf({ KEY_TYPE: " rsa-2048  ec-384", CERTIFICATES: "a.example" });
  assertEquals([...config.keyTypes] as string[], ["rsa-2048", "ec-384"]);
  assertEquals(config.certificates.map((it) => it.keyType as string), ["rsa-2048"]);
});

Deno.test("readConfig() knows a Kontena Load Balancer by its scheme", () => {
  const url = "kontena+etcd://10.0.0.1:2379/infra/lb?certs=/etc/haproxy/certs&probe=lb:443&answer=10.0.0.5:54322";
  const config = configOf({ LOAD_BALANCERS: `infra/lb=${url} edge=${LB}` });
  assertEquals(config.balancers.map((it) => [it.name, it.kind]), [["infra/lb", "kontena"], ["edge", "haproxy"]]);
  const { net } = permissionsOf(config, environment({}), []);
  for (const it of ["10.0.0.1:2379", "lb:443", "lb:80", "10.0.0.5:54322"]) assert(net.includes(it), it);
});

Deno.test("readConfig() splits a balancer at the first equals sign", () => {
  assertEquals(configOf({ LOAD_BALANCERS: `infra/lb=${LB}` }).balancers.map((it) => it.name), ["infra/lb"]);
});

Deno.test("readConfig() reads a secret from its file, without the line's end", () => {
  const config = configOf({ VAULT_KEY_FILE: "/run/secrets/key" }, { "/run/secrets/key": `${"k".repeat(40)}\n` });
  assertEquals(config.vaultKey, "k".repeat(40));
});

for (
  const [variables, fault] of [
    [{ ACME_DIRECTORY_URL: "http://ca.example/dir" }, 'ACME_DIRECTORY_URL: "http://ca.example/dir" is not https'],
    [{ ACME_DIRECTORY_URL: "letsencrypt-stage" }, 'ACME_DIRECTORY_URL: "letsencrypt-stage" is not a URL'],
    [{ ACME_EMAIL: "nobody" }, "ACME_EMAIL"],
    [{ ACME_AGREE_TOS: "perhaps" }, 'ACME_AGREE_TOS: "perhaps" is none of true, false'],
    [{ KEY_TYPE: "rsa-1024" }, "KEY_TYPE"],
    [
      { KEY_TYPE: "rsa-2048 rsa-4096" },
      'KEY_TYPE: "rsa-2048 rsa-4096" names two RSA key types (name one, or an EC and',
    ],
    [{ KEY_TYPE: "ec-384 ec-384" }, 'KEY_TYPE: "ec-384 ec-384" names two EC key types'],
    [{ KEY_TYPE: "ec-256 rsa-2048 rsa-4096" }, "names more than two key types"],
    [{ CERTIFICATES: "a..b" }, 'CERTIFICATES: Cannot use "a..b"'],
    [{ CHALLENGE: "tls-alpn" }, "CHALLENGE"],
    [
      { RATE_LIMITS: "on" },
      'RATE_LIMITS: cannot read "on": No such file (write letsencrypt, off or the path of a file)',
    ],
    [{ LOAD_BALANCERS: LB }, "LOAD_BALANCERS"],
    [{ LOAD_BALANCERS: `a=${LB} a=${LB}` }, "LOAD_BALANCERS: a is there twice"],
    [{ DNS_RESOLVERS: "ns.example.com" }, "DNS_RESOLVERS"],
    [{ VAULT_URL: "postgres://x" }, "VAULT_URL"],
    [{ LEDGER_URL: "sqlite:other.db" }, "LEDGER_URL"],
    [{ API_LISTEN: "9292" }, 'API_LISTEN: "9292" is not an address'],
    [{ API_LISTEN: "0.0.0.0:9292" }, "API_LISTEN: 0.0.0.0 is not loopback"],
    [{ CHALLENGE_HTTP_LISTEN: "x:99999" }, "CHALLENGE_HTTP_LISTEN"],
    [{ CHALLENGE_TLS_LISTEN: "54443" }, 'CHALLENGE_TLS_LISTEN: "54443" is not an address'],
    [{ GRID: "a/b" }, "GRID"],
    [{ LOG_LEVEL: "loud" }, "LOG_LEVEL"],
    [{ LOG_FORMAT: "xml" }, "LOG_FORMAT"],
    [{ ACME_EAB_HMAC_KEY: "c2VjcmV0" }, "ACME_EAB_KID"],
    [{ VAULT_KEY_FILE: "/missing" }, 'VAULT_KEY_FILE: cannot read "/missing"'],
  ] as const
) {
  Deno.test(`readConfig() refuses ${JSON.stringify(variables)}`, () => {
    const error = assertThrows(() => configOf(variables), ConfigError);
    assertEquals(error.faults.length, 1);
    assertStringIncludes(error.message, fault);
  });
}

for (
  const [text, fault] of [
    ["{", 'RATE_LIMITS: "/limits.json": '],
    ["{}", 'RATE_LIMITS: "/limits.json": the file holds no array of limits; write [] for none'],
    ['[{ "name": "orders" }]', 'RATE_LIMITS: "/limits.json": limit 1: "counts" is missing, not a string'],
  ] as const
) {
  Deno.test(`readConfig() refuses the limits ${text} with one fault`, () => {
    const files = { "/limits.json": text };
    const error = assertThrows(() => configOf({ RATE_LIMITS: "/limits.json" }, files), ConfigError);
    assertEquals(error.faults.length, 1);
    assertStringIncludes(error.message, fault);
  });
}

Deno.test("readConfig() keeps Let's Encrypt's limits at Let's Encrypt, and elsewhere what it is told", () => {
  const names = (variables: Readonly<Record<string, string>>): string =>
    configOf(variables, { "limits.json": LIMITS }).rateLimits.map((it) => it.name).join(" ");
  const all = "accounts orders certificates-per-domain certificates-per-names failures";
  const elsewhere = { ACME_DIRECTORY_URL: "https://ca.example/dir" };
  assertEquals(names({}), all);
  assertEquals(names({ ACME_DIRECTORY_URL: "letsencrypt-staging" }), "");
  assertEquals(names(elsewhere), "");
  assertEquals(names({ ...elsewhere, RATE_LIMITS: "letsencrypt" }), all);
  assertEquals(names({ RATE_LIMITS: "off" }), "");
  assertEquals(names({ RATE_LIMITS: "limits.json" }), "ours");
});

Deno.test("the README's limits are some that readConfig() takes", async () => {
  const readme = await Deno.readTextFile(new URL("../../../README.md", import.meta.url));
  const shown = /```json\n(\[[\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const { rateLimits } = configOf({ RATE_LIMITS: "limits.json" }, { "limits.json": shown });
  assertEquals(rateLimits.map((it) => [it.name, it.refillMs]), [["orders", 36_000], ["domains", 12_096_000]]);
});

Deno.test("permissionsOf() lets the file of limits be read", () => {
  const variables = { RATE_LIMITS: "/etc/limits.json" };
  const config = configOf(variables, { "/etc/limits.json": LIMITS });
  const { read, write } = permissionsOf(config, environment(variables), []);
  assert(read.includes("/etc/limits.json") && !write.includes("/etc/limits.json"));
});

const LIMITS = JSON.stringify([{ name: "ours", counts: "order", per: "account", capacity: 9, refill_seconds: 60 }]);

Deno.test("readConfig() lists all faults at once", () => {
  const error = assertThrows(() => configOf({ KEY_TYPE: "x", GRID: "a/b", LOG_LEVEL: "loud" }), ConfigError);
  assertEquals(error.faults.map((it) => it.split(":")[0]), ["KEY_TYPE", "GRID", "LOG_LEVEL"]);
});

Deno.test("readConfig() never quotes a secret", () => {
  const error = assertThrows(() => configOf({ VAULT_KEY: "tooshort", API_TOKEN: "spaced out token" }), ConfigError);
  assertEquals(error.faults.length, 2);
  assert(!/tooshort|spaced/.test(error.message), error.message);
});

Deno.test("readConfig() lets the API listen off loopback when told that it may", () => {
  assertEquals(configOf({ API_LISTEN: "0.0.0.0:9292", API_INSECURE: "true" }).apiListen.hostname, "0.0.0.0");
});

Deno.test("configManual() has a row for each variable, and the README has the same rows", async () => {
  const manual = configManual();
  for (const { name } of VARIABLES) assertStringIncludes(manual, `\`${name}\``);
  const readme = rows(await Deno.readTextFile(new URL("../../../README.md", import.meta.url)));
  for (const row of rows(manual)) assert(readme.includes(row), row);
});

Deno.test("permissionsOf() names what the configuration needs, and nothing else", () => {
  const variables = {
    ACME_DIRECTORY_URL: "https://ca.example:14000/dir",
    ACME_CA_FILE: "/etc/ca.pem",
    DNS_RESOLVERS: "192.0.2.1 [2001:db8::1]:5353",
    VAULT_URL: "sqlite:/data/vault.db",
    API_TOKEN_FILE: "/run/secrets/token",
    LOAD_BALANCERS: `infra/lb=${LB}`,
  };
  const config = configOf(variables, { "/run/secrets/token": "t".repeat(16) });

  const { net, read, write } = permissionsOf(config, environment(variables), ["198.51.100.1"]);

  assertEquals([...net].sort(), [
    "127.0.0.1:443",
    "127.0.0.1:54322",
    "127.0.0.1:9292",
    "192.0.2.1:53",
    "[2001:db8::1]:5353",
    "ca.example:14000",
    "unix:/run/haproxy/admin.sock",
  ]);
  for (const path of ["/data", "/etc/ca.pem", "/run/secrets/token"]) assert(read.includes(path), path);
  assert(!write.includes("/etc/ca.pem") && write.includes("/data"));
});

Deno.test("permissionsOf() lets tls-sni-01 be answered where that is configured", () => {
  const config = configOf({ CHALLENGE_TLS_LISTEN: "0.0.0.0:54443" });
  assertEquals(config.challengeTlsListen, { hostname: "0.0.0.0", port: 54443 });
  assert(permissionsOf(config, environment(), []).net.includes("0.0.0.0:54443"));
});

Deno.test("permissionsOf() asks the system's resolvers where none are configured", () => {
  const { net } = permissionsOf(
    configOf(),
    environment(),
    nameserversOf("# x\nnameserver 198.51.100.1\nnameserver fe80::1%eth0\n"),
  );
  assert(net.includes("198.51.100.1:53") && net.includes("[fe80::1]:53"), net.join());
});

Deno.test("flagsOf() lets a program be run only where reload= names one, and only that", () => {
  const flags = (url: string): readonly string[] =>
    flagsOf(permissionsOf(configOf({ LOAD_BALANCERS: `lb=${url}` }), environment(), []));
  const url = "haproxy+unix:///run/a.sock?certs=/etc/h&probe=127.0.0.1:443";
  const runs = (all: readonly string[]): readonly string[] => all.filter((it) => it.startsWith("--allow-run"));
  assertEquals(runs(flags(url)), []);
  assertEquals(runs(flags(`${url}&reload=/run/master.sock`)), []);
  assertEquals(runs(flags(`${url}&reload=/bin/kill%20-USR2%201`)), ["--allow-run=/bin/kill"]);
});

Deno.test("flagsOf() never asks for everything", () => {
  const flags = flagsOf(permissionsOf(configOf(), environment(), []));
  assertEquals(flags.filter((flag) => flag.startsWith("--allow-sys")), ["--allow-sys=uid,gid"]);
  for (const flag of flags) {
    assert(
      flag === "--no-prompt" || flag.startsWith("--unstable-no-legacy-abort") ||
        /^--allow-(net|read|write|env|sys)=.+/.test(flag),
      flag,
    );
  }
});

/** The rows of all tables, whatever their columns' width. */
function rows(markdown: string): readonly string[] {
  return markdown.split("\n").filter((line) => line.startsWith("|") && !line.startsWith("| --")).map((line) =>
    line.replace(/\s+/g, " ")
  );
}
