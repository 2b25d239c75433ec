/**
 * `compose/haproxy.yml` that is up, and a CA on the same network.
 *
 * @module
 */
import { type Pebble, startPebble } from "../support/pebble.ts";
import { ROOT } from "../support/sidecar.ts";
import { start, tempDir, until } from "../support/process.ts";
import type { Image } from "./build.ts";
import { parseCompose } from "./compose.ts";
import { type Container, GATEWAY, makeBridge } from "./container.ts";
import { copyTree } from "./files.ts";
import { haproxyImage, makeProject, type Project } from "./project.ts";

/** All that takes part. Disposing ends it. */
export interface Scene extends AsyncDisposable {
  readonly pebble: Pebble;
  readonly project: Project;
  readonly sidecar: Container;
  readonly haproxy: Container;
  /** Values of the files in `secrets`. */
  readonly secrets: readonly string[];
  /** Waits until HAProxy serves a certificate of the CA for the name; the text that openssl shows of it. */
  served(name: string): Promise<string>;
}

/** What somebody adds whose CA is a private one. */
const PRIVATE_CA = `
services: { sidecar: { environment: { ACME_CA_FILE: /run/secrets/ca }, secrets: [ca] } }
secrets: { ca: { file: ./secrets/ca } }
`;

/** Brings it up as the compose file's own words on top say; this process is in a place of its own. */
export async function startScene(image: Image): Promise<Scene> {
  await using made = new AsyncDisposableStack();
  await makeBridge();
  const { path } = made.use(tempDir());
  await Deno.chmod(path, 0o755);
  await copyTree(`${ROOT}compose`, `${path}/compose`);
  await makeSecrets(`${path}/compose`);
  const haproxyIp = "172.30.0.3";
  const pebble = made.use(
    await startPebble({ address: GATEWAY, anyName: haproxyIp, dnsPort: 53, httpPort: 80, tlsPort: 443 }),
  );
  await Deno.copyFile(pebble.caFile, `${path}/compose/secrets/ca`);
  const texts = [await Deno.readTextFile(`${path}/compose/haproxy.yml`), PRIVATE_CA];
  const services = parseCompose(texts, {
    CERTIFICATES: "www.example.com example.com",
    ACME_AGREE_TOS: "true",
    ACME_DIRECTORY_URL: pebble.directory.href,
  });
  const images = { "kontena-certificates": image, "haproxy:3.2": await haproxyImage(`${path}/haproxy`) };
  const project = made.use(makeProject(services, images, `${path}/compose`));
  for (const [name, address] of Object.entries(project.addresses)) await pebble.setA(name, [address]);
  const haproxy = await project.up("haproxy");
  const owned = made.move();
  const secrets = await Promise.all(
    ["vault_key", "api_token"].map((name) => Deno.readTextFile(`${path}/compose/secrets/${name}`)),
  );
  return {
    pebble,
    project,
    sidecar: project.running("sidecar"),
    haproxy,
    secrets: secrets.map((it) => it.trim()),
    served: (name) =>
      until(`${name} is served`, async () => {
        const text = await servedBy(haproxyIp, name);
        return text.includes("Pebble") && text;
      }, 20_000),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The lines that the compose file prints for it. */
async function makeSecrets(folder: string): Promise<void> {
  const lines = (await Deno.readTextFile(`${folder}/haproxy.yml`)).split("\n").filter((line) =>
    line.startsWith("#   ")
  );
  const commands = lines.map((line) => line.slice(4)).filter((line) => line.includes("secrets"));
  await using shell = start("sh", { args: ["-ec", commands.join("\n")], cwd: folder });
  if (await shell.exit !== 0) throw new Error(shell.output());
}

async function servedBy(address: string, name: string): Promise<string> {
  const show = `openssl s_client -connect ${address}:443 -servername ${name} </dev/null 2>/dev/null |
    openssl x509 -noout -issuer -serial -ext subjectAltName`;
  await using shell = start("sh", { args: ["-c", show] });
  await shell.exit;
  return shell.output();
}
