/**
 * `deno task build`: one file without dependencies for each program. With two arguments, an entry and an output, only that
 * one.
 *
 * @module
 */
import * as esbuild from "esbuild";
import { ROOT } from "./command.ts";

/** A program, and the one file that is made of it; paths relative to the top of the tree. */
export interface Bundle {
  readonly entry: string;
  readonly output: string;
}

/** All that is built. */
export const BUNDLES: readonly Bundle[] = [
  { entry: "plugin/main.ts", output: "dist/kontena-certificates.js" },
  { entry: "plugin/launch.ts", output: "dist/launch.js" },
  { entry: "plugin/health_check.ts", output: "dist/health-check.js" },
  { entry: "plugin/cli/main.ts", output: "dist/kontena.js" },
];

/**
 * Bundles a program with everything but Node's own modules. Modules that are imported dynamically are in the same file and
 * still run only when they are asked for.
 *
 * @returns The size of the output in bytes.
 * @throws {Error} If the entry is missing, does not resolve, or the output would name a path of this machine.
 */
export async function build({ entry, output }: Bundle): Promise<number> {
  const { outputFiles: [file] } = await esbuild.build({
    entryPoints: [entry],
    absWorkingDir: ROOT,
    outfile: output,
    write: false,
    bundle: true,
    minify: true,
    charset: "ascii",
    legalComments: "none",
    format: "esm",
    target: "esnext",
    // Neutral takes the ES modules of packages; for Node it would be CommonJS, which is bigger and starts slower.
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["deno", "import"],
    external: ["node:*"],
    alias: { "@kontena/certificates": "./mod.ts" },
    logLevel: "silent",
  });
  if (file === undefined) throw new Error(`Cannot build ${entry}: esbuild made nothing`);
  if (file.text.includes(ROOT)) throw new Error(`Cannot build ${entry}: ${output} would name a path of this machine`);
  const path = output.startsWith("/") ? output : `${ROOT}/${output}`;
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeFile(path, file.contents);
  return file.contents.length;
}

if (import.meta.main) {
  const [entry, output] = Deno.args;
  const bundles = entry !== undefined && output !== undefined ? [{ entry, output }] : BUNDLES;
  try {
    for (const bundle of bundles) console.log(`${bundle.output}  ${Math.round(await build(bundle) / 1_000)} kB`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exitCode = 1;
  } finally {
    await esbuild.stop();
  }
}
