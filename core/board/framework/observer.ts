/** Plugins that look at a machine: classes known by a name, as devices are. What they see is in `machines/observer.ts`. */
import { component, componentName } from './component.ts';

/** Names an observer class for `--plugin`: `@observer('exit-counter')`. Without decorators: `static observer = 'exit-counter'`. */
export const observer = component('observer');

const prefix = 'observer:';

/** The name of an observer class, undefined for anything else. */
export function observerName(type: unknown): string | undefined {
  if (typeof type !== 'function') return undefined;
  const decorated = componentName(type);
  if (decorated !== undefined) return decorated.startsWith(prefix) ? decorated.slice(prefix.length) : undefined;
  const { observer: name } = type as { observer?: unknown };
  return typeof name === 'string' && name !== '' ? name : undefined;
}
