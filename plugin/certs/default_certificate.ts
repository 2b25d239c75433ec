import { SidecarError } from "../../src/model/errors.ts";
import type { Events } from "../../src/ports.ts";
import { visibleFiles } from "./files.ts";
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
 * Where `default=` names the default, such a file is refused; else it is told, since many directories have no meaningful
 * default at all.
 *
 * @throws {SidecarError} `BALANCER_CONFIG` if it would displace the file that `default=` names.
 */
export async function checkDefault(
  { name, certificates: place, defaultFile }: Directory,
  file: string,
  events: Events,
): Promise<void> {
  if (place.kind !== "directory" || defaultFile === file) return;
  const displaced = displacedBy(file, await visibleFiles(place.path));
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

/** Tells of a file of somebody else that sorts before the one that `default=` names: at a reload that one loses its place. */
export async function tellDisplaced(
  { name, certificates: place, defaultFile }: Directory,
  events: Events,
): Promise<void> {
  if (place.kind !== "directory" || defaultFile === undefined) return;
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
