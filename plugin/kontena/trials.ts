import type { ChallengeType } from "../../src/model/challenge_type.ts";
import { reasonOf, rehearse, SidecarError, sniChallengeCertificate, throwaway, type Trial } from "../../mod.ts";
import type { Call, LoadBalancer, SniAnswering } from "../../src/ports.ts";
import { hostPort } from "../certs/balancer_url.ts";
import { rehearseIn } from "../certs/files.ts";
import { badFile } from "../certs/on_disk.ts";
import { checkPlace } from "../certs/place.ts";
import { askAll, sha1 } from "../certs/prove.ts";
import { inTurn } from "../net/in_turn.ts";
import type { Probed } from "../net/tls_probe.ts";
import { rootOf } from "./layout.ts";
import { misconfigured, proverOf, type Tools, turnOf } from "./tools.ts";

/** What the trials work with beside the tools. */
export interface TrialParts {
  /** The ability to answer tls-sni-01 by a file and a reload. */
  readonly byFile: SniAnswering;
  /** The one that goes over the runtime socket, where it is shared and new enough. */
  readonly bySocket: (call: Call) => Promise<LoadBalancer | undefined>;
}

const HTTP: readonly ChallengeType[] = ["http-01"];

/** The parts of a Kontena Load Balancer's wiring, in the order in which they stand on each other. */
export function kontenaTrials(tools: Tools, { byFile, bySocket }: TrialParts): readonly Trial[] {
  return [
    { part: "etcd", carries: HTTP, run: (call) => tryEtcd(tools, call) },
    // One bad file, and the balancer takes no new route either.
    { part: "certificates", carries: HTTP, run: (call) => tryCertificates(tools, call) },
    { part: "TLS", on: ["certificates"], run: (call) => tryTls(tools, call) },
    { part: "reload", on: ["etcd", "TLS"], carries: HTTP, run: (call) => tryReload(tools, byFile, call) },
    ...tools.config.socket === undefined ? [] : [{
      part: "runtime socket",
      run: (call: Call) => trySocket(tools, bySocket, call),
    }],
  ];
}

async function tryEtcd({ config, etcd }: Tools, call: Call): Promise<string> {
  await etcd.tree(rootOf(config.service), call);
  return `${hostPort(config.etcd)} answers, with the v2 API`;
}

async function tryCertificates(tools: Tools, call: Call): Promise<string> {
  const { name, certificates: place } = tools.config;
  await checkPlace(name, place);
  await inTurn(turnOf(tools), call, () => rehearseIn(place.path));
  const bad = await badFile(place.path);
  if (bad === undefined) return `${place.path} can be written, and each file in it is one that HAProxy takes`;
  throw misconfigured(
    tools,
    `${place.path}/${bad.file} ${bad.why}, so HAProxy refuses its whole configuration`,
    "remove or mend that file",
  );
}

/** Whom nobody knows gets the default certificate: one of the shared folder. */
async function tryTls(tools: Tools, call: Call): Promise<string> {
  const { probe, certificates: { path } } = tools.config;
  const prover = proverOf(tools);
  const probed = await anyAnswer(tools, call);
  const sum = sha1(probed.der);
  const file = (await prover.filesBySha1(new Set([sum]), call)).get(sum);
  if (file !== undefined) return `${hostPort(probe)} serves a file of ${path}`;
  throw misconfigured(
    tools,
    `${hostPort(probe)} serves a certificate (serial ${probed.serial}) that is no file of ${path}`,
    "share the folder that it has as /etc/haproxy/certs, or set probe= to this balancer's TLS address",
  );
}

async function anyAnswer(tools: Tools, call: Call): Promise<Probed> {
  const fail = (cause: unknown): SidecarError =>
    misconfigured(
      tools,
      `${hostPort(tools.config.probe)} does not serve TLS: ${reasonOf(cause)}`,
      "give it an SSL_CERT_ variable, which switches TLS on, and set probe= to its TLS address",
    );
  const [answer] = await askAll(proverOf(tools), [throwaway().name], {}, call).catch((cause) => {
    call.signal.throwIfAborted();
    throw fail(cause);
  });
  if (answer === undefined || !("probed" in answer)) throw fail(answer?.failure);
  return answer.probed;
}

/** A file, a revision in etcd, and the new certificate at the probe's address; then all of it back. */
async function tryReload(tools: Tools, byFile: SniAnswering, call: Call): Promise<string> {
  const { name, keyAuthorization } = throwaway();
  const certificate = await sniChallengeCertificate(name, keyAuthorization, tools.clock.now());
  const begin = performance.now();
  let took = 0;
  await rehearse(async () => {
    await byFile.answer(certificate, call).catch((error) => {
      throw withoutHead(error, `Cannot answer tls-sni-01 for ${name}: load balancer ${tools.config.name} `);
    });
    took = performance.now() - begin;
  }, (call) => byFile.withdraw(name, call));
  return `it served a new file after ${(took / 1_000).toFixed(1)} s`;
}

function withoutHead(error: unknown, head: string): unknown {
  if (!(error instanceof SidecarError) || !error.message.startsWith(head)) return error;
  return new SidecarError(error.code, `it ${error.message.slice(head.length)}`, {
    ...error.todo === undefined ? {} : { todo: error.todo },
  });
}

async function trySocket(
  tools: Tools,
  bySocket: TrialParts["bySocket"],
  call: Call,
): Promise<string> {
  const runtime = await bySocket(call);
  if (runtime !== undefined) return `HAProxy ${(await runtime.state(call)).version} answers: it needs no reload`;
  throw misconfigured(
    tools,
    `socket=${tools.config.socket} gives no HAProxy of 2.2 or later, so certificates go in by file and reload`,
    "share the folder of that socket with the sidecar, or leave socket= out",
  );
}
