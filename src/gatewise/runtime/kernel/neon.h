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

#define NAME(x) neon_bytes_##x
#define GROUP 4
#define FORM BYTES
#define TILE 6
#define OFFSET 0
#define SUM int32x4_t
#define BEGIN(start) vdupq_n_s32(0)
#define OWN int8x16_t
#define WEIGHTS(place) vld1q_s8(place)
#define SPREAD_TYPE int8x16_t
#define SPREAD(place) vreinterpretq_s8_s32(vdupq_n_s32(four(place)))
#define MORE(sum, spread, own) vdotq_s32(sum, own, spread)
#define END(sum) ((NAME(vector))vcvtq_f32_s32(sum))
#include "body.h"

#define NAME(x) neon_floats_##x
#define GROUP 1
#define FORM FLOATS
#define TILE 6
#define OFFSET 0
#define SUM float32x4_t
#define BEGIN(start) vdupq_n_f32(0)
#define OWN float32x4_t
#define WEIGHTS(place) vld1q_f32(place)
#define SPREAD_TYPE float32x4_t
#define SPREAD(place) vdupq_n_f32(*(place))
#define MORE(sum, spread, own) vfmaq_f32(sum, own, spread)
#define END(sum) ((NAME(vector))(sum))
#include "body.h"

#undef TARGET
#undef LANES
#undef GREATER
#undef LESSER
#undef RECIPROCAL
