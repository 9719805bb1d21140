export const PagingMode = { none: 0, bits32: 1, pae: 2, long: 3 } as const;

/** How a walk ended. */
export const Walk = { done: 0, pageFault: 1, nestedFault: 2 } as const;

/** Page-fault error code bits. */
export const PageFault = { present: 1, write: 2, user: 4, reserved: 8, fetch: 16 } as const;
