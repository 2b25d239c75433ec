import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { SidecarError } from "../../src/model/errors.ts";
import type { ShadowedName } from "../../src/model/records.ts";
import type { Call, Candidate, SwapReport } from "../../src/ports.ts";
import { ProbeError } from "../net/probe_error.ts";
import { readIfThere, replaceFile } from "../certs/files.ts";
import { inTurn } from "../net/in_turn.ts";
import { alreadyServed, type Job, keepListed, leafSum } from "./job.ts";
import { withHop } from "./hop.ts";
import { locate, look, unknownList } from "./locate.ts";
import { checkFile, checkPem } from "../certs/pem.ts";
import { fileIn } from "../certs/place.ts";
import { atLeast, tooLarge, withPayload } from "./payload.ts";
import { proverOf } from "./prover.ts";
import { prove } from "../certs/prove.ts";
import { putBack } from "./put_back.ts";
import { type Info, readAdd, readCommit, readNew } from "./replies.ts";
import { swapByReload } from "./swap_by_reload.ts";
import { command, misconfigured, type Tools } from "./tools.ts";
import { clearTransaction, setCertificate } from "./transaction.ts";

/** How often a swap is done again because the worker was replaced meanwhile. */
const ROUNDS = 3;

/**
 * Swaps a bundle into the running HAProxy: `set`, which lets HAProxy parse it; the file, in one step; `commit`; a probe of
 * every name; and all of that again if the worker was replaced meanwhile, since a new one loads what it found on disk. On
 * failure file and memory are put back.
 *
 * @param mine Tells by its base name whether a file is ours.
 */
export async function swap(
  tools: Tools,
  candidate: Candidate,
  mine: (file: string) => boolean,
  call: Call,
): Promise<SwapReport> {
  const { file, bundle } = candidate;
  checkFile(file);
  const pem = bundlePem(bundle);
  checkPem(pem, file);
  return await inTurn(tools.runtime.key, call, async () => {
    const info = await tools.runtime.info(call);
    const job = await begin(tools, { file, bundle, pem }, info, mine, call);
    try {
      const refusal = tooLarge(withPayload(`set ssl cert ${job.now.name}`, pem, job.version), job.version, file);
      if (refusal !== undefined) return await swapByReload(tools, job, refusal, call);
      return await carryOut(tools, job, info, mine, call);
    } catch (error) {
      const back = job.reached === "nothing" ? undefined : await putBack(tools, job);
      call.signal.throwIfAborted();
      throw back === undefined ? error : asRejection(error, file, back);
    }
  });
}

/** Looks at everything that is needed, and changes nothing. */
async function begin(
  tools: Tools,
  it: { readonly file: string; readonly bundle: Bundle; readonly pem: string },
  { version }: Info,
  mine: (file: string) => boolean,
  call: Call,
): Promise<Job> {
  const { certificates: place } = tools.config;
  if (!atLeast(version, 2, 2)) {
    throw misconfigured(
      tools,
      `HAProxy ${version.text} cannot swap certificates at run time`,
      "use HAProxy 2.2 or later",
    );
  }
  const path = fileIn(place, it.file);
  await clearTransaction(tools, mine, call);
  const now = await locate(tools, it.file, call);
  const former = await readIfThere(path);
  const formerList = place.kind === "directory" ? undefined : await readIfThere(place.path);
  if (former === undefined) await tools.defaults.check(it.file);
  await tools.defaults.tellDisplaced();
  return { ...it, version, path, former, formerList, before: now, now, reached: "nothing" };
}

