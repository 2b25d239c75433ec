/**
 * The imports of this project as `deno info` sees them.
 *
 * @module
 */
import { quietly, ROOT } from "./command.ts";
import type { Import } from "./layers.ts";

/** What can be reached from some roots. */
export interface ModuleGraph {
  /** Files of this project, relative to its top. */
  readonly files: ReadonlySet<string>;
  readonly imports: readonly Import[];
  /** Imports that lead nowhere. */
  readonly errors: readonly string[];
}

/** The part of `deno info --json` that is used here. */
export interface Info {
  readonly modules: readonly {
    readonly specifier: string;
    readonly error?: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string; readonly error?: string };
      readonly type?: { readonly specifier?: string; readonly error?: string };
    }[];
  }[];
}

/** Reads the graph of all roots together. */
export async function moduleGraph(roots: readonly string[]): Promise<ModuleGraph> {
  const graphs: ModuleGraph[] = [];
  // deno info takes one root at a time.
  for (const root of roots) graphs.push(readInfo(await info(root), `file://${encodeURI(ROOT)}/`));
  return {
    files: new Set(graphs.flatMap(({ files }) => [...files])),
    imports: graphs.flatMap(({ imports }) => imports),
    errors: [...new Set(graphs.flatMap(({ errors }) => errors))],
  };
}

/**
 * Reads one answer of `deno info --json`. Type-only imports count like others.
 *
 * @param top URL of the project, with a final slash.
 */
export function readInfo(info: Info, top: string): ModuleGraph {
  const own = info.modules.filter((module) => module.specifier.startsWith(top) && !isVendored(module.specifier));
  const dependencies = own.flatMap((module) =>
    (module.dependencies ?? []).map((it) => ({ from: module.specifier.slice(top.length), ...it }))
  );
  const target = ({ code, type }: typeof dependencies[number]): string | undefined =>
    code?.specifier ?? type?.specifier;
  return {
    files: new Set(own.map((module) => module.specifier.slice(top.length))),
    imports: dependencies.flatMap((it) => {
      const to = target(it);
      return to === undefined ? [] : [{ from: it.from, to: shortName(to, top) }];
    }),
    errors: [
      ...own.flatMap(({ specifier, error }) =>
        error === undefined ? [] : [`${specifier.slice(top.length)} cannot be read`]
      ),
      ...dependencies.filter((it) => target(it) === undefined)
        .map(({ from, specifier }) => `${from} imports ${specifier}, which leads nowhere`),
    ],
  };
}

function shortName(specifier: string, top: string): string {
  if (specifier.startsWith(top)) return specifier.slice(top.length);
  const npm = /^npm:\/?((?:@[^/@]+\/)?[^/@]+)/.exec(specifier);
  return npm?.[1] ?? specifier;
}

function isVendored(specifier: string): boolean {
  return specifier.includes("/node_modules/");
}

async function info(root: string): Promise<Info> {
  const { code, stdout, output } = await quietly(Deno.execPath(), ["info", "--json", root]);
  if (code !== 0) throw new Error(`Cannot read the imports of ${root}: deno info said\n${output}`);
  return JSON.parse(stdout) as Info;
}
