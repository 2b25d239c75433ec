import { ACCOUNT_FAULTS } from "./accounts.ts";
import { ANSWER_FAULTS } from "./answers.ts";
import { AUTHORIZATION_FAULTS } from "./authorizations.ts";
import { CERTIFICATE_FAULTS } from "./certificates.ts";
import { CHAIN_FAULTS } from "./chains.ts";
import { DIRECTORY_FAULTS } from "./directory.ts";
import type { FaultKind } from "./kind.ts";
import { LOCATION_FAULTS } from "./locations.ts";
import { NETWORK_FAULTS } from "./network.ts";
import { NONCE_FAULTS } from "./nonces.ts";
import { ORDER_FAULTS } from "./orders.ts";
import { REFUSAL_FAULTS } from "./refusals.ts";

/** Every fault by its name, which never changes. */
export const CATALOGUE: Readonly<Record<string, FaultKind>> = {
  ...NETWORK_FAULTS,
  ...ANSWER_FAULTS,
  ...REFUSAL_FAULTS,
  ...NONCE_FAULTS,
  ...DIRECTORY_FAULTS,
  ...LOCATION_FAULTS,
  ...ACCOUNT_FAULTS,
  ...ORDER_FAULTS,
  ...AUTHORIZATION_FAULTS,
  ...CERTIFICATE_FAULTS,
  ...CHAIN_FAULTS,
};
