import { CommandError } from "./command.ts";
import type { CertificateAnswer } from "./certificate_wire.ts";

/** A balancer that does not serve it is a failure, though the certificate is safe: the original reported success. */
export function checkServed({ balancers }: CertificateAnswer): void {
  const held = balancers.filter((it) => it.state === "held").map((it) => it.name);
  if (held.length === 0) return;
  throw new CommandError(
    `load_balancer: not served by ${held.join(", ")}; it is in the vault, and tried again by itself`,
  );
}
