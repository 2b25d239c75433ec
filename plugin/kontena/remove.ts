import { SidecarError } from "../../src/model/errors.ts";
import type { Call } from "../../src/ports.ts";
import { readIfThere, removeFile, visibleFiles } from "../certs/files.ts";
import { leafOf } from "../certs/on_disk.ts";
import { checkFile } from "../certs/pem.ts";
import { checkPlace, fileIn } from "../certs/place.ts";
import { preparePlaces } from "../certs/placeholder.ts";
import { askAll, namesOf, signaturesBy } from "../certs/prove.ts";
import { inTurn } from "../net/in_turn.ts";
import { forget } from "./former.ts";
import { reload, seenInTime, whyUnchanged } from "./reload.ts";
import { proverOf, type Tools, turnOf } from "./tools.ts";

/**
 * Stops serving a file: away with it, and a new revision, or none where it was our last one. HAProxy does not start on an
 * empty directory, so its last file gives way to a placeholder.
 *
 * @param mine Tells by its base name whether a file is ours.
 * @throws {SidecarError} `SWAP_REJECTED` if it is still served after the balancer has had its time.
 */
export async function remove(tools: Tools, file: string, mine: (file: string) => boolean, call: Call): Promise<void> {
  checkFile(file);
  const { config } = tools;
  await inTurn(turnOf(tools), call, async () => {
    await checkPlace(config.name, config.certificates);
    const path = fileIn(config.certificates, file);
    const former = await readIfThere(path);
    await forget(path);
    if (former === undefined) return;
    await preparePlaces(config, tools, file);
    await removeFile(path);
    const left = await visibleFiles(config.certificates.path);
    await reload(tools, call, left.some(mine));
    await seenInTime(tools, () => checkGone(tools, former, call), call).catch(async (error) => {
      call.signal.throwIfAborted();
      const { why, todo } = await whyUnchanged(tools, error, call);
      const text = `${file} is removed and still served: load balancer ${config.name} ${why}`;
      throw new SidecarError("SWAP_REJECTED", text, { field: "load_balancer", todo, cause: error });
    });
  });
}

/** A balancer that does not answer serves nothing. */
async function checkGone(tools: Tools, pem: string, call: Call): Promise<void> {
  const leaf = leafOf(pem);
  const [name] = leaf === undefined ? [] : namesOf(leaf.raw);
  if (leaf === undefined || name === undefined) return;
  const [answer] = await askAll(proverOf(tools), [name], { signatures: signaturesBy(leaf) }, call).catch(() => []);
  call.signal.throwIfAborted();
  const fingerprint = leaf.fingerprint256.replaceAll(":", "").toLowerCase();
  if (answer === undefined || !("probed" in answer) || answer.probed.fingerprint !== fingerprint) return;
  throw new SidecarError("SWAP_REJECTED", `it still answers ${name}`);
}
