/* WebAssembly SIMD: states as words of 16 bits, weights widened to words as they are loaded, 8 products at once. */
#define TARGET
#define LANES 4
#define GREATER(a, b) ((NAME(vector))wasm_f32x4_pmax((v128_t)(a), (v128_t)(b)))
#define LESSER(a, b) ((NAME(vector))wasm_f32x4_pmin((v128_t)(a), (v128_t)(b)))
#define RECIPROCAL(x) (1.0f / (x))

#define NAME(x) wasm_words_##x
#define GROUP 2
#define FORM WORDS
#define TILE 2
#define OFFSET 0
#define SUM v128_t
#define BEGIN(start) wasm_i32x4_splat(0)
#define OWN v128_t
#define WEIGHTS(place) wasm_i16x8_load8x8(place)
#define SPREAD_TYPE v128_t
#define SPREAD(place) wasm_v128_load32_splat(place)
#define MORE(sum, spread, own) wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(spread, own))
#define END(sum) ((NAME(vector))wasm_f32x4_convert_i32x4(sum))
#include "body.h"

#define NAME(x) wasm_floats_##x
#define GROUP 1
#define FORM FLOATS
#define TILE 2
#define OFFSET 0
#define SUM v128_t
#define BEGIN(start) wasm_f32x4_splat(0)
#define OWN v128_t
#define WEIGHTS(place) wasm_v128_load(place)
#define SPREAD_TYPE v128_t
#define SPREAD(place) wasm_v128_load32_splat(place)
#define MORE(sum, spread, own) wasm_f32x4_add(sum, wasm_f32x4_mul(spread, own))
#define END(sum) ((NAME(vector))(sum))
#include "body.h"

#undef TARGET
#undef LANES
#undef GREATER
#undef LESSER
#undef RECIPROCAL
