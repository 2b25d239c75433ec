import defer * as nodeCrypto from "node:crypto";
import type { DnsName } from "../../src/model/dns_name.ts";
import { describe, SidecarError } from "../../src/model/errors.ts";
import { given } from "../../src/model/shape.ts";
import type { AlpnAnswering, Call, ChallengeCertificate } from "../../src/ports.ts";
import { probe } from "../net/tls_probe.ts";
import { putEntry } from "./challenge_entry.ts";
import { inTurn } from "../net/in_turn.ts";
import { findList, unknownList } from "./locate.ts";
import { checkPem } from "../certs/pem.ts";
import { dropCertificate } from "./remove.ts";
import type { Tools } from "./tools.ts";
import { clearTransaction } from "./transaction.ts";
import { parent } from "../certs/paths.ts";

/** The protocol of the challenge (RFC 8737 §6.2). */
const PROTOCOL = "acme-tls/1";

/**
 * Lets HAProxy answer tls-alpn-01: challenge certificates go into the crt-list of its `acme-tls/1` frontend at run time and
 * out again. They are in memory only; one that a reload took away is simply presented again.
 *
 * @param challenges The crt-list, as this process sees its path.
 * @param mine Tells by its base name whether a file is ours.
 */
export function alpnAnswering(tools: Tools, challenges: string, mine: (file: string) => boolean): AlpnAnswering {
  const { config, runtime } = tools;
  return {
    async answer(certificate, call): Promise<void> {
      checkPem(certificate.pem, `the challenge certificate of ${certificate.name}`);
      await inTurn(runtime.key, call, () => present(certificate, call));
    },
    prove: (certificate, call) => proveChallenge(certificate, call),
    async withdraw(name, call): Promise<void> {
      await inTurn(runtime.key, call, async () => {
        const list = await listName(call);
        await clearTransaction(tools, mine, call);
        await dropCertificate(tools, fileFor(list, name), list, call);
      });
    },
  };

  async function present(certificate: ChallengeCertificate, call: Call): Promise<void> {
    const list = await listName(call);
    const file = fileFor(list, certificate.name);
    const line = `${file} [alpn ${PROTOCOL}] ${certificate.name}\n`;
    await putEntry(tools, { list, file, pem: certificate.pem, line }, mine, call);
  }

  async function proveChallenge({ name, fingerprint }: ChallengeCertificate, call: Call): Promise<void> {
    const options = { serverName: name, alpn: [PROTOCOL], ...given("proxy", config.probeProxy) };
    const probed = await probe(config.probe, options, call).catch((cause) => {
      call.signal.throwIfAborted();
      throw notReady(describe(cause), cause);
    });
    if (probed.fingerprint !== fingerprint) throw notReady(`another certificate answers (serial ${probed.serial})`);
    if (probed.alpn !== PROTOCOL) throw notReady(`the frontend does not speak ${PROTOCOL}`);

    function notReady(why: string, cause?: unknown): SidecarError {
      return new SidecarError("CHALLENGE_NOT_READY", `${config.name} does not answer tls-alpn-01 for ${name}: ${why}`, {
        field: "challenge",
        todo: `route connections that offer ${PROTOCOL} to the frontend with crt-list ${challenges}`,
        cause,
      });
    }
  }

  async function listName(call: Call): Promise<string> {
    const list = await findList(tools, challenges, call);
    if (list === undefined) throw await unknownList(tools, challenges, call);
    return list;
  }
}

/** The name in HAProxy's memory; there is no such file. */
export function challengeFile(name: DnsName): string {
  return `acme-${nodeCrypto.createHash("sha256").update(name).digest("hex").slice(0, 32)}.pem`;
}

/** Tells whether a base name is one of {@linkcode challengeFile}. */
export function isChallengeFile(file: string): boolean {
  return /^acme-[0-9a-f]{32}\.pem$/.test(file);
}

function fileFor(list: string, name: DnsName): string {
  return `${parent(list)}/${challengeFile(name)}`;
}
