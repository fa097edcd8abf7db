/* The contract of the compiled engine: LSTM and GRU cells over texts of any length, in plain memory.
 *
 * The caller owns every buffer; nothing here allocates, exits, prints or keeps a state, so any number of threads may
 * call at once with scratch buffers of their own. Sizes are checked before anything is written, and every function
 * gives GW_OK or the code of what was wrong. Weights are as a model folder stores them: int8 with a scale a row, or
 * float32; a cell is packed once into one buffer that holds no pointer. What a text gives depends on nothing but the
 * text: the same bits alone and in any company.
 *
 * The order of use: gw_packed_bytes, gw_pack; gw_sums_count, gw_project (what each different word brings to the gates);
 * gw_scratch_bytes, gw_read (the recurrence, rows dropped as they end).
 */
#ifndef GATEWISE_KERNEL_H
#define GATEWISE_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define GW_API __declspec(dllexport)
#else
#define GW_API __attribute__((visibility("default")))
#endif

#define GW_CONTRACT 1 /* grows when a signature or a meaning changes */

enum { GW_OK, GW_BAD_SHAPE, GW_BAD_PATH, GW_NO_BUFFER, GW_SMALL_BUFFER, GW_NOT_PACKED, GW_BAD_LENGTHS, GW_BAD_PLACE };
enum { GW_PLAIN, GW_AVX2, GW_AVX512, GW_NEON, GW_WASM, GW_PATHS }; /* ways to compute, by what the CPU must have */
enum { GW_FLOAT32, GW_INT8 };                                      /* how the weights are stored */
enum { GW_LSTM = 4, GW_GRU = 3 };                                  /* cells, by their number of gates */
enum { GW_BACKWARD = 1, GW_FAST = 2 };                             /* flags of gw_read */
enum { GW_MOST = 32768 };                                          /* units of a cell, and numbers of its input */

typedef struct {
    int32_t path;   /* GW_PLAIN .. GW_WASM; one that gw_has() */
    int32_t stored; /* GW_FLOAT32 or GW_INT8 */
    int32_t gates;  /* GW_LSTM: i, f, g, o; GW_GRU: r, z, n, as torch has them */
    int32_t hidden; /* H, 1 to GW_MOST */
    int32_t inputs; /* E, 1 to GW_MOST */
} gw_cell;

/* Give GW_CONTRACT as it was compiled. */
GW_API int32_t gw_contract(void);

/* Say whether this build and this CPU have a path: 1 or 0. */
GW_API int32_t gw_has(int32_t path);

/* Give the bytes that a packed cell takes, 0 for a bad shape. */
GW_API size_t gw_packed_bytes(const gw_cell *cell);

/* Pack a cell's weights: input [gates * H, E] and recurrent [gates * H, H], int8 with their scales [gates * H] or
 * float32 with none (NULL); bias [gates * H]; recurrent_bias [H] is what a GRU adds to U h before r, else NULL. */
GW_API int32_t gw_pack(const gw_cell *cell, const void *input, const float *input_scale, const void *recurrent,
                       const float *recurrent_scale, const float *bias, const float *recurrent_bias, void *packed,
                       size_t packed_bytes);

/* Give how many floats the sums of so many rows take; their order is the path's own. 0 for a bad shape or too many. */
GW_API size_t gw_sums_count(const gw_cell *cell, int32_t rows);

/* Give the bytes of scratch that gw_project and gw_read need for so many texts, 0 for a bad shape. */
GW_API size_t gw_scratch_bytes(const gw_cell *cell, int32_t texts);

/* Compute W x + b of `count` rows [count, E], int8 with a scale each, or float32 where scale is NULL. */
GW_API int32_t gw_project(const gw_cell *cell, const void *packed, size_t packed_bytes, const void *rows,
                          const float *scale, int32_t count, float *sums, size_t sums_count, void *scratch,
                          size_t scratch_bytes);

/* Read texts of falling lengths [texts], laid end to end, `tokens` in all: token n brings row places[n] of the sums of
 * `words` rows. Each output may be NULL: highest, mean and last state of each text, [texts] rows of H, pooled_stride
 * floats apart, zeros for an empty text; and states, [tokens] rows of H in the texts' own order, states_stride apart.
 * GW_BACKWARD reads each text from its end. GW_FAST rounds states to 8 bits where weights have 8 and that is quicker;
 * without it they keep 15 or 16. */
GW_API int32_t gw_read(const gw_cell *cell, const void *packed, size_t packed_bytes, const float *sums,
                       size_t sums_count, int32_t words, const int32_t *places, int32_t tokens, const int32_t *lengths,
                       int32_t texts, int32_t flags, float *highest, float *mean, float *last, int32_t pooled_stride,
                       float *states, int32_t states_stride, void *scratch, size_t scratch_bytes);

#endif
