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

static INLINE TARGET __m512i avx512_more(__m512i sum, __m512i spread, __m512i own)
{
#if defined(__clang__)
    return _mm512_dpbusd_epi32(sum, spread, own);
#else
    /* gcc 12 copies the sum before and after the intrinsic, and stores it: twice the time */
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(spread), "v"(own));
    return sum;
#endif
}

#define NAME(x) avx512_bytes_##x
#define GROUP 4
#define FORM BYTES
#define TILE 6
#define OFFSET 128
#define SUM __m512i
#define BEGIN(start) _mm512_loadu_si512(start)
#define OWN __m512i
#define WEIGHTS(place) _mm512_loadu_si512(place)
#define SPREAD_TYPE __m512i
#define SPREAD(place) _mm512_set1_epi32(four(place))
#define MORE(sum, spread, own) avx512_more(sum, spread, own)
#define END(sum) ((NAME(vector))_mm512_cvtepi32_ps(sum))
#include "body.h"

#define NAME(x) avx512_floats_##x
#define GROUP 1
#define FORM FLOATS
#define TILE 6
#define OFFSET 0
#define SUM __m512
#define BEGIN(start) _mm512_setzero_ps()
#define OWN __m512
#define WEIGHTS(place) _mm512_loadu_ps(place)
#define SPREAD_TYPE __m512
#define SPREAD(place) _mm512_set1_ps(*(place))
#define MORE(sum, spread, own) _mm512_fmadd_ps(spread, own, sum)
#define END(sum) ((NAME(vector))(sum))
#include "body.h"

#undef TARGET
#undef LANES
#undef GREATER
#undef LESSER
#undef RECIPROCAL
