import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { parseSecretName } from "../../src/model/secret_name.ts";
import { CALL } from "../support/fakes.ts";
import { openStores, startSidecarProcess, type TestSidecar } from "../support/sidecar.ts";
import { e2e, madeBy, openssl, startStage } from "../support/stage.ts";

const NAMES = ["api.example.com", "www.example.com"] as const;
const GET = ["certificate", "get", "--secret-name", "SSL_CERT_LE_TEST", ...NAMES] as const;

e2e("names in, certificate served: register, authorize, get, as the documentation prints it", async () => {
  await using stage = await startStage({ pebble: { nonceReject: 20 } });
  const { haproxy, pebble, env, challengePort } = stage;
  await using sidecar = await startSidecarProcess({ env, challengePort });

  assertMatch(
    await sidecar.ok("certificate", "register", "--agree-tos", "you@example.com"),
    /^Email registered to LetsEncrypt\n/,
  );
  assertEquals(
    await sidecar.ok("certificate", "authorize", "--auth-type", "tls-alpn-01", "--lb-link", "infra/lb", NAMES[0]),
    "Authorization successfully created. Use the following details to create necessary validations:\n" +
      "Point the public DNS A record of api.example.com to the public IP address(es) of the infra/lb\n",
  );
  await sidecar.ok("certificate", "authorize", "--auth-type", "http-01", "--lb-link", "infra/lb", NAMES[1]);
  const got = await sidecar.ok(...GET);
  assertMatch(got, new RegExp(`^${GOT}$`));

  const folder = sidecar.folder;
  const first = await partsOf(sidecar);
  await checkWithOpenssl(folder, await pebble.rootPem(), first);
  assertStringIncludes(await haproxy.ask(`show ssl cert ${haproxy.certs}/SSL_CERT_LE_TEST.pem`), first.serial);

  // The same names once more: a new certificate with a new key takes the first one's place.
  using kept = await openConnection(haproxy.httpsPort, await pebble.rootPem());
  const greeting = await kept.get();
  const { pid } = haproxy;
  await sidecar.ok(...GET);
  const second = await partsOf(sidecar);
  assertNotEquals(second.serial, first.serial);
  assertNotEquals(second.key, first.key);
  assertStringIncludes(await haproxy.ask(`show ssl cert ${haproxy.certs}/SSL_CERT_LE_TEST.pem`), second.serial);
  assertStringIncludes(greeting, `hello from ${pid}`);
  assertEquals(await kept.get(), greeting, "the connection that was open goes on");
  using fresh = await openConnection(haproxy.httpsPort, await pebble.rootPem());
  assertEquals(await fresh.get(), greeting, "and the process is the same");
  assertEquals((await haproxy.check()).code, 0);
  assertEquals((await madeBy(pebble)).certificates, 2);

  assertEquals(await sidecar.stop(), 0);
  await using left = await openStores(folder);
  const history = await left.vault.history(parseSecretName("SSL_CERT_LE_TEST_BUNDLE"), CALL);
  assertEquals(history.map((it) => it.value.trim()), [first.bundle.trim()], "the bundle before is kept");
});

/** What the documentation prints, and after it what it lacked. */
const GOT = `Certificate successfully received and stored into vault with keys:
SSL_CERT_LE_TEST_PRIVATE_KEY
SSL_CERT_LE_TEST_CERTIFICATE
SSL_CERT_LE_TEST_BUNDLE

 Certificate is valid until: \\S+
Use the SSL_CERT_LE_TEST_BUNDLE with Kontena loadbalancer!
Served by infra/lb: api.example.com, www.example.com
`;

interface Parts {
  readonly key: string;
  readonly certificate: string;
  readonly bundle: string;
  /** Upper-case hexadecimal, as HAProxy and openssl write it. */
  readonly serial: string;
}

/** The three secrets as `vault read` gives them. */
async function partsOf(sidecar: TestSidecar): Promise<Parts> {
  const read = (part: string): Promise<string> => sidecar.ok("vault", "read", "--value", `SSL_CERT_LE_TEST_${part}`);
  const [key, certificate, bundle] = await Promise.all(["PRIVATE_KEY", "CERTIFICATE", "BUNDLE"].map(read));
  assert(key !== undefined && certificate !== undefined && bundle !== undefined);
  const path = `${sidecar.folder}/leaf.pem`;
  await Deno.writeTextFile(path, certificate);
  const serial = (await openssl("x509", "-in", path, "-noout", "-serial")).trim().replace("serial=", "");
  return { key: key.trim() + "\n", certificate: certificate.trim() + "\n", bundle: bundle.trim() + "\n", serial };
}

async function checkWithOpenssl(folder: string, root: string, { key, certificate, bundle }: Parts): Promise<void> {
  const write = async (name: string, text: string): Promise<string> => {
    await Deno.writeTextFile(`${folder}/${name}`, text);
    return `${folder}/${name}`;
  };
  const [rootPath, chain, keyPath] = await Promise.all([
    write("root.pem", root),
    write("chain.pem", certificate),
    write("key.pem", key),
  ]);
  assertEquals(bundle, certificate + key);
  assertEquals(await openssl("verify", "-CAfile", rootPath, "-untrusted", chain, chain), `${chain}: OK\n`);
  const text = await openssl("x509", "-in", chain, "-noout", "-subject", "-ext", "subjectAltName", "-pubkey");
  assertMatch(text, /subject=CN = (api|www)\.example\.com/);
  assertStringIncludes(text, "DNS:api.example.com, DNS:www.example.com");
  assertStringIncludes(text, await openssl("pkey", "-in", keyPath, "-pubout"));
}

/** A TLS connection that trusts the root and nothing else, and stays open. */
async function openConnection(port: number, root: string): Promise<Disposable & { get(): Promise<string> }> {
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  const tls = await Deno.startTls(tcp, { hostname: NAMES[0], caCerts: [root] });
  await tls.handshake();
  const buffer = new Uint8Array(4_096);
  return {
    async get(): Promise<string> {
      await tls.write(new TextEncoder().encode(`GET / HTTP/1.1\r\nhost: ${NAMES[0]}\r\n\r\n`));
      let text = "";
      while (!text.endsWith("\n") || !text.includes("hello")) {
        const count = await tls.read(buffer);
        if (count === null) throw new Error(`the connection ended after ${JSON.stringify(text)}`);
        text += new TextDecoder().decode(buffer.subarray(0, count));
      }
      return text;
    },
    [Symbol.dispose]: () => tls.close(),
  };
}
