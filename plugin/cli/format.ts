/**
 * The lines that commands print, as the original printed them, then what it lacked. Pure.
 *
 * @module
 */
import { type Colour, paint } from "./progress.ts";
import type { BalancerAnswer, ByHandAnswer, CertificateAnswer, TwinAnswer } from "./certificate_wire.ts";
import type { AccountAnswer, AuthorizationAnswer, SecretAnswer, TxtAnswer } from "./wire.ts";

/** What has to be done after `authorize`. */
export function authorizationText({ domain, txt }: AuthorizationAnswer, balancer: string | undefined): string {
  const todo = txt === undefined
    ? `Point the public DNS A record of ${domain} to the public IP address(es) of the ${balancer ?? "load balancer"}\n`
    : recordText(txt);
  return `Authorization successfully created. Use the following details to create necessary validations:\n${todo}`;
}

/** A record to set. */
export function recordText({ name, type, content }: TxtAnswer): string {
  return `Record name: ${name}\nRecord type: ${type}\nRecord content: ${content}\n`;
}

/** What `get` prints. */
export function storedText(certificate: CertificateAnswer): string {
  const { secrets, validUntilText } = certificate;
  return [
    "Certificate successfully received and stored into vault with keys:",
    ...secrets,
    "",
    ` Certificate is valid until: ${validUntilText}`,
    `Use the ${secrets.find((name) => name.endsWith("_BUNDLE"))} with Kontena loadbalancer!`,
    ...servedLines(certificate),
    ...twinLines(certificate),
    "",
  ].join("\n");
}

/** What `request` prints. */
export function requestedText(certificate: CertificateAnswer): string {
  const { subject, altNames, validUntilText } = certificate;
  return [
    `Certificate for ${[subject, ...altNames].join(",")} is valid until: ${validUntilText}`,
    ...servedLines(certificate),
    ...twinLines(certificate),
    "",
  ].join("\n");
}

/** One line a balancer, and one for each name that another certificate answers there. */
export function servedLines({ balancers, fingerprint, warnings = [] }: CertificateAnswer): readonly string[] {
  const served = balancers.flatMap((balancer) => balancerLines(balancer, fingerprint));
  const all = balancers.length === 0 ? ["Kept in the vault only: no load balancer is linked"] : served;
  return [...all, ...warnings.map((it) => `Warning: ${it}`)];
}

/** What `show` prints: the original's lines, then ours. */
export function certificateText(grid: string, certificate: CertificateAnswer): string {
  const { subject, validUntil, altNames, autoRenewable, balancers, fingerprint, byHand } = certificate;
  return [
    `${grid}/${subject}:`,
    `  subject: ${subject}`,
    `  valid until: ${seconds(validUntil)}`,
    ...items("alt names", altNames),
    `  auto renewable: ${autoRenewable}`,
    ...fact("renewal", certificate.renewal),
    ...fact("renewal by hand", byHand && handText(byHand)),
    ...fact("renewal explained at", certificate.renewalExplanation),
    ...fact("issuer", certificate.issuer),
    ...fact("serial", certificate.serial),
    ...fact("key type", certificate.keyType),
    ...fact("fingerprint", fingerprint),
    ...fact("imported", certificate.imported ? "true" : undefined),
    ...fact("revoked", certificate.revoked),
    ...items("warnings", certificate.warnings ?? []),
    ...asideLines(certificate),
    ...items("secrets", certificate.secrets),
    ...items("load balancers", balancers.flatMap((it) => balancerLines(it, fingerprint))),
    ...items("second kind", secondKind(certificate.twin)),
    "",
  ].join("\n");
}

/** What `get` and `request` tell on the side: the certificate is there, and something is wrong with its second kind. */
export function twinWarning({ twin }: CertificateAnswer): string {
  if (twin?.state === "missing") return `Warning: ${missingText(twin)}\n`;
  return twin?.reason === undefined ? "" : `Warning: ${failedText(twin)}\n`;
}

function twinLines({ twin }: CertificateAnswer): readonly string[] {
  return twin?.state === "held" ? heldLines(twin) : [];
}

function secondKind(twin: TwinAnswer | undefined): readonly string[] {
  if (twin === undefined) return [];
  if (twin.state === "missing") return [missingText(twin)];
  return [...heldLines(twin), ...twin.reason === undefined ? [] : [failedText(twin)]];
}

