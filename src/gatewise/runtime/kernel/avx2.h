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

#define NAME(x) avx2_words_##x
#define GROUP 2
#define FORM WORDS
#define TILE 3
#define OFFSET 0
#define SUM __m256i
#define BEGIN(start) _mm256_setzero_si256()
#define OWN __m256i
#define WEIGHTS(place) _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(place)))
#define SPREAD_TYPE __m256i
#define SPREAD(place) _mm256_set1_epi32(four(place))
#define MORE(sum, spread, own) _mm256_add_epi32(sum, _mm256_madd_epi16(spread, own))
#define END(sum) ((NAME(vector))_mm256_cvtepi32_ps(sum))
#include "body.h"

#define NAME(x) avx2_floats_##x
#define GROUP 1
#define FORM FLOATS
#define TILE 3
#define OFFSET 0
#define SUM __m256
#define BEGIN(start) _mm256_setzero_ps()
#define OWN __m256
#define WEIGHTS(place) _mm256_loadu_ps(place)
#define SPREAD_TYPE __m256
#define SPREAD(place) _mm256_set1_ps(*(place))
#define MORE(sum, spread, own) _mm256_fmadd_ps(spread, own, sum)
#define END(sum) ((NAME(vector))(sum))
#include "body.h"

#undef TARGET
#undef LANES
#undef GREATER
#undef LESSER
#undef RECIPROCAL
