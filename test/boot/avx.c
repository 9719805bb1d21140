// Programs of AVX2, FMA and BMI2 against plain ones, and their registers over context switches and signals.
#include <immintrin.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define V3 __attribute__((target("avx2,fma,f16c,bmi,bmi2"), noinline))

static uint64_t seed = 88172645463325252u;
static uint64_t next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  return seed ^= seed << 17;
}

enum { N = 4096 };
static uint32_t words[N], other[N], out[N];
static float singles[N], factors[N], sums[N];
static double doubles[N], result[N];

static uint64_t hash(const void *data, size_t length) {
  const uint8_t *bytes = data;
  uint64_t value = 14695981039346656037u;
  for (size_t i = 0; i < length; i++) value = (value ^ bytes[i]) * 1099511628211u;
  return value;
}

V3 static void integers(void) {
  for (int i = 0; i < N; i += 8) {
    __m256i a = _mm256_loadu_si256((const __m256i *)(words + i)), b = _mm256_loadu_si256((const __m256i *)(other + i));
    __m256i c = _mm256_sllv_epi32(a, _mm256_and_si256(b, _mm256_set1_epi32(31)));
    c = _mm256_add_epi32(c, _mm256_permutevar8x32_epi32(b, a));
    c = _mm256_xor_si256(c, _mm256_permute4x64_epi64(a, 0x1b));
    _mm256_storeu_si256((__m256i *)(out + i), _mm256_blend_epi32(c, b, 0x5a));
  }
}
static void integers_plain(void) {
  for (int i = 0; i < N; i += 8)
    for (int n = 0; n < 8; n++) {
      uint32_t c = words[i + n] << (other[i + n] & 31);
      c += other[i + (words[i + n] & 7)];
      c ^= words[i + (3 - n / 2) * 2 + (n & 1)];
      out[i + n] = 0x5a >> n & 1 ? other[i + n] : c;
    }
}

V3 static void gathered(void) {
  for (int i = 0; i < N; i += 8) {
    __m256i at = _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(words + i)), _mm256_set1_epi32(N - 1));
    __m256i mask = _mm256_loadu_si256((const __m256i *)(other + i));
    __m256i from = _mm256_mask_i32gather_epi32(mask, (const int *)words, at, mask, 4);
    _mm256_maskstore_epi32((int *)out + i, mask, from);
  }
}
static void gathered_plain(void) {
  for (int i = 0; i < N; i++) if (other[i] >> 31) out[i] = words[words[i] & (N - 1)];
}

V3 static void fused(void) {
  for (int i = 0; i < N; i += 8) {
    __m256 a = _mm256_loadu_ps(singles + i), b = _mm256_loadu_ps(factors + i), c = _mm256_loadu_ps(sums + i);
    _mm256_storeu_ps(sums + i, _mm256_fmadd_ps(a, b, c));
  }
  for (int i = 0; i < N; i += 4) {
    __m256d a = _mm256_loadu_pd(doubles + i), c = _mm256_loadu_pd(result + i);
    _mm256_storeu_pd(result + i, _mm256_fnmadd_pd(a, a, c));
  }
}

V3 static uint64_t bits(void) {
  uint64_t total = 0;
  for (int i = 0; i < N; i++) total = total * 31 + (_pdep_u64(words[i], other[i] * 0x100000001u) ^ _pext_u64(total, words[i])) + _bzhi_u64(total, i & 63);
  return total;
}
static uint64_t plain_pdep(uint64_t from, uint64_t mask) {
  uint64_t to = 0;
  for (; mask; mask &= mask - 1, from >>= 1) if (from & 1) to |= mask & -mask;
  return to;
}
static uint64_t plain_pext(uint64_t from, uint64_t mask) {
  uint64_t to = 0;
  for (int n = 0; mask; mask &= mask - 1, n++) if (from & mask & -mask) to |= 1ull << n;
  return to;
}
static uint64_t bits_plain(void) {
  uint64_t total = 0;
  for (int i = 0; i < N; i++) total = total * 31 + (plain_pdep(words[i], other[i] * 0x100000001u) ^ plain_pext(total, words[i])) + (total & ((1ull << (i & 63)) - 1));
  return total;
}

static volatile int signals;
V3 static void on_signal(int number) {
  (void)number;
  signals++;
  __asm__ volatile("vpcmpeqd %%ymm5, %%ymm5, %%ymm5\n vpcmpeqd %%ymm6, %%ymm6, %%ymm6" ::: "xmm5", "xmm6");
}

// Both halves of a register live through whatever comes between.
V3 static int keeps(uint32_t number, int rounds) {
  uint32_t in[8], back[8];
  long self = getpid();
  for (int round = 0; round < rounds; round++) {
    for (int n = 0; n < 8; n++) in[n] = number * 0x01010101u + round * 8 + n;
    __asm__ volatile("vmovdqu (%0), %%ymm5" ::"r"(in) : "xmm5", "memory");
    // No function of the library may come between: it would use the register itself.
    long ignored;
    if (round & 1) __asm__ volatile("syscall" : "=a"(ignored) : "a"(24) : "rcx", "r11", "memory");
    else for (volatile int spin = 0; spin < 20000; spin++) {}
    if (round % 5 == 0)
      __asm__ volatile("syscall" : "=a"(ignored) : "a"(62), "D"(self), "S"(SIGUSR1) : "rcx", "r11", "memory");
    __asm__ volatile("vmovdqu %%ymm5, (%0)" ::"r"(back) : "memory");
    if (memcmp(in, back, sizeof in)) return 1;
  }
  return 0;
}

int main(void) {
  __builtin_cpu_init();
  printf("avx %d avx2 %d fma %d bmi %d bmi2 %d\n", !!__builtin_cpu_supports("avx"), !!__builtin_cpu_supports("avx2"),
         !!__builtin_cpu_supports("fma"), !!__builtin_cpu_supports("bmi"), !!__builtin_cpu_supports("bmi2"));
  for (int i = 0; i < N; i++) {
    words[i] = next();
    other[i] = next();
    singles[i] = (int32_t)next() * 0x1p-20f;
    factors[i] = (int32_t)next() * 0x1p-25f;
    sums[i] = (int32_t)next() * 0x1p-10f;
    doubles[i] = (int64_t)next() * 0x1p-40;
    result[i] = (int64_t)next() * 0x1p-20;
  }
  integers();
  uint64_t vector = hash(out, sizeof out);
  integers_plain();
  printf("integers %s\n", vector == hash(out, sizeof out) ? "agree" : "differ");
  gathered();
  vector = hash(out, sizeof out);
  integers_plain();
  gathered_plain();
  printf("gathers %s\n", vector == hash(out, sizeof out) ? "agree" : "differ");
  printf("bits %s\n", bits() == bits_plain() ? "agree" : "differ");
  fused();
  printf("fused %016llx %016llx\n", (unsigned long long)hash(sums, sizeof sums), (unsigned long long)hash(result, sizeof result));
  signal(SIGUSR1, on_signal);
  fflush(stdout);
  int failed = 0;
  for (int child = 1; child <= 3; child++)
    if (fork() == 0) _exit(keeps(child, 100));
  failed |= keeps(9, 100);
  for (int status; wait(&status) > 0;) failed |= status;
  printf("registers %s, %d signals\n", failed ? "are lost" : "are kept", signals);
  return 0;
}
