/* Records what this CPU's SSE and x87 units answer: pools of operands, then one record per operation.
   gcc -O1 -o record record.c
   ./record <seed> <pool size> <cases per SSE operation> <per x87 operation> <per transcendental> [operation] > vectors.bin
   test/core/float/recorded.bin.gz is `./record 64 400 300 400 100 | gzip -9n` on an AMD EPYC (family 25, model 17);
   test/core/float/vectors.ts reads it. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

typedef struct __attribute__((packed)) { uint64_t significand; uint16_t top; } F80;
typedef struct __attribute__((packed)) {
  uint8_t operation; uint8_t flags; uint16_t control, a, b, status; F80 first, second;
} Record;

static uint32_t state = 1;
static uint32_t rnd(void) { state ^= state << 13; state ^= state >> 17; state ^= state << 5; return state; }
static uint64_t rnd64(void) { uint64_t high = rnd(); return high << 32 | rnd(); }
static uint32_t below(uint32_t n) { return (uint32_t)((uint64_t)rnd() * n >> 32); }

static uint32_t count;
static uint32_t *p32; static uint64_t *p64; static F80 *p80; static uint64_t *pint; static F80 *pbcd;

/* Significands that sit on rounding boundaries: few bits, runs of ones, all random. */
static uint64_t pattern(void) {
  switch (below(7)) {
    case 0: return 0;
    case 1: return 1ull << below(64);
    case 2: return ~0ull << below(64);
    case 3: return ~0ull >> below(64);
    case 4: return (~0ull << below(64)) ^ (1ull << below(64));
    case 5: return (rnd64() << below(64)) | (1ull << below(12));
    default: return rnd64();
  }
}

static void fill_ieee(int bits) {
  int fraction = bits == 32 ? 23 : 52, width = bits - 1 - fraction;
  uint64_t top = (1ull << width) - 1, bias = top >> 1, mask = (1ull << fraction) - 1;
  for (uint32_t i = 0; i < count; i++) {
    uint64_t exponent, f = pattern() >> (64 - fraction), sign = rnd() & 1, previous = bits == 32 ? p32[i ? i - 1 : 0] : p64[i ? i - 1 : 0];
    if (!(rnd() & 3)) f = pattern() & mask;
    switch (below(16)) {
      case 0: exponent = 0; f = 0; break;
      case 1: exponent = 0; break;
      case 2: exponent = top; f = 0; break;
      case 3: exponent = top; f |= rnd() & 1 ? 1ull << (fraction - 1) : 1; break;
      case 4: exponent = below(4); break;
      case 5: exponent = top - 1 - below(4); break;
      case 6: exponent = below(top); break;
      case 7: exponent = bias + 28 + below(38); break;
      case 8: exponent = bias + below(33); f &= ~0ull << below(fraction); break;
      case 9: exponent = bits == 32 ? bias / 2 + below(80) : bias - 130 + 260 * (rnd() & 1) - below(30); break;
      case 10: exponent = (bias / 2) + below(4); break;
      case 11: case 12: exponent = (previous >> fraction & top) + below(5) - 2; exponent &= top; f = (previous ^ (rnd() & rnd() & rnd() & 7)) & mask; break;
      default: exponent = bias - 6 + below(12); break;
    }
    uint64_t value = sign << (bits - 1) | exponent << fraction | f;
    if (bits == 32) p32[i] = (uint32_t)value; else p64[i] = value;
  }
}

