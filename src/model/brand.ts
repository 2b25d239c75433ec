/** Key of the proof; there is no value of it. */
export declare const brand: unique symbol;

/** A string that was checked once, at the door, and carries the proof in its type. */
export type Branded<Kind extends string> = string & {
  /** Exists in the type alone. */
  readonly [brand]: Kind;
};
