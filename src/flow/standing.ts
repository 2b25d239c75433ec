import type { Bundle } from "../model/certificate.ts";
import { SidecarError } from "../model/errors.ts";
import type { Standing } from "../model/judge.ts";
import type { Intent } from "../model/records.ts";
import { certificateSecrets } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import { type Finding, todoOf } from "../model/verdict.ts";
import { readSecret } from "../vault/certificate_secrets.ts";
import type { Call } from "../ports.ts";
import { readBundle } from "../x509/bundle.ts";
import { appraise, type Appraised } from "../x509/check_chain.ts";
import { importKey } from "../x509/keys.ts";
import { lostNames } from "./dropped_names.ts";
import type { FlowParts } from "./parts.ts";

/**
 * What is held in the place that the intent is for, as a judge wants to know it; undefined where that is nothing, or nothing that
 * can be served.
 */
export async function standing(
  parts: FlowParts,
  intent: Intent,
  call: Call,
): Promise<Standing | undefined> {
  const { vault, records } = parts;
  const { secretName } = intent;
  const stored = await readSecret(vault, certificateSecrets(secretName).bundle, call);
  const record = (await records.certificates.get(secretName, call))?.value;
  if (stored === undefined || stored instanceof SidecarError) return undefined;
  try {
    const { chain } = await appraiseBundle(await readBundle(`${stored.value}\n`));
    const directory = record?.origin === "ca" ? record.directory : undefined;
    const lost = await lostNames(parts, intent, chain.facts.names, call);
    return { chain, lost, ...given("directory", directory), revoked: record?.revoked !== undefined };
  } catch (error) {
    if (error instanceof SidecarError) return undefined;
    throw error;
  }
}

/** Looks at a bundle that is there already. */
export async function appraiseBundle({ certificates, keyPem }: Bundle): Promise<Appraised> {
  return appraise(certificates.join(""), await importKey(keyPem));
}

/** Tells what people should know of a certificate that was taken. */
export function tellWarnings({ events }: FlowParts, intent: Intent, warnings: readonly Finding[]): void {
  for (const { name, found } of warnings) {
    events.emit({
      level: "warn",
      name: "certificate.warning",
      text: `The new certificate for ${intent.names.join(", ")}: ${found} (${todoOf(name)})`,
      fields: { subject: intent.names[0], secret: intent.secretName, reason: name },
    });
  }
}
