/* AVX-512 with VNNI: 64 products of bytes at once. A byte of a row is unsigned, moved by 128; `start` takes that back. */
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")))
#define LANES 16
#define GREATER(a, b) ((NAME(vector))_mm512_max_ps((__m512)(a), (__m512)(b)))
#define LESSER(a, b) ((NAME(vector))_mm512_min_ps((__m512)(a), (__m512)(b)))
#define RECIPROCAL(x) ((NAME(vector))avx512_reciprocal((__m512)(x)))

static INLINE TARGET __m512 avx512_reciprocal(__m512 x) /* of 1 to 2^61: 14 bits, and one step of Newton's */
{
    const __m512 near = _mm512_rcp14_ps(x);
    return _mm512_mul_ps(near, _mm512_fnmadd_ps(x, near, _mm512_set1_ps(2.0f)));
}

static INLINE TARGET void avx512_bytes_dots(const int8_t *weights, const int32_t *start, const uint8_t *const *rows,
                                            const int count, const int gates, int32_t blocks, float *out)
{
    __m512i sums[6][4];
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) sums[n][g] = _mm512_loadu_si512(start + g * 16);
    for (int32_t block = 0; block < blocks; block++) {
        __m512i own[4];
        UNROLL for (int g = 0; g < gates; g++) own[g] = _mm512_loadu_si512(weights + ((size_t)block * gates + g) * 64);
        UNROLL for (int n = 0; n < count; n++) {
            const __m512i row = _mm512_set1_epi32(four(rows[n] + (size_t)block * 4));
            UNROLL for (int g = 0; g < gates; g++) sums[n][g] = _mm512_dpbusd_epi32(sums[n][g], row, own[g]);
        }
    }
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++)
            _mm512_storeu_ps(out + (n * gates + g) * 16, _mm512_cvtepi32_ps(sums[n][g]));
}

static INLINE TARGET void avx512_floats_dots(const float *weights, const int32_t *start, const float *const *rows,
                                             const int count, const int gates, int32_t blocks, float *out)
{
    __m512 sums[6][4];
    (void)start;
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) sums[n][g] = _mm512_setzero_ps();
    for (int32_t block = 0; block < blocks; block++) {
        __m512 own[4];
        UNROLL for (int g = 0; g < gates; g++) own[g] = _mm512_loadu_ps(weights + ((size_t)block * gates + g) * 16);
        UNROLL for (int n = 0; n < count; n++) {
            const __m512 row = _mm512_set1_ps(rows[n][block]);
            UNROLL for (int g = 0; g < gates; g++) sums[n][g] = _mm512_fmadd_ps(row, own[g], sums[n][g]);
        }
    }
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) _mm512_storeu_ps(out + (n * gates + g) * 16, sums[n][g]);
}

#define NAME(x) avx512_bytes_##x
#define GROUP 4
#define FORM BYTES
#define TILE 6
#define OFFSET 128
#define DOTS avx512_bytes_dots
#include "body.h"

#define NAME(x) avx512_floats_##x
#define GROUP 1
#define FORM FLOATS
#define TILE 6
#define OFFSET 0
#define DOTS avx512_floats_dots
#include "body.h"

#undef TARGET
#undef LANES
#undef GREATER
#undef LESSER
#undef RECIPROCAL
