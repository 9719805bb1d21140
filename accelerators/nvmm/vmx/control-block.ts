/** What a VMCS holds from its VCPU's creation on: controls, and where the host goes on. The VMCS is current. */
import type { HostCpu } from '#core';
import { MsrIndex } from '../x86/msr-index.ts';
import { cr0Mask, cr4Guest } from './control-register.ts';
import type { Controls } from './controls.ts';
import { Field } from './fields.ts';
import type { VmxDriverVcpu } from './vcpu.ts';

/** Where the host stands after an exit. Nothing is fetched from there: the driver continues after VMLAUNCH. */
const host = { cs: 0x08, ss: 0x10, tr: 0x18, rip: 0xffff_8000 | 0, stack: 0xffff_8100 | 0 } as const;

/** Execution, entry and exit controls; `root`: of the extended page table. */
export function writeControls(
  { cpu, data }: VmxDriverVcpu,
  { pin, primary, secondary, exit, entry }: Controls,
  root: number,
  eptFlags: number,
): void {
  const rows: readonly (readonly [field: number, low: number, high?: number])[] = [
    [Field.pinControls, pin],
    [Field.processorControls, primary],
    [Field.secondaryControls, secondary],
    [Field.exitControls, exit],
    [Field.entryControls, entry],
    [Field.exceptionBitmap, 0],
    [Field.cr3TargetCount, 0],
    [Field.vpid, data.vpid],
    [Field.eptPointer, root | eptFlags | 0, Math.floor(root / 2 ** 32)],
    [Field.msrBitmap, data.msrBitmap | 0, Math.floor(data.msrBitmap / 2 ** 32)],
    [Field.entryMsrLoadCount, 0],
    [Field.exitMsrStoreCount, 0],
    [Field.exitMsrLoadCount, 0],
    [Field.cr0Mask, cr0Mask, 0],
    [Field.cr4Mask, ~cr4Guest, 0],
    [Field.cr4Shadow, 0, 0],
    [Field.linkPointer, -1, -1],
    [Field.guestDebugControl, 0, 0],
    [Field.guestActivity, 0],
    [Field.guestInterruptibility, 0],
    [Field.entryInterruption, 0],
  ];
  for (const [field, low, high] of rows) cpu.vmwrite(field, low, high ?? 0);
}

export function writeHostState(cpu: HostCpu): void {
  const write64 = (field: number, value: bigint): void => {
    cpu.vmwrite(field, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  };
  const taskSwitched = 8n;
  write64(Field.hostCr0, cpu.readControl(0) & ~taskSwitched);
  write64(Field.hostCr3, cpu.readControl(3));
  write64(Field.hostCr4, cpu.readControl(4));
  write64(Field.hostPat, cpu.rdmsr(MsrIndex.pat));
  write64(Field.hostEfer, cpu.rdmsr(MsrIndex.efer));
  const rows: readonly (readonly [field: number, low: number, high: number])[] = [
    [Field.hostEs, 0, 0],
    [Field.hostCs, host.cs, 0],
    [Field.hostSs, host.ss, 0],
    [Field.hostDs, 0, 0],
    [Field.hostFs, 0, 0],
    [Field.hostGs, 0, 0],
    [Field.hostTr, host.tr, 0],
    [Field.hostFsBase, 0, 0],
    [Field.hostGsBase, 0, 0],
    [Field.hostTrBase, 0, 0],
    [Field.hostGdtrBase, 0, 0],
    [Field.hostIdtrBase, 0, 0],
    [Field.hostSysenterCs, 0, 0],
    [Field.hostSysenterEsp, 0, 0],
    [Field.hostSysenterEip, 0, 0],
    [Field.hostRsp, 0, host.stack],
    [Field.hostRip, 0, host.rip],
  ];
  for (const [field, low, high] of rows) cpu.vmwrite(field, low, high);
}
