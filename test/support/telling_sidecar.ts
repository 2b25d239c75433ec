/**
 * The sidecar in a hurry (`hasty_sidecar.ts`), which notes every value that it seals in the file `SEALED`: only so does a test
 * know all the keys that ever were.
 *
 * @module
 */
import type { Vault } from "../../mod.ts";
import { main } from "../../plugin/main.ts";
import { hastyClock } from "./hasty_sidecar.ts";

function tellingVault(vault: Vault): Vault {
  const file = Deno.env.get("SEALED") ?? "sealed";
  return {
    ...vault,
    async write(writes, call): Promise<void> {
      const lines = writes.map(({ name, value }) => `${JSON.stringify({ name, value })}\n`);
      await Deno.writeTextFile(file, lines.join(""), { append: true });
      await vault.write(writes, call);
    },
  };
}

if (import.meta.main) Deno.exit(await main({ clock: hastyClock, vault: tellingVault }));
