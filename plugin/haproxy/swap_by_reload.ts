import { SidecarError } from "../../src/model/errors.ts";
import type { ShadowedName } from "../../src/model/records.ts";
import type { Call, SwapReport } from "../../src/ports.ts";
import { readIfThere, replaceFile } from "../certs/files.ts";
import { prove } from "../certs/prove.ts";
import { withHop } from "./hop.ts";
import { alreadyServed, type Job, keepListed } from "./job.ts";
import { proverOf } from "./prover.ts";
import { reload } from "./reload.ts";
import type { Tools } from "./tools.ts";

/** Connections that the old worker had taken already may still be answered by it: so often, each after 50 ms, it is asked again. */
const TRIES = 40;

/**
 * Serves a bundle that the runtime socket does not take: the file, in one step, and a reload. Where there is no `reload=` it is
 * placed all the same, for the next reload by whomever, and that is an error until it is served.
 *
 * @param tooLarge Says why the socket does not take it.
 */
export async function swapByReload(tools: Tools, job: Job, tooLarge: SidecarError, call: Call): Promise<SwapReport> {
  const served = await alreadyServed(tools, job, call);
  if (served !== undefined) return { kind: "unchanged", shadowed: served };
  const { config } = tools;
  const placed = await readIfThere(job.path) === job.pem;
  job.reached = "placed";
  await replaceFile(job.path, job.pem);
  await keepListed(tools, job);
  if (config.reload === undefined) {
    job.reached = "nothing"; // it stays where it is
    throw needsReload(tools, job, tooLarge, placed);
  }
  await reload(tools, config.reload, call);
  job.reached = "disk";
  return { kind: job.before.status === "used" ? "replaced" : "added", shadowed: await seen(tools, job, call) };
}

async function seen(tools: Tools, job: Job, call: Call): Promise<readonly ShadowedName[]> {
  for (let tries = 1;; tries++) {
    try {
      return await prove(proverOf(tools), job.bundle, call);
    } catch (error) {
      if (!(error instanceof SidecarError) || tries === TRIES) throw await withHop(tools, job, error, call);
      await tools.clock.sleep(50, call);
    }
  }
}

function needsReload({ config, events }: Tools, job: Job, tooLarge: SidecarError, placed: boolean): SidecarError {
  const why = `${tooLarge.message}; it is on disk as ${job.path}, and served from HAProxy's next reload on`;
  if (!placed) {
    const text = `${config.name}: ${why}`;
    events.emit({
      level: "error",
      name: "balancer.reload_needed",
      text,
      fields: { balancer: config.name, file: job.file },
    });
  }
  return new SidecarError("SWAP_REJECTED", why, {
    field: "load_balancer",
    todo: `reload HAProxy, or set reload=; or ${tooLarge.todo}`,
  });
}