async function carryOut(
  tools: Tools,
  job: Job,
  { pid }: Info,
  mine: (file: string) => boolean,
  call: Call,
): Promise<SwapReport> {
  let kind: SwapReport["kind"] = "unchanged";
  for (let round = 1; round <= ROUNDS; round++) {
    if (round > 1) {
      await clearTransaction(tools, mine, call);
      job.now = await locate(tools, job.file, call);
    }
    const done = await roundOf(tools, job, mine, call).catch((error) => orLost(tools, error, pid, call));
    if (done.kind !== "unchanged") kind = job.before.status === "used" ? "replaced" : "added";
    const after = await tools.runtime.info(call);
    if (done.kind !== "lost" && after.pid === pid) return { kind, shadowed: done.shadowed };
    pid = after.pid;
    const { config, events } = tools;
    events.emit({
      level: "info",
      name: "balancer.reloaded",
      text: `${config.name}: HAProxy was reloaded while ${job.file} was swapped; looking again`,
      fields: { balancer: config.name, pid: after.pid },
    });
  }
  throw new SidecarError("SWAP_REJECTED", `HAProxy was reloaded in each of ${ROUNDS} attempts at ${job.file}`, {
    field: "load_balancer",
    todo: "wait until its configuration comes to rest",
  });
}

/** A worker that is going away may drop a command: then it is not the command that failed. */
async function orLost(tools: Tools, error: unknown, pid: number, call: Call): Promise<Round> {
  if (!isGone(error)) throw error;
  const now = await tools.runtime.info(call);
  if (now.pid === pid) throw error;
  return { kind: "lost" };
}

type Round =
  | { readonly kind: "unchanged" | "changed"; readonly shadowed: readonly ShadowedName[] }
  | { readonly kind: "lost" }; // the transaction is gone: another worker answers

async function roundOf(
  tools: Tools,
  job: Job,
  mine: (file: string) => boolean,
  call: Call,
): Promise<Round> {
  const shadowed = await alreadyServed(tools, job, call);
  if (shadowed !== undefined) return { kind: "unchanged", shadowed };
  const { name, status } = job.now;
  job.reached = job.reached === "disk" ? "disk" : "memory";
  if (status === "absent") await command(tools, `new ssl cert ${name}`, (reply) => readNew(reply, name), call);
  await setCertificate(tools, { file: name, pem: job.pem, version: job.version }, mine, call);
  job.reached = "disk";
  await replaceFile(job.path, job.pem);
  if (await commit(tools, job, call) === "no transaction") return { kind: "lost" };
  if (status !== "used") await enlist(tools, job, call);
  await keepListed(tools, job);
  try {
    const shadowed = await prove(proverOf(tools), job.bundle, call);
    if (tools.answered !== undefined) tools.answered.at = tools.clock.now().getTime();
    return { kind: "changed", shadowed };
  } catch (error) {
    throw await withHop(tools, job, error, call);
  }
}

/** Commits; where HAProxy's answer was lost, what it has in memory tells. */
async function commit(tools: Tools, { now: { name }, bundle }: Job, call: Call): Promise<"done" | "no transaction"> {
  try {
    return await command(tools, `commit ssl cert ${name}`, (reply) => readCommit(reply, name), call);
  } catch (error) {
    call.signal.throwIfAborted();
    if (!isGone(error)) throw error;
    const loaded = await look(tools, name, call).catch(() => undefined);
    if (loaded?.sha1 !== leafSum(bundle)) throw error;
    return "done";
  }
}

/** Puts the committed certificate into its list in memory. */
async function enlist(tools: Tools, { now: { name, list } }: Job, call: Call): Promise<void> {
  if (list === undefined) throw await unknownList(tools, tools.config.certificates.path, call);
  await command(tools, `add ssl crt-list ${list} ${name}`, (reply) => readAdd(reply, list, name), call);
}

/** A refusal or a failed proof is about this certificate; a balancer that went away is not. */
function asRejection(error: unknown, file: string, back: "put back" | "not put back"): unknown {
  if (!(error instanceof SidecarError)) return error;
  const gone = isGone(error);
  const end = back === "put back" ? "the former state was put back" : "the former state could not be put back";
  return new SidecarError(gone ? error.code : "SWAP_REJECTED", `${file} was not swapped, ${end}: ${error.message}`, {
    field: "load_balancer",
    cause: error,
    todo: back === "put back" || gone
      ? error.todo ?? "look at the balancer's log"
      : "check the balancer's certificates by hand",
  });
}

function isGone(error: unknown): boolean {
  return error instanceof SidecarError && error.code === "BALANCER_UNREACHABLE" && !(error instanceof ProbeError);
}
