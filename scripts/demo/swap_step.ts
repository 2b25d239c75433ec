import { until } from "../../test/support/process.ts";
import { loadedSerial, probedSerial, processOf } from "./served.ts";
import { check, checkAnswered, kontena, type Scene } from "./scene.ts";
import { NAMES } from "./stage.ts";

/** New connections that have to meet the new certificate, every one of them. */
const VISITORS = 80;

/** Gets a certificate for the names, and shows that it is served from then on, by the same HAProxy. */
export async function getAndSwap(scene: Scene, called: string): Promise<void> {
  const { story, stage } = scene;
  const before = await probedSerial(stage, scene);
  story.proven(`Before: ${NAMES.join(" and ")} are served with serial ${before}, ${scene.certificates.get(before)}`);

  await kontena(scene, `certificate get ${NAMES.join(" ")}`);

  const after = await probedSerial(stage, scene);
  check(after !== before, `serial ${before} is still served`);
  scene.certificates.set(after, called);
  story.proven(`After: a new TLS handshake for each name meets serial ${after}, ${called}`);
  const told = await until(
    `the sidecar's log says that ${after} was stored and then served`,
    () => toldInOrder(scene, after),
  );
  story.proven("The sidecar's own probe had met it for each name before its log said so:");
  story.output(told);
  await sameInside(scene, after);
  await sameForVisitors(scene, after);
}

/** The sidecar's log: first the certificate is in the vault, then it is served. */
function toldInOrder({ stage }: Scene, serial: string): string | undefined {
  const events = stage.sidecar.events().filter((it) => it["serial"] === serial);
  const at = (name: string): number => events.findIndex((it) => it["event"] === name);
  const [stored, served] = [at("certificate.stored"), at("certificate.served")];
  if (stored < 0 || served < stored) return undefined;
  return `${events[stored]?.["message"]}\n${events[served]?.["message"]}`;
}

async function sameInside({ story, stage }: Scene, serial: string): Promise<void> {
  const { file, serial: loaded } = await loadedSerial(stage);
  check(loaded === serial, `show ssl cert ${file} says serial ${loaded}, not ${serial}`);
  story.proven(`HAProxy says the same on its runtime socket: show ssl cert …/${file.split("/").at(-1)}: ${loaded}`);
  const pid = await processOf(stage);
  check(pid === stage.haproxy.pid, `HAProxy was process ${stage.haproxy.pid} and is process ${pid}`);
  story.proven(`No reload: HAProxy is still process ${pid}`);
}

async function sameForVisitors(scene: Scene, serial: string): Promise<void> {
  const { story, load } = scene;
  const tally = await load.next(VISITORS, scene);
  checkAnswered(tally);
  const { serials } = tally;
  check(serials.size === 1 && serials.has(serial), `visitors still met serial ${[...serials.keys()].join(", ")}`);
  story.proven(`The next ${VISITORS} visitors all met the new certificate, and verified its chain and name`);
}
