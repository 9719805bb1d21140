/** Brings two spellings of one instruction together: what objdump shows of prefixes without meaning, and names that differ only. */

const idlePrefixes =
  /^((data16|data32|addr16|addr32|rex(\.[WRXB]+)?|[c-gs]s|repz|repnz|rep|bnd|notrack|xacquire|xrelease) )+/;
const repeating = /^(movs|cmps|stos|lods|scas|ins|outs)\b/;

const renamed: Readonly<Record<string, string>> = {
  movabs: 'mov',
  fwait: 'wait',
  prefetchit0: 'nop',
  prefetchit1: 'nop',
  cldemote: 'nop',
  bndldx: 'nop',
  bndstx: 'nop',
  bndmk: 'nop',
  bndcl: 'nop',
  bndcu: 'nop',
  bndcn: 'nop',
  bndmov: 'nop',
};
/** Instructions whose operand size is a letter, or none at all. */
const lettered =
  /^(push|pop|pusha|popa|pushf|popf|iret|ret|retf|enter|leave|sysret|sysexit|call|jmp|[ls]gdt|[ls]idt|lldt|sldt|ltr|str|fldenv|fnstenv|fnsave|frstor)[wdlq]$/;
/** Structures in memory: objdump names a size for some. */
const sizeless =
  /^(v?lddqu|invpcid|invept|invvpid|vm(clear|ptrld|ptrst|xon)|xsave\w*|xrstor\w*|fx\w+|[ls]gdt|[ls]idt|prefetch\w*)$/;
/** Selectors in registers: the register is as wide as you like. */
const selector = /^(mov [c-gs]s,|lldt |ltr |lmsw |verr |verw |lar \w+,|lsl \w+,)(r\w+|e\w\w)$/;

const narrow = (register: string): string =>
  /^r\d/.test(register) ? `${/^r\d+/.exec(register)![0]}w` : register.slice(-2);

export function normalize(text: string): string {
  let rest = text
    .replace(/\s+/g, ' ')
    .replace(/\(\d+ only\)/, '')
    .trim();
  const lock = /(^| )lock /.test(rest) ? 'lock ' : '';
  rest = rest.replace(/(^| )lock /, '$1').trim();
  let repeat = '';
  const prefix = idlePrefixes.exec(rest);
  if (prefix) {
    rest = rest.slice(prefix[0].length);
    if (repeating.test(rest)) repeat = /\b(repnz|repz|rep) /.exec(prefix[0])?.[0] ?? '';
  }
  if (/^xchg [re]?ax,[re]?ax$/.test(rest)) return `${lock}nop`;
  const [mnemonic = '', ...operands] = rest.split(' ');
  const name = renamed[mnemonic] ?? lettered.exec(mnemonic)?.[1] ?? mnemonic;
  let tail = operands
    .join(' ')
    .replaceAll('OWORD', 'XMMWORD')
    .replace(/[re]iz\*\d\+?/, '')
    .replace(/\+\]/, ']')
    .replace(/\+0x0\]/, ']')
    .replace(/\[-(0x[0-9a-f]+)\]/, (_, hex) => `[0x${BigInt.asUintN(32, -BigInt(hex)).toString(16)}]`)
    .replace(/(?<![:\w])\[(0x[0-9a-f]+)\]/, 'ds:$1')
    .replace(/:\[(0x[0-9a-f]+)\]/, ':$1')
    .replace(/[re]ip\+(0x[0-9a-f]{9,})/, (_, hex) => `rip-0x${(-BigInt.asIntN(64, BigInt(hex))).toString(16)}`);
  if (sizeless.test(name)) tail = tail.replace(/^(\w+,)?\w+ PTR /, '$1');
  // The hints' second operand has no name in most books.
  if (name === 'nop')
    tail = tail
      .replace(/^\w+ PTR /, '')
      .replace(/,\w+$/, '')
      .replace(/^bnd\d,/, '');
  const result = `${lock}${repeat}${name} ${tail}`.trim();
  return result
    .replace(selector, (_, head, register) => head + narrow(register))
    .replace(/^(v?p?movmsk\w+ )(\w+)/, (_, head, register) => head + narrow(register));
}
