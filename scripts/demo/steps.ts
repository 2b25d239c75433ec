/**
 * The steps of the demo, in their order. Each line that they tell as proven was checked right before.
 *
 * @module
 */
import { plainGet } from "../../plugin/net/plain_get.ts";
import { ACCOUNT_KEY, certificateSecrets } from "../../src/model/secret_name.ts";
import { acmeAnswers, httpAnswer } from "./api.ts";
import { check, kontena, type Scene, type Step } from "./scene.ts";
import { challengeProtocol, probedSerial, SECRET } from "./served.ts";
import { BALANCER, NAMES, type Stage } from "./stage.ts";
import { proveBySni } from "./sni_step.ts";
import { getAndSwap } from "./swap_step.ts";

/** All that comes after the parts were started. */
export const STEPS: readonly Step[] = [
  { title: "Register with the CA", play: register },
  { title: "Say how the CA can see that the names are ours", play: authorize },
  { title: "Get the certificate: validated, kept in the vault, swapped into HAProxy", play: get },
  { title: "Ask again for the same names, as a renewal does", play: getAgain },
  { title: "Look at what there is", play: list },
  { title: "Prove a name as the original documentation does: by tls-sni-01", play: proveBySni },
  { title: "Would HAProxy start from these files?", play: checkFiles },
];

const [SHOP, WWW] = NAMES;

async function register(scene: Scene): Promise<void> {
  await kontena(scene, "certificate register --agree-tos you@example.com");
  const listed = await kontena(scene, "vault list");
  check(listed.includes(ACCOUNT_KEY), `the vault has no ${ACCOUNT_KEY}`);
  check(!await keyInClear(scene.stage), "a private key can be read in the vault's files");
  scene.story.proven("The account's key is in the vault, and cannot be read in the vault's files: it is sealed");
}

async function authorize(scene: Scene): Promise<void> {
  const { story, stage } = scene;
  await kontena(scene, `certificate authorize --auth-type tls-alpn-01 --lb-link ${BALANCER} ${SHOP}`);
  const protocol = await challengeProtocol(stage, SHOP, scene);
  check(protocol === "acme-tls/1", `HAProxy does not speak acme-tls/1 for ${SHOP}`);
  story.proven(`On its HTTPS port HAProxy itself answers a CA that asks by acme-tls/1 for ${SHOP}`);

  await kontena(scene, `certificate authorize --auth-type http-01 --lb-link ${BALANCER} ${WWW}`);
  const { path, content } = await httpAnswer(stage, WWW, scene);
  const answer = await plainGet({ hostname: "127.0.0.1", port: stage.haproxy.httpPort }, WWW, path, scene);
  check(answer.status === 200 && answer.body.trim() === content, `GET ${path} was answered ${answer.status}`);
  story.proven(`http://${WWW}${path.slice(0, 34)}… is answered by the sidecar, through HAProxy`);
  story.proven(`Visitors notice nothing of it: they are still served with serial ${await probedSerial(stage, scene)}`);
}

async function get(scene: Scene): Promise<void> {
  await getAndSwap(scene, "the first from the CA");
  const listed = await kontena(scene, "vault list");
  const { privateKey, certificate, bundle } = certificateSecrets(SECRET);
  for (const name of [privateKey, certificate, bundle]) check(listed.includes(name), `the vault has no ${name}`);
  check(!await keyInClear(scene.stage), "a private key can be read in the vault's files");
  scene.story.proven("The vault holds key, certificate and bundle, sealed; it had them before HAProxy did");
}

async function getAgain(scene: Scene): Promise<void> {
  await getAndSwap(scene, "the second from the CA");
  const answers = await acmeAnswers(scene.stage, scene);
  const all = [...answers.values()].reduce((sum, count) => sum + count, 0);
  const refused = answers.get(400) ?? 0;
  scene.story.note(
    `So far the CA refused ${refused} of ${all} requests for their nonce, on purpose: each was sent again`,
  );
}

async function list(scene: Scene): Promise<void> {
  check((await kontena(scene, "certificate list")).includes(SHOP), `the list does not name ${SHOP}`);
  await kontena(scene, `certificate show ${SHOP}`);
  scene.story.proven("One certificate, auto renewable: every name can be proven again without a person");
}

async function checkFiles({ story, stage }: Scene): Promise<void> {
  story.command(`haproxy -c -f ${stage.haproxy.layout.root}/haproxy.cfg`);
  const { code, output } = await stage.haproxy.check();
  check(code === 0, `haproxy -c ended with ${code}: ${output}`);
  story.output(output.trimEnd().split("\n").at(-1) ?? "");
  story.proven(`HAProxy accepts ${stage.haproxy.certs}: a restart would serve what is served now`);
}

async function keyInClear({ sidecar }: Stage): Promise<boolean> {
  const folder = `${sidecar.folder}/data`;
  const texts: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name.startsWith("vault.db")) {
      texts.push(new TextDecoder("latin1").decode(await Deno.readFile(`${folder}/${name}`)));
    }
  }
  check(texts.length > 0, `there is no vault in ${folder}`);
  return texts.some((text) => text.includes("PRIVATE KEY-----"));
}
