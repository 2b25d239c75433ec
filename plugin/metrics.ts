import type { Call, Certificates, Event, Events, Records } from "../mod.ts";

/** Counts events, and writes everything in the text format that Prometheus reads (version 0.0.4). */
export interface Metrics extends Events {
  /** All samples of this moment. */
  exposition(service: Certificates, records: Records, call: Call): Promise<string>;
  /** Counts one answer of the CA. */
  countAnswer(status: number): void;
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** Events that are counted, under the name of their counter. */
const COUNTED: Readonly<Record<string, readonly [counter: string, labels: readonly string[]]>> = {
  "certificate.stored": ["kontena_certificate_issued_total", ["subject"]],
  "certificate.failed": ["kontena_certificate_failed_total", ["subject", "code"]],
  "certificate.records_seen": ["kontena_certificate_records_seen_total", ["subject"]],
  "certificate.waits": ["kontena_certificate_waits_total", ["subject"]],
  "rate.refused": ["kontena_rate_refused_total", ["limit"]],
  "rate.learned": ["kontena_rate_learned_total", ["endpoint", "scope"]],
  "renewal.recalled": ["kontena_certificate_recalled_total", ["subject"]],
  "renewal.unanswered": ["kontena_renewal_unanswered_total", []],
  "vault.away": ["kontena_vault_away_total", ["code"]],
  "vault.waits": ["kontena_vault_waits_total", []],
  "clock.jumped": ["kontena_clock_jumps_total", []],
  "keeper.attempt": ["kontena_keeper_failed_total", ["code"]],
  "keeper.look": ["kontena_keeper_failed_total", ["code"]],
  "keeper.repair": ["kontena_keeper_failed_total", ["code"]],
  "certificate.aside": ["kontena_certificate_kept_aside_total", ["subject"]],
  "certificate.served": ["kontena_swap_total", ["balancer"]],
  "certificate.held": ["kontena_swap_failed_total", ["balancer", "code"]],
  "balancer.drift": ["kontena_drift_total", ["balancer", "why"]],
  "balancer.alarm": ["kontena_alarm_total", ["balancer", "hop"]],
  "balancer.away": ["kontena_balancer_away_total", ["balancer"]],
  "clock.skewed": ["kontena_clock_skewed_total", []],
  "sidecar.fault": ["kontena_faults_total", ["code"]],
};

/** Events that say how much something is now, under the name of their gauge. */
const GAUGED: Readonly<Record<string, readonly [gauge: string, field: string]>> = {
  "clock.skewed": ["kontena_clock_skew_seconds", "seconds"],
  "clock.right": ["kontena_clock_skew_seconds", "seconds"],
};

const HELP: Readonly<Record<string, string>> = {
  kontena_certificate_not_after_seconds: "End of validity of the certificate in the vault, Unix time.",
  kontena_certificate_renew_at_seconds: "From when on it is renewed, Unix time.",
  kontena_certificate_by_hand_until_seconds:
    "End of validity of a certificate that a person has to renew by now, by the command; Unix time.",
  kontena_certificate_renewal_reason: "1 for what decides when it is renewed: window, recalled, emergency or lifetime.",
  kontena_certificate_served: "1 if the balancer serves this serial, 0 if it was refused.",
  kontena_certificate_held: "1 for a version that the balancer does not serve, by the hop where it stopped.",
  kontena_certificate_shadowed: "Names that another certificate on the balancer answers.",
  kontena_certificate_attempts_failed: "Attempts in a row that failed.",
  kontena_certificate_next_attempt_seconds: "When it is tried again, Unix time.",
  kontena_certificate_kept_aside: "Certificates in a row that were issued and not taken, by reason.",
  kontena_certificate_kept_aside_total: "Certificates that were issued and not taken.",
  kontena_certificate_issued_total: "Certificates that were issued and stored.",
  kontena_certificate_failed_total: "Attempts that failed, by class.",
  kontena_certificate_records_seen_total:
    "Times that the keeper went on in the place of a person, as all records were seen.",
  kontena_certificate_waits_total: "Attempts that were put off by a limit of the CA.",
  kontena_rate_refused_total:
    "Requests that were refused before the CA was asked, by limit; retry-after: by its own word.",
  kontena_rate_learned_total:
    "Refusals of the CA that bind the requests after them, by endpoint and what they are about.",
  kontena_certificate_recalled_total: "Certificates that the CA wanted replaced at once.",
  kontena_renewal_unanswered_total: "Questions for renewal information without an answer.",
  kontena_vault_away_total: "Times that the vault went away, by class.",
  kontena_vault_waits_total: "Changes that had to wait in the outbox for a vault that was away.",
  kontena_clock_jumps_total: "Times that the clock was set or the machine stood still.",
  kontena_keeper_failed_total: "Looks, repairs and notes of an attempt that failed themselves, by class.",
  kontena_clock_skewed_total:
    "Times that the clock was found to be more than five minutes off the CA's, or off otherwise.",
  kontena_clock_skew_seconds:
    "How far the CA's clock is ahead of ours, if that is more than five minutes, else about 0.",
  kontena_faults_total: "Faults of the sidecar itself that belong to no certificate, by class.",
  kontena_swap_total: "Swaps that were proven.",
  kontena_drift_total:
    "Certificates that were put right on a balancer because somebody else had changed them, by what was wrong.",
  kontena_alarm_total: "Certificates that could not be put right, by the hop where they stop.",
  kontena_balancer_away_total: "Times that a balancer stopped answering.",
  kontena_swap_failed_total: "Swaps that were refused or not proven, by class.",
  kontena_name_failures: "Failures of a name at the CA in a row.",
  kontena_name_quarantined: "1 if the name holds its certificates back.",
  kontena_account_deactivated: "1 if the account can do nothing any more: nothing is renewed until a person acts.",
  kontena_acme_answers_total: "Answers of the CA, by status.",
};

/** Makes the {@linkcode Metrics} of one sidecar. */
export function makeMetrics(): Metrics {
  const counters = new Map<string, Map<string, Sample>>();
  const told = new Map(Object.values(GAUGED).map(([gauge]) => [gauge, 0]));
  const count = (counter: string, labels: Labels): void => {
    const samples = counters.get(counter) ?? new Map<string, Sample>();
    const key = JSON.stringify(labels);
    samples.set(key, [labels, (samples.get(key)?.[1] ?? 0) + 1]);
    counters.set(counter, samples);
  };
  return {
    emit({ name, fields }: Event): void {
      const gauged = GAUGED[name];
      if (gauged !== undefined) told.set(gauged[0], Number(fields?.[gauged[1]] ?? 0));
      const found = COUNTED[name];
      if (found === undefined) return;
      const [counter, labels] = found;
      count(counter, Object.fromEntries(labels.map((label) => [label, String(fields?.[label] ?? "")])));
    },
    countAnswer: (status: number) => count("kontena_acme_answers_total", { status: String(status) }),
    async exposition(service: Certificates, records: Records, call: Call): Promise<string> {
      const gauges = await gaugesOf(service, records, call);
      const values = [...told].map(([name, value]) => family(name, "gauge", [[{}, value]]));
      const totals = [...counters].map(([name, samples]) => family(name, "counter", [...samples.values()]));
      return [...Object.entries(gauges).map(([name, samples]) => family(name, "gauge", samples)), ...values, ...totals]
        .join("");
    },
  };
}

async function gaugesOf(
  service: Certificates,
  records: Records,
  call: Call,
): Promise<Readonly<Record<string, readonly Sample[]>>> {
  const held = await service.certificates(call);
  const attempts = await records.attempts.list(call);
  const asides = (await records.asides.list(call)).map((entry) => entry.value);
  const about = held.map(({ record, renewal, byHand }) => ({
    labels: { subject: record.intent.names[0], secret: record.intent.secretName },
    facts: record.facts,
    renewal,
    byHand,
  }));
  const deployments = held.flatMap((it) =>
    it.deployments.map((deployment) => ({ deployment, facts: it.record.facts }))
  );
  const names = (await records.names.list(call)).map(({ value }) => value);
  const closures = (await records.closures.list(call)).map(({ value }) => value);
  const accounts = (await records.accounts.list(call)).map(({ value }) => value);
  const closed = new Set(closures.map(({ directory }) => directory.href));
  const directories = new Set([...accounts.map(({ directory }) => directory.href), ...closed]);
  return {
    kontena_account_deactivated: [...directories].map((it) => [{ directory: it }, closed.has(it) ? 1 : 0]),
    kontena_certificate_not_after_seconds: about.map(({ labels, facts }) => [labels, seconds(facts.notAfter)]),
    kontena_certificate_renew_at_seconds: about.flatMap(({ labels, renewal }) =>
      renewal === undefined ? [] : [[labels, seconds(renewal.at)] as const]
    ),
    kontena_certificate_by_hand_until_seconds: about.flatMap(({ labels, byHand }) =>
      byHand?.due === true ? [[{ ...labels, command: byHand.command }, seconds(byHand.until)] as const] : []
    ),
    kontena_certificate_renewal_reason: about.flatMap(({ labels, renewal }) =>
      renewal === undefined ? [] : [[{ ...labels, reason: renewal.why }, 1] as const]
    ),
    kontena_certificate_served: deployments.map(({ deployment: { balancer, secretName: secret, state }, facts }) => [
      { balancer, secret, serial: facts.serial },
      state === "served" ? 1 : 0,
    ]),
    kontena_certificate_held: deployments.flatMap(({ deployment: it }) =>
      it.state === "held"
        ? [[{ balancer: it.balancer, secret: it.secretName, hop: it.hop ?? "balancer" }, 1] as const]
        : []
    ),
    kontena_certificate_shadowed: deployments.flatMap(({ deployment: it }) =>
      it.state === "served" ? [[{ balancer: it.balancer, secret: it.secretName }, it.shadowed.length] as const] : []
    ),
    kontena_certificate_kept_aside: asides.flatMap((
      { intent: { names: [subject], secretName: secret }, reasons, count },
    ) => [...new Set(reasons.map((it) => it.name))].map((reason) => [{ subject, secret, reason }, count] as const)),
    kontena_certificate_attempts_failed: attempts.map(({ id, value }) => [{ secret: id }, value.failures]),
    kontena_name_failures: names.map((
      { name, directory, failures },
    ) => [{ name, directory: directory.href }, failures]),
    kontena_name_quarantined: names.map((
      { name, directory, state },
    ) => [{ name, directory: directory.href }, state === "failing" ? 0 : 1]),
    kontena_certificate_next_attempt_seconds: attempts.flatMap(({ id, value }) =>
      value.nextAt === undefined ? [] : [[{ secret: id }, seconds(value.nextAt)] as const]
    ),
  };
}

function family(name: string, type: "counter" | "gauge", samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => `${name}{${Object.entries(labels).map(label).join(",")}} ${value}\n`);
  return `# HELP ${name} ${HELP[name] ?? ""}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function label([key, value]: readonly [string, string]): string {
  return `${key}="${value.replace(/[\\"\n]/g, (it) => it === "\n" ? "\\n" : `\\${it}`)}"`;
}

function seconds(at: Date): number {
  return Math.floor(at.getTime() / 1_000);
}