static void fill80(void) {
  for (uint32_t i = 0; i < count; i++) {
    uint64_t s = pattern() | 1ull << 63; uint32_t e; F80 previous = p80[i ? i - 1 : 0];
    switch (below(24)) {
      case 0: e = 0; s = 0; break;
      case 1: e = 0; s = pattern() & ~(1ull << 63); break;
      case 2: e = 0; break;
      case 3: e = 0x7fff; s = 1ull << 63; break;
      case 4: e = 0x7fff; s |= rnd() & 1 ? 1ull << 62 : 1; if (rnd() & 1) s ^= (rnd64() & 1) << 62, s |= 2; break;
      case 5: e = below(8) ? 0x7fff - below(4) : 0x7fff; if (!below(3)) s &= ~(1ull << 63); break;
      case 6: e = 1 + below(4); break;
      case 7: e = 0x7ffe - below(4); break;
      case 8: e = below(0x7fff); break;
      case 9: e = 0x3fff + 10 + below(58); break;
      case 10: e = 0x3fff + below(66); s &= ~0ull << below(64); break;
      case 11: e = 0x3fff - 160 + below(40); break;
      case 12: e = 0x3fff + 120 + below(12); break;
      case 13: e = 0x3fff - 1080 + below(70); break;
      case 14: e = 0x3fff + 1018 + below(10); break;
      case 15: e = 0x3fff; s = 1ull << 63; break;
      case 16: e = 0x3fff / 2 + below(8) ; break;
      case 17: case 18: case 19: e = ((previous.top & 0x7fff) + below(5) - 2) & 0x7fff; s = previous.significand ^ (rnd() & rnd() & rnd() & 7); break;
      case 20: e = 0x3fff - below(70); break;
      default: e = 0x3fff - 6 + below(12); break;
    }
    p80[i] = (F80){s, (uint16_t)(e | (rnd() & 1) << 15)};
  }
}

/* The edge of tininess: 0 × 1 and 2 alone (narrowed) are a rounding error below the smallest normal number. */
static void fill_edge(void) {
  p32[0] = 0x00800001; p32[1] = 0x3f7ffffe;
  p64[0] = 0x0010000000000001; p64[1] = 0x3feffffffffffffe; p64[2] = 0x380fffffffffffff;
  p80[0] = (F80){0x8000000000000001, 1}; p80[1] = (F80){0xfffffffffffffffe, 0x3ffe}; p80[2] = (F80){~0ull, 0x3fff - (rnd() & 1 ? 127 : 1023)};
}

static void fill_integers(void) {
  for (uint32_t i = 0; i < count; i++) {
    uint64_t v = pattern();
    if (rnd() & 1) v = (uint64_t)((int64_t)v >> below(64));
    pint[i] = v;
    F80 d = {0, 0};
    int digits = below(19);
    for (int n = 0; n < digits && n < 16; n++) d.significand |= (uint64_t)below(10) << (4 * n);
    for (int n = 16; n < digits; n++) d.top |= below(10) << (4 * (n - 16));
    if (rnd() & 1) d.top |= 0x8000;
    pbcd[i] = d;
  }
}

static sigjmp_buf escape; static volatile uint32_t trapped;
static void on_fpe(int signal, siginfo_t *info, void *context) {
  (void)signal; (void)info;
  trapped = ((ucontext_t *)context)->uc_mcontext.fpregs->mxcsr;
  siglongjmp(escape, 1);
}

enum { ADD, SUB, MUL, DIV, SQRT, MIN, MAX, COMI, UCOMI, TO_I32, TO_I32T, TO_I64, TO_I64T, FROM_I32, FROM_I64, WIDEN_NARROW, ROUND, SSE_COUNT };
enum { X_ADD, X_SUB, X_MUL, X_DIV, X_SQRT, X_COM, X_UCOM, X_RNDINT, X_IST16, X_IST32, X_IST64, X_ISTT16, X_ISTT32, X_ISTT64, X_ILD16, X_ILD32, X_ILD64,
  X_BLD, X_BSTP, X_LD32, X_LD64, X_ST32, X_ST64, X_SCALE, X_XTRACT, X_PREM, X_PREM1, X_XAM, X_LDPI, X_LDL2E, X_LDL2T, X_LDLG2, X_LDLN2, X_PLAIN,
  X_2XM1 = X_PLAIN, X_YL2X, X_YL2XP1, X_SIN, X_COS, X_SINCOS, X_PTAN, X_PATAN, X_COUNT };

