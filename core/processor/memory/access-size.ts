/**
 * In the size of an access, as generated code tells it the MMU: bits 7:0 are bytes, and this bit says that the segment is SS. A bad address is then
 * #SS instead of #GP.
 */
export const stackAccess = 0x100;
