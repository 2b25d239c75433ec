/**
 * A compose file of ours that is ready to be brought up, and a CA on the same network.
 *
 * @module
 */
import { type Pebble, startPebble } from "../support/pebble.ts";
import { start, tempDir, until } from "../support/process.ts";
import { ROOT } from "../support/sidecar.ts";
import type { Image } from "./build.ts";
import { parseCompose, type Service } from "./compose.ts";
import { type Container, GATEWAY, makeBridge } from "./container.ts";
import { copyTree } from "./files.ts";
import { makeProject, type Project } from "./project.ts";
import { standIns } from "./stand_ins.ts";

/** All that takes part. Disposing ends it. */
export interface Scene extends AsyncDisposable {
  readonly services: readonly Service[];
  readonly pebble: Pebble;
  readonly project: Project;
  /** The text of the file behind a secret. */
  secret(name: "vault_key" | "api_token"): string;
  /** Waits until HAProxy serves a certificate of the CA for the name. */
  served(name: string): Promise<void>;
}

/** What somebody adds whose CA is a private one. */
const PRIVATE_CA = `
services: { sidecar: { environment: { ACME_CA_FILE: /run/secrets/ca }, secrets: [ca] } }
secrets: { ca: { file: ./secrets/ca } }
`;

/**
 * Prepares it, with what the compose file asks the operator for; this process is in a place of its own.
 *
 * @param balancer The address that all names lead to, the balancer's own too.
 */
export async function startScene(image: Image, file: string, certificates: string, balancer: string): Promise<Scene> {
  await using made = new AsyncDisposableStack();
  await makeBridge();
  const { path } = made.use(tempDir());
  await Deno.chmod(path, 0o755);
  const folder = `${path}/compose`;
  await copyTree(`${ROOT}compose`, folder);
  const text = await Deno.readTextFile(`${folder}/${file}`);
  await makeSecrets(text, folder);
  const ports = { dnsPort: 53, httpPort: 80, tlsPort: 443 };
  const pebble = made.use(await startPebble({ address: GATEWAY, anyName: balancer, ...ports }));
  await Deno.copyFile(pebble.caFile, `${folder}/secrets/ca`);
  const services = parseCompose([text, PRIVATE_CA], {
    CERTIFICATES: certificates,
    ACME_AGREE_TOS: "true",
    ACME_DIRECTORY_URL: pebble.directory.href,
  });
  const images = { "kontena-certificates": image, ...await standIns(path) };
  const project = made.use(makeProject(services, images, folder));
  // Who is not told of has the balancer's.
  await pebble.setA("sidecar", [project.addresses["sidecar"]!]);
  if (project.addresses["etcd"] !== undefined) await pebble.setA("etcd", [project.addresses["etcd"]]);
  const owned = made.move();
  return {
    services,
    pebble,
    project,
    secret: (name) => Deno.readTextFileSync(`${folder}/secrets/${name}`).trim(),
    async served(name: string): Promise<void> {
      const look = async (): Promise<boolean> => (await issuerAt(balancer, name)).includes("Pebble");
      await until(`${name} is served`, look, 20_000).catch((error) => {
        throw new Error(`${error}\n${project.running("sidecar").output()}`);
      });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** All processes of a container, with what the kernel says of each. */
export async function processesOf({ pid }: Container): Promise<readonly { readonly path: string; status: string }[]> {
  const inside = await Deno.readLink(`/proc/${pid}/ns/pid`);
  const found = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name) || await Deno.readLink(`/proc/${name}/ns/pid`).catch(() => "") !== inside) continue;
    found.push({ path: `/proc/${name}`, status: await Deno.readTextFile(`/proc/${name}/status`) });
  }
  return found;
}

/** The lines that the compose file prints for it. */
async function makeSecrets(text: string, folder: string): Promise<void> {
  const commands = [...text.matchAll(/^# {3}(.*secrets.*)$/gm)].map((found) => found[1]);
  await using shell = start("sh", { args: ["-ec", commands.join("\n")], cwd: folder });
  if (await shell.exit !== 0) throw new Error(shell.output());
}

async function issuerAt(address: string, name: string): Promise<string> {
  const show = `timeout 3 openssl s_client -connect ${address}:443 -servername ${name} </dev/null 2>/dev/null |
    openssl x509 -noout -issuer`;
  await using shell = start("sh", { args: ["-c", show] });
  await shell.exit;
  return shell.output();
}
