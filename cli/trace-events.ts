/** The events of `--trace`, by the names that are typed. */
import { type ObservedKind, observedKinds } from '#machines';

const kinds: ReadonlyMap<string, readonly ObservedKind[]> = new Map<string, readonly ObservedKind[]>([
  ['ports', ['port']],
  ['mmio', ['mmio']],
  ['msrs', ['msr']],
  ['interrupts', ['interrupt']],
  ['exits', ['exit']],
  ['resets', ['reset']],
  ['console', ['console']],
  ['all', observedKinds],
]);

export const eventNames: readonly string[] = [...kinds.keys()];

export const kindsOf = (name: string): readonly ObservedKind[] => kinds.get(name) ?? [];
