import { variableNames } from "../../plugin/config.ts";

/** Read by `bin/kontena`; what it needs to know here, the demo sets. */
const OF_THE_COMMAND_LINE = ["KONTENA_URL", "KONTENA_TOKEN", "KONTENA_TOKEN_FILE", "KONTENA_GRID"];

/** HAProxy takes socket paths of 97 characters, and its folder and its socket's name come after this one. */
const LONGEST = 97 - "/kontena-0123456789abcdef/operator.sock".length;

/** A folder for all temporary files, of the programs that are started from now on, too. It goes away with its scope. */
export function ownTempFolder(): Disposable {
  const path = newFolder();
  Deno.env.set("TMPDIR", path);
  return { [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

/**
 * Takes out of the environment what would make the demo's programs other ones: settings of a sidecar that the user may have.
 * A proxy stays, since packages may have to come through it, but what is on this machine is never asked for there.
 */
export function cleanEnvironment(): void {
  for (const name of [...variableNames(), ...OF_THE_COMMAND_LINE]) Deno.env.delete(name);
  for (const name of ["NO_PROXY", "no_proxy"]) Deno.env.set(name, "127.0.0.1,localhost");
}

function newFolder(): string {
  const path = Deno.makeTempDirSync({ prefix: "demo-" });
  if (path.length <= LONGEST) return path;
  Deno.removeSync(path);
  return Deno.makeTempDirSync({ dir: "/tmp", prefix: "demo-" });
}
