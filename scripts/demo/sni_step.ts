/**
 * tls-sni-01, the challenge of the original documentation, with the one CA at hand that offers it.
 *
 * @module
 */
import { readFiles } from "../../plugin/haproxy/replies.ts";
import { parseDnsName } from "../../src/model/dns_name.ts";
import { bundleFile, defaultSecretName, sniSecretName } from "../../src/model/secret_name.ts";
import { lastLines } from "../command.ts";
import { CAS } from "./ca.ts";
import { check, kontena, type Scene } from "./scene.ts";
import { loadedSerial, serialFor } from "./served.ts";
import { BALANCER, type Stage, startSidecar } from "./stage.ts";
import { exports } from "./texts.ts";
import { visit } from "./visit.ts";

/** As the original documentation has it. */
const NAME = "api.example.com";
const SECRET = defaultSecretName(parseDnsName(NAME));
const CHALLENGE_SECRET = sniSecretName(parseDnsName(NAME));

/** A name that no certificate is for: it is answered with the default one. */
const UNKNOWN = "unknown.example.org";

/** Proves a name by tls-sni-01 and gets a certificate for it; by the same sidecar where its CA offers that. */
export async function proveBySni(scene: Scene): Promise<void> {
  scene.story.note("No public CA has offered tls-sni-01 since 2019. The test authority does, so that it can be seen.");
  if (scene.stage.ca.name === "test") return await authorizeAndGet(scene);
  await using stage = await secondSidecar(scene);
  scene.story.note(`Pebble does not, so a second sidecar, with a vault of its own, works with ${stage.ca.directory}`);
  scene.story.note("and the same HAProxy. The commands of this step are run with");
  exports({ stage }).forEach(scene.story.output);
  try {
    const other = { ...scene, stage };
    await kontena(other, "certificate register --agree-tos you@example.com");
    await authorizeAndGet(other);
  } catch (error) {
    if (!scene.signal.aborted) tellLog(scene, stage);
    throw error;
  }
}

/** The stage with another CA, and a sidecar that works with it. Disposing ends these two only. */
async function secondSidecar({ stage, signal }: Scene): Promise<Stage> {
  await using parts = new AsyncDisposableStack();
  const ca = parts.use(await CAS.test(stage.haproxy));
  signal.throwIfAborted();
  const started = parts.use(await startSidecar(stage.haproxy, ca));
  const owned = parts.move();
  return { ...stage, ca, ...started, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function authorizeAndGet(scene: Scene): Promise<void> {
  const { story, stage } = scene;
  const before = await look(scene);
  await kontena(scene, `certificate authorize --auth-type tls-sni-01 --lb-link ${BALANCER} ${NAME}`);
  const serverName = await answeredBySni(scene, before);

  await kontena(scene, `certificate get ${NAME}`);
  const { serial } = await visit({ port: stage.haproxy.httpsPort, roots: [stage.ca.rootPem] }, NAME);
  const { file, serial: loaded } = await loadedSerial(stage, SECRET);
  check(serial === loaded, `${NAME} is served with serial ${serial}, and ${file} has ${loaded}`);
  story.proven(`${NAME} is served with serial ${serial}: chain and name verify`);
  await nothingLeft(scene, before, serverName);
}

/** What others than the CA can see of HAProxy. */
interface Sight {
  readonly files: readonly string[];
  /** Serial of the default certificate. */
  readonly fallback: string;
}

async function look(scene: Scene): Promise<Sight> {
  const { haproxy } = scene.stage;
  const files = readFiles(await haproxy.ask("show ssl cert"));
  check(files !== undefined, "show ssl cert gave no list");
  return { files, fallback: await serialFor(scene.stage, UNKNOWN, scene) };
}

/** The challenge as the CA is going to look for it. Returns the name that it is served under. */
async function answeredBySni(scene: Scene, before: Sight): Promise<string> {
  const { story, stage } = scene;
  const now = await look(scene);
  const [file, ...others] = now.files.filter((it) => !before.files.includes(it));
  check(file !== undefined && others.length === 0, `HAProxy was given ${[file, ...others].join(", ")}`);
  check(!await isOnDisk(file), `${file} was written`);
  const shown = await stage.haproxy.ask(`show ssl cert ${file}`);
  const serverName = /^Subject Alternative Name: DNS:([0-9a-f]{32}\.[0-9a-f]{32}\.acme\.invalid)$/m.exec(shown)?.[1];
  check(serverName !== undefined, `${file} is for no name below acme.invalid`);
  const met = await serialFor(stage, serverName, scene);
  check(met !== now.fallback && shown.includes(`Serial: ${met.toUpperCase()}\n`), `${serverName} meets serial ${met}`);
  story.proven("HAProxy has one certificate more, in memory only, and answers a CA that asks for its name:");
  story.output(`${serverName}: serial ${met}`);
  check(now.fallback === before.fallback, `the default certificate is now serial ${now.fallback}`);
  check((await kontena(scene, "vault list")).includes(CHALLENGE_SECRET), `the vault has no ${CHALLENGE_SECRET}`);
  return serverName;
}

async function nothingLeft(scene: Scene, before: Sight, serverName: string): Promise<void> {
  const { story, stage } = scene;
  const { files, fallback } = await look(scene);
  const expected = [...before.files, `${stage.haproxy.certs}/${bundleFile(SECRET)}`];
  check(files.toSorted().join() === expected.toSorted().join(), `HAProxy has now ${files.join(", ")}`);
  const met = await serialFor(stage, serverName, scene);
  check(met === before.fallback, `${serverName} still meets serial ${met}`);
  check(!(await kontena(scene, "vault list")).includes(CHALLENGE_SECRET), `the vault still has ${CHALLENGE_SECRET}`);
  story.proven(`${CHALLENGE_SECRET} is gone from the vault, and its certificate from HAProxy`);
  check(fallback === before.fallback, `the default certificate is now serial ${fallback}`);
  story.proven(`The default certificate was serial ${fallback} all the time`);
}

async function isOnDisk(file: string): Promise<boolean> {
  return await Deno.lstat(file).then(() => true, () => false);
}

function tellLog({ story }: Scene, { sidecar }: Stage): void {
  story.note("The end of the second sidecar's log:");
  story.output(lastLines(sidecar.process.output(), 20));
}
