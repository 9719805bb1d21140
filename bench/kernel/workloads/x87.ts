import { nothingToPrepare, type Workload } from '../workload.ts';

/** The stack of the old unit: a sum of roots in extended precision, rounded to an integer and to a double as it grows. */
export const x87: Workload = {
  name: 'x87',
  description: 'x87: arithmetic, roots, conversions in extended precision',
  instructions: 27,
  trial: 10_000,
  source: `
${nothingToPrepare}
kept    equ variables + 16
rounded equ variables + 24
whole   equ variables + 32

workload:
  xor   ebx, ebx
  fldz
  fld1
.next:
  fmul  qword [half]
  fadd  qword [addend]
  fld   st0
  fdiv  qword [three]
  fsqrt
  fadd  st2, st0
  mov   [whole], r15d
  fild  dword [whole]
  fmul  qword [tiny]
  faddp st2, st0
  fsubr st0, st1
  fxch  st1
  fucomi st0, st1
  seta  cl
  movzx ecx, cl
  add   rbx, rcx
  fstp  qword [kept]
  fstp  st0
  fld   st0
  fistp qword [rounded]
  add   rbx, [rounded]
  fld   qword [kept]
  fabs
  fchs
  fchs
  dec   r15
  jnz   .next
  fstp  st0
  fstp  qword [kept]
  xor   rbx, [kept]
  jmp   done

align 8
half:    dq 0x3fe0000000000000
addend:  dq 0x3ff4000000000000
three:   dq 0x4008000000000000
tiny:    dq 0x3d70000000000000
`,
};
