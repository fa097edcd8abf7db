/* Plain C, for any CPU: states as words of 16 bits; the compiler makes of it what it can. */
#define TARGET
#define LANES 4
#define GREATER(a, b) plain_choose((a) > (b), (plain_vector)(a), (plain_vector)(b))
#define LESSER(a, b) plain_choose((a) < (b), (plain_vector)(a), (plain_vector)(b))
#define RECIPROCAL(x) (1.0f / (x))

typedef float plain_vector __attribute__((vector_size(16)));
typedef int32_t plain_whole __attribute__((vector_size(16)));

static INLINE plain_vector plain_choose(plain_whole first, plain_vector a, plain_vector b)
{
    return (plain_vector)((first & (plain_whole)a) | (~first & (plain_whole)b));
}

static INLINE void plain_words_dots(const int8_t *weights, const int32_t *start, const int16_t *const *rows,
                                    const int count, const int gates, int32_t blocks, float *out)
{
    plain_whole sums[2][4];
    (void)start;
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) sums[n][g] = (plain_whole){0};
    for (int32_t block = 0; block < blocks; block++)
        UNROLL for (int g = 0; g < gates; g++) {
            const int8_t *own = weights + ((size_t)block * gates + g) * 4;
            const plain_whole wide = {own[0], own[1], own[2], own[3]};
            UNROLL for (int n = 0; n < count; n++) sums[n][g] += wide * rows[n][block];
        }
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) {
            const plain_vector sum = __builtin_convertvector(sums[n][g], plain_vector);
            memcpy(out + (n * gates + g) * 4, &sum, sizeof sum);
        }
}

static INLINE void plain_floats_dots(const float *weights, const int32_t *start, const float *const *rows,
                                     const int count, const int gates, int32_t blocks, float *out)
{
    plain_vector sums[2][4];
    (void)start;
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) sums[n][g] = (plain_vector){0};
    for (int32_t block = 0; block < blocks; block++)
        UNROLL for (int g = 0; g < gates; g++) {
            plain_vector own;
            memcpy(&own, weights + ((size_t)block * gates + g) * 4, sizeof own);
            UNROLL for (int n = 0; n < count; n++) sums[n][g] += own * rows[n][block];
        }
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) memcpy(out + (n * gates + g) * 4, &sums[n][g], sizeof sums[n][g]);
}

#define NAME(x) plain_words_##x
#define GROUP 1
#define FORM WORDS
#define TILE 2
#define OFFSET 0
#define DOTS plain_words_dots
#include "body.h"

#define NAME(x) plain_floats_##x
#define GROUP 1
#define FORM FLOATS
#define TILE 2
#define OFFSET 0
#define DOTS plain_floats_dots
#include "body.h"

#undef TARGET
#undef LANES
#undef GREATER
#undef LESSER
#undef RECIPROCAL
