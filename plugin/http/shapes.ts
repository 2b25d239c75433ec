/**
 * The original's JSON made from our values: its keys first, spelled and formatted as it did, then what it did not tell.
 *
 * @module
 */
import {
  type AccountStatus,
  type AsideRecord,
  type AuthorizationRecord,
  type BalancerCertificate,
  type BalancerView,
  certificateSecrets,
  closedText,
  type DeploymentRecord,
  dnsContent,
  type ExplainedCertificate,
  type ExportedCertificate,
  type Finding,
  type HeldCertificate,
  isOverridable,
  recordName,
  type Registration,
  type Secret,
  type SecretEntry,
  type SecretName,
  todoOf,
  type Twin,
  type WiringPart,
} from "../../mod.ts";
import { given } from "../../src/model/shape.ts";
import { serviceId } from "./face.ts";

/** A JSON object. */
export type Shape = Readonly<Record<string, unknown>>;

/** An instant as the original wrote it: `2017-12-14T13:34:00.000+00:00`. */
export function time(at: Date): string {
  return at.toISOString().replace("Z", "+00:00");
}

/** What `GET …/register` tells a person who is about to agree. */
export function registrationShape({ directory, info, account, closure }: Registration): Shape {
  return {
    directory: directory.href,
    terms_of_service: info.termsOfService?.href ?? null,
    external_account_required: info.externalAccountRequired,
    registered: account !== undefined && closure === undefined,
    ...given("email", account?.email),
    ...given("deactivated", closure === undefined ? undefined : closedText(closure)),
  };
}

/** The account at the CA, as far as it is known; its key shows as kind and thumbprint only. */
export function accountShape(status: AccountStatus): Shape {
  const { directory, record, keyType, pending, state } = status;
  const closure = state === "deactivated" ? status.closure : undefined;
  const [theirs = null] = state === "valid" ? status.contact : [];
  return {
    directory: directory.href,
    url: record?.url.href ?? closure?.account?.href ?? null,
    email: record?.email ?? theirs?.replace(/^mailto:/, "") ?? null,
    key_type: keyType ?? null,
    thumbprint: record?.thumbprint ?? closure?.thumbprint,
    created_at: record === undefined ? null : time(record.createdAt),
    state,
    ...closure === undefined ? {} : { deactivated_at: time(closure.at), deactivated_by: closure.by },
    ...state === "unknown" ? { reason: status.reason } : {},
    ...given("pending", pending),
  };
}

/** The TXT record that proves a domain, for a person to set. */
export async function txtShape(record: AuthorizationRecord): Promise<Shape> {
  const name = recordName(record.name);
  return {
    domain: record.name,
    record_name: name,
    record_type: "TXT",
    record_content: await dnsContent(record.keyAuthorization),
  };
}

/** Certificate, shape of Kontena 1.4. */
export function certificateShape(grid: string, held: HeldCertificate): Shape {
  const { facts, intent } = held.record;
  const [subject] = intent.names;
  return {
    id: `${grid}/${subject}`,
    subject,
    valid_until: time(facts.notAfter),
    alt_names: facts.names.filter((name) => name !== subject),
    auto_renewable: held.autoRenewable,
    ...ours(held),
  };
}

/** Certificate, shape of the documentation's time: it names the secrets. */
export function storedCertificateShape(grid: string, held: HeldCertificate): Shape {
  const { facts, intent, storedAt } = held.record;
  const [subject] = intent.names;
  const secrets = certificateSecrets(intent.secretName);
  return {
    id: `${grid}/${subject}`,
    created_at: time(storedAt),
    updated_at: time(storedAt),
    domain: subject,
    valid_until: time(facts.notAfter),
    alt_names: facts.names.filter((name) => name !== subject),
    certificate_type: intent.certType,
    private_key_secret: secrets.privateKey,
    certificate_secret: secrets.certificate,
    certificate_bundle_secret: secrets.bundle,
    ...ours(held),
  };
}

