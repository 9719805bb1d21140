/** What an accelerator can do, as data (virt86's PlatformFeatures): callers decide by these, never by name. */
export interface Features {
  /** How time is counted: by what has been executed, so that runs repeat, or by the host's clock, which `AcceleratorOptions.clock` is. */
  readonly time: 'instructions' | 'host';

  readonly processorsPerMachine: number;
  readonly machines: number;
  /** Bits of a guest-physical address. */
  readonly guestPhysicalBits: number;
  /** Real mode and unpaged protected mode run. */
  readonly unrestrictedGuest: boolean;
  readonly nestedPaging: boolean;

  /** One host range may be mapped at several guest-physical addresses. */
  readonly memoryAliasing: boolean;
  readonly memoryUnmapping: boolean;
  /** Part of a mapping can be unmapped. */
  readonly partialUnmapping: boolean;
  /** Access rights of a mapping are honoured (a write to a read-only one is an MMIO write). */
  readonly memoryProtection: boolean;
  /** Rights of mapped pages can be changed, and who violates them can be trapped. */
  readonly protection: boolean;
  /** Pages that were written can be told. */
  readonly dirtyPages: boolean;

  /** Single instructions can be executed without the guest's knowledge. */
  readonly step: boolean;
  /** Breakpoints in code at a time, which the guest cannot see; Infinity: as many as one likes. */
  readonly codeBreakpoints: number;
  /** Breakpoints on data at a time, which the guest cannot see. */
  readonly dataBreakpoints: number;

  /** `cpuid` of the specification is honoured in full, subleaves included. */
  readonly customCpuid: boolean;
  /** CPUID features that a guest's processor may have, by their names in CpuModel. A model with another one is refused. */
  readonly cpuFeatures: ReadonlySet<string>;
  /** A guest's processor may have DEBUGCTL and its records of branches. */
  readonly debugControl: boolean;
  /** `getState` and `setState` cover every component of CpuState. */
  readonly completeState: boolean;
  /** Guests may themselves use SVM or VMX. */
  readonly nesting: boolean;
}
