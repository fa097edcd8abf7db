/* NEON with the dot products of ARMv8.2: 16 products of bytes at once. */
#if defined(__clang__)
#define TARGET __attribute__((target("dotprod")))
#else
#define TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#endif
#define LANES 4
#define GREATER(a, b) ((NAME(vector))vmaxq_f32((float32x4_t)(a), (float32x4_t)(b)))
#define LESSER(a, b) ((NAME(vector))vminq_f32((float32x4_t)(a), (float32x4_t)(b)))
#define RECIPROCAL(x) (1.0f / (x))

static INLINE TARGET void neon_bytes_dots(const int8_t *weights, const int32_t *start, const int8_t *const *rows,
                                          const int count, const int gates, int32_t blocks, float *out)
{
    int32x4_t sums[6][4];
    (void)start;
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) sums[n][g] = vdupq_n_s32(0);
    for (int32_t block = 0; block < blocks; block++) {
        int8x16_t own[4];
        UNROLL for (int g = 0; g < gates; g++) own[g] = vld1q_s8(weights + ((size_t)block * gates + g) * 16);
        UNROLL for (int n = 0; n < count; n++) {
            const int8x16_t row = vreinterpretq_s8_s32(vdupq_n_s32(four(rows[n] + (size_t)block * 4)));
            UNROLL for (int g = 0; g < gates; g++) sums[n][g] = vdotq_s32(sums[n][g], own[g], row);
        }
    }
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) vst1q_f32(out + (n * gates + g) * 4, vcvtq_f32_s32(sums[n][g]));
}

static INLINE TARGET void neon_floats_dots(const float *weights, const int32_t *start, const float *const *rows,
                                           const int count, const int gates, int32_t blocks, float *out)
{
    float32x4_t sums[6][4];
    (void)start;
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) sums[n][g] = vdupq_n_f32(0);
    for (int32_t block = 0; block < blocks; block++) {
        float32x4_t own[4];
        UNROLL for (int g = 0; g < gates; g++) own[g] = vld1q_f32(weights + ((size_t)block * gates + g) * 4);
        UNROLL for (int n = 0; n < count; n++)
            UNROLL for (int g = 0; g < gates; g++) sums[n][g] = vfmaq_n_f32(sums[n][g], own[g], rows[n][block]);
    }
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) vst1q_f32(out + (n * gates + g) * 4, sums[n][g]);
}

#define NAME(x) neon_bytes_##x
#define GROUP 4
#define FORM BYTES
#define TILE 6
#define OFFSET 0
#define DOTS neon_bytes_dots
#include "body.h"

#define NAME(x) neon_floats_##x
#define GROUP 1
#define FORM FLOATS
#define TILE 6
#define OFFSET 0
#define DOTS neon_floats_dots
#include "body.h"

#undef TARGET
#undef LANES
#undef GREATER
#undef LESSER
#undef RECIPROCAL