/** The names of the three secrets, in the original's order. */
export function secretNames(held: HeldCertificate): readonly SecretName[] {
  const { privateKey, certificate, bundle } = certificateSecrets(held.record.intent.secretName);
  return [privateKey, certificate, bundle];
}

/** The parts of a certificate. Secret. */
export function exportShape(grid: string, { subject, certificate, chain, privateKey }: ExportedCertificate): Shape {
  return { id: `${grid}/${subject}`, subject, certificate, chain, private_key: privateKey };
}

/** How it stands with a certificate. */
export function explanationShape(grid: string, explained: ExplainedCertificate): Shape {
  const { subject, held, served, next, failed } = explained;
  return { id: `${grid}/${subject}`, subject, held, served, next, ...given("failed", failed) };
}

/** What a person or a server has to show, by challenge type; null where a certificate is the answer. */
export async function challengeOpts(record: AuthorizationRecord): Promise<Shape | null> {
  if (record.type === "dns-01") {
    // RFC 8555 §8.4: the digest of the key authorization, base64url
    const content = await dnsContent(record.keyAuthorization);
    return { record_name: "_acme-challenge", record_type: "TXT", record_content: content };
  }
  return record.type === "http-01" ? { token: record.token, content: record.keyAuthorization } : null;
}

/** Authorization, shape of Kontena 1.4. */
export async function authorizationShape(grid: string, record: AuthorizationRecord, now: Date): Promise<Shape> {
  return {
    id: `${grid}/${record.name}`,
    domain: record.name,
    status: status(record, now),
    challenge: challenge(record),
    challenge_opts: await challengeOpts(record),
    authorization_type: record.type,
    expires_at: record.expires === undefined ? null : time(record.expires),
    ...(record.balancer === undefined ? {} : { linked_service: { id: serviceId(grid, record.balancer) } }),
    ...given("error", record.error),
  };
}

/** Authorization, shape of the documentation's time, with ours after it. */
export async function earlyAuthorizationShape(grid: string, record: AuthorizationRecord, now: Date): Promise<Shape> {
  return {
    domain: record.name,
    challenge: challenge(record),
    authorization_type: record.type,
    challenge_opts: await challengeOpts(record),
    ...given("linked_service", record.balancer === undefined ? undefined : serviceId(grid, record.balancer)),
    status: status(record, now),
    expires_at: record.expires === undefined ? null : time(record.expires),
    ...given("error", record.error),
  };
}

/** A load balancer, with what it does with our certificates. */
export function balancerShape(grid: string, { name, kind, challenges, state, certificates }: BalancerView): Shape {
  return {
    id: serviceId(grid, name),
    name,
    kind,
    state: state.ok ? "ok" : "away",
    ...state.ok
      ? { ...given("version", state.version), ...given("pid", state.pid) }
      : { reason: state.found, ...given("todo", state.todo) },
    challenges,
    certificates: certificates.map(onBalancer),
  };
}

/** What became of trying each part of a load balancer's wiring. */
export function checkShape(grid: string, name: string, parts: readonly WiringPart[]): Shape {
  return {
    id: serviceId(grid, name),
    name,
    ok: parts.every((it) => it.state !== "missing"),
    parts: parts.map(({ part, state, found, todo }) => ({ part, state, found, ...given("todo", todo) })),
  };
}

/** A secret without its value. */
export function secretShape(grid: string, { name, createdAt, updatedAt }: SecretEntry): Shape {
  return {
    id: `${grid}/${name}`,
    name,
    created_at: time(createdAt),
    updated_at: updatedAt === undefined ? null : time(updatedAt),
    services: [],
  };
}

/** A secret with its value. */
export function secretValueShape(grid: string, name: SecretName, { value, ...secret }: Secret): Shape {
  return { ...secretShape(grid, { name, ...secret }), value };
}

