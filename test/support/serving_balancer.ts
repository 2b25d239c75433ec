/**
 * A balancer that has its files in two maps, for what a real one does not do on demand: to refuse for hours, to be away, to be
 * started anew within a millisecond.
 *
 * @module
 */
import { createHash, X509Certificate } from "node:crypto";
import { bundlePem } from "../../src/model/certificate.ts";
import { SidecarError } from "../../src/model/errors.ts";
import type { MemoryHop } from "../../src/model/inventory.ts";
import type { LoadBalancer } from "../../src/ports.ts";
import { fakeBalancer } from "./fakes.ts";

/** A {@linkcode LoadBalancer} that a test can look into and disturb. */
export interface ServingBalancer extends LoadBalancer {
  /** The worker's number; another one is a balancer that was started anew. */
  worker: number;
  away: boolean;
  /** Refuses every swap. */
  refusing: boolean;
  /** Refuses these, by their fingerprint. */
  readonly refused: Set<string>;
  /** Fingerprints by file: what was swapped in, in order. */
  readonly swaps: (readonly [file: string, fingerprint: string])[];
  readonly removals: string[];
  readonly disk: Map<string, string>;
  readonly memory: Map<string, MemoryHop & { readonly fingerprint: string }>;
  /** Files that `changed` will tell of. */
  readonly changes: Set<string>;
}

/** Makes one. */
export function servingBalancer(name = "lb"): ServingBalancer {
  const disk = new Map<string, string>();
  const memory: ServingBalancer["memory"] = new Map();
  const here = (): void => {
    if (it.away) throw new SidecarError("BALANCER_UNREACHABLE", `${name} is away`);
  };
  const it: ServingBalancer = Object.assign(
    fakeBalancer({
      name,
      async sign(): Promise<string> {
        here();
        return await Promise.resolve(`worker ${it.worker}`);
      },
      async changed(): Promise<readonly string[]> {
        const all = [...it.changes];
        it.changes.clear();
        return await Promise.resolve(all);
      },
      async inventory({ files }, call): ReturnType<LoadBalancer["inventory"]> {
        const sign = await it.sign(call);
        return {
          sign,
          files: new Map(files.map((file) => {
            const digest = disk.get(file);
            return [file, { ...digest === undefined ? {} : { disk: digest }, memory: memory.get(file) ?? ABSENT }];
          })),
          missing: [],
        };
      },
      async swap({ file, bundle }): ReturnType<LoadBalancer["swap"]> {
        const { fingerprint } = bundle.facts;
        it.swaps.push([file, fingerprint]);
        await Promise.resolve();
        here();
        if (it.refusing || it.refused.has(fingerprint)) {
          throw new SidecarError("SWAP_REJECTED", "it refuses", { hop: "memory" });
        }
        const sha1 = createHash("sha1").update(new X509Certificate(bundle.certificates[0]).raw).digest("hex");
        disk.set(file, createHash("sha256").update(bundlePem(bundle)).digest("hex"));
        memory.set(file, { loaded: true, sha1, fingerprint });
        return { kind: "replaced", shadowed: [] };
      },
      async remove(file): Promise<void> {
        it.removals.push(file);
        await Promise.resolve();
        here();
        if (it.refusing) throw new SidecarError("SWAP_REJECTED", "it is the default certificate");
        disk.delete(file);
        memory.delete(file);
      },
      async served(names): ReturnType<LoadBalancer["served"]> {
        await Promise.resolve();
        here();
        return names.flatMap((name) => {
          const found = memory.get(`LE_CERTIFICATE_${name.replaceAll(".", "_")}.pem`);
          return found === undefined ? [] : [{ name, fingerprint: found.fingerprint, serial: "01" }];
        });
      },
    }),
    {
      worker: 1,
      away: false,
      refusing: false,
      refused: new Set<string>(),
      swaps: [],
      removals: [],
      disk,
      memory,
      changes: new Set<string>(),
    },
  );
  return it;
}

const ABSENT: MemoryHop = { loaded: false };
