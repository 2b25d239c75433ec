/**
 * What the API answers, as schemas: the original's keys first, then ours. `shapes.ts` makes these; the document shows them.
 *
 * @module
 */
import * as v from "valibot";

const time = v.pipe(v.string(), v.description("Like 2017-12-14T13:34:00.000+00:00"));
const texts = v.array(v.string());

/** The CA that a person is about to register with. */
export const REGISTRATION = v.strictObject({
  directory: v.string(),
  terms_of_service: v.nullable(v.string()),
  external_account_required: v.boolean(),
  registered: v.boolean(),
  email: v.optional(v.string()),
  deactivated: v.optional(v.pipe(v.string(), v.description("When and how the account was ended"))),
});

const account = {
  directory: v.string(),
  url: v.nullable(v.string()),
  email: v.nullable(v.string()),
  key_type: v.nullable(v.string()),
  thumbprint: v.pipe(v.string(), v.description("Of its public key (RFC 7638)")),
  created_at: v.nullable(time),
  state: v.picklist(["valid", "deactivated", "unknown"]),
  deactivated_at: v.optional(time),
  deactivated_by: v.optional(v.pipe(v.picklist(["command", "ca"]), v.description("ca: it was found so there"))),
  reason: v.optional(v.pipe(v.string(), v.description("Why the state is unknown"))),
  pending: v.optional(v.picklist(["rollover", "deactivation"])),
};

/** The account at the CA. */
export const ACCOUNT = v.strictObject(account);

const shadowed = v.array(v.strictObject({ name: v.string(), by: v.optional(v.string()) }));

/** What is served while the newest version is held. */
const STAND_IN = v.pipe(
  v.strictObject({ fingerprint: v.string(), at: time, shadowed }),
  v.description("The earlier version that is served meanwhile"),
);

/** What one load balancer does with a certificate. */
const LOAD_BALANCER = v.strictObject({
  name: v.string(),
  state: v.picklist(["served", "held"]),
  fingerprint: v.string(),
  reason: v.optional(v.string()),
  until: v.optional(time),
  stand_in: v.optional(STAND_IN),
  names: v.optional(texts),
  shadowed: v.optional(shadowed),
});

/** What a load balancer says of itself, and does with our certificates. */
export const BALANCER = v.strictObject({
  id: v.string(),
  name: v.string(),
  kind: v.string(),
  state: v.picklist(["ok", "away"]),
  version: v.optional(v.string()),
  pid: v.optional(v.number()),
  reason: v.optional(v.string()),
  todo: v.optional(v.string()),
  challenges: texts,
  certificates: v.array(v.strictObject({
    subject: v.optional(v.string()),
    secret_name: v.string(),
    state: v.picklist(["served", "held"]),
    fingerprint: v.string(),
    reason: v.optional(v.string()),
    until: v.optional(time),
    stand_in: v.optional(STAND_IN),
    shadowed: v.optional(shadowed),
  })),
});

/** The lines that wire a load balancer. */
export const WIRING = v.strictObject({ id: v.string(), name: v.string(), config: v.string() });

/** What became of trying each part of a load balancer's wiring. */
export const WIRING_CHECK = v.strictObject({
  id: v.string(),
  name: v.string(),
  ok: v.pipe(v.boolean(), v.description("No part is missing")),
  parts: v.array(v.strictObject({
    part: v.string(),
    state: v.picklist(["ok", "missing", "untried"]),
    found: v.string(),
    todo: v.optional(v.string()),
  })),
});

/** One thing that was found about a certificate. */
const FINDING = v.strictObject({ name: v.string(), found: v.string(), todo: v.string() });

/** A newer certificate that was not taken. */
const KEPT_ASIDE = v.strictObject({
  at: time,
  count: v.pipe(v.number(), v.description("How many in a row were")),
  next_order_at: time,
  acceptable: v.boolean(),
  reasons: v.array(FINDING),
  issuer: v.optional(v.string()),
  serial: v.optional(v.string()),
  fingerprint: v.optional(v.string()),
  valid_until: v.optional(time),
});

const told = {
  not_before: time,
  issuer: v.string(),
  serial: v.string(),
  fingerprint: v.string(),
  key_type: v.string(),
  origin: v.picklist(["ca", "imported"]),
  revoked_at: v.optional(time),
  revocation_reason: v.optional(v.string()),
  renewal_at: v.optional(v.pipe(time, v.description("When it is renewed by itself"))),
  renewal_reason: v.optional(v.picklist(["window", "recalled", "emergency", "lifetime"])),
  by_hand: v.optional(v.strictObject({
    from: v.pipe(time, v.description("From then on a person has to renew it")),
    until: v.pipe(time, v.description("Its end")),
    due: v.boolean(),
    command: v.string(),
    todo: v.pipe(v.string(), v.description("All that is to be done; the command is part of it")),
  })),
  renewal_explanation_url: v.optional(v.pipe(v.string(), v.description("Why the CA wants it then (RFC 9773)"))),
  warnings: v.optional(v.array(FINDING)),
  kept_aside: v.optional(KEPT_ASIDE),
  secrets: texts,
  load_balancers: v.array(LOAD_BALANCER),
};

