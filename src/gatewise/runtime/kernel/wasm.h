/* WebAssembly SIMD: states as words of 16 bits, weights widened to words as they are loaded, 8 products at once. */
#define TARGET
#define LANES 4
#define GREATER(a, b) ((NAME(vector))wasm_f32x4_pmax((v128_t)(a), (v128_t)(b)))
#define LESSER(a, b) ((NAME(vector))wasm_f32x4_pmin((v128_t)(a), (v128_t)(b)))
#define RECIPROCAL(x) (1.0f / (x))

static INLINE void wasm_words_dots(const int8_t *weights, const int32_t *start, const int16_t *const *rows,
                                   const int count, const int gates, int32_t blocks, float *out)
{
    v128_t sums[2][4];
    (void)start;
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) sums[n][g] = wasm_i32x4_splat(0);
    for (int32_t block = 0; block < blocks; block++)
        UNROLL for (int g = 0; g < gates; g++) {
            const v128_t own = wasm_i16x8_load8x8(weights + ((size_t)block * gates + g) * 8);
            UNROLL for (int n = 0; n < count; n++) {
                const v128_t row = wasm_v128_load32_splat(rows[n] + (size_t)block * 2);
                sums[n][g] = wasm_i32x4_add(sums[n][g], wasm_i32x4_dot_i16x8(row, own));
            }
        }
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++)
            wasm_v128_store(out + (n * gates + g) * 4, wasm_f32x4_convert_i32x4(sums[n][g]));
}

static INLINE void wasm_floats_dots(const float *weights, const int32_t *start, const float *const *rows,
                                    const int count, const int gates, int32_t blocks, float *out)
{
    v128_t sums[2][4];
    (void)start;
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) sums[n][g] = wasm_f32x4_splat(0);
    for (int32_t block = 0; block < blocks; block++)
        UNROLL for (int g = 0; g < gates; g++) {
            const v128_t own = wasm_v128_load(weights + ((size_t)block * gates + g) * 4);
            UNROLL for (int n = 0; n < count; n++)
                sums[n][g] = wasm_f32x4_add(sums[n][g], wasm_f32x4_mul(own, wasm_v128_load32_splat(rows[n] + block)));
        }
    UNROLL for (int n = 0; n < count; n++)
        UNROLL for (int g = 0; g < gates; g++) wasm_v128_store(out + (n * gates + g) * 4, sums[n][g]);
}

#define NAME(x) wasm_words_##x
#define GROUP 2
#define FORM WORDS
#define TILE 2
#define OFFSET 0
#define DOTS wasm_words_dots
#include "body.h"

#define NAME(x) wasm_floats_##x
#define GROUP 1
#define FORM FLOATS
#define TILE 2
#define OFFSET 0
#define DOTS wasm_floats_dots
#include "body.h"

#undef TARGET
#undef LANES
#undef GREATER
#undef LESSER
#undef RECIPROCAL
