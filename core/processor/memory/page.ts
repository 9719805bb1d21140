/** Bytes of a page: the smallest that x86 has, and the unit of mapping, protection and decoded code everywhere. */
export const pageSize = 0x1000;
