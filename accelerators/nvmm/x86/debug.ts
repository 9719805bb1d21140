/**
 * The emulator's breakpoints in the place of the guest's (`VcpuConf.debug`): #DB and MOV DR are intercepted, and the guest's DR0 to DR3 and DR7 are kept
 * here. DR6 is the guest's all along.
 */
import { type DebugConf, ExitReason } from '../abi.ts';
import type { ExitContext } from './context.ts';
import { Vector } from './exception.ts';
import type { X86Vcpu } from './vcpu.ts';

/** Conditions in DR6. */
const met = 0xf;
const generalDetect = 1 << 13;
/** BD, BS, BT. */
const others = 0xe000;
const dr6Known = 0xe00f;
export const dr6Fixed = 0xffff_0ff0 | 0;
/** General detect in DR7. */
const detects = 1 << 13;
const dr7Reserved = 0xd800;
const dr7Fixed = 0x400;
const enabled = 0xff;

/** What an entry is to load instead of the guest's own; undefined: the guest's own. */
export function hiddenBy({ addresses, control }: DebugConf): DebugConf | undefined {
  return (control & enabled) === 0 ? undefined : { addresses, control: control | dr7Fixed };
}

/** Breakpoints that the control register enables, as DR6 has them. */
const enabledBy = (control: number): number => {
  let mask = 0;
  for (let n = 0; n < 4; n++) if ((control >>> (2 * n)) & 3) mask |= 1 << n;
  return mask;
};

/**
 * #DB has been intercepted, for these conditions (as DR6 has them). What is the emulator's becomes a DEBUG exit; all else is the guest's, and so is
 * a #DB without any condition.
 */
export function debugException(context: ExitContext, conditions: number): void {
  const { data, exit } = context;
  const hits = conditions & met & enabledBy(data.hidden?.control ?? 0);
  if (hits !== 0) {
    exit.reason = ExitReason.debug;
    exit.breakpoint = 31 - Math.clz32(hits & -hits);
  }
  if (hits === 0 || conditions & others) reflect(context, conditions & others);
}

/** The guest gets its #DB: DR6 tells why, and general detect is off in its handler. */
function reflect(context: ExitContext, conditions: number): void {
  const { data } = context;
  context.debugStatus = (context.debugStatus & ~met) | conditions;
  data.shadowControl &= ~detects;
  context.reflectDebug();
}

/** MOV from or to a debug register: DR4 and DR5 are DR6 and DR7 (the processor has refused them where they are not). */
export function moveDebug(context: ExitContext, register: number, general: number, write: boolean): void {
  const { data } = context;
  if (data.shadowControl & detects) {
    reflect(context, generalDetect);
    return;
  }
  const number = register < 4 ? register : register | 2;
  if (write) {
    const low = context.registerLow(general);
    const high = context.is64 ? context.registerHigh(general) : 0;
    if (number >= 6 && high !== 0) {
      context.inject(Vector.gp, 0);
      return;
    }
    if (number === 6) context.debugStatus = low & dr6Known;
    else if (number === 7) data.shadowControl = (low & ~dr7Reserved) | dr7Fixed;
    else data.debug[number] = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  } else if (number >= 6) {
    context.setRegister(general, number === 6 ? context.debugStatus | dr6Fixed : data.shadowControl, 0);
  } else {
    const value = data.debug[number];
    const high = context.is64 ? Number(BigInt.asIntN(32, value >> 32n)) : 0;
    context.setRegister(general, Number(BigInt.asIntN(32, value)), high);
  }
  context.advance();
}

/** DR0 to DR3 for the processor. */
export const addressOf = (data: X86Vcpu, register: number): bigint =>
  data.hidden ? (data.hidden.addresses[register] ?? 0n) : data.debug[register];
