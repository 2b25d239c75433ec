/**
 * Debian's lego: one run a certificate.
 *
 * @module
 */
import { find, tempDir } from "../../test/support/process.ts";
import type { ClientKind } from "./client.ts";
import { timedRun } from "./timed_run.ts";

/** lego, where it is installed. */
export function lego(): ClientKind | string {
  const program = find("lego");
  if (program === undefined) return "lego is not installed: apt-get install lego";
  return {
    name: "lego, a run",
    open: ({ directory, caFile, httpPort }) => {
      const dir = tempDir();
      const general = ["--server", directory.href, "--email", "bench@example.com", "--accept-tos", "--path", dir.path];
      const challenge = ["--key-type", "ec256", "--http", "--http.port", `127.0.0.1:${httpPort}`];
      return Promise.resolve({
        issue: (names) =>
          timedRun({
            program,
            args: [...general, ...challenge, ...names.flatMap((name) => ["--domains", name]), "run"],
            env: { LEGO_CA_CERTIFICATES: caFile },
            cwd: dir.path,
          }),
        [Symbol.asyncDispose]: () => Promise.resolve(dir[Symbol.dispose]()),
      });
    },
  };
}
