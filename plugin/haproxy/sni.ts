import type { DnsName } from "../../src/model/dns_name.ts";
import type { Call, SniAnswering } from "../../src/ports.ts";
import { putEntry } from "./challenge_entry.ts";
import { inTurn } from "../net/in_turn.ts";
import { findList, unknownList } from "./locate.ts";
import { checkPem } from "../certs/pem.ts";
import { sniFile } from "../certs/sni_file.ts";
import { dropCertificate } from "./remove.ts";
import type { Tools } from "./tools.ts";
import { clearTransaction } from "./transaction.ts";
import { lbPath } from "../certs/place.ts";

/**
 * Lets HAProxy answer tls-sni-01: challenge certificates go into the list of its production certificates at run time and out
 * again, in memory only. HAProxy chooses by the names in a certificate, so no other name is answered by them; the default
 * certificate is chosen at a start, from files, and they are none.
 *
 * @param mine Tells by its base name whether a file is ours.
 */
export function sniAnswering(tools: Tools, mine: (file: string) => boolean): SniAnswering {
  const { config, runtime } = tools;
  const { certificates: place } = config;
  return {
    async answer({ name, pem }, call): Promise<void> {
      checkPem(pem, `the challenge certificate of ${name}`);
      await inTurn(runtime.key, call, async () => {
        const list = await findList(tools, place.path, call);
        if (list === undefined) throw await unknownList(tools, place.path, call);
        await putEntry(tools, { list, file: fileFor(list, name), pem }, mine, call);
      });
    },
    async withdraw(name, call): Promise<void> {
      await inTurn(runtime.key, call, () => takeOut(name, call));
    },
  };

  async function takeOut(name: DnsName, call: Call): Promise<void> {
    const list = await findList(tools, place.path, call);
    if (list === undefined) return; // nothing can have been put there
    await clearTransaction(tools, mine, call);
    await dropCertificate(tools, fileFor(list, name), list, call);
  }

  /** A directory takes only what seems to lie in it. */
  function fileFor(list: string, name: DnsName): string {
    return `${place.kind === "directory" ? list : lbPath(config, place.store)}/${sniFile(name)}`;
  }
}
