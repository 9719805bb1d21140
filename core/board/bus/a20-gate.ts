import { service } from '../framework/service.ts';

/** Address line 20, which two devices switch. Enabled at power-on, as firmware would leave it. */
export interface A20Gate {
  enabled: boolean;
  /** Set by the run loop. */
  onChange: ((enabled: boolean) => void) | undefined;
}

export const A20Gate = service<A20Gate>('A20Gate');

export class SwitchableA20Gate implements A20Gate {
  #enabled = true;
  onChange: ((enabled: boolean) => void) | undefined;

  get enabled(): boolean {
    return this.#enabled;
  }

  set enabled(enabled: boolean) {
    if (enabled === this.#enabled) return;
    this.#enabled = enabled;
    this.onChange?.(enabled);
  }
}
