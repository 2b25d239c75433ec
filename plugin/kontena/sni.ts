import { SidecarError } from "../../src/model/errors.ts";
import type { Call, SniAnswering, SniChallengeCertificate } from "../../src/ports.ts";
import { kindOf, removeFile, replaceFile, visibleFiles } from "../certs/files.ts";
import { checkPem } from "../certs/pem.ts";
import { checkPlace, fileIn } from "../certs/place.ts";
import { askAll } from "../certs/prove.ts";
import { sniFile } from "../certs/sni_file.ts";
import { inTurn } from "../net/in_turn.ts";
import { reload, seenInTime, whyUnchanged } from "./reload.ts";
import { proverOf, type Tools, turnOf } from "./tools.ts";

/**
 * Lets the balancer answer tls-sni-01 as the original did, by a file and a reload. The file sorts last, so that it never is
 * the default certificate, and is gone when it is not needed any more.
 *
 * @param mine Tells by its base name whether a file is ours.
 */
export function sniAnswering(tools: Tools, mine: (file: string) => boolean): SniAnswering {
  const { certificates: place, name: balancer } = tools.config;
  return {
    async answer(certificate, call): Promise<void> {
      checkPem(certificate.pem, `the challenge certificate of ${certificate.name}`);
      await inTurn(turnOf(tools), call, async () => {
        await checkPlace(balancer, place);
        await replaceFile(fileIn(place, sniFile(certificate.name)), certificate.pem);
        await reload(tools, call);
        await seenInTime(tools, () => prove(certificate, call), call).catch((error) =>
          giveUp(certificate, error, call)
        );
      });
    },
    async withdraw(name, call): Promise<void> {
      await inTurn(turnOf(tools), call, async () => {
        const path = fileIn(place, sniFile(name));
        if (await kindOf(path) === undefined) return;
        await removeFile(path);
        await reload(tools, call, (await visibleFiles(place.path)).some(mine));
      });
    },
  };

  async function prove({ serverName, fingerprint }: SniChallengeCertificate, call: Call): Promise<void> {
    const [answer] = await askAll(proverOf(tools), [serverName], {}, call);
    if (answer !== undefined && "probed" in answer && answer.probed.fingerprint === fingerprint) return;
    throw new SidecarError("CHALLENGE_NOT_READY", `another certificate answers ${serverName}`);
  }

  /** A file that HAProxy refuses would block every later reload. */
  async function giveUp({ name }: SniChallengeCertificate, error: unknown, call: Call): Promise<never> {
    await removeFile(fileIn(place, sniFile(name)));
    call.signal.throwIfAborted();
    const needed = (await visibleFiles(place.path)).some(mine);
    await reload(tools, call, needed).catch(() => {}); // then it is the next revision that has it read again
    const { why, todo } = await whyUnchanged(tools, error, call);
    throw new SidecarError(
      "CHALLENGE_NOT_READY",
      `Cannot answer tls-sni-01 for ${name}: load balancer ${balancer} ${why}`,
      {
        field: "challenge",
        todo,
        cause: error,
      },
    );
  }
}
