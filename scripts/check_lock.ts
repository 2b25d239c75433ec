/**
 * Part of the gate: deno.lock fits deno.json, names no place on the network, and every package has one exact version.
 *
 * @module
 */
import { quietly, ROOT } from "./command.ts";

/** The part of deno.json that is used here. */
export interface Config {
  readonly imports?: Readonly<Record<string, string>>;
}

/** The part of deno.lock that is used here. */
export interface Lock {
  readonly workspace?: { readonly dependencies?: readonly string[] };
}

const EXACT = /^npm:\/?(?<name>(?:@[^/@]+\/)?[^/@]+)@(?<version>\d+\.\d+\.\d+(?:-[\w.]+)?)(?:\/.*)?$/;

/** Says what is wrong with a lock. */
export function lockProblems(config: Config, lock: string): readonly string[] {
  const packages = Object.entries(config.imports ?? {}).filter(([, target]) => !/^\.{0,2}\//.test(target));
  const wanted = packages.map(([, target]) => ({ target, exact: EXACT.exec(target)?.groups }));
  const locked = (JSON.parse(lock) as Lock).workspace?.dependencies ?? [];
  const names = new Set(
    wanted.flatMap(({ exact }) => exact === undefined ? [] : [`npm:${exact["name"]}@${exact["version"]}`]),
  );
  return [
    ...wanted.filter(({ exact }) => exact === undefined)
      .map(({ target }) => `deno.json imports ${target}: write one exact version, as npm:name@1.2.3`),
    ...[...names].filter((name) => !locked.includes(name)).map((name) =>
      `deno.lock lacks ${name}: run deno install --frozen=false`
    ),
    ...locked.filter((name) => !names.has(name)).map((name) =>
      `deno.lock has ${name}, deno.json does not: run deno install --frozen=false`
    ),
    // They come from a registry that was configured, and would send everybody there.
    ...lock.split("\n").filter((line) => /:\/\/|"tarball"/.test(line))
      .map((line) => `deno.lock names a place on the network: ${line.trim()}; write it anew with the default registry`),
  ];
}

if (import.meta.main) {
  const [config, lock] = await Promise.all(
    ["deno.json", "deno.lock"].map((name) => Deno.readTextFile(`${ROOT}/${name}`)),
  );
  const problems = [...lockProblems(JSON.parse(config ?? "{}") as Config, lock ?? "{}")];
  // Also fetches what is not in the cache yet, so that the checks after this one need no network.
  const { code, output } = await quietly(Deno.execPath(), ["install", "--frozen"]);
  if (code !== 0) problems.push(output);
  for (const problem of problems) console.log(problem);
  Deno.exit(problems.length === 0 ? 0 : 1);
}
