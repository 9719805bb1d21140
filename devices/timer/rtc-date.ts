/** Registers of the time and the alarm. */
export const DateRegister = {
  seconds: 0,
  secondsAlarm: 1,
  minutes: 2,
  minutesAlarm: 3,
  hours: 4,
  hoursAlarm: 5,
  dayOfWeek: 6,
  day: 7,
  month: 8,
  year: 9,
  century: 0x32,
} as const;

/** Register B's choice of notation. */
export interface Notation {
  readonly binary: boolean;
  readonly twentyFour: boolean;
}

const encode = (value: number, { binary }: Notation): number =>
  binary ? value : (Math.floor(value / 10) << 4) | (value % 10);

const decode = (value: number, { binary }: Notation): number => (binary ? value : (value >> 4) * 10 + (value & 15));

export const encodeHours = (hours: number, notation: Notation): number => {
  if (notation.twentyFour) return encode(hours, notation);
  return encode(hours % 12 || 12, notation) | (hours >= 12 ? 0x80 : 0);
};

export const decodeHours = (value: number, notation: Notation): number => {
  if (notation.twentyFour) return decode(value, notation);
  return (decode(value & 0x7f, notation) % 12) + (value & 0x80 ? 12 : 0);
};

/** Writes a date, in whole seconds since 1970, into the registers. */
export function putDate(registers: Uint8Array, seconds: number, notation: Notation): void {
  const date = new Date(seconds * 1000);
  registers[DateRegister.seconds] = encode(date.getUTCSeconds(), notation);
  registers[DateRegister.minutes] = encode(date.getUTCMinutes(), notation);
  registers[DateRegister.hours] = encodeHours(date.getUTCHours(), notation);
  registers[DateRegister.dayOfWeek] = encode(date.getUTCDay() + 1, notation);
  registers[DateRegister.day] = encode(date.getUTCDate(), notation);
  registers[DateRegister.month] = encode(date.getUTCMonth() + 1, notation);
  registers[DateRegister.year] = encode(date.getUTCFullYear() % 100, notation);
  // The century is a byte that firmware keeps in BCD, whatever register B says.
  registers[DateRegister.century] = encode(Math.floor(date.getUTCFullYear() / 100) % 100, {
    ...notation,
    binary: false,
  });
}

/** Reads a date out of the registers; what is no date means the one that calendars arrive at by counting on. */
export function takeDate(registers: Uint8Array, notation: Notation): number {
  const century = decode(registers[DateRegister.century], { ...notation, binary: false });
  const year = century * 100 + decode(registers[DateRegister.year], notation);
  const date = new Date(0);
  date.setUTCFullYear(
    year,
    decode(registers[DateRegister.month], notation) - 1,
    decode(registers[DateRegister.day], notation),
  );
  date.setUTCHours(
    decodeHours(registers[DateRegister.hours], notation),
    decode(registers[DateRegister.minutes], notation),
    decode(registers[DateRegister.seconds], notation),
  );
  return date.getTime() / 1000;
}

const day = 86_400;

/** The first second after `after` that the alarm registers name; a register of 0xc0 and above means any value. */
export function nextAlarm(registers: Uint8Array, after: number, notation: Notation): number {
  const second = alarm(registers[DateRegister.secondsAlarm], value => decode(value, notation));
  const minute = alarm(registers[DateRegister.minutesAlarm], value => decode(value, notation));
  const hour = alarm(registers[DateRegister.hoursAlarm], value => decodeHours(value, notation));
  for (let at = after + 1; at <= after + day; ) {
    const time = ((at % day) + day) % day;
    if (!hour(Math.floor(time / 3600))) at += 3600 - (time % 3600);
    else if (!minute(Math.floor(time / 60) % 60)) at += 60 - (time % 60);
    else if (!second(time % 60)) at += 1;
    else return at;
  }
  return Number.POSITIVE_INFINITY;
}

const alarm = (register: number, read: (value: number) => number): ((value: number) => boolean) => {
  if (register >= 0xc0) return () => true;
  const wanted = read(register);
  return value => value === wanted;
};
