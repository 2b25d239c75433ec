import type { ChallengeType } from "../../src/model/challenge_type.ts";
import { rehearse, SidecarError, sniChallengeCertificate, throwaway, type Trial } from "../../mod.ts";
import type { Call, SniAnswering } from "../../src/ports.ts";
import { hostPort } from "../certs/balancer_url.ts";
import { rehearseIn, rehearseReplacing } from "../certs/files.ts";
import { checkPlace } from "../certs/place.ts";
import { askAll } from "../certs/prove.ts";
import { inTurn } from "../net/in_turn.ts";
import { findList, unknownList } from "./locate.ts";
import { atLeast } from "./payload.ts";
import { proverOf } from "./prover.ts";
import { tryReload } from "./reload_trial.ts";
import { checkShared } from "./shared.ts";
import { misconfigured, type Tools } from "./tools.ts";

const ALPN: readonly ChallengeType[] = ["tls-alpn-01"];

/** The parts of an HAProxy's wiring, in the order in which they stand on each other. */
export function haproxyTrials(tools: Tools, sni: SniAnswering): readonly Trial[] {
  const { challenges, reload } = tools.config;
  return [
    { part: "runtime socket", carries: ALPN, run: (call) => trySocket(tools, call) },
    { part: "certificates", on: ["runtime socket"], run: (call) => tryCertificates(tools, call) },
    {
      part: "challenge frontend",
      on: ["runtime socket"],
      carries: ALPN,
      run: (call) => tryChallenges(tools, challenges ?? "", call),
      ...challenges !== undefined ? {} : {
        unused: { found: "challenges= is not set", todo: "set it to a crt-list of its own to have tls-alpn-01" },
      },
    },
    { part: "TLS", on: ["certificates"], carries: ALPN, run: (call) => tryTls(tools, sni, call) },
    ...reload === undefined ? [] : [{
      part: "reload",
      on: ["runtime socket"],
      run: (call: Call) => tryReload(tools, reload, call),
    }],
  ];
}

/** Only an admin may abort a transaction; for a file that nobody has there is none. */
async function trySocket(tools: Tools, call: Call): Promise<string> {
  const { runtime } = tools;
  const { pid, version } = await runtime.info(call);
  if (!atLeast(version, 2, 2)) {
    throw misconfigured(
      tools,
      `HAProxy ${version.text} cannot swap certificates at run time`,
      "use HAProxy 2.2 or later",
    );
  }
  const nobodys = `/wiring-${crypto.randomUUID()}.pem`;
  await inTurn(runtime.key, call, () => runtime.ask(`abort ssl cert ${nobodys}`, call));
  return `HAProxy ${version.text} answers, process ${pid}, level admin`;
}

async function tryCertificates(tools: Tools, call: Call): Promise<string> {
  const { config, runtime } = tools;
  const { certificates: place } = config;
  await checkPlace(config.name, place);
  const list = await findList(tools, place.path, call);
  if (list === undefined) throw await unknownList(tools, place.path, call);
  const count = await checkShared(tools, list, call);
  await inTurn(runtime.key, call, async () => {
    await rehearseIn(place.kind === "directory" ? place.path : place.store);
    if (place.kind === "crt-list") await rehearseReplacing(place.path);
  });
  return `${place.path} can be written, and HAProxy loads it (${count} ${count === 1 ? "file" : "files"})`;
}

async function tryChallenges(tools: Tools, challenges: string, call: Call): Promise<string> {
  const list = await findList(tools, challenges, call);
  if (list === undefined) throw await unknownList(tools, challenges, call);
  return `HAProxy loads ${list}`;
}

/** What is put in over the socket has to be seen at the probe's address: then both are the same balancer. */
async function tryTls(tools: Tools, sni: SniAnswering, call: Call): Promise<string> {
  const { name, keyAuthorization } = throwaway();
  const certificate = await sniChallengeCertificate(name, keyAuthorization, tools.clock.now());
  await rehearse(async () => {
    await sni.answer(certificate, call);
    const [answer] = await askAll(proverOf(tools), [certificate.serverName], {}, call);
    const seen = answer !== undefined && "probed" in answer ? answer.probed : undefined;
    if (seen?.fingerprint !== certificate.fingerprint) throw notSeen(tools, seen?.serial);
  }, (call) => sni.withdraw(name, call));
  return `${hostPort(tools.config.probe)} serves what is put in over the socket`;
}

function notSeen({ config: { probe, certificates } }: Tools, serial: string | undefined): SidecarError {
  const other = serial === undefined ? "no certificate" : `another certificate (serial ${serial})`;
  return new SidecarError(
    "BALANCER_CONFIG",
    `${hostPort(probe)} does not serve what is put in over the socket, but ${other}`,
    { todo: `set probe= to this balancer's TLS address, whose bind uses ${certificates.path}` },
  );
}
