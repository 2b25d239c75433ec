import defer * as nodeCrypto from "node:crypto";
import type { Bundle } from "../../src/model/certificate.ts";
import { SidecarError } from "../../src/model/errors.ts";
import type { ShadowedName } from "../../src/model/records.ts";
import type { Call } from "../../src/ports.ts";
import { listsFile, withFile } from "../certs/crt_list.ts";
import { readIfThere, replaceFile } from "../certs/files.ts";
import { lbPath } from "../certs/place.ts";
import { askAll, prove, sha1, signaturesOf } from "../certs/prove.ts";
import type { Location } from "./locate.ts";
import type { Version } from "./payload.ts";
import { proverOf } from "./prover.ts";
import type { Tools } from "./tools.ts";

/** A swap on its way, with all that is needed to undo it. */
export interface Job {
  readonly file: string;
  readonly path: string;
  readonly pem: string;
  readonly bundle: Bundle;
  /** Of the HAProxy that is told. */
  readonly version: Version;
  /** The file before; undefined where there was none. */
  readonly former: string | undefined;
  /** The crt-list on disk before, where there is one. */
  readonly formerList: string | undefined;
  /** Where it was in memory before the first round. */
  readonly before: Location;
  /** Where it is now: a new worker may know it already. */
  now: Location;
  /** The furthest thing that was begun. */
  reached:
    | "nothing"
    | "memory" // of HAProxy, by its socket
    | "placed" // on disk, and not in memory
    | "disk"; // and in memory, or about to be
}

/** How long an address that has answered is taken to go on doing so. */
const ANSWERED_MS = 500;

/** The names that others answer, where the bundle is on disk, in memory and proven already. */
export async function alreadyServed(tools: Tools, job: Job, call: Call): Promise<readonly ShadowedName[] | undefined> {
  const { bundle, now } = job;
  const [first] = bundle.facts.names;
  if (first !== undefined && !answeredJustNow(tools)) {
    // Shows that the address answers at all, before anything is changed.
    await askAll(proverOf(tools), [first], { signatures: signaturesOf(bundle) }, call);
  }
  if (now.status !== "used" || now.sha1 !== leafSum(bundle) || (await readIfThere(job.path)) !== job.pem) {
    return undefined;
  }
  try {
    const shadowed = await prove(proverOf(tools), bundle, call);
    await keepListed(tools, job);
    return shadowed;
  } catch (error) {
    if (error instanceof SidecarError && error.code === "SWAP_REJECTED") return undefined;
    throw error;
  }
}

/** Of many swaps in a row the one before has just proven that the address answers. */
function answeredJustNow({ answered, clock }: Tools): boolean {
  return answered !== undefined && Math.abs(clock.now().getTime() - answered.at) < ANSWERED_MS;
}

/** Gives a crt-list its line on disk, so that the entry outlives a reload. */
export async function keepListed({ config }: Tools, job: Job): Promise<void> {
  const { certificates: place } = config;
  if (place.kind === "directory") return;
  const text = await readIfThere(place.path) ?? "";
  const names = [job.now.name, `${lbPath(config, place.store)}/${job.file}`, job.path];
  if (names.some((name) => listsFile(text, name))) return;
  if (job.reached !== "placed") job.reached = "disk";
  await replaceFile(place.path, withFile(text, job.now.name));
}

/** What HAProxy tells certificates apart by. */
export function leafSum({ certificates: [leaf] }: Bundle): string {
  return sha1(new nodeCrypto.X509Certificate(leaf).raw);
}
