import { given } from "../../src/model/shape.ts";
import type { Clock, Events, LoadBalancer } from "../../src/ports.ts";
import { changes } from "../certs/changes.ts";
import { defaultCertificate } from "../certs/default_certificate.ts";
import { baseName } from "../certs/paths.ts";
import { fileIn } from "../certs/place.ts";
import { preparePlaces } from "../certs/placeholder.ts";
import type { Endpoint } from "../net/connection.ts";
import { plainGet } from "../net/plain_get.ts";
import { alpnAnswering, isChallengeFile } from "./alpn.ts";
import { digests } from "../certs/digests.ts";
import { inventory, signOf } from "./inventory.ts";
import { checkPlaces } from "./locate.ts";
import { askAll, servedBy, signaturesFor } from "../certs/prove.ts";
import { proverOf } from "./prover.ts";
import { remove } from "./remove.ts";
import { restore } from "./restore.ts";
import { runtimeSocket } from "./runtime.ts";
import { isSniFile } from "../certs/sni_file.ts";
import { sniAnswering } from "./sni.ts";
import { haproxyWiring } from "./wiring.ts";
import { swap } from "./swap.ts";
import type { Tools } from "./tools.ts";
import type { HaproxyConfig } from "./url.ts";

/** What a balancer is made with. */
export interface BalancerParts {
  readonly clock: Clock;
  readonly events: Events;
  /** Where the sidecar listens for http-01, for the lines that wire the balancer. */
  readonly answers?: Endpoint;
  /** How long a reload may take, in milliseconds, if not what its certificates need. */
  readonly reloadMs?: number;
}

/** HAProxy 2.2 or later over its runtime socket. Making one sends nothing. */
export function haproxyBalancer(config: HaproxyConfig, parts: BalancerParts): LoadBalancer {
  const tools: Tools = {
    config,
    runtime: runtimeSocket(config.name, config.socket),
    answered: { at: -Infinity },
    defaults: defaultCertificate(config, parts),
    ...parts,
  };
  const { challenges, http } = config;
  // Files that this process has had to do with, and what earlier ones name by themselves.
  const files = new Set<string>();
  const mine = (file: string): boolean =>
    files.has(file) || isChallengeFile(file) || isSniFile(file) || file.startsWith("LE_CERTIFICATE_");
  const sni = sniAnswering(tools, mine);
  const watched = changes();
  const onDisk = digests(watched);
  const own = async <T>(theirs: readonly string[], work: () => Promise<T>): Promise<T> => {
    for (const file of theirs) files.add(file);
    return await work().finally(() => watched.own(theirs.map((file) => fileIn(config.certificates, file))));
  };
  return {
    name: config.name,
    kind: config.kind,
    wiring: haproxyWiring(tools, sni),
    async state(call): ReturnType<LoadBalancer["state"]> {
      await preparePlaces(config, parts);
      const { pid, version } = await tools.runtime.info(call);
      await checkPlaces(tools, call);
      return { pid, version: version.text };
    },
    sign: (call) => signOf(tools, call),
    inventory: (question, call) => inventory(tools, onDisk, question, call),
    changed: async (call) => (await watched.since(call)).map(baseName),
    swap: (candidate, call) => own([candidate.file], () => swap(tools, candidate, mine, call)),
    restore: (stored, call) => own(stored.map((it) => it.file), () => restore(tools, stored, mine, call)),
    async remove(file, call): Promise<void> {
      await own([file], () => remove(tools, file, mine, call));
      files.delete(file);
      onDisk.forget(fileIn(config.certificates, file));
    },
    async served(names, call): ReturnType<LoadBalancer["served"]> {
      return servedBy(await askAll(proverOf(tools), names, given("signatures", signaturesFor(call)), call));
    },
    ...given("alpn", challenges === undefined ? undefined : alpnAnswering(tools, challenges, mine)),
    sni,
    ...given("http", http === undefined ? undefined : (name, path, call) => plainGet(http, name, path, call)),
  } satisfies LoadBalancer;
}
