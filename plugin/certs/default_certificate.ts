import { SidecarError } from "../../src/model/errors.ts";
import type { Clock, Events } from "../../src/ports.ts";
import { kindOf, visibleFiles } from "./files.ts";
import type { CertificatePlace } from "./place.ts";

/** The part of a balancer's configuration that decides. */
export interface Directory {
  readonly name: string;
  readonly certificates: CertificatePlace;
  readonly defaultFile?: string;
}

/**
 * Looks after the default certificate. HAProxy gives clients whose name it does not know the first file of a directory, in
 * the order of their bytes, chosen at each start: a new file that sorts first would take that place at the next reload.
 */
export interface DefaultCertificate {
  /**
   * Looks what becomes of it with a new file. Where `default=` names the default, a file that would displace it is refused;
   * else that is told, since many directories have no meaningful default at all.
   *
   * @throws {SidecarError} `BALANCER_CONFIG` if it would displace the file that `default=` names.
   */
  check(file: string): Promise<void>;
  /**
   * Tells of a file of somebody else that sorts before the one that `default=` names: at a reload that one loses its place.
   * Looked for once a minute at most.
   */
  tellDisplaced(): Promise<void>;
}

/** How often a folder is read through for files of others that sort first. */
const LOOK_MS = 60_000;

/** Makes the {@linkcode DefaultCertificate} of a balancer's folder. */
export function defaultCertificate(
  { name, certificates: place, defaultFile }: Directory,
  { clock, events }: { readonly clock: Clock; readonly events: Events },
): DefaultCertificate {
  // As long as it is there, no file that sorts after it becomes the first: of thousands of files that are put in one after
  // the other, none has to read them all.
  let firstSeen: string | undefined;
  let lookedAt = 0;

  const tell = (text: string, file: string, displaced: string): void =>
    events.emit({
      level: "warn",
      name: "balancer.default_changes",
      text: `${name}: ${text}`,
      fields: { balancer: name, file, displaced },
    });

  return {
    async check(file): Promise<void> {
      if (place.kind !== "directory" || defaultFile === file) return;
      const isLater = firstSeen !== undefined && firstSeen < file;
      if (isLater && await kindOf(`${place.path}/${firstSeen}`) === "file") return;
      const files = await visibleFiles(place.path);
      firstSeen = files.toSorted()[0] ?? firstSeen;
      const displaced = displacedBy(file, files);
      if (displaced === undefined) return;
      if (defaultFile !== undefined) throw wouldDisplace(name, file, displaced, defaultFile);
      const text =
        `${file} sorts before ${displaced}, so from its next reload on HAProxy answers unknown names with it; ` +
        "give the default certificate a name that sorts first, and set default= to it";
      tell(text, file, displaced);
    },
    async tellDisplaced(): Promise<void> {
      if (place.kind !== "directory" || defaultFile === undefined) return;
      const now = clock.now().getTime();
      if (Math.abs(now - lookedAt) < LOOK_MS) return;
      lookedAt = now;
      const [first, ...others] = (await visibleFiles(place.path)).toSorted();
      if (first === undefined || !others.includes(defaultFile)) return;
      const text =
        `${first} sorts before ${defaultFile}, which default= names, so from its next reload on HAProxy answers ` +
        `unknown names with ${first}; move it away, or give it a name that sorts later`;
      tell(text, first, defaultFile);
    },
  };
}

/** The file that is first now and would not be any more. */
export function displacedBy(file: string, files: readonly string[]): string | undefined {
  const [first] = files.filter((it) => it !== file).toSorted();
  return first !== undefined && file < first ? first : undefined;
}

function wouldDisplace(name: string, file: string, displaced: string, defaultFile: string): SidecarError {
  const named = defaultFile === displaced ? "" : `, and default= names ${defaultFile}`;
  const why = `${file} sorts before ${displaced} and would become the default certificate at the next reload${named}`;
  return new SidecarError("BALANCER_CONFIG", `Load balancer ${name}: ${why}`, {
    field: "load_balancers",
    todo: `give the default certificate a file name that sorts first, as 00-${defaultFile}, or set default=${file}`,
  });
}
