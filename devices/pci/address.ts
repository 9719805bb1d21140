import { OptionType, text } from '#core';

/** Where a function sits: `00:03.0`, or `00:03` for function 0. */
export interface PciAddress {
  readonly bus: number;
  readonly device: number;
  readonly function: number;
}

const form = /^(?:00:)?([01][0-9a-f])(?:\.([0-7]))?$/i;

/** undefined for a text that names no place on bus 0. */
export function parseAddress(slot: string): PciAddress | undefined {
  const match = form.exec(slot);
  return match ? { bus: 0, device: Number.parseInt(match[1], 16), function: Number(match[2] ?? 0) } : undefined;
}

export const showAddress = ({ bus, device, function: number }: PciAddress): string =>
  `${hex(bus)}:${hex(device)}.${number}`;

const hex = (value: number): string => value.toString(16).padStart(2, '0');

/** The option of every device on the bus, in its one normal form. */
export const slot = (): OptionType<string> => {
  const { parse } = text();
  return new OptionType("a PCI slot from '00:01.0' to '00:1f.7'", value => {
    const place = typeof value === 'string' ? parseAddress(value) : undefined;
    return parse(place && showAddress(place));
  });
};
