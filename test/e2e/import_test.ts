import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Pki, testPki } from "../support/pki.ts";
import { startSidecarProcess, type TestSidecar } from "../support/sidecar.ts";
import { e2e, startStage } from "../support/stage.ts";

const FILE = "LE_CERTIFICATE_shop_example_com.pem";

e2e("a certificate from elsewhere is checked, kept, served, replaced, and removed only by force", async () => {
  await using stage = await startStage();
  const { haproxy, env, challengePort } = stage;
  await using sidecar = await startSidecarProcess({ env, challengePort });
  const pki = testPki();
  const loaded = (): Promise<string> => haproxy.ask(`show ssl cert ${haproxy.certs}/${FILE}`);

  const first = await importing(sidecar, pki);
  assertEquals(first.code, 0, first.stderr);
  assertMatch(first.stdout, /^default\/shop\.example\.com:\n {2}subject: shop\.example\.com\n/);
  assertStringIncludes(first.stdout, "    - Served by infra/lb: shop.example.com, www.shop.example.com\n");
  assertStringIncludes(await loaded(), `Serial: ${first.serial.toUpperCase()}\n`);
  const second = await importing(sidecar, pki);
  assertEquals(second.code, 0, second.stderr);
  assertStringIncludes(await loaded(), `Serial: ${second.serial.toUpperCase()}\n`);
  assertMatch(
    await sidecar.ok("vault", "export"),
    /^LE_CERTIFICATE_shop_example_com_BUNDLE: \|-\n {2}-----BEGIN CERT/m,
  );

  const alien = await importing(sidecar, pki, testPki().issue(["shop.example.com"]).keyPem);
  assertEquals([alien.code, alien.stdout], [1, ""]);
  assertStringIncludes(alien.stderr, "\tprivate_key: The key does not belong to the certificate");

  const refused = await sidecar.ask("/v1/certificates/default/shop.example.com", { method: "DELETE" });
  assertEquals([refused.status, JSON.parse(refused.text).error], [422, {
    certificate: "Certificate still in use in services: default/infra/lb",
  }]);
  assertEquals(await sidecar.ok("certificate", "rm", "--force", "shop.example.com"), "");
  assert(!(await haproxy.ask("show ssl cert")).includes(FILE));
  const files = await Array.fromAsync(Deno.readDir(haproxy.certs), (entry) => entry.name);
  assert(!files.includes(FILE));
  assertEquals(await sidecar.ok("certificate", "list", "-q"), "");
  assertEquals((await sidecar.ok("vault", "list", "-q")).includes("LE_CERTIFICATE"), false);
  assertEquals((await haproxy.check()).code, 0);
});

e2e("an authorization is listed and removed, a certificate is revoked at the CA by the account's key", async () => {
  await using stage = await startStage();
  const { pebble, env, challengePort } = stage;
  await using sidecar = await startSidecarProcess({ env, challengePort });
  await sidecar.ok("certificate", "register", "--agree-tos", "you@example.com");

  await sidecar.ok("certificate", "authorize", "--type", "http-01", "--linked-service", "infra/lb", "old.example.com");
  const { challenge } = JSON.parse((await sidecar.ask("/v1/domain_authorizations/default/old.example.com")).text);
  const answer = `http://127.0.0.1:${challengePort}/.well-known/acme-challenge/${challenge.token}`;
  assertEquals(await statusOf(answer), 200);
  assertMatch(
    await sidecar.ok("certificate", "domain-authorization", "list"),
    /^DOMAIN +AUTHORIZATION_TYPE +STATUS\nold\.example\.com +http-01 +created\n$/,
  );
  await sidecar.ok("certificate", "domain-authorization", "rm", "--force", "old.example.com");
  assertEquals([await statusOf(answer), await sidecar.ok("certificate", "domain-authorization", "ls", "-q")], [
    404,
    "",
  ]);

  await sidecar.ok("certificate", "request", "api.example.com");
  assertMatch(
    await sidecar.ok("certificate", "revoke", "--force", "--reason", "superseded", "api.example.com"),
    /^Certificate for api\.example\.com is revoked \(serial [0-9a-f]+\)\n/,
  );
  assertMatch(await sidecar.ok("certificate", "show", "api.example.com"), /^ {2}revoked: \S+ \(superseded\)$/m);
  assertMatch(pebble.output(), /POST \/revoke-cert/);
  const again = await sidecar.kontena("certificate", "revoke", "--force", "api.example.com");
  assertEquals(again.code, 0, "one that is revoked already counts as revoked");
});

async function importing(
  { folder, kontena }: TestSidecar,
  pki: Pki,
  otherKey?: string,
): Promise<Awaited<ReturnType<TestSidecar["kontena"]>> & { readonly serial: string }> {
  const { certificates: [leaf, intermediate = ""], keyPem, facts } = pki.issue([
    "shop.example.com",
    "www.shop.example.com",
  ]);
  const files = { "shop.crt": leaf, "shop.key": otherKey ?? keyPem, "ca.pem": pki.rootPem + intermediate };
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
  const outcome = await kontena("certificate", "import", "--key", "shop.key", "--chain", "ca.pem", "shop.crt");
  return { ...outcome, serial: facts.serial };
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response.status;
}
