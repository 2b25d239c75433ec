/** The value of an option. */
export type OptionValue = string | number | boolean;

/** Reads options, with their defaults. */
export interface OptionReader {
  /** Text; the default where it is not given. */
  text(name: string, otherwise: string): string;
  /** One of several words. */
  word<const T extends string>(name: string, first: T, ...others: readonly T[]): T;
  /** A number that is not negative. */
  number(name: string, otherwise: number): number;
}

/**
 * A reader of what was given.
 *
 * @throws {RangeError} From its methods, if a value is not what the option takes.
 */
export function optionReader(given: Readonly<Record<string, OptionValue>>): OptionReader {
  const text = (name: string, otherwise: string): string => String(given[name] ?? otherwise);
  return {
    text,
    word<const T extends string>(name: string, first: T, ...others: readonly T[]): T {
      const value = text(name, first);
      const found = [first, ...others].find((it) => it === value);
      if (found === undefined) {
        throw new RangeError(`"${name}" is "${value}", none of ${[first, ...others].join(", ")}`);
      }
      return found;
    },
    number(name, otherwise): number {
      const value = Number(given[name] ?? otherwise);
      if (!Number.isFinite(value) || value < 0) throw new RangeError(`"${name}" is "${given[name]}", no number`);
      return value;
    },
  };
}
