import { SidecarError } from "../../src/model/errors.ts";
import type { Events } from "../../src/ports.ts";
import { kindOf, visibleFiles } from "./files.ts";
import type { CertificatePlace } from "./place.ts";

/** The part of a balancer's configuration that decides. */
export interface Directory {
  readonly name: string;
  readonly certificates: CertificatePlace;
  readonly defaultFile?: string;
}

/**
 * The first file that was seen in a balancer's folder. As long as it is there, no file that sorts after it becomes the first:
 * of thousands of files that are put in one after the other, none has to read them all.
 */
const FIRST_SEEN = new WeakMap<Directory, string>();
/** How often a folder is read through for files of others that sort first. */
const LOOK_MS = 60_000;
const LOOKED_AT = new WeakMap<Directory, number>();

/**
 * Looks after the default certificate. HAProxy gives clients whose name it does not know the first file of a directory, in
 * the order of their bytes, chosen at each start: a new file that sorts first would take that place at the next reload.
 * Where `default=` names the default, such a file is refused; else it is told, since many directories have no meaningful
 * default at all.
 *
 * @throws {SidecarError} `BALANCER_CONFIG` if it would displace the file that `default=` names.
 */
export async function checkDefault(directory: Directory, file: string, events: Events): Promise<void> {
  const { name, certificates: place, defaultFile } = directory;
  if (place.kind !== "directory" || defaultFile === file) return;
  const seen = FIRST_SEEN.get(directory);
  if (seen !== undefined && seen < file && await kindOf(`${place.path}/${seen}`) === "file") return;
  const files = await visibleFiles(place.path);
  const displaced = displacedBy(file, files);
  const [first] = files.toSorted();
  if (first !== undefined) FIRST_SEEN.set(directory, first);
  if (displaced === undefined) return;
  if (defaultFile !== undefined) {
    const named = defaultFile === displaced ? "" : `, and default= names ${defaultFile}`;
    const why = `${file} sorts before ${displaced} and would become the default certificate at the next reload${named}`;
    throw new SidecarError("BALANCER_CONFIG", `Load balancer ${name}: ${why}`, {
      field: "load_balancers",
      todo: `give the default certificate a file name that sorts first, as 00-${defaultFile}, or set default=${file}`,
    });
  }
  events.emit({
    level: "warn",
    name: "balancer.default_changes",
    text:
      `${name}: ${file} sorts before ${displaced}, so from its next reload on HAProxy answers unknown names with it; ` +
      "give the default certificate a name that sorts first, and set default= to it",
    fields: { balancer: name, file, displaced },
  });
}

/**
 * Tells of a file of somebody else that sorts before the one that `default=` names: at a reload that one loses its place.
 * Looked for once a minute at most.
 */
export async function tellDisplaced(directory: Directory, now: Date, events: Events): Promise<void> {
  const { name, certificates: place, defaultFile } = directory;
  if (place.kind !== "directory" || defaultFile === undefined) return;
  if (Math.abs(now.getTime() - (LOOKED_AT.get(directory) ?? 0)) < LOOK_MS) return;
  LOOKED_AT.set(directory, now.getTime());
  const [first, ...others] = (await visibleFiles(place.path)).toSorted();
  if (first === undefined || !others.includes(defaultFile)) return;
  events.emit({
    level: "warn",
    name: "balancer.default_changes",
    text:
      `${name}: ${first} sorts before ${defaultFile}, which default= names, so from its next reload on HAProxy answers ` +
      `unknown names with ${first}; move it away, or give it a name that sorts later`,
    fields: { balancer: name, file: first, displaced: defaultFile },
  });
}

/** The file that is first now and would not be any more. */
export function displacedBy(file: string, files: readonly string[]): string | undefined {
  const [first] = files.filter((it) => it !== file).toSorted();
  return first !== undefined && file < first ? first : undefined;
}
