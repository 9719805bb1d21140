/** An accelerator by its name. */
import { type AcceleratorFactory, accelerators } from '#accelerators';
import { MachineError } from '#core';
import { suggestion } from './suggestion.ts';

export function findAccelerator(accelerator: string | AcceleratorFactory = 'nvmm-svm'): AcceleratorFactory {
  if (typeof accelerator !== 'string') return accelerator;
  const found = accelerators.find(({ name }) => name === accelerator);
  if (found) return found;
  const names = accelerators.map(({ name }) => name);
  throw new MachineError('unknown-component', `there is no accelerator called ${accelerator}`, {
    remedy: suggestion('accelerator', accelerator, names),
  });
}
