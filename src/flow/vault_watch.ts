import { describe, isVaultAway, type SidecarError } from "../model/errors.ts";
import type { SecretName } from "../model/secret_name.ts";
import type { Call, SecretEntry } from "../ports.ts";
import type { FlowParts } from "./parts.ts";

/** Whether the vault is there. */
export interface VaultWatch {
  /** The secrets that the vault holds by name, or undefined while it is away. What waited for it is in it then. */
  look(call: Call): Promise<ReadonlyMap<SecretName, SecretEntry> | undefined>;
  /** Somebody else found it away: perhaps it can only be read. */
  missed(error: SidecarError): void;
}

/**
 * Makes a {@linkcode VaultWatch}: a vault that is away is a state, told once when it begins and once when it ends.
 *
 * @param onBack Called before anything else is done with a vault that was not there at the last look.
 */
export function vaultWatch(
  { vault, clock, events }: Pick<FlowParts, "vault" | "clock" | "events">,
  onBack: (call: Call) => Promise<void>,
): VaultWatch {
  let state: "unseen" | "there" | { readonly awaySince: Date } = "unseen";

  const missed = (error: SidecarError): void => {
    if (typeof state === "object") return;
    state = { awaySince: clock.now() };
    events.emit({
      level: "error",
      name: "vault.away",
      text: `The vault is away: what is served is served on, nothing is ordered until it is back: ${describe(error)}`,
      fields: { code: error.code },
    });
  };
  const there = async (call: Call): Promise<void> => {
    if (state === "there") return;
    await onBack(call);
    if (typeof state === "object") {
      const seconds = Math.round((clock.now().getTime() - state.awaySince.getTime()) / 1_000);
      events.emit({
        level: "info",
        name: "vault.back",
        text: `The vault is back after ${seconds} s`,
        fields: { seconds },
      });
    }
    state = "there";
  };

  return {
    missed,
    async look(call: Call): Promise<ReadonlyMap<SecretName, SecretEntry> | undefined> {
      try {
        if (typeof state === "object") await vault.ready(call);
        const secrets = await vault.list(call);
        await there(call);
        return new Map(secrets.map((it) => [it.name, it]));
      } catch (error) {
        if (!isVaultAway(error)) throw error;
        missed(error);
        return undefined;
      }
    },
  };
}