function heldLines(twin: TwinAnswer & { readonly state: "held" }): readonly string[] {
  const { keyType, validUntil, serial, secrets, balancers, fingerprint } = twin;
  const kept = secrets.find((name) => name.endsWith("_BUNDLE"));
  return [
    `Beside it one with an ${keyType} key (serial ${serial}), valid until ${seconds(validUntil)}, kept as ${kept}`,
    ...balancers.flatMap((it) => balancerLines(it, fingerprint)),
  ];
}

function missingText(twin: TwinAnswer): string {
  return `One with an ${twin.keyType} key beside it is not there yet${because(twin)}`;
}

function failedText(twin: TwinAnswer): string {
  return `The one with an ${twin.keyType} key beside it was not renewed${because(twin)}`;
}

function because({ reason, until }: TwinAnswer): string {
  const again = until === undefined ? "" : ` (tried again ${until})`;
  return `${reason === undefined ? "" : `: ${reason}`}${again}`;
}

function asideLines({ subject, aside }: CertificateAnswer): readonly string[] {
  if (aside === undefined) return [];
  const { reasons, at, count, nextOrderAt, acceptable } = aside;
  const next = acceptable ? `kontena certificate accept ${subject}` : "it cannot be accepted";
  const times = count === 1 ? "" : `, the ${count}. in a row`;
  return [
    ...items("a newer one is kept aside", [
      ...reasons,
      `since ${at}${times}; the next is ordered at ${nextOrderAt}, if it is due`,
      next,
    ]),
  ];
}

/** What `account show` prints. */
export function accountText(grid: string, account: AccountAnswer): string {
  const { createdAt, state, deactivatedAt, deactivatedBy, reason, pending } = account;
  const how = deactivatedBy === "ca" ? "at the CA, found" : "by command,";
  const why = state === "deactivated" ? ` ${how} ${seconds(new Date(deactivatedAt ?? 0))}` : reason && ` (${reason})`;
  return [
    `${grid}/account:`,
    `  directory: ${account.directory}`,
    ...fact("url", account.url),
    ...fact("email", account.email),
    ...fact("key type", account.keyType),
    `  thumbprint: ${account.thumbprint}`,
    ...fact("created", createdAt === undefined ? undefined : seconds(new Date(createdAt))),
    `  state: ${state}${why ?? ""}`,
    ...fact("pending", pending),
    ...state === "deactivated" ? ["  to do: kontena certificate register --new-account EMAIL"] : [],
    "",
  ].join("\n");
}

/** What `account rollover` prints. */
export function changedKeyText({ url, thumbprint, keyType }: AccountAnswer): string {
  return `The account ${url} has another key: ${thumbprint} (${keyType})\n` +
    "The key before is kept as an earlier version of LE_PRIVATE_KEY\n";
}

/** How the text is going to be looked at. */
export interface View {
  readonly now: Date;
  /** Whether it may be coloured. */
  readonly colours: boolean;
}

/** What `certificate list` prints: the original's table, then what a person has to do by now. */
export function certificateTable(certificates: readonly CertificateAnswer[], view: View): string {
  const pairs = certificates.some(({ twin }) => twin !== undefined);
  const rows = table(
    ["SUBJECT", "EXPIRATION", "AUTO_RENEWABLE?", ...pairs ? ["SECOND_KIND"] : []],
    certificates.map(({ subject, validUntil, autoRenewable, twin }) => [
      `${paint("⊛", validUntil <= view.now ? "red" : "green", view)} ${subject}`,
      paint(expiration(validUntil, view.now), urgency(validUntil, view.now), view),
      String(autoRenewable),
      ...pairs ? [twinCell(twin, view)] : [],
    ]),
  );
  const due = certificates.flatMap(({ subject, byHand }) =>
    byHand?.due === true
      ? [`${subject} has to be renewed by hand until ${seconds(byHand.until)}: ${byHand.todo}\n`]
      : []
  );
  return [rows, ...due].join("");
}

function handText({ from, until, todo }: ByHandAnswer): string {
  return `from ${seconds(from)} until ${seconds(until)}: ${todo}`;
}

function twinCell(twin: TwinAnswer | undefined, view: View): string {
  if (twin === undefined) return "-";
  if (twin.state === "missing") return paint(`${twin.keyType}: missing`, "yellow", view);
  const { keyType, validUntil } = twin;
  return paint(`${keyType}: ${expiration(validUntil, view.now)}`, urgency(validUntil, view.now), view);
}

