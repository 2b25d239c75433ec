/**
 * The sidecar with a vault that is sealed while the file `sealed` is in its folder: `all` in it closes the whole vault, `bundle`
 * takes everything until a bundle is to be written. The ledger beside it stays.
 *
 * @module
 */
import { SidecarError, type Vault } from "../../mod.ts";
import { main } from "../../plugin/main.ts";

const SWITCH = "sealed";

/** Puts the switch before a vault. */
export function sealable(vault: Vault): Vault {
  const open = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const how = await Deno.readTextFile(SWITCH).catch(() => "");
    if (how === "bundle" && what.includes("_BUNDLE")) await Deno.writeTextFile(SWITCH, "all");
    if (how === "all" || (how === "bundle" && what.includes("_BUNDLE"))) {
      throw new SidecarError("VAULT_UNAVAILABLE", "The vault is sealed");
    }
    return await work();
  };
  return {
    ...vault,
    ready: (call) => open("ready", () => vault.ready(call)),
    list: (call) => open("list", () => vault.list(call)),
    read: (name, call) => open("read", () => vault.read(name, call)),
    history: (name, call) => open("history", () => vault.history(name, call)),
    write: (writes, call) => open(writes.map(({ name }) => name).join(), () => vault.write(writes, call)),
    remove: (name, call) => open("remove", () => vault.remove(name, call)),
  };
}

if (import.meta.main) Deno.exit(await main({ vault: sealable }));
