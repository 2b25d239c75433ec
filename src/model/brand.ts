/** A string that was checked once, at the door, and carries the proof in its type. */
declare const brand: unique symbol;
export type Branded<Kind extends string> = string & { readonly [brand]: Kind };
