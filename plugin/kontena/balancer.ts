import { given } from "../../src/model/shape.ts";
import type { BalancerState, Call, Clock, Events, LoadBalancer, SniAnswering } from "../../src/ports.ts";
import { hostPort } from "../certs/balancer_url.ts";
import { changes } from "../certs/changes.ts";
import { defaultCertificate } from "../certs/default_certificate.ts";
import { baseName } from "../certs/paths.ts";
import { checkPlace, fileIn } from "../certs/place.ts";
import { preparePlaces } from "../certs/placeholder.ts";
import { askAll, servedBy, signaturesFor } from "../certs/prove.ts";
import { isSniFile } from "../certs/sni_file.ts";
import type { Endpoint } from "../net/connection.ts";
import { plainGet } from "../net/plain_get.ts";
import { digests } from "../certs/digests.ts";
import { etcdV2 } from "./etcd.ts";
import { inventory, signOf } from "./inventory.ts";
import { revisionKey } from "./layout.ts";
import { remove } from "./remove.ts";
import { httpRouting } from "./routes.ts";
import { sniAnswering } from "./sni.ts";
import { swap } from "./swap.ts";
import { proverOf, type Tools } from "./tools.ts";
import type { KontenaConfig } from "./url.ts";
import { kontenaWiring } from "./wiring.ts";

/** What a Kontena Load Balancer is made with. */
export interface KontenaParts {
  readonly clock: Clock;
  readonly events: Events;
  /** Where the sidecar listens for http-01, for the lines that wire the balancer. */
  readonly answers?: Endpoint;
  /** The same balancer over its HAProxy's runtime socket, where that is shared. */
  readonly runtime?: LoadBalancer;
  /** How long it may take to read its directory again, in milliseconds; default 10,000. */
  readonly patienceMs?: number;
}

const NO_ALPN = "the HAProxy of a Kontena Load Balancer is older than 2.0 and cannot route by ALPN; " +
  "it answers http-01 and tls-sni-01";

/**
 * An unmodified Kontena Load Balancer: files in its certificate directory, and what it polls in etcd. Where its HAProxy is 2.2
 * or later and the runtime socket is shared, certificates are swapped there at once, and the files keep them.
 */
export function kontenaBalancer(config: KontenaConfig, parts: KontenaParts): LoadBalancer {
  const { runtime, patienceMs = 10_000, ...rest } = parts;
  const etcd = etcdV2(config.name, hostPort(config.etcd));
  const tools: Tools = { config, etcd, defaults: defaultCertificate(config, parts), patienceMs, ...rest };
  const files = new Set<string>();
  const mine = (file: string): boolean => files.has(file) || isSniFile(file) || file.startsWith("LE_CERTIFICATE_");
  const bySocket = (call: Call): Promise<LoadBalancer | undefined> => usable(runtime, call);
  const byFile = sniAnswering(tools, mine);
  const watched = changes();
  const onDisk = digests(watched);
  const own = async <T>(file: string, work: () => Promise<T>): Promise<T> => {
    files.add(file);
    return await work().finally(() => watched.own([fileIn(config.certificates, file)]));
  };
  const sni = async (call: Call): Promise<SniAnswering> => (await bySocket(call))?.sni ?? byFile;
  return {
    name: config.name,
    kind: config.kind,
    noAlpn: NO_ALPN,
    wiring: kontenaWiring(tools, { byFile, bySocket }),
    routes: httpRouting(tools),
    sni: {
      answer: async (certificate, call) => await (await sni(call)).answer(certificate, call),
      withdraw: async (name, call) => await (await sni(call)).withdraw(name, call),
    },
    async state(call): Promise<BalancerState> {
      await preparePlaces(config, tools);
      await checkPlace(config.name, config.certificates);
      await tools.etcd.get(revisionKey(config.service), call);
      return await (await bySocket(call))?.state(call) ?? {};
    },
    async sign(call): Promise<string> {
      const byFile = await signOf(tools, call);
      return await (await bySocket(call))?.sign(call) ?? byFile;
    },
    async inventory(question, call): ReturnType<LoadBalancer["inventory"]> {
      const byFile = await inventory(tools, onDisk, question, call);
      return await (await bySocket(call))?.inventory(question, call) ?? byFile;
    },
    changed: async (call) => (await watched.since(call)).map(baseName),
    swap: (candidate, call) =>
      own(
        candidate.file,
        async () => await (await bySocket(call))?.swap(candidate, call) ?? swap(tools, candidate, call),
      ),
    async remove(file, call): Promise<void> {
      await own(file, async () => {
        const runtime = await bySocket(call);
        if (runtime === undefined) await remove(tools, file, mine, call);
        else await runtime.remove(file, call);
      });
      files.delete(file);
      onDisk.forget(fileIn(config.certificates, file));
    },
    async served(names, call): ReturnType<LoadBalancer["served"]> {
      return servedBy(await askAll(proverOf(tools), names, given("signatures", signaturesFor(call)), call));
    },
    http: (name, path, call) => plainGet(config.http, name, path, call),
  };
}

/** A socket that does not answer, or of an HAProxy before 2.2, is no reason not to go by file and reload. */
async function usable(runtime: LoadBalancer | undefined, call: Call): Promise<LoadBalancer | undefined> {
  try {
    const [major = 0, minor = 0] = (await runtime?.state(call))?.version?.split(".").map(Number) ?? [];
    return major > 2 || (major === 2 && minor >= 2) ? runtime : undefined;
  } catch {
    call.signal.throwIfAborted();
    return undefined;
  }
}