/* Single operations are numbered from 0, double from 32, x87 from 64. */
static int do_sse(Record *r) {
  int op = r->operation & 31, dbl = r->operation >= 32;
  uint32_t base = 0x1f80; volatile uint32_t seen = 0; uint32_t want = r->control;
  uint64_t a64 = p64[r->a], b64 = p64[r->b], i64 = pint[r->a]; uint32_t a32 = p32[r->a], b32 = p32[r->b];
  uint64_t out = 0x5a5a5a5a5a5a5a5aull; uint64_t flags = 0;
  if (sigsetjmp(escape, 1)) {
    __asm__ volatile("ldmxcsr %0" :: "m"(base));
    r->status = trapped & 0x3f; r->flags = 1; memset(&r->first, 0, sizeof r->first); return 1;
  }
#define SSE(ins, x, y) __asm__ volatile("movq %[a], %%xmm0; movq %[b], %%xmm1; ldmxcsr %[w]; " ins "; stmxcsr %[s]; ldmxcsr %[base]; movq %%xmm0, %[o]" \
  : [o] "=r"(out), [s] "=m"(seen) : [a] "r"((uint64_t)(x)), [b] "r"((uint64_t)(y)), [w] "m"(want), [base] "m"(base) : "xmm0", "xmm1", "memory")
#define CMP(ins, x, y) __asm__ volatile("movq %[a], %%xmm0; movq %[b], %%xmm1; ldmxcsr %[w]; " ins "; pushfq; popq %[o]; stmxcsr %[s]; ldmxcsr %[base]" \
  : [o] "=r"(flags), [s] "=m"(seen) : [a] "r"((uint64_t)(x)), [b] "r"((uint64_t)(y)), [w] "m"(want), [base] "m"(base) : "xmm0", "xmm1", "memory", "cc")
#define TOI(ins, reg, x) __asm__ volatile("movq %[a], %%xmm0; xor %%eax, %%eax; ldmxcsr %[w]; " ins " %%xmm0, %%" reg "; stmxcsr %[s]; ldmxcsr %[base]" \
  : "=a"(out), [s] "=m"(seen) : [a] "r"((uint64_t)(x)), [w] "m"(want), [base] "m"(base) : "xmm0", "memory")
#define FRI(ins, reg, x) __asm__ volatile("pxor %%xmm0, %%xmm0; ldmxcsr %[w]; " ins " %%" reg ", %%xmm0; stmxcsr %[s]; ldmxcsr %[base]; movq %%xmm0, %[o]" \
  : [o] "=r"(out), [s] "=m"(seen) : "a"((uint64_t)(x)), [w] "m"(want), [base] "m"(base) : "xmm0", "memory")
#define BOTH(name) if (dbl) SSE(name "sd %%xmm1, %%xmm0", a64, b64); else SSE(name "ss %%xmm1, %%xmm0", a32, b32)
  switch (op) {
    case ADD: BOTH("add"); break;
    case SUB: BOTH("sub"); break;
    case MUL: BOTH("mul"); break;
    case DIV: BOTH("div"); break;
    case MIN: BOTH("min"); break;
    case MAX: BOTH("max"); break;
    case SQRT: if (dbl) SSE("sqrtsd %%xmm0, %%xmm0", a64, 0); else SSE("sqrtss %%xmm0, %%xmm0", a32, 0); break;
    case COMI: if (dbl) CMP("comisd %%xmm1, %%xmm0", a64, b64); else CMP("comiss %%xmm1, %%xmm0", a32, b32); break;
    case UCOMI: if (dbl) CMP("ucomisd %%xmm1, %%xmm0", a64, b64); else CMP("ucomiss %%xmm1, %%xmm0", a32, b32); break;
    case TO_I32: if (dbl) TOI("cvtsd2si", "eax", a64); else TOI("cvtss2si", "eax", a32); break;
    case TO_I32T: if (dbl) TOI("cvttsd2si", "eax", a64); else TOI("cvttss2si", "eax", a32); break;
    case TO_I64: if (dbl) TOI("cvtsd2siq", "rax", a64); else TOI("cvtss2siq", "rax", a32); break;
    case TO_I64T: if (dbl) TOI("cvttsd2siq", "rax", a64); else TOI("cvttss2siq", "rax", a32); break;
    case FROM_I32: if (dbl) FRI("cvtsi2sdl", "eax", i64); else FRI("cvtsi2ssl", "eax", i64); break;
    case FROM_I64: if (dbl) FRI("cvtsi2sdq", "rax", i64); else FRI("cvtsi2ssq", "rax", i64); break;
    case WIDEN_NARROW: if (dbl) SSE("cvtsd2ss %%xmm0, %%xmm0; ", a64, 0); else SSE("cvtss2sd %%xmm0, %%xmm0", a32, 0); break;
    case ROUND:
#define R(i) case i: if (dbl) SSE("roundsd $" #i ", %%xmm0, %%xmm0", a64, 0); else SSE("roundss $" #i ", %%xmm0, %%xmm0", a32, 0); break;
      r->b %= 16; switch (r->b) { R(0) R(1) R(2) R(3) R(4) R(5) R(6) R(7) R(8) R(9) R(10) R(11) R(12) R(13) R(14) R(15) } break;
  }
  if ((!dbl && op != WIDEN_NARROW && op != TO_I64 && op != TO_I64T) || (dbl && op == WIDEN_NARROW)) out &= 0xffffffff;
  r->status = (seen & 0x3f) | (flags & 0x45) << 8;
  r->first.significand = op == COMI || op == UCOMI ? 0 : out;
  return 0;
}

