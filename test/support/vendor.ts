/** The decoder's view of a processor of either vendor that has everything. */
import { decodeFeatures } from '../../core/processor/decode/decoder.ts';
import type { Vendor } from '../../core/processor/isa/form.ts';
import { opcodeMap } from '../../core/processor/isa/opcode-map.ts';

const everythingOf = (vendor: Vendor): Uint8Array => {
  const others: readonly string[] = vendor === 'amd' ? ['intel'] : ['amd'];
  return decodeFeatures(opcodeMap().featureNames.filter(name => !others.includes(name)));
};

export const vendors: readonly Vendor[] = ['amd', 'intel'];
export const everything: Readonly<Record<Vendor, Uint8Array>> = {
  amd: everythingOf('amd'),
  intel: everythingOf('intel'),
};
