import { SidecarError } from "../../src/model/errors.ts";
import type { Call } from "../../src/ports.ts";
import { visibleFiles } from "../certs/files.ts";
import { badFile } from "../certs/on_disk.ts";
import { hostPort } from "../certs/balancer_url.ts";
import { freezingKeys, nextRevision, revisionKey, revisionService, rootOf } from "./layout.ts";
import type { Tools } from "./tools.ts";

/** Between looks at what is served, in milliseconds. */
const LOOK_MS = 50;

/**
 * Has the balancer read its directory again: it does so when its configuration text changes, of which the revision is a
 * comment. It polls each second.
 *
 * @param needed False where nothing of ours is in the directory any more: then the revision goes, which changes the text too.
 */
export async function reload({ config, etcd }: Tools, call: Call, needed = true): Promise<void> {
  const { service } = config;
  if (!needed) return await etcd.remove(revisionService(service), call);
  const key = revisionKey(service);
  await etcd.put(key, nextRevision(await etcd.get(key, call)), call);
}

/**
 * Looks again and again until `look` succeeds: the balancer polls, checks its configuration and starts a new process, which
 * loads every certificate twice.
 *
 * @param look Is told when it looks for the last time.
 * @returns What `look` returned.
 * @throws {SidecarError} What `look` threw last, once the balancer has had its time.
 */
export async function seenInTime<T>(tools: Tools, look: (last: boolean) => Promise<T>, call: Call): Promise<T> {
  const end = performance.now() + await patience(tools);
  while (true) {
    const last = performance.now() > end;
    try {
      return await look(last);
    } catch (error) {
      call.signal.throwIfAborted();
      if (!(error instanceof SidecarError) || last) throw error;
      await tools.clock.sleep(LOOK_MS, call);
    }
  }
}

/** HAProxy needs some 0.8 ms to load a certificate, twice; it gets about double that. */
async function patience({ config, patienceMs }: Tools): Promise<number> {
  return patienceMs + 3 * (await visibleFiles(config.certificates.path)).length;
}

/** Why a balancer stays with its last configuration, as far as that can be known from outside; its log knows more. */
export async function whyUnchanged({ config, etcd }: Tools, seen: unknown, call: Call): Promise<Unchanged> {
  const { certificates, service, probe } = config;
  const [freezing] = freezingKeys(await etcd.tree(rootOf(service), call).catch(() => undefined) ?? []);
  if (freezing !== undefined) {
    return {
      why: `stays with its last configuration: the key ${freezing} keeps it from rendering a new one`,
      todo: "remove that key from etcd",
    };
  }
  const bad = await badFile(certificates.path).catch(() => undefined);
  if (bad !== undefined) {
    return {
      why:
        `stays with its last configuration: ${certificates.path}/${bad.file} ${bad.why}, so HAProxy refuses all of it`,
      todo: "remove or mend that file",
    };
  }
  if (seen instanceof SidecarError && seen.code === "BALANCER_UNREACHABLE") {
    return {
      why: `does not serve TLS on ${hostPort(probe)}: ${seen.message}`,
      todo: "give it an SSL_CERT_* variable, which switches TLS on, and look at its log",
    };
  }
  return {
    why: `stays with its last configuration: it refused the new one, or does not poll ${rootOf(service)}`,
    todo: "look at its log, and compare its service name and ETCD_NODE with the URL in LOAD_BALANCERS",
  };
}

/** The state of a balancer that did not follow. */
export interface Unchanged {
  /** Goes on after the balancer's name. */
  readonly why: string;
  readonly todo: string;
}