/** What `revoke` prints. */
export function revokedText({ subject, serial, autoRenewable, twin }: CertificateAnswer, replaced: boolean): string {
  const which = serial === undefined ? "" : ` (serial ${serial})`;
  const other = twin?.state === "held" ? revokedTwin(twin) : "";
  const next = !replaced
    ? `It is still in the vault and served; to end that: kontena certificate remove --force ${subject}`
    : autoRenewable
    ? "A new one is brought about by itself; until then it is still served"
    : "It is still served, and a new one is not brought about by itself: get or import one";
  return `Certificate for ${subject} is revoked${which}${other}\n${next}\n`;
}

function revokedTwin({ keyType, serial, revoked }: TwinAnswer & { readonly state: "held" }): string {
  const second = `its ${keyType} kind (serial ${serial})`;
  return revoked === undefined ? `; ${second} is not: it came from another CA` : `, and so is ${second}`;
}

/** What `domain-authorization list` prints. */
export function authorizationTable(all: readonly AuthorizationAnswer[]): string {
  return table(
    ["DOMAIN", "AUTHORIZATION_TYPE", "STATUS"],
    all.map(({ domain, type, status }) => [domain, type, status]),
  );
}

/** What `vault list` prints. */
export function secretTable(secrets: readonly SecretAnswer[], long: boolean, now: Date): string {
  const when = (at: string): string => long ? at : `${duration(now.getTime() - Date.parse(at))} ago`;
  return table(
    ["NAME", "CREATED_AT", "UPDATED_AT"],
    secrets.map(({ name, createdAt, updatedAt }) => [
      name,
      when(createdAt),
      updatedAt === undefined || updatedAt === createdAt ? "never" : when(updatedAt),
    ]),
  );
}

/** What `vault read` prints. */
export function secretText({ name, createdAt, value }: SecretAnswer): string {
  return `${name}:\n  created_at: ${createdAt}\n  value: ${value ?? ""}\n`;
}

/** A length of time in its largest unit, at most days. */
export function duration(ms: number): string {
  const units = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1_000]] as const;
  const [unit, length] = units.find(([, length]) => ms >= length) ?? units[3];
  const count = Math.max(0, Math.floor(ms / length));
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** Columns as wide as their widest cell, two spaces apart. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ""))));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - width(cell))).join("  ").trimEnd();
  return `${all.map(line).join("\n")}\n`;
}

function balancerLines(balancer: BalancerAnswer, fingerprint: string | undefined): readonly string[] {
  const { name } = balancer;
  if (balancer.state === "held") {
    const { reason, until, standInSince } = balancer;
    return [
      `Held back from ${name}: ${reason} (tried again ${until})`,
      ...standInSince === undefined
        ? []
        : [`An earlier certificate is served by ${name} meanwhile, seen ${standInSince}`],
    ];
  }
  if (balancer.fingerprint !== fingerprint) return [`An earlier certificate is still served by ${name}`];
  return [
    ...balancer.names.length === 0 ? [] : [`Served by ${name}: ${balancer.names.join(", ")}`],
    ...balancer.shadowed.map((it) =>
      `Shadowed on ${name}: ${it.name} is answered by ${it.by ?? "another certificate"}`
    ),
  ];
}

function expiration(until: Date, now: Date): string {
  const left = until.getTime() - now.getTime();
  return left > 0 ? duration(left) : `${duration(-left)} ago`;
}

function urgency(until: Date, now: Date): Colour {
  const days = (until.getTime() - now.getTime()) / 86_400_000;
  if (days <= 0) return "red";
  if (days < 3) return "brightYellow";
  return days < 7 ? "yellow" : "green";
}

function seconds(at: Date): string {
  return at.toISOString().replace(/\.\d+Z$/, "Z");
}

function fact(name: string, value: string | undefined): readonly string[] {
  return value === undefined ? [] : [`  ${name}: ${value}`];
}

function items(name: string, values: readonly string[]): readonly string[] {
  return values.length === 0 ? [] : [`  ${name}:`, ...values.map((value) => `    - ${value}`)];
}

/** The columns that a cell takes on a terminal: colours take none. */
function width(cell: string): number {
  // deno-lint-ignore no-control-regex
  return [...cell.replace(/\x1b\[\d+m/g, "")].length;
}