static void do_x87(Record *r) {
  uint16_t cw = r->control, sw = 0, def = 0x37f; F80 a = p80[r->a], b = p80[r->b], d = pbcd[r->a];
  uint32_t a32 = p32[r->a]; uint64_t a64 = p64[r->a], i64 = pint[r->a];
  F80 first, second; uint64_t memory[2] = {0x5a5a5a5a5a5a5a5aull, 0x5a5a5a5a5a5a5a5aull};
  memset(&first, 0, sizeof first); memset(&second, 0, sizeof second);
#define X(load, ins) __asm__ volatile("fninit; fldt %[b]; " load "; fldcw %[cw]; " ins "; fnstsw %[sw]; fnclex; fldcw %[def]; fstpt %[r]; fstpt %[q]; fninit" \
  : [sw] "=m"(sw), [r] "=m"(first), [q] "=m"(second), [m] "+m"(memory) \
  : [a] "m"(a), [b] "m"(b), [cw] "m"(cw), [def] "m"(def), [d] "m"(d), [s] "m"(a32), [l] "m"(a64), [i] "m"(i64) : "memory")
#define ST0(ins) X("fldt %[a]", ins)
  int one = 1, store = 0;
  switch (r->operation - 64) {
    case X_ADD: ST0("fadd %%st(1), %%st"); break;
    case X_SUB: ST0("fsub %%st(1), %%st"); break;
    case X_MUL: ST0("fmul %%st(1), %%st"); break;
    case X_DIV: ST0("fdiv %%st(1), %%st"); break;
    case X_SQRT: ST0("fsqrt"); break;
    case X_COM: ST0("fcom %%st(1)"); one = 0; memset(&first, 0, sizeof first); break;
    case X_UCOM: ST0("fucom %%st(1)"); memset(&first, 0, sizeof first); break;
    case X_RNDINT: ST0("frndint"); break;
    case X_IST16: ST0("fists %[m]"); store = 2; break;
    case X_IST32: ST0("fistl %[m]"); store = 4; break;
    case X_IST64: ST0("fistpll %[m]"); store = 8; break;
    case X_ISTT16: ST0("fisttps %[m]"); store = 2; break;
    case X_ISTT32: ST0("fisttpl %[m]"); store = 4; break;
    case X_ISTT64: ST0("fisttpll %[m]"); store = 8; break;
    case X_ILD16: X("", "filds %[i]"); break;
    case X_ILD32: X("", "fildl %[i]"); break;
    case X_ILD64: X("", "fildll %[i]"); break;
    case X_BLD: X("", "fbld %[d]"); break;
    case X_BSTP: ST0("fbstp %[m]"); store = 10; break;
    case X_LD32: X("", "flds %[s]"); break;
    case X_LD64: X("", "fldl %[l]"); break;
    case X_ST32: ST0("fsts %[m]"); store = 4; break;
    case X_ST64: ST0("fstl %[m]"); store = 8; break;
    case X_SCALE: ST0("fscale"); break;
    case X_XTRACT: ST0("fxtract"); one = 0; break;
    case X_PREM: ST0("fprem"); break;
    case X_PREM1: ST0("fprem1"); break;
    case X_XAM: ST0("fxam"); break;
    case X_LDPI: X("", "fldpi"); break;
    case X_LDL2E: X("", "fldl2e"); break;
    case X_LDL2T: X("", "fldl2t"); break;
    case X_LDLG2: X("", "fldlg2"); break;
    case X_LDLN2: X("", "fldln2"); break;
    case X_2XM1: ST0("f2xm1"); break;
    case X_YL2X: ST0("fyl2x"); break;
    case X_YL2XP1: ST0("fyl2xp1"); break;
    case X_SIN: ST0("fsin"); break;
    case X_COS: ST0("fcos"); break;
    case X_SINCOS: ST0("fsincos"); one = 0; break;
    case X_PTAN: ST0("fptan"); one = 0; break;
    case X_PATAN: ST0("fpatan"); break;
  }
  if (one) memset(&second, 0, sizeof second);
  if (store) { memset(&first, 0, sizeof first); memcpy(&first, memory, store); r->flags = !memcmp(&first, "ZZZZZZZZZZ", store); }
  if (r->operation - 64 == X_COM || r->operation - 64 == X_UCOM || r->operation - 64 == X_XAM) { memset(&first, 0, sizeof first); memset(&second, 0, sizeof second); }
  r->status = sw; r->first = first; r->second = second;
}

