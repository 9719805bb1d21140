import { service } from '../framework/service.ts';

/**
 * The gate of address line 20, as the two devices that switch it show it to guests. Enabled at power-on, as firmware leaves it. Address line 20
 * itself is never forced to 0 on any accelerator: see README.
 */
export interface A20Gate {
  enabled: boolean;
}

export const A20Gate = service<A20Gate>('A20Gate');
