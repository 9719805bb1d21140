import { decodeBytes } from '/work/wt/vex/test/core/processor/decode/support.ts';
for (const h of ['c4a2658e0cd9','c4e2d5937c7710','c4e2752c00']) { const r = decodeBytes(h); console.log(r.length, r.text, r.decoded.fault); }