static uint16_t pick(uint16_t a) { return rnd() & 1 ? (uint16_t)((a + 1 + below(3)) % count) : (uint16_t)below(count); }

int main(int argc, char **argv) {
  if (argc < 6) return 1;
  state = (uint32_t)atoi(argv[1]) * 2654435761u | 1; count = (uint32_t)atoi(argv[2]);
  uint32_t numbers[3] = {(uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]), (uint32_t)atoi(argv[5])};
  int only = argc > 6 ? atoi(argv[6]) : -1;
  for (int i = 0; i < 20; i++) rnd();
  p32 = calloc(count, 4); p64 = calloc(count, 8); p80 = calloc(count, 10); pint = calloc(count, 8); pbcd = calloc(count, 10);
  fill_ieee(32); fill_ieee(64); fill80(); fill_edge(); fill_integers();
  fwrite(&count, 4, 1, stdout);
  fwrite(p32, 4, count, stdout); fwrite(p64, 8, count, stdout); fwrite(p80, 10, count, stdout); fwrite(pint, 8, count, stdout); fwrite(pbcd, 10, count, stdout);
  struct sigaction action = {.sa_sigaction = on_fpe, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGFPE, &action, NULL);
  for (int op = 0; op < 64 + X_COUNT; op++) {
    if (only >= 0 && op != only) continue;
    if (op < 64 && (op & 31) >= SSE_COUNT) continue;
    uint32_t n = op < 64 ? numbers[0] : op < 64 + X_PLAIN ? numbers[1] : numbers[2];
    for (uint32_t i = 0; i < n; i++) {
      Record r; memset(&r, 0, sizeof r);
      r.operation = (uint8_t)op; r.a = (uint16_t)below(count); r.b = pick(r.a);
      if (i < 12) r.a = 0, r.b = 1; else if (i < 24) r.a = 2;
      int open = !(rnd() & 3);
      uint16_t masks = open ? rnd() & 0x3f : 0x3f;
      if (op < 64) {
        r.control = (uint16_t)(below(4) << 13 | masks << 7);
        if (!(rnd() & 3)) r.control |= 0x40;
        if (!(rnd() & 3)) r.control |= 0x8000;
        do_sse(&r);
      } else {
        static const uint16_t precisions[] = {0, 2, 3, 3};
        r.control = (uint16_t)(below(4) << 10 | precisions[below(4)] << 8 | masks | 0x40);
        do_x87(&r);
      }
      fwrite(&r, sizeof r, 1, stdout);
    }
  }
  return 0;
}
