/** User-mode instruction prevention (SDM vol. 3, section 2.5, CR4.UMIP): SGDT, SIDT, SLDT, STR, SMSW. */
import { Vector } from '../../state/registers.ts';
import type { Tracer } from '../tracer.ts';

export const checkUserMode = (cpu: Tracer): void => {
  const prevented = cpu.state('cr4').read().bit(11).and(cpu.state('cpl').read().ne(0));
  cpu.raise(Vector.gp, prevented, 0);
};
