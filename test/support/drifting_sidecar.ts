/**
 * The sidecar in a hurry (`hasty_sidecar.ts`) with a vault that can be sealed (`sealed_sidecar.ts`). Its clock is the one of
 * whoever set `HASTY_SINCE`, and goes on where it is started anew.
 *
 * @module
 */
import { main } from "../../plugin/main.ts";
import { hastySince } from "./hasty_sidecar.ts";
import { sealable } from "./sealed_sidecar.ts";

if (import.meta.main) {
  const since = Number(Deno.env.get("HASTY_SINCE") ?? Date.now());
  Deno.exit(await main({ clock: hastySince(since), vault: sealable }));
}
