import { SidecarError } from "../src/model/errors.ts";
import type { Events } from "../src/ports.ts";
import type { Config } from "./config.ts";

/** What the sidecar is known and trusted by. Both are secret. */
export interface Identity {
  readonly vaultKey: string;
  readonly token: string;
}

/** The directory of an embedded vault: its key and the API's token are made beside it. */
export function dataDirectory(config: Config): string {
  if (config.vault.kind === "memory") return "data";
  return config.vault.path.includes("/") ? config.vault.path.replace(/\/[^/]*$/, "") || "/" : ".";
}

/** Takes key and token from the configuration, else from their files, else makes them (0600). */
export async function readIdentity(config: Config, events: Events): Promise<Identity> {
  const directory = dataDirectory(config);
  const vaultKey = config.vaultKey ??
    (config.vault.kind === "memory" ? random(32) : await readOrMake(`${directory}/vault.key`, (path) =>
      events.emit({
        level: "warn",
        name: "vault.key",
        text: `VAULT_KEY is not set: made ${path}; keep a copy of it elsewhere, without it the vault cannot be opened`,
      })));
  const token = config.apiToken ??
    await readOrMake(
      `${directory}/token`,
      (path) => events.emit({ level: "info", name: "api.token", text: `API_TOKEN is not set: made ${path}` }),
    );
  return { vaultKey, token };
}

async function readOrMake(path: string, made: (path: string) => void): Promise<string> {
  try {
    return (await Deno.readTextFile(path)).trim();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw unusable(path, error);
  }
  try {
    await Deno.mkdir(path.replace(/\/[^/]*$/, "") || "/", { recursive: true, mode: 0o700 });
    const value = random(32);
    await writeWhole(path, `${value}\n`);
    made(path);
    return value;
  } catch (error) {
    throw unusable(path, error);
  }
}

/**
 * Written and synced before it has its name, and the name synced before it is used: neither a crash nor a loss of power may
 * leave half a key behind, or a vault whose key is gone (fsync(2): a file's own sync does not cover its name).
 */
async function writeWhole(path: string, text: string): Promise<void> {
  const staged = `${path}.${random(4)}`;
  try {
    using file = await Deno.open(staged, { write: true, createNew: true, mode: 0o600 });
    const bytes = new TextEncoder().encode(text);
    for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
    await file.sync();
    await Deno.rename(staged, path);
  } catch (error) {
    await Deno.remove(staged).catch(() => {});
    throw error;
  }
  using folder = await Deno.open(path.replace(/\/[^/]*$/, "") || "/", { read: true });
  await folder.sync();
}

function unusable(path: string, cause: unknown): SidecarError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new SidecarError("VAULT_UNAVAILABLE", `Cannot use ${path}: ${why}`, {
    cause,
    field: "vault",
    todo: "make the directory of VAULT_URL writable for the sidecar",
  });
}

function random(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (it) => it.toString(16).padStart(2, "0")).join("");
}
