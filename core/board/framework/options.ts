import { MachineError } from './error.ts';
import { service } from './service.ts';

const rejected = Symbol('rejected');

/**
 * What an option may be: `T` as components get it, `Given` as users write it. `parse` answers the one normal form, or `rejected`.
 */
export class OptionType<T, Given = T> {
  declare readonly given: Given;

  constructor(
    readonly description: string,
    readonly parse: (value: unknown) => T | typeof rejected,
  ) {}

  /** The same, but it may be left out. */
  or(fallback: T): DefaultedOption<T, Given> {
    return new DefaultedOption<T, Given>(this.description, this.parse, fallback);
  }

  optional(): DefaultedOption<T | undefined, Given> {
    return new DefaultedOption<T | undefined, Given>(this.description, this.parse, undefined);
  }
}

export class DefaultedOption<T, Given = T> extends OptionType<T, Given> {
  constructor(
    description: string,
    parse: (value: unknown) => T | typeof rejected,
    readonly fallback: T,
  ) {
    super(description, parse);
  }
}

export type OptionSchema = Readonly<Record<string, OptionType<unknown, unknown>>>;

/** The options as a component receives them: complete. */
export type OptionsOf<S extends OptionSchema> = {
  readonly [K in keyof S]: S[K] extends OptionType<infer T, unknown> ? T : never;
};

/** Names of the options that may be left out. */
export type Omissible<S extends OptionSchema> = {
  [K in keyof S]: S[K] extends DefaultedOption<unknown, unknown> ? K : never;
}[keyof S];

/** The options as a user writes them: what has a default may be left out. */
export type GivenOptions<S extends OptionSchema> = {
  readonly [K in Exclude<keyof S, Omissible<S>>]: S[K]['given'];
} & {
  readonly [K in Omissible<S>]?: S[K]['given'] | undefined;
};

/** The options of the component being constructed; provided in its own scope. */
export const Options = service<object>('Options');

/** The name that a component has in its machine's profile. */
export const ComponentName = service<string>('ComponentName');

export const integer = (minimum: number, maximum: number): OptionType<number> =>
  new OptionType(`an integer from ${minimum} to ${maximum}`, value =>
    Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum
      ? (value as number)
      : rejected,
  );

export const port = (): OptionType<number> => new OptionType('a port from 0 to 0xffff', integer(0, 0xffff).parse);

/** A guest-physical address; at most 52 bits, so a number holds it. */
export const address = (): OptionType<number, number | bigint> =>
  new OptionType('a guest-physical address', value =>
    integer(0, 2 ** 52 - 1).parse(typeof value === 'bigint' ? Number(value) : value),
  );

/** A page that ACPI's 32-bit fields can name. */
export const lowPage = (): OptionType<number, number | bigint> =>
  new OptionType('the address of a page below 4 GiB', value => {
    const base = address().parse(value);
    return typeof base === 'number' && base % 0x1000 === 0 && base < 2 ** 32 ? base : rejected;
  });

export const boolean = (): OptionType<boolean> =>
  new OptionType('true or false', value => (typeof value === 'boolean' ? value : rejected));

export const text = (): OptionType<string> =>
  new OptionType('a text', value => (typeof value === 'string' ? value : rejected));

export const choice = <const T extends string | number>(...values: readonly T[]): OptionType<T> =>
  new OptionType(`one of ${values.join(', ')}`, value => (values.includes(value as T) ? (value as T) : rejected));

/** An interrupt wire, by the name of its controller and a pin: `ioapic@4`. */
export const wire = (): OptionType<string> =>
  new OptionType("an interrupt wire such as 'ioapic@4'", value =>
    typeof value === 'string' && /^[a-z][a-z0-9-]*@\d{1,3}$/i.test(value) ? value : rejected,
  );

const units: Readonly<Record<string, number>> = { '': 1, B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** A number of bytes, as a number or as `512 MiB`. */
export const bytes = (): OptionType<number, number | string> =>
  new OptionType("a size such as '512 MiB'", value => {
    if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : rejected;
    const match = typeof value === 'string' ? /^(\d+)\s*([KMGT]iB|B)?$/.exec(value.trim()) : null;
    if (!match) return rejected;
    const size = Number(match[1]) * units[match[2] ?? ''];
    return Number.isSafeInteger(size) ? size : rejected;
  });

/** Something of the host, known by its methods: a disk, a stream, a network. */
export const backend = <T extends object>(what: string, ...methods: readonly (keyof T & string)[]): OptionType<T> =>
  new OptionType(`${what} (an object with ${methods.join(', ')})`, value =>
    typeof value === 'object' &&
    value !== null &&
    methods.every(method => typeof (value as Record<string, unknown>)[method] === 'function')
      ? (value as T)
      : rejected,
  );

export const list = <T, Given>(of: OptionType<T, Given>): OptionType<readonly T[], readonly Given[]> =>
  new OptionType(`a list, each ${of.description}`, value => {
    if (!Array.isArray(value)) return rejected;
    const parsed = value.map(of.parse);
    return parsed.includes(rejected) ? rejected : (parsed as T[]);
  });

/** Checks what a user wrote against a schema and fills in what was left out. `path` names the component in errors. */
export function parseOptions<S extends OptionSchema>(schema: S, given: object, path: string): OptionsOf<S> {
  const unknown = Object.keys(given).find(name => !Object.hasOwn(schema, name));
  if (unknown !== undefined) {
    const names = Object.keys(schema).join(', ') || 'none';
    throw new MachineError('bad-option', 'there is no such option', {
      path: `${path}.${unknown}`,
      remedy: `options are: ${names}`,
    });
  }
  const values = Object.entries(schema).map(([name, type]) => [
    name,
    parseOption(type, (given as Record<string, unknown>)[name], `${path}.${name}`),
  ]);
  return Object.fromEntries(values) as OptionsOf<S>;
}

function parseOption(type: OptionType<unknown>, value: unknown, path: string): unknown {
  if (value === undefined && type instanceof DefaultedOption) return type.fallback;
  const parsed = value === undefined ? rejected : type.parse(value);
  if (parsed !== rejected) return parsed;
  const what = value === undefined ? 'this option is missing' : `${show(value)} is not possible here`;
  throw new MachineError('bad-option', what, { path, remedy: `give ${type.description}` });
}

const show = (value: unknown): string =>
  typeof value === 'object' && value !== null ? 'an object of this kind' : (JSON.stringify(value) ?? String(value));
