/** What a platform can do, as data (virt86's PlatformFeatures): callers decide by these, never by name. */
export interface Features {
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
  /** `cpuid` of the specification is honoured in full, subleaves included. */
  readonly customCpuid: boolean;
  /** `getState` and `setState` cover every component of CpuState. */
  readonly completeState: boolean;
  /** Guests may themselves use SVM or VMX. */
  readonly nesting: boolean;
}
