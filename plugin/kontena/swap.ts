import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { SidecarError } from "../../src/model/errors.ts";
import { given } from "../../src/model/shape.ts";
import type { ShadowedName } from "../../src/model/records.ts";
import type { Call, Candidate, SwapReport } from "../../src/ports.ts";
import { readIfThere, replaceFile } from "../certs/files.ts";
import { leafOf } from "../certs/on_disk.ts";
import { checkFile, checkPem } from "../certs/pem.ts";
import { checkPlace, fileIn } from "../certs/place.ts";
import { askAll, inspect, namesOf, prove, signaturesBy } from "../certs/prove.ts";
import { inTurn } from "../net/in_turn.ts";
import { forget, type Former, formerIn, remember } from "./former.ts";
import { revisionKey } from "./layout.ts";
import { putBack } from "./put_back.ts";
import { reload, seenInTime, whyUnchanged } from "./reload.ts";
import { proverOf, type Tools, turnOf } from "./tools.ts";

/** A swap on its way, with all that is needed to undo it. */
export interface Job {
  readonly file: string;
  readonly path: string;
  readonly pem: string;
  readonly bundle: Bundle;
  /** What was served before. */
  readonly former: Former;
}

/**
 * Swaps a bundle in by file and reload: the file, in one step; a new revision in etcd, on which the balancer checks its
 * configuration and hands its listeners to a new process; a probe of every name. Until that succeeds the former file is kept
 * beside; if it does not, the file is put back: one that HAProxy refuses would block every later reload.
 */
export async function swap(tools: Tools, { file, bundle }: Candidate, call: Call): Promise<SwapReport> {
  checkFile(file);
  const pem = bundlePem(bundle);
  checkPem(pem, file);
  const { name, certificates: place } = tools.config;
  return await inTurn(turnOf(tools), call, async () => {
    await checkPlace(name, place);
    const path = fileIn(place, file);
    const now = await readIfThere(path);
    if (now === undefined) await tools.defaults.check(file);
    await tools.defaults.tellDisplaced();
    const job: Job = { file, path, pem, bundle, former: await formerOf(tools, path, now, pem, call) };
    if (now === pem) {
      const shadowed = await prove(proverOf(tools), bundle, call).catch(() => undefined);
      call.signal.throwIfAborted();
      if (shadowed !== undefined) {
        await forget(path);
        return { kind: "unchanged", shadowed };
      }
    }
    return await carryOut(tools, job, call);
  });
}

async function carryOut(tools: Tools, job: Job, call: Call): Promise<SwapReport> {
  const { path, pem, bundle, former } = job;
  await tools.etcd.get(revisionKey(tools.config.service), call); // without etcd nothing is begun
  await remember(path, former);
  let told = false;
  try {
    await replaceFile(path, pem);
    await reload(tools, call);
    told = true;
    const shadowed = await seenInTime(tools, (last) => proven(tools, bundle, last, call), call);
    await forget(path);
    return { kind: former === undefined ? "added" : "replaced", shadowed };
  } catch (error) {
    const back = await putBack(tools, job);
    call.signal.throwIfAborted();
    throw await asRejection(tools, job, error, { told, back }, call);
  }
}

/**
 * Other files may answer some of the names for good, and all of them until the balancer has read the new one: so what is not
 * complete is only taken for the whole truth at the end.
 */
async function proven(tools: Tools, bundle: Bundle, last: boolean, call: Call): Promise<readonly ShadowedName[]> {
  const { shadowed, complete, refusal } = await inspect(proverOf(tools), bundle, call);
  if (refusal !== undefined) throw refusal;
  if (complete || last) return shadowed;
  throw new SidecarError("SWAP_REJECTED", "it has not read its directory yet");
}

/**
 * What has to be put back. After a crash the file on disk may be one that was never proven: then what stood there before it
 * counts, unless it is served by now.
 */
async function formerOf(
  tools: Tools,
  path: string,
  now: string | undefined,
  pem: string,
  call: Call,
): Promise<Former> {
  const kept = await formerIn(path);
  if (kept === undefined) return now;
  return now !== undefined && now !== pem && await isServed(tools, now, call) ? now : kept.text;
}

async function isServed(tools: Tools, pem: string, call: Call): Promise<boolean> {
  const leaf = leafOf(pem);
  const [name] = leaf === undefined ? [] : namesOf(leaf.raw);
  if (leaf === undefined || name === undefined) return false;
  const [answer] = await askAll(proverOf(tools), [name], { signatures: signaturesBy(leaf) }, call).catch(() => []);
  const wanted = leaf.fingerprint256.replaceAll(":", "").toLowerCase();
  return answer !== undefined && "probed" in answer && answer.probed.fingerprint === wanted;
}

async function asRejection(
  tools: Tools,
  { file }: Job,
  error: unknown,
  { told, back }: { readonly told: boolean; readonly back: "put back" | "not put back" },
  call: Call,
): Promise<unknown> {
  if (!(error instanceof SidecarError)) return error;
  const { name } = tools.config;
  const end = back === "put back" ? "the former file was put back" : "the former file could not be put back";
  const options = { field: "load_balancer", cause: error, ...given("todo", error.todo) };
  if (!told) return new SidecarError(error.code, `${file} was not swapped, ${end}: ${error.message}`, options);
  const { why, todo } = await whyUnchanged(tools, error, call);
  return new SidecarError("SWAP_REJECTED", `${file} was not swapped, ${end}: load balancer ${name} ${why}`, {
    ...options,
    todo,
  });
}
