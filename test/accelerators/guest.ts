/** The contract's bare guest on our accelerators, by name and engine. */
import type { Accelerator, AcceleratorOptions } from '../../accelerators/index.ts';
import { accelerators } from '../../accelerators/index.ts';
import type { Nvmm } from '../../accelerators/nvmm/nvmm.ts';
import type { Software } from '../../accelerators/software/software.ts';
import type { Jit } from '../../core/processor/jit/jit.ts';
import { type CreateAccelerator, type GuestOptions, Guest as KitGuest } from '../kit/contract/guest.ts';

export { at, bareBoard } from '../kit/contract/guest.ts';

export const names = accelerators.map(({ name }) => name);

/** `jit`: all code is compiled before it runs. */
export type Engine = 'interpreter' | 'jit';

export const jitOf = (accelerator: Accelerator): Jit | undefined => (accelerator as Software | Nvmm).host.jit;

export const creator =
  (name: string, engine: Engine = 'interpreter'): CreateAccelerator =>
  (options: AcceleratorOptions) => {
    const accelerator = accelerators.find(each => each.name === name)!.create({ ...options, engine });
    const jit = jitOf(accelerator);
    if (jit) jit.eager = true;
    return accelerator;
  };

export class Guest extends KitGuest {
  /** As titles of tests have it. */
  readonly name: string;

  constructor(name: string, { engine, ...options }: GuestOptions & { readonly engine?: Engine } = {}) {
    super(creator(name, engine), options);
    this.name = engine ? `${name}, ${engine}` : name;
  }
}
