/** What a loader hands to the machine: the state in which the boot processor starts, as data. */

export type BootMode = 'real' | 'protected' | 'long';

/**
 * A segment register with its hidden part. `limit` is in bytes; `attributes` are packed as in the processor state and
 * the VMCB: type 3:0, S 4, DPL 6:5, P 7, AVL 8, L 9, D/B 10, G 11.
 */
export interface BootSegment {
  readonly selector: number;
  readonly base: number;
  readonly limit: number;
  readonly attributes: number;
}

export interface BootTable {
  readonly base: number;
  readonly limit: number;
}

export type BootRegister = 'rax' | 'rbx' | 'rcx' | 'rdx' | 'rsi' | 'rdi' | 'rbp' | 'rsp';
export type BootSegmentName = 'es' | 'cs' | 'ss' | 'ds' | 'fs' | 'gs' | 'ldtr' | 'tr';

/** General registers that are not named are zero. */
export interface BootState {
  readonly mode: BootMode;
  readonly rip: number;
  readonly rflags: number;
  readonly registers: Readonly<Partial<Record<BootRegister, number>>>;
  readonly segments: Readonly<Record<BootSegmentName, BootSegment>>;
  readonly gdt: BootTable;
  readonly idt: BootTable;
  readonly cr0: number;
  readonly cr3: number;
  readonly cr4: number;
  readonly efer: number;
}

/** Where an image was put; the rest of memory is free. */
export interface Placement {
  readonly name: string;
  readonly base: number;
  readonly size: number;
}

export interface Loaded {
  readonly state: BootState;
  readonly placements: readonly Placement[];
}