/** What the original did not tell of a certificate. */
function ours(held: HeldCertificate): Shape {
  const { record: { intent, facts, origin, revoked, warnings }, deployments, aside, twin } = held;
  const { privateKey, certificate, bundle } = certificateSecrets(intent.secretName);
  return {
    not_before: time(facts.notBefore),
    issuer: facts.issuer,
    serial: facts.serial,
    fingerprint: facts.fingerprint,
    key_type: intent.keyType,
    origin,
    ...(revoked === undefined ? {} : { revoked_at: time(revoked.at), revocation_reason: revoked.reason }),
    ...renewalShape(held),
    ...given("warnings", warnings?.map(findingShape)),
    ...given("kept_aside", aside === undefined ? undefined : asideShape(aside)),
    secrets: [privateKey, certificate, bundle],
    load_balancers: deployments.map((it) => deploymentShape(it, facts)),
    ...given("second_kind", twin === undefined ? undefined : twinShape(twin)),
  };
}

/** The certificate for the same names with a key of the other algorithm. */
function twinShape(twin: Twin): Shape {
  const { reason, until } = twin;
  const failure = { ...given("reason", reason), ...given("until", until === undefined ? undefined : time(until)) };
  if (twin.state === "missing") return { state: "missing", key_type: twin.keyType, ...failure };
  const { certificate } = twin;
  return { state: "held", valid_until: time(certificate.record.facts.notAfter), ...ours(certificate), ...failure };
}

/** When it is renewed by itself, or what a person has to do. */
function renewalShape({ renewal, autoRenewable, byHand }: HeldCertificate): Shape {
  if (byHand !== undefined) {
    return { by_hand: { ...byHand, from: time(byHand.from), until: time(byHand.until) } };
  }
  if (renewal === undefined || !autoRenewable) return {};
  const { at, why, explanationUrl } = renewal;
  return { renewal_at: time(at), renewal_reason: why, ...given("renewal_explanation_url", explanationUrl?.href) };
}

/** A newer certificate that was not taken, and why. */
function asideShape({ at, count, until, reasons, facts }: AsideRecord): Shape {
  return {
    at: time(at),
    count,
    next_order_at: time(until),
    acceptable: isOverridable(reasons),
    reasons: reasons.map(findingShape),
    ...facts === undefined ? {} : {
      issuer: facts.issuer,
      serial: facts.serial,
      fingerprint: facts.fingerprint,
      valid_until: time(facts.notAfter),
    },
  };
}

function findingShape({ name, found }: Finding): Shape {
  return { name, found, todo: todoOf(name) };
}

function deploymentShape(deployment: DeploymentRecord, facts: HeldCertificate["record"]["facts"]): Shape {
  const head = { name: deployment.balancer, state: deployment.state, fingerprint: deployment.fingerprint };
  if (deployment.state === "held") return { ...head, ...heldShape(deployment) };
  const elsewhere = new Set(deployment.shadowed.map(({ name }) => name));
  return { ...head, names: facts.names.filter((name) => !elsewhere.has(name)), shadowed: deployment.shadowed };
}

function onBalancer({ subject, deployment }: BalancerCertificate): Shape {
  const { secretName, state, fingerprint } = deployment;
  return {
    ...given("subject", subject),
    secret_name: secretName,
    state,
    fingerprint,
    ...deployment.state === "held" ? heldShape(deployment) : { shadowed: deployment.shadowed },
  };
}

function heldShape({ reason, until, standIn }: DeploymentRecord & { readonly state: "held" }): Shape {
  const meanwhile = standIn === undefined ? undefined : { ...standIn, at: time(standIn.at) };
  return { reason, until: time(until), ...given("stand_in", meanwhile) };
}

function challenge({ token, challenge, type }: AuthorizationRecord): Shape {
  return { token, uri: challenge.href, type };
}

function status({ expires, state }: AuthorizationRecord, now: Date): string {
  return expires !== undefined && expires <= now ? "expired" : state;
}
