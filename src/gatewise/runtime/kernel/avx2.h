/* AVX2 with FMA: states as words of 16 bits, weights widened to words as they are loaded, 16 products at once. */
#define TARGET __attribute__((target("avx2,fma")))
#define LANES 8
#define GREATER(a, b) ((NAME(vector))_mm256_max_ps((__m256)(a), (__m256)(b)))
#define LESSER(a, b) ((NAME(vector))_mm256_min_ps((__m256)(a), (__m256)(b)))
#define RECIPROCAL(x) ((NAME(vector))avx2_reciprocal((__m256)(x)))

static INLINE TARGET __m256 avx2_reciprocal(__m256 x) /* of 1 to 2^61: 12 bits, and one step of Newton's */
{
    const __m256 near = _mm256_rcp_ps(x);
    return _mm256_mul_ps(near, _mm256_fnmadd_ps(x, near, _mm256_set1_ps(2.0f)));
}

static INLINE TARGET void avx2_words_dots(const int8_t *weights, const int32_t *start, const int16_t *const *rows,
                                          const int count, const int gates, int32_t blocks, float *out)
{
    __m256i sums[3][4];
    (void)start;
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) sums[n][g] = _mm256_setzero_si256();
    for (int32_t block = 0; block < blocks; block++)
        UNROLL for (int g = 0; g < gates; g++) {
            const int8_t *place = weights + ((size_t)block * gates + g) * 16;
            const __m256i own = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)place));
            UNROLL for (int n = 0; n < count; n++) {
                const __m256i row = _mm256_set1_epi32(four(rows[n] + (size_t)block * 2));
                sums[n][g] = _mm256_add_epi32(sums[n][g], _mm256_madd_epi16(row, own));
            }
        }
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++)
            _mm256_storeu_ps(out + (n * gates + g) * 8, _mm256_cvtepi32_ps(sums[n][g]));
}

static INLINE TARGET void avx2_floats_dots(const float *weights, const int32_t *start, const float *const *rows,
                                           const int count, const int gates, int32_t blocks, float *out)
{
    __m256 sums[3][4];
    (void)start;
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) sums[n][g] = _mm256_setzero_ps();
    for (int32_t block = 0; block < blocks; block++)
        UNROLL for (int g = 0; g < gates; g++) {
            const __m256 own = _mm256_loadu_ps(weights + ((size_t)block * gates + g) * 8);
            UNROLL for (int n = 0; n < count; n++)
                sums[n][g] = _mm256_fmadd_ps(_mm256_set1_ps(rows[n][block]), own, sums[n][g]);
        }
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) _mm256_storeu_ps(out + (n * gates + g) * 8, sums[n][g]);
}

#define NAME(x) avx2_words_##x
#define GROUP 2
#define FORM WORDS
#define TILE 3
#define OFFSET 0
#define DOTS avx2_words_dots
#include "body.h"

#define NAME(x) avx2_floats_##x
#define GROUP 1
#define FORM FLOATS
#define TILE 3
#define OFFSET 0
#define DOTS avx2_floats_dots
#include "body.h"

#undef TARGET
#undef LANES
#undef GREATER
#undef LESSER
#undef RECIPROCAL
