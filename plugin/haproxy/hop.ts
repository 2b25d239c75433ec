import { SidecarError } from "../../src/model/errors.ts";
import type { Call } from "../../src/ports.ts";
import { hostPort } from "../certs/balancer_url.ts";
import { leafOf } from "../certs/on_disk.ts";
import { askAll, sha1, signaturesOf } from "../certs/prove.ts";
import type { Job } from "./job.ts";
import { look } from "./locate.ts";
import { proverOf } from "./prover.ts";
import type { Tools } from "./tools.ts";

/** What stands between a certificate that HAProxy has taken and the one that is seen. */
interface Hop {
  readonly why: string;
  readonly todo: string;
}

/**
 * Names the hop at which a certificate is lost that HAProxy said it has taken: its memory, its bind, another process with the
 * former certificate, or somebody else at that address.
 *
 * @param refusal The proof that failed.
 */
export async function withHop(tools: Tools, job: Job, refusal: unknown, call: Call): Promise<unknown> {
  if (!(refusal instanceof SidecarError) || refusal.code !== "SWAP_REJECTED") return refusal;
  const hop = await findHop(tools, job, call).catch(() => undefined);
  call.signal.throwIfAborted();
  if (hop === undefined) return refusal;
  const { field, cause } = refusal;
  return new SidecarError("SWAP_REJECTED", `${refusal.message}; ${hop.why}`, { field, cause, todo: hop.todo });
}

async function findHop(tools: Tools, job: Job, call: Call): Promise<Hop | undefined> {
  const { now } = job;
  const loaded = await look(tools, now.name, call);
  if (loaded?.sha1 !== leafSum(job.bundle.certificates[0])) {
    return {
      why: `HAProxy has another certificate in memory as ${now.name} by now`,
      todo: "see who else changes this balancer's certificates",
    };
  }
  if (loaded?.status !== "used") {
    return { why: `no bind of HAProxy uses ${now.name}`, todo: `name ${now.list ?? "its list"} in the bind line` };
  }
  return await behindProbe(tools, job, call);
}

/** HAProxy has it: then it is who answers at the probe's address. */
async function behindProbe(tools: Tools, { now, bundle, former }: Job, call: Call): Promise<Hop | undefined> {
  const at = hostPort(tools.config.probe);
  const prover = proverOf(tools);
  const [answer] = await askAll(prover, bundle.facts.names.slice(0, 1), { signatures: signaturesOf(bundle) }, call);
  if (answer === undefined || !("probed" in answer)) return undefined;
  const seen = sha1(answer.probed.der);
  if (seen === leafSum(bundle.certificates[0])) return undefined;
  const file = (await prover.filesBySha1(new Set([seen]), call)).get(seen);
  if (file !== undefined) {
    return {
      why:
        `HAProxy has it in memory, and ${at} answers with ${file} of the same HAProxy: that bind does not use its list`,
      todo: `set probe= to the bind that uses ${now.list ?? now.name}`,
    };
  }
  if (former !== undefined && seen === leafSum(former)) {
    return {
      why: `HAProxy has it in memory, and ${at} answers with the former one: another worker or process is behind it`,
      todo: "end the other process, or give it a name of its own in LOAD_BALANCERS",
    };
  }
  return {
    why:
      `HAProxy has it in memory, and ${at} answers with one that this HAProxy has not: another server is in front of it`,
    todo: "set probe= to this balancer's TLS address",
  };
}

function leafSum(pem: string): string | undefined {
  const leaf = leafOf(pem);
  return leaf === undefined ? undefined : sha1(leaf.raw);
}
