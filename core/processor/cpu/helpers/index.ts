/** The implementations of all named helpers (core/processor/ir/helpers.ts), joined. */
import type { floatHelpers } from '../../ir/helper-rows/float.ts';
import type { systemHelpers } from '../../ir/helper-rows/system.ts';
import { virtualHelpers } from '../../ir/helper-rows/virtual.ts';
import type { HelperName } from '../../ir/helpers.ts';
import { Vector } from '../../state/registers.ts';
import type { HelperImplementation } from '../core.ts';
import { checkAvx, checkSse, checkX87, intercept } from './availability.ts';
import { clts, lmsw, readControl, readDebug, smsw, writeControl, writeDebug, xsetbv } from './control.ts';
import { divideSigned, divideUnsigned } from './divide.ts';
import { cli, enterNested, popf, pushfVirtual, setAlignmentCheck, sti } from './flags.ts';
import { cpuid, rdmsr, rdpmc, rdrand, rdseed, rdtsc, rdtscp, wrmsr } from './identification.ts';
import { checkPort, portIn, portInString, portOut, portOutString } from './port.ts';
import { lar, lldt, loadFarPointer, lsl, ltr, moveToSegment, popSegment, verr, verw } from './segment.ts';
import { sseHelpers } from './sse.ts';
import { fxrstor, fxsave, xgetbv, xrstor, xsave, xsavec, xsaveopt } from './state-image.ts';
import {
  farCall,
  farJump,
  farReturn,
  iret,
  softwareInterrupt,
  syscall,
  sysenter,
  sysexit,
  sysret,
} from './transfer.ts';
import { invlpg, invpcid } from './translation.ts';
import { halt, monitor, mwait, pause } from './wait.ts';
import { x87Helpers } from './x87.ts';

const system: Readonly<Record<keyof typeof systemHelpers, HelperImplementation>> = {
  intercept,
  checkX87,
  checkAvx,
  checkSse,
  divideUnsigned,
  divideSigned,
  farJump,
  farCall,
  farReturn,
  iret,
  softwareInterrupt,
  syscall,
  sysret,
  sysenter,
  sysexit,
  moveToSegment,
  popSegment,
  loadFarPointer,
  lldt,
  ltr,
  lar,
  lsl,
  verr,
  verw,
  pushfVirtual,
  popf,
  enterNested,
  cli,
  sti,
  setAlignmentCheck,
  checkPort,
  portIn,
  portOut,
  portInString,
  portOutString,
  readControl,
  writeControl,
  readDebug,
  writeDebug,
  clts,
  smsw,
  lmsw,
  invlpg,
  invpcid,
  cpuid,
  rdtsc,
  rdtscp,
  rdpmc,
  rdmsr,
  wrmsr,
  xsetbv,
  rdrand,
  rdseed,
  halt,
  pause,
  monitor,
  mwait,
  fxsave,
  fxrstor,
  xsave,
  xgetbv,
  xsavec,
  xsaveopt,
  xrstor,
};

type VirtualName = keyof typeof virtualHelpers;

/** SVM and VMX instructions are their architecture's; a CPU without it does not know them. */
const virtual = Object.fromEntries(
  (Object.keys(virtualHelpers) as VirtualName[]).map((name): [VirtualName, HelperImplementation] => [
    name,
    cpu => (cpu.virtualization?.helpers[name] ?? undefinedInstruction)(cpu),
  ]),
) as Record<VirtualName, HelperImplementation>;

const undefinedInstruction: HelperImplementation = cpu => cpu.raise(Vector.ud);

export const helperImplementations: Readonly<Record<HelperName, HelperImplementation>> = {
  ...system,
  ...(x87Helpers satisfies Readonly<Record<keyof typeof floatHelpers, HelperImplementation>>),
  ...sseHelpers,
  ...virtual,
};
