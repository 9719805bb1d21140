/** Which control makes which instruction exit, and why (SDM vol. 3, sections 26.1.2 and 26.1.3), by the ids of core/processor/isa/intercepts.ts. */
import { type InterceptName, intercepts } from '../../isa/intercepts.ts';
import { Primary, Secondary } from './controls.ts';
import { InformationFormat } from './information.ts';
import { Reason } from './reasons.ts';

interface Row {
  readonly reason: number;
  /** Neither: always. */
  readonly primary?: number;
  readonly secondary?: number;
  readonly format?: number;
  /** Bits 29:28 of the instruction information. */
  readonly identity?: number;
}

const table = (identity: number): Row => ({
  reason: Reason.tableRegisters,
  secondary: Secondary.descriptorTable,
  format: InformationFormat.table,
  identity,
});
const local = (identity: number): Row => ({
  reason: Reason.localTables,
  secondary: Secondary.descriptorTable,
  format: InformationFormat.local,
  identity,
});
const onMemory = (reason: number): Row => ({ reason, format: InformationFormat.memory });

const rows: Partial<Record<InterceptName, Row>> = {
  hlt: { reason: Reason.hlt, primary: Primary.hlt },
  cpuid: { reason: Reason.cpuid },
  rdtsc: { reason: Reason.rdtsc, primary: Primary.rdtsc },
  rdtscp: { reason: Reason.rdtscp, primary: Primary.rdtsc },
  rdpmc: { reason: Reason.rdpmc, primary: Primary.rdpmc },
  invd: { reason: Reason.invd },
  wbinvd: { reason: Reason.wbinvd, secondary: Secondary.wbinvd },
  pause: { reason: Reason.pause, primary: Primary.pause },
  invlpg: { reason: Reason.invlpg, primary: Primary.invlpg },
  invpcid: { reason: Reason.invpcid, primary: Primary.invlpg, format: InformationFormat.typed },
  monitor: { reason: Reason.monitor, primary: Primary.monitor },
  mwait: { reason: Reason.mwait, primary: Primary.mwait },
  xsetbv: { reason: Reason.xsetbv },
  rdrand: { reason: Reason.rdrand, secondary: Secondary.rdrand, format: InformationFormat.random },
  rdseed: { reason: Reason.rdseed, secondary: Secondary.rdseed, format: InformationFormat.random },
  sgdt: table(0),
  sidt: table(1),
  lgdt: table(2),
  lidt: table(3),
  sldt: local(0),
  str: local(1),
  lldt: local(2),
  ltr: local(3),
  vmcall: { reason: Reason.vmcall },
  vmlaunch: { reason: Reason.vmlaunch },
  vmresume: { reason: Reason.vmresume },
  vmxoff: { reason: Reason.vmxoff },
  vmxon: onMemory(Reason.vmxon),
  vmptrld: onMemory(Reason.vmptrld),
  vmptrst: onMemory(Reason.vmptrst),
  vmclear: onMemory(Reason.vmclear),
  vmread: { reason: Reason.vmread, format: InformationFormat.field },
  vmwrite: { reason: Reason.vmwrite, format: InformationFormat.field },
  invept: { reason: Reason.invept, format: InformationFormat.typed },
  invvpid: { reason: Reason.invvpid, format: InformationFormat.typed },
};

const ids = Object.entries(intercepts) as [InterceptName, number][];
const count = Math.max(...ids.map(([, id]) => id)) + 1;
const column = (value: (row: Row) => number, absent: number): Int32Array => {
  const words = new Int32Array(count).fill(absent);
  for (const [name, id] of ids) {
    const row = rows[name];
    if (row) words[id] = value(row);
  }
  return words;
};

/** By id. Reason -1: never exits by this way. */
export const exitReasons = column(row => row.reason, -1);
export const exitPrimary = column(row => row.primary ?? 0, 0);
export const exitSecondary = column(row => row.secondary ?? 0, 0);
export const exitFormats = column(row => row.format ?? InformationFormat.none, InformationFormat.none);
export const exitIdentities = column(row => row.identity ?? 0, 0);
