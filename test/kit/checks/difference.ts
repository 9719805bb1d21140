/** Where two values differ in structure, in words. */
import { show } from './show.ts';

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** The first difference; undefined: there is none. */
export function differenceOf(actual: unknown, expected: unknown, path = ''): string | undefined {
  if (Object.is(actual, expected)) return undefined;
  if (!isObject(actual) || !isObject(expected) || !isSameKind(actual, expected))
    return `${at(path)}${show(actual)} is not ${show(expected)}`;
  if (actual instanceof Error && expected instanceof Error && actual.message !== expected.message)
    return `${at(path)}${show(actual)} is not ${show(expected)}`;
  if (isList(actual) && isList(expected)) return differenceOfLists(actual, expected, path);
  if (isCollection(actual) && isCollection(expected)) return differenceOf([...actual], [...expected], path);
  return differenceOfFields(actual as Fields, expected as Fields, path);
}

type List = ArrayLike<unknown>;
type Fields = Readonly<Record<string, unknown>>;

const at = (path: string): string => (path === '' ? '' : `at ${path}: `);
const isSameKind = (one: object, other: object): boolean =>
  Object.getPrototypeOf(one) === Object.getPrototypeOf(other) || (isPlain(one) && isPlain(other));
const isPlain = (value: object): boolean => [Object.prototype, null].includes(Object.getPrototypeOf(value));
const isList = (value: object): value is List =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
const isCollection = (value: object): value is Iterable<unknown> => value instanceof Map || value instanceof Set;

function differenceOfLists(actual: List, expected: List, path: string): string | undefined {
  const common = Math.min(actual.length, expected.length);
  for (let n = 0; n < common; n++) {
    if (Object.is(actual[n], expected[n])) continue;
    const difference = differenceOf(actual[n], expected[n], `${path}[${n}]`);
    if (difference) return difference;
  }
  if (actual.length === expected.length) return undefined;
  return `${at(path)}${actual.length} elements, expected ${expected.length}: ${show(actual)} is not ${show(expected)}`;
}

function differenceOfFields(actual: Fields, expected: Fields, path: string): string | undefined {
  for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
    const place = path === '' ? key : `${path}.${key}`;
    if (!Object.hasOwn(actual, key)) return `${place} is missing, expected ${show(expected[key])}`;
    if (!Object.hasOwn(expected, key)) return `${place} is there, ${show(actual[key])}, and should not be`;
    const difference = differenceOf(actual[key], expected[key], place);
    if (difference) return difference;
  }
  return undefined;
}
