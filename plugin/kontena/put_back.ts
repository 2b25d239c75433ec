import { describe } from "../../src/model/errors.ts";
import { removeFile, replaceFile } from "../certs/files.ts";
import { forget } from "./former.ts";
import { reload } from "./reload.ts";
import type { Job } from "./swap.ts";
import type { Tools } from "./tools.ts";

/** How long undoing may take, in milliseconds; whoever gave up on the swap is not asked. */
const PATIENCE_MS = 10_000;

/**
 * Undoes a swap that was not proven: the former file or none, and one more revision, as a balancer that refused its
 * configuration looks at nothing until the text changes again. What could not be undone is told as an event.
 */
export async function putBack(tools: Tools, { file, path, former }: Job): Promise<"put back" | "not put back"> {
  const { config, events } = tools;
  const fields = { balancer: config.name, file };
  const text = `${config.name}: the swap of ${file} failed`;
  try {
    if (former === undefined) await removeFile(path);
    else await replaceFile(path, former);
    await forget(path);
  } catch (error) {
    const why = `${text} and could not be undone: ${describe(error)}`;
    events.emit({ level: "error", name: "balancer.put_back_failed", text: why, fields });
    return "not put back";
  }
  events.emit({ level: "warn", name: "balancer.put_back", text: `${text}; its file is as before`, fields });
  await reload(tools, { signal: AbortSignal.timeout(PATIENCE_MS) }).catch((error) => {
    const why = `${config.name}: cannot have it read its directory again: ${describe(error)}`;
    events.emit({ level: "warn", name: "balancer.not_reloaded", text: why, fields });
  });
  return "put back";
}
