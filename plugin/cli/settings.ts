import { InputError } from "../../src/model/errors.ts";

/** Where the sidecar is, and the right to talk to it. */
export interface Settings {
  readonly url: URL;
  readonly token: string;
}

/** What {@linkcode readSettings} reads. */
export interface Sources {
  readonly env: (name: string) => string | undefined;
  /** The text of a file, undefined where it cannot be read. */
  readonly file: (path: string | URL) => string | undefined;
  /** Files that may hold the token, first one first. */
  readonly tokenFiles: readonly (string | URL)[];
}

/** Where the sidecar listens unless told otherwise. */
export const DEFAULT_URL = "http://127.0.0.1:9292";

/**
 * Finds the sidecar as Kontena's own client does: `KONTENA_URL`, and `KONTENA_TOKEN` or `KONTENA_TOKEN_FILE`.
 *
 * @throws {InputError} Naming the variable; a token is never quoted.
 */
export function readSettings(sources: Sources): Settings {
  return { url: readUrl(sources.env("KONTENA_URL") || DEFAULT_URL), token: readToken(sources) };
}

/** The grid of `--grid`, else of `KONTENA_GRID`, else `default`. */
export function readGrid(option: string | undefined, { env }: Pick<Sources, "env">): string {
  return option ?? (env("KONTENA_GRID") || "default");
}

function readUrl(text: string): URL {
  const url = URL.parse(text);
  // a URL may hold a password, so it is not shown
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new InputError("KONTENA_URL", "it is not an http or https URL", `write it like ${DEFAULT_URL}`);
  }
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

function readToken({ env, file, tokenFiles }: Sources): string {
  const [found, from] = findToken(env, file, tokenFiles);
  const token = found.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new InputError(from, "it does not hold a token", "a token is one word of printable characters");
}

function findToken(
  env: Sources["env"],
  file: Sources["file"],
  tokenFiles: Sources["tokenFiles"],
): readonly [token: string, from: string] {
  const direct = env("KONTENA_TOKEN");
  if (direct) return [direct, "KONTENA_TOKEN"];
  const named = env("KONTENA_TOKEN_FILE");
  if (named) {
    const text = file(named);
    if (text !== undefined) return [text, "KONTENA_TOKEN_FILE"];
    throw new InputError("KONTENA_TOKEN_FILE", `the file ${named} cannot be read`, "name the sidecar's data/token");
  }
  for (const path of tokenFiles) {
    const text = file(path);
    if (text !== undefined) return [text, "data/token"];
  }
  throw new InputError(
    "KONTENA_TOKEN",
    "no token is given, and there is no file data/token here",
    "start the sidecar, which makes data/token, and run this in its folder; or set KONTENA_TOKEN or KONTENA_TOKEN_FILE",
  );
}
