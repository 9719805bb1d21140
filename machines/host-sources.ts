/** Date and randomness of the host, Node or a browser, for machines that live in real time anyway. */
import type { Entropy, WallClock } from '#core';

/** What `getRandomValues` gives at a time. */
const most = 0x1_0000;

export const hostEntropy: Entropy = {
  fill(bytes) {
    for (let at = 0; at < bytes.length; at += most) {
      bytes.set(crypto.getRandomValues(new Uint8Array(Math.min(most, bytes.length - at))), at);
    }
  },
};

export const hostWallClock: WallClock = {
  get seconds() {
    return Date.now() / 1000;
  },
};
