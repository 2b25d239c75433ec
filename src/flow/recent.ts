/** What was put in lately: it is kept for one turn at least and two at most, so that it never grows for years. */
export interface Recent<K, V> {
  /** Undefined where it was never put in, or was put in before the last two turns. */
  get(key: K): V | undefined;
  /** Puts it in, or in anew. */
  set(key: K, value: V): void;
  /** Forgets it at once. */
  delete(key: K): void;
  /** Forgets what was put in before the turn before this one. */
  turn(): void;
}

/** Makes an empty {@linkcode Recent}. */
export function recent<K, V>(): Recent<K, V> {
  let now = new Map<K, V>();
  let before = new Map<K, V>();
  return {
    get: (key) => now.get(key) ?? before.get(key),
    set: (key, value) => void now.set(key, value),
    delete(key): void {
      now.delete(key);
      before.delete(key);
    },
    turn(): void {
      before = now;
      now = new Map();
    },
  };
}