const failed = {
  reason: v.optional(v.pipe(v.string(), v.description("Why the last attempt at it failed"))),
  until: v.optional(v.pipe(time, v.description("When it is tried again"))),
};

/** The certificate for the same names with a key of the other algorithm, where `KEY_TYPE` names two. */
const SECOND_KIND = v.union([
  v.strictObject({ state: v.picklist(["held"]), valid_until: time, ...told, ...failed }),
  v.strictObject({ state: v.picklist(["missing"]), key_type: v.string(), ...failed }),
]);

const ours = { ...told, second_kind: v.optional(SECOND_KIND) };

/** Certificate, Kontena 1.4 and later. */
export const CERTIFICATE = v.strictObject({
  id: v.string(),
  subject: v.string(),
  valid_until: time,
  alt_names: texts,
  auto_renewable: v.boolean(),
  ...ours,
});

/** Certificate of the documentation's time, which names its secrets. */
export const STORED_CERTIFICATE = v.strictObject({
  id: v.string(),
  created_at: time,
  updated_at: time,
  domain: v.string(),
  valid_until: time,
  alt_names: texts,
  certificate_type: v.string(),
  private_key_secret: v.string(),
  certificate_secret: v.string(),
  certificate_bundle_secret: v.string(),
  ...ours,
});

/** The parts of a certificate. Secret. */
export const EXPORT = v.strictObject({
  id: v.string(),
  subject: v.string(),
  certificate: v.string(),
  chain: v.string(),
  private_key: v.string(),
});

/** How it stands with a certificate, in sentences. */
export const EXPLANATION = v.strictObject({
  id: v.string(),
  subject: v.string(),
  held: v.string(),
  served: v.array(v.string()),
  next: v.string(),
  failed: v.optional(v.strictObject({ code: v.optional(v.string()), text: v.string(), todo: v.string() })),
});

/** A TXT record, without the domain. */
export const TXT_RECORD = v.strictObject({
  record_name: v.string(),
  record_type: v.string(),
  record_content: v.string(),
});

/** The account whose key was changed, and the TXT records that a person has to set anew for that. */
export const ROLLOVER = v.strictObject({
  ...account,
  records: v.array(v.strictObject({ domain: v.string(), ...TXT_RECORD.entries })),
});

const authorization = {
  challenge: v.strictObject({ token: v.string(), uri: v.string(), type: v.string() }),
  authorization_type: v.string(),
  challenge_opts: v.nullable(v.union([TXT_RECORD, v.strictObject({ token: v.string(), content: v.string() })])),
  status: v.picklist(["created", "requested", "validated", "error", "expired"]),
  expires_at: v.nullable(time),
  error: v.optional(v.string()),
};

/** Authorization, Kontena 1.4 and later. */
export const AUTHORIZATION = v.strictObject({
  id: v.string(),
  domain: v.string(),
  ...authorization,
  linked_service: v.optional(v.strictObject({ id: v.string() })),
});

/** Authorization of the documentation's time. */
export const EARLY_AUTHORIZATION = v.strictObject({
  domain: v.string(),
  ...authorization,
  linked_service: v.optional(v.string()),
});

const secret = {
  id: v.string(),
  name: v.string(),
  created_at: time,
  updated_at: v.nullable(time),
  services: v.array(v.strictObject({ id: v.string(), name: v.string() })),
};

/** A secret without its value. */
export const SECRET = v.strictObject(secret);

/** A secret with its value. */
export const SECRET_VALUE = v.strictObject({ ...secret, value: v.string() });

/** What is missing for the main job. */
export const READY = v.strictObject({ ready: v.boolean(), missing: texts });

/** Done, and nothing to tell. */
export const NOTHING = v.strictObject({});

/** There is no such thing, or no such JSON. */
export const ERROR_TEXT = v.object({ error: v.string() });

/** The token is not the one. */
export const INVALID_TOKEN = v.strictObject({ error: v.string(), error_description: v.string() });

/** Why something was refused: a text, or one for each field; then ours. */
export const FAILURE = v.object({
  error: v.optional(v.union([v.string(), v.record(v.string(), v.string())])),
  message: v.optional(v.string()),
  code: v.optional(v.string()),
  retry_at: v.optional(v.string()),
  records: v.optional(v.array(v.unknown())),
  problem: v.optional(v.unknown()),
});

/** The schemas that the document says in one place. */
export const ANSWERS: Readonly<Record<string, v.GenericSchema>> = {
  Registration: REGISTRATION,
  Account: ACCOUNT,
  Rollover: ROLLOVER,
  Certificate: CERTIFICATE,
  StoredCertificate: STORED_CERTIFICATE,
  Explanation: EXPLANATION,
  Export: EXPORT,
  TxtRecord: TXT_RECORD,
  Authorization: AUTHORIZATION,
  EarlyAuthorization: EARLY_AUTHORIZATION,
  LoadBalancer: BALANCER,
  Wiring: WIRING,
  WiringCheck: WIRING_CHECK,
  Secret: SECRET,
  SecretValue: SECRET_VALUE,
  Ready: READY,
  ErrorText: ERROR_TEXT,
  InvalidToken: INVALID_TOKEN,
  Failure: FAILURE,
};
