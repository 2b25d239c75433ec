/** One `<target>; param; …` of a Link header. */
const LINK = /<([^<>]*)>([^,"]*(?:"(?:[^"\\]|\\.)*"[^,"]*)*)/g;
const PARAMETER = /;\s*([^\s=;,"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";,]*))/g;

/**
 * The targets of all links with the relation (RFC 8288 §3), as written: in several headers or in one list.
 *
 * @param relation For example `alternate`.
 */
export function linkTargets(headers: Headers, relation: string): readonly string[] {
  const header = headers.get("link") ?? "";
  return [...header.matchAll(LINK)]
    .filter(([, , parameters = ""]) => relations(parameters).includes(relation))
    .map(([, target = ""]) => target);
}

/** The first `rel` counts (§3.3); it may name several relations. */
function relations(parameters: string): readonly string[] {
  for (const [, name = "", quoted, plain] of parameters.matchAll(PARAMETER)) {
    if (name.toLowerCase() === "rel") return (quoted ?? plain ?? "").toLowerCase().split(/\s+/);
  }
  return [];
}
