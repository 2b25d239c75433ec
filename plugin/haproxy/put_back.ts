import { describe, SidecarError } from "../../src/model/errors.ts";
import type { Call } from "../../src/ports.ts";
import { withoutFile } from "../certs/crt_list.ts";
import { readIfThere, removeFile, replaceFile } from "../certs/files.ts";
import { canonicalPem } from "../certs/pem.ts";
import { tooLarge, withPayload } from "./payload.ts";
import { readCommit } from "./replies.ts";
import { findList } from "./locate.ts";
import type { Job } from "./job.ts";
import { reload } from "./reload.ts";
import { dropCertificate } from "./remove.ts";
import { command, refused, type Tools } from "./tools.ts";
import { abort, setCertificate } from "./transaction.ts";

/** How long undoing may take, in milliseconds; whoever gave up on the swap is not asked. */
const PATIENCE = 10_000;

/**
 * Undoes a swap that failed: the former file or none, no open transaction, the former certificate in memory or none. Each
 * step is tried whatever became of the others; what could not be undone is told as an event.
 */
export async function putBack(tools: Tools, job: Job): Promise<"put back" | "not put back"> {
  const { config, events } = tools;
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(new DOMException("Clean-up took too long", "TimeoutError")), PATIENCE);
  const failures: string[] = [];
  try {
    for (const step of [restoreDisk, closeTransaction, restoreMemory]) {
      await step(tools, job, { signal: control.signal }).catch((error) => failures.push(describe(error)));
    }
  } finally {
    clearTimeout(timer);
  }
  const done = failures.length === 0;
  events.emit({
    level: done ? "warn" : "error",
    name: done ? "balancer.put_back" : "balancer.put_back_failed",
    text: done
      ? `${config.name}: the swap of ${job.file} failed; file and memory are as before`
      : `${config.name}: the swap of ${job.file} failed and could not be undone: ${failures.join("; ")}`,
    fields: { balancer: config.name, file: job.file },
  });
  return done ? "put back" : "not put back";
}

async function restoreDisk({ config }: Tools, job: Job): Promise<void> {
  if (job.reached === "memory") return;
  if (job.former === undefined) await removeFile(job.path);
  // What was never replaced is not written again: that could fail as the swap did, where the disk is full.
  else if (await readIfThere(job.path) !== job.former) await replaceFile(job.path, job.former);
  const { certificates: place } = config;
  const list = place.kind === "crt-list" ? await readIfThere(place.path) : undefined;
  if (list === undefined || job.formerList === undefined) return;
  // Only our own line goes: somebody else may have edited the list meanwhile.
  const without = withoutFile(list, job.now.name);
  if (without !== list && withoutFile(job.formerList, job.now.name) === job.formerList) {
    await replaceFile(place.path, without);
  }
}

async function closeTransaction(tools: Tools, job: Job, call: Call): Promise<void> {
  await abort(tools, job.now.name, call);
}

async function restoreMemory(tools: Tools, job: Job, call: Call): Promise<void> {
  const { name } = job.now;
  if (job.reached === "placed") return;
  if (job.before.status !== "used") {
    const list = job.now.list ?? await findList(tools, tools.config.certificates.path, call);
    return await dropCertificate(tools, name, list, call);
  }
  if (job.reached === "memory") return; // nothing was committed
  const pem = job.former === undefined ? undefined : canonicalPem(job.former);
  if (pem === undefined) {
    throw new SidecarError("SWAP_REJECTED", `the file of the former certificate was missing, ${name} stays as it is`);
  }
  const former = { file: name, pem, version: job.version };
  const fits = tooLarge(withPayload(`set ssl cert ${name}`, pem, job.version), job.version, job.file) === undefined;
  const { reload: how } = tools.config;
  if (!fits && how !== undefined) return await reload(tools, how, call);
  await setCertificate(tools, former, () => true, call);
  const outcome = await command(tools, `commit ssl cert ${name}`, (reply) => readCommit(reply, name), call);
  if (outcome === "no transaction") throw refused(`commit ssl cert ${name}`, "the worker was replaced meanwhile");
}
