/**
 * The longer texts of the demo: what is there in the beginning, what came out in the end, how to go on by hand.
 *
 * @module
 */
import { find } from "../../test/support/process.ts";
import { quietly } from "../command.ts";
import { PER_SECOND } from "./load.ts";
import { check, checkAnswered, type Scene } from "./scene.ts";
import { probedSerial, processOf } from "./served.ts";
import { NAMES } from "./stage.ts";
import { columns } from "./story.ts";

/** Visitors who have to come before anything is touched. */
const FIRST_VISITORS = 40;

/** Says what was started, and shows the state before. */
export async function tellOpening(scene: Scene): Promise<void> {
  const { story, stage: { haproxy, ca, sidecar, oldSerial }, load } = scene;
  const rows = [
    [`HAProxy ${await haproxyVersion()}`, `https://127.0.0.1:${haproxy.httpsPort}`, `process ${haproxy.pid}`],
    [ca.title, ca.directory.href, ca.habits],
    ["the sidecar", `http://127.0.0.1:${sidecar.apiPort}`, permissions(sidecar.process.output())],
  ];
  columns(rows).forEach(story.note);
  story.note(`${ca.lookup} From now to the end`);
  story.note(`${PER_SECOND} visitors a second come, each by a new TLS connection that verifies chain and name,`);
  story.note("and one connection stays open.");
  story.note("The commands below are run in this folder, with");
  exports(scene).forEach(story.output);

  const serial = await probedSerial(scene.stage, scene);
  check(serial === oldSerial, `HAProxy serves serial ${serial} and not the old wildcard`);
  const tally = await load.next(FIRST_VISITORS, scene);
  checkAnswered(tally);
  story.proven(`HAProxy serves ${NAMES.join(" and ")} with a wildcard bought by hand: serial ${serial}, 3 days left`);
  story.proven(`${tally.made} visitors were answered`);
}

/** Says what came out. */
export async function tellEnd(scene: Scene): Promise<void> {
  const { story, stage, load, open, certificates } = scene;
  const { made, slowestMs, totalMs, serials, pids } = load.tally;
  check([...pids].every((pid) => pid === stage.haproxy.pid), `visitors were answered by processes ${[...pids]}`);
  const met = [...serials].map((
    [serial, count],
  ) => [`${count}`, `met serial ${serial}`, certificates.get(serial) ?? ""]);
  columns(met).forEach(story.note);
  story.proven(
    `${made} new connections in ${load.seconds.toFixed(1)} s (${(made / load.seconds).toFixed(0)} a second),` +
      ` ${(totalMs / made).toFixed(0)} ms each, the slowest ${slowestMs.toFixed(0)} ms`,
  );
  story.proven(`The connection that was open all the time is still open: ${open.answered} requests over two swaps`);
  story.proven(`One HAProxy process answered all of them: ${await processOf(stage)}`);
}

/** Says how to go on by hand. */
export function tellKeep({ story, stage }: Scene): void {
  const { haproxy, rootsFile, sidecar, ca } = stage;
  const [name] = NAMES;
  const url = `https://${name}:${haproxy.httpsPort}/`;
  story.say("\nEverything goes on, the visitors too, until Ctrl-C. In another terminal, in this folder:");
  exports({ stage }).forEach(story.output);
  story.output(`bin/kontena certificate get ${NAMES.join(" ")}`);
  story.output(`bin/kontena certificate show ${name}`);
  story.output(`curl --cacert ${rootsFile} --resolve ${name}:${haproxy.httpsPort}:127.0.0.1 ${url}`);
  const rows = [
    ["HTTPS", `https://127.0.0.1:${haproxy.httpsPort}`],
    ["API", `http://127.0.0.1:${sidecar.apiPort}  (/health, /ready, /metrics, /v1)`],
    ["CA", ca.directory.href],
    ["HAProxy's runtime socket", haproxy.socket],
    ["its configuration", `${haproxy.layout.root}/haproxy.cfg`],
    ["its certificates", haproxy.certs],
    ["vault, token", `${sidecar.folder}/data`],
  ];
  columns(rows).forEach(story.note);
}

/** What makes `bin/kontena` talk to the sidecar. */
export function exports({ stage }: Pick<Scene, "stage">): readonly string[] {
  return Object.entries(stage.environment).map(([name, value]) => `export ${name}=${value}`);
}

async function haproxyVersion(): Promise<string> {
  const { stdout } = await quietly(find("haproxy") ?? "haproxy", ["-v"]);
  return /version (\d+\.\d+(?:\.\d+)?)/.exec(stdout)?.[1] ?? "";
}

/** What the launcher let the sidecar do, counted. */
function permissions(log: string): string {
  const flags = /^Permissions: (.*)$/m.exec(log)?.[1] ?? "";
  const count = (kind: string): number => new RegExp(`--allow-${kind}=(\\S+)`).exec(flags)?.[1]?.split(",").length ?? 0;
  check(!/--allow-(run|all)\b/.test(flags), "the sidecar has more permissions than it needs");
  return `may reach ${count("net")} addresses, read ${count("read")} paths, write ${count("write")}, run no program`;
}
