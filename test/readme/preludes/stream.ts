import { MemoryStream } from '#core';

/** The far end of a serial line. */
export const stream = new MemoryStream();
