/**
 * How much of an answer is read, and how long it is waited for. A CA's documents are small: whatever is larger is not one.
 *
 * @module
 */

/** Bytes of a directory, order, authorization, account, challenge or problem. */
export const DOCUMENT_BYTES = 64 * 1024;

/** Bytes of a certificate chain. */
export const CHAIN_BYTES = 1024 * 1024;

/** Characters of all names and values of an answer's headers. */
export const HEADER_CHARS = 16 * 1024;

/** From sending a request to the last byte of its answer. */
export const REQUEST_MS = 30_000;

/** How long one request is sent again because its nonces were refused. */
export const BAD_NONCE_MS = 30_000;

/** How long the directory is believed (RFC 8555 §7.1.1 gives no time; its URLs may change between runs). */
export const DIRECTORY_MS = 3_600_000;

/** How long a nonce is believed to be good. CAs forget them after hours; asking anew costs one round trip. */
export const NONCE_MS = 3_600_000;

/** Pages of the account's list of orders. */
export const ORDER_PAGES = 100;
