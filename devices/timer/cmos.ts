/** What a PC's firmware would have put into CMOS memory: clock modes, equipment and the sizes of RAM. */
export function cmosContents(
  regions: readonly { readonly base: number; readonly size: number }[],
  processors: number,
): Uint8Array {
  const cmos = new Uint8Array(128);
  const put16 = (index: number, value: number): void => {
    cmos[index] = value;
    cmos[index + 1] = value >> 8;
  };
  const below = regions
    .filter(({ base }) => base < 2 ** 32)
    .reduce((end, { base, size }) => Math.max(end, base + size), 0);
  const above = regions.filter(({ base }) => base >= 2 ** 32).reduce((sum, { size }) => sum + size, 0);
  const extended = Math.max(0, Math.min(0xffff, Math.floor((below - 0x10_0000) / 1024)));

  cmos[0x0a] = 0x26;
  cmos[0x0b] = 0x02;
  cmos[0x0d] = 0x80;
  cmos[0x14] = 0x02;
  put16(0x15, Math.min(640, Math.floor(below / 1024)));
  put16(0x17, extended);
  put16(0x30, extended);
  put16(0x34, Math.max(0, Math.min(0xffff, Math.floor((below - 0x100_0000) / 0x1_0000))));
  put16(0x5b, Math.floor(above / 0x1_0000) & 0xffff);
  cmos[0x5d] = Math.floor(above / 0x100_0000_0000);
  cmos[0x5f] = processors - 1;
  return cmos;
}
