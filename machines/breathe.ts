/** One turn of the host's event loop. */
export const breathe = (): Promise<void> =>
  new Promise(resolve => {
    const immediate = (globalThis as { setImmediate?: (action: () => void) => void }).setImmediate;
    if (immediate) immediate(resolve);
    else setTimeout(resolve, 0);
  });
