/* The compiled engine behind kernel.h: what is checked, how weights are packed, and which path computes. One file to
 * compile; the paths, avx512.h and so on, bring attributes of their own, so no option of the compiler names a CPU. */
#include "kernel.h"

#if defined(__wasm__) /* without a C library; the compiler brings these two */
#define memcpy __builtin_memcpy
#define memset __builtin_memset
#else
#include <string.h>
#endif

#if defined(__x86_64__) && !defined(GW_ONLY_PLAIN)
#include <immintrin.h>
#define WITH_X86
#elif defined(__aarch64__) && !defined(GW_ONLY_PLAIN)
#include <arm_neon.h>
#define WITH_NEON
#if defined(__linux__)
#include <sys/auxv.h>
#endif
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#define WITH_WASM
#endif

#define INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define ROWS 48            /* texts that are read side by side: the weights of a unit are then loaded once for all */
#define LOG2_E 1.442695041f
#define BYTE_ONE 127.0f    /* a state of 1 as a byte; the rest, at most half of that unit, as another byte */
#define BYTE_REST 254.0f
#define WORD_ONE 16384.0f  /* a state of 1 as a word of 16 bits */
#define WORD_MOST 1024     /* products of such words with bytes whose sum fits 32 bits */
#define ROUNDING 12582912.0f /* 1.5 * 2^23: added, it leaves the nearest whole number in the lowest bits */
#define ROUNDED 0x4B400000   /* the bits of that */
#define LOWEST (-__builtin_inff())

#define FLOATS 0 /* forms of a row to be multiplied */
#define WORDS 1
#define BYTES 2

/* How a path lays out one kind of weights. */
typedef struct {
    int32_t lanes, group, form, tile, offset;
} form;

/* Where everything of a packed cell stands, in bytes from its begin, and the strides of rows. */
typedef struct {
    form form;
    int32_t gates, hidden, inputs, padded;
    int32_t blocks_input, blocks_recurrent, width_input, width_recurrent; /* blocks of a group; numbers of a half row */
    size_t input, recurrent, start_input, start_recurrent, scale_input, scale_recurrent, bias, extra, bytes;
    size_t input_stride, state_stride, memory_stride; /* of rows in scratch */
} plan;

typedef struct {
    const plan *plan;
    const char *recurrent;
    const int32_t *start;
    const float *scale, *extra, *sums;
    const int32_t *places, *lengths;
    int32_t texts, backward, pooling, pooled_stride, states_stride;
    float *highest, *mean, *last, *out;
    char *states, *memory;
} reading;

typedef struct {
    const plan *plan;
    const char *input;
    const int32_t *start;
    const float *scale, *bias, *row_scale;
    const void *rows;
    float *sums;
    char *states;
} projection;

/* Where one text is: its row of the sums, what its cell keeps, and where its state of this step is wanted. */
typedef struct {
    const float *sums;
    float *memory, *state, *last;
} running;

static INLINE int32_t four(const void *place)
{
    int32_t value;
    memcpy(&value, place, sizeof value);
    return value;
}

static INLINE int32_t whole(float x) /* the nearest whole number of one below 2^22 */
{
    int32_t bits;
    x += ROUNDING;
    memcpy(&bits, &x, sizeof bits);
    return bits - ROUNDED;
}

static INLINE float magnitude(float x)
{
    return x < 0 ? -x : x;
}

/* Begin up to ROWS texts: where their tokens start, and memory of [LANES] kept, highest and sum, unit after unit. */
static void prepare(const reading *job, int32_t first, int32_t count, int32_t lanes, int32_t before, int32_t *starts,
                    running *rows)
{
    for (int32_t n = 0; n < count; n++) {
        starts[n] = before;
        before += job->lengths[first + n];
        rows[n].memory = (float *)(job->memory + (size_t)n * job->plan->memory_stride);
        for (int32_t unit = 0; unit < job->plan->padded; unit += lanes)
            for (int32_t k = 0; k < 3 * lanes; k++)
                rows[n].memory[(size_t)unit * 3 + k] = k < lanes || k >= 2 * lanes ? 0.0f : LOWEST;
    }
}

static INLINE void follow(const reading *job, int32_t text, int32_t t, int32_t start, running *row)
{
    const int32_t length = job->lengths[text], token = start + (job->backward ? length - 1 - t : t);
    row->sums = job->sums + (size_t)job->places[token] * job->plan->padded * job->plan->gates;
    row->state = job->out ? job->out + (size_t)token * job->states_stride : NULL;
    row->last = job->last && t + 1 == length ? job->last + (size_t)text * job->pooled_stride : NULL;
}

static void finish(const reading *job, int32_t first, int32_t count, int32_t lanes, const running *rows)
{
    for (int32_t n = 0; n < count; n++) {
        const int32_t length = job->lengths[first + n];
        const size_t place = (size_t)(first + n) * job->pooled_stride;
        for (int32_t unit = 0; unit < job->plan->hidden; unit++) {
            const float *own = rows[n].memory + (size_t)(unit / lanes) * lanes * 3 + unit % lanes;
            if (job->highest) job->highest[place + unit] = length ? own[lanes] : 0.0f;
            if (job->mean) job->mean[place + unit] = length ? own[2 * lanes] / (float)length : 0.0f;
            if (job->last && !length) job->last[place + unit] = 0.0f;
        }
    }
}

#if !defined(WITH_WASM)
#include "plain.h"
#endif
#if defined(WITH_X86)
#include "avx2.h"
#include "avx512.h"
#elif defined(WITH_NEON)
#include "neon.h"
#elif defined(WITH_WASM)
#include "wasm.h"
#endif

typedef void read_function(const reading *, int32_t halves, int32_t first, int32_t count, int32_t before);
typedef void project_function(const projection *, int32_t halves, int32_t first, int32_t count);

/* A path: how it lays out floats and int8, and who computes with them. */
static const struct {
    form form[2];
    read_function *read[2];
    project_function *project[2];
} PATHS[GW_PATHS] = {
#if !defined(WITH_WASM)
    [GW_PLAIN] = {{{4, 1, FLOATS, 2, 0}, {4, 1, FLOATS, 2, 0}},
                  {plain_floats_read_any, plain_floats_read_any}, {plain_floats_project_any, plain_floats_project_any}},
#endif
#if defined(WITH_X86)
    [GW_AVX2] = {{{8, 1, FLOATS, 3, 0}, {8, 2, WORDS, 3, 0}},
                 {avx2_floats_read_any, avx2_words_read_any}, {avx2_floats_project_any, avx2_words_project_any}},
    [GW_AVX512] = {{{16, 1, FLOATS, 6, 0}, {16, 4, BYTES, 6, 128}},
                   {avx512_floats_read_any, avx512_bytes_read_any}, {avx512_floats_project_any, avx512_bytes_project_any}},
#elif defined(WITH_NEON)
    [GW_NEON] = {{{4, 1, FLOATS, 6, 0}, {4, 4, BYTES, 6, 0}},
                 {neon_floats_read_any, neon_bytes_read_any}, {neon_floats_project_any, neon_bytes_project_any}},
#elif defined(WITH_WASM)
    [GW_WASM] = {{{4, 1, FLOATS, 2, 0}, {4, 2, WORDS, 2, 0}},
                 {wasm_floats_read_any, wasm_words_read_any}, {wasm_floats_project_any, wasm_words_project_any}},
#endif
};

int32_t gw_contract(void)
{
    return GW_CONTRACT;
}

int32_t gw_has(int32_t path)
{
    if (path < 0 || path >= GW_PATHS || !PATHS[path].read[0]) return 0;
#if defined(WITH_X86)
    __builtin_cpu_init();
    if (path == GW_AVX2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (path == GW_AVX512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vnni");
#elif defined(WITH_NEON) && defined(__linux__)
    if (path == GW_NEON) return (getauxval(AT_HWCAP) >> 20) & 1; /* HWCAP_ASIMDDP */
#elif defined(WITH_NEON) && !defined(__APPLE__)
    if (path == GW_NEON) return 0; /* nobody to ask here */
#endif
    return 1;
}

static size_t place(uint64_t *end, uint64_t bytes) /* take bytes behind all others, at a cache line's begin */
{
    const uint64_t begin = *end;
    *end += (bytes + 63) / 64 * 64;
    return (size_t)begin;
}

static size_t odd_lines(size_t bytes) /* rows an even number of lines apart would share few sets of the cache */
{
    return (((bytes + 63) / 64) | 1) * 64;
}

static int32_t plan_of(const gw_cell *cell, plan *p)
{
    if (!cell) return GW_NO_BUFFER;
    if (cell->hidden < 1 || cell->hidden > GW_MOST || cell->inputs < 1 || cell->inputs > GW_MOST ||
        (cell->gates != GW_LSTM && cell->gates != GW_GRU) || (cell->stored != GW_FLOAT32 && cell->stored != GW_INT8))
        return GW_BAD_SHAPE;
    if (!gw_has(cell->path)) return GW_BAD_PATH;
    const form f = PATHS[cell->path].form[cell->stored];
    p->form = f, p->gates = cell->gates, p->hidden = cell->hidden, p->inputs = cell->inputs;
    p->padded = (cell->hidden + f.lanes - 1) / f.lanes * f.lanes;
    p->blocks_input = (cell->inputs + f.group - 1) / f.group;
    p->blocks_recurrent = (cell->hidden + f.group - 1) / f.group;
    p->width_input = p->blocks_input * f.group;
    p->width_recurrent = p->padded;
    const size_t number = f.form == FLOATS ? 4 : f.form == WORDS ? 2 : 1, halves = f.form == BYTES ? 2 : 1;
    const uint64_t weight = f.form == FLOATS ? 4 : 1, rows = (uint64_t)p->padded * cell->gates;
    uint64_t end = 64; /* the shape, by which another cell's weights are known */
    p->scale_input = place(&end, rows * 4), p->scale_recurrent = place(&end, rows * 4), p->bias = place(&end, rows * 4);
    p->start_input = place(&end, rows * 4), p->start_recurrent = place(&end, rows * 4);
    p->extra = place(&end, (size_t)p->padded * 4);
    p->input = place(&end, rows * p->width_input * weight);
    p->recurrent = place(&end, rows * p->blocks_recurrent * f.group * weight);
    if (end > SIZE_MAX / 2) return GW_BAD_SHAPE; /* where an address has 32 bits */
    p->bytes = (size_t)end + 64; /* room to begin at a cache line */
    p->input_stride = odd_lines(p->width_input * number * halves);
    p->state_stride = odd_lines(p->width_recurrent * number * halves);
    p->memory_stride = odd_lines((size_t)p->padded * 3 * 4);
    return GW_OK;
}

static char *aligned(const void *buffer)
{
    return (char *)buffer + (-(uintptr_t)buffer & 63);
}

size_t gw_packed_bytes(const gw_cell *cell)
{
    plan p;
    return plan_of(cell, &p) ? 0 : p.bytes;
}

size_t gw_sums_count(const gw_cell *cell, int32_t rows)
{
    plan p;
    if (plan_of(cell, &p) || rows < 0 || (size_t)rows > ((size_t)-1 >> 3) / ((size_t)p.padded * p.gates)) return 0;
    return (size_t)rows * p.padded * p.gates;
}

size_t gw_scratch_bytes(const gw_cell *cell, int32_t texts)
{
    plan p;
    if (plan_of(cell, &p) || texts < 0) return 0;
    const size_t rows = texts < ROWS ? texts : ROWS, reads = rows * (2 * p.state_stride + p.memory_stride);
    const size_t takes = (size_t)ROWS * p.input_stride;
    return 64 + (reads > takes ? reads : takes);
}

/* Put one matrix, [gates * H, size], where a path reads it: [units / lanes][size / group][gates][lanes][group]. */
static void pack(const plan *p, const gw_cell *cell, const void *matrix, int32_t size, int32_t blocks, char *into,
                 int32_t *start)
{
    const int32_t lanes = p->form.lanes, group = p->form.group, gates = p->gates;
    for (int32_t gate = 0; gate < gates; gate++)
        for (int32_t unit = 0; unit < p->hidden; unit++) {
            const size_t row = (size_t)gate * p->hidden + unit;
            const size_t first = (size_t)(unit / lanes) * blocks * gates * lanes * group;
            const size_t own = ((size_t)gate * lanes + unit % lanes) * group;
            int32_t sum = 0;
            for (int32_t k = 0; k < size; k++) {
                const size_t to = first + (size_t)(k / group) * gates * lanes * group + own + k % group;
                const size_t from = row * size + k;
                if (cell->stored == GW_FLOAT32) ((float *)into)[to] = ((const float *)matrix)[from];
                else if (p->form.form == FLOATS) ((float *)into)[to] = ((const int8_t *)matrix)[from];
                else sum += (((int8_t *)into)[to] = ((const int8_t *)matrix)[from]);
            }
            start[(size_t)(unit / lanes) * gates * lanes + gate * lanes + unit % lanes] = -p->form.offset * sum;
        }
}

int32_t gw_pack(const gw_cell *cell, const void *input, const float *input_scale, const void *recurrent,
                const float *recurrent_scale, const float *bias, const float *recurrent_bias, void *packed,
                size_t packed_bytes)
{
    plan p;
    const int32_t fault = plan_of(cell, &p);
    if (fault) return fault;
    const int whole_numbers = cell->stored == GW_INT8;
    if (!input || !recurrent || !bias || !packed || (whole_numbers && (!input_scale || !recurrent_scale)))
        return GW_NO_BUFFER;
    if (packed_bytes < p.bytes) return GW_SMALL_BUFFER;
    char *base = aligned(packed);
    memset(base, 0, p.bytes - 64);
    memcpy(base, cell, sizeof *cell);
    pack(&p, cell, input, p.inputs, p.blocks_input, base + p.input, (int32_t *)(base + p.start_input));
    pack(&p, cell, recurrent, p.hidden, p.blocks_recurrent, base + p.recurrent, (int32_t *)(base + p.start_recurrent));
    float *scale_input = (float *)(base + p.scale_input), *scale_recurrent = (float *)(base + p.scale_recurrent);
    const float unit = p.form.form == BYTES ? 1.0f / BYTE_ONE : p.form.form == WORDS ? 1.0f / WORD_ONE : 1.0f;
    for (int32_t gate = 0; gate < p.gates; gate++)
        for (int32_t n = 0; n < p.hidden; n++) {
            const size_t row = (size_t)gate * p.hidden + n;
            const size_t to = (size_t)(n / p.form.lanes) * p.gates * p.form.lanes + gate * p.form.lanes + n % p.form.lanes;
            const float factor = gate == 2 ? -2.0f * LOG2_E : -LOG2_E; /* of a tanh, in both cells the third */
            scale_input[to] = factor * (whole_numbers ? input_scale[row] : 1.0f);
            scale_recurrent[to] = factor * unit * (whole_numbers ? recurrent_scale[row] : 1.0f);
            ((float *)(base + p.bias))[to] = factor * bias[row];
        }
    for (int32_t n = 0; recurrent_bias && p.gates == GW_GRU && n < p.hidden; n++)
        ((float *)(base + p.extra))[n] = -2.0f * LOG2_E * recurrent_bias[n];
    return GW_OK;
}

/* Plan the use of a packed cell; refuse what is none. */
static int32_t plan_packed(const gw_cell *cell, const void *packed, size_t packed_bytes, plan *p)
{
    const int32_t fault = plan_of(cell, p);
    if (fault) return fault;
    if (!packed) return GW_NO_BUFFER;
    if (packed_bytes < p->bytes) return GW_SMALL_BUFFER;
    gw_cell own;
    memcpy(&own, aligned(packed), sizeof own);
    return own.path == cell->path && own.stored == cell->stored && own.gates == cell->gates &&
                   own.hidden == cell->hidden && own.inputs == cell->inputs ? GW_OK : GW_NOT_PACKED;
}

int32_t gw_project(const gw_cell *cell, const void *packed, size_t packed_bytes, const void *rows, const float *scale,
                   int32_t count, float *sums, size_t sums_count, void *scratch, size_t scratch_bytes)
{
    plan p;
    const int32_t fault = plan_packed(cell, packed, packed_bytes, &p);
    if (fault) return fault;
    if (count < 0 || (scale && cell->stored != GW_INT8)) return GW_BAD_SHAPE;
    if (!count) return GW_OK;
    if (!rows || !sums || !scratch) return GW_NO_BUFFER;
    if (!gw_sums_count(cell, count) || sums_count < gw_sums_count(cell, count) ||
        scratch_bytes < gw_scratch_bytes(cell, 0))
        return GW_SMALL_BUFFER;
    const char *base = aligned(packed);
    const projection job = {
        .plan = &p, .input = base + p.input, .start = (const int32_t *)(base + p.start_input),
        .scale = (const float *)(base + p.scale_input), .bias = (const float *)(base + p.bias), .row_scale = scale,
        .rows = rows, .sums = sums, .states = aligned(scratch),
    };
    const int32_t halves = p.form.form == BYTES && !scale ? 2 : 1;
    for (int32_t first = 0; first < count; first += ROWS)
        PATHS[cell->path].project[cell->stored](&job, halves, first, count - first < ROWS ? count - first : ROWS);
    return GW_OK;
}

int32_t gw_read(const gw_cell *cell, const void *packed, size_t packed_bytes, const float *sums, size_t sums_count,
                int32_t words, const int32_t *places, int32_t tokens, const int32_t *lengths, int32_t texts,
                int32_t flags, float *highest, float *mean, float *last, int32_t pooled_stride, float *states,
                int32_t states_stride, void *scratch, size_t scratch_bytes)
{
    plan p;
    const int32_t fault = plan_packed(cell, packed, packed_bytes, &p);
    if (fault) return fault;
    const int pooled = highest || mean || last;
    if (words < 0 || tokens < 0 || texts < 0 || flags & ~(GW_BACKWARD | GW_FAST) ||
        (pooled && pooled_stride < p.hidden) || (states && states_stride < p.hidden))
        return GW_BAD_SHAPE;
    if (!texts) return tokens ? GW_BAD_LENGTHS : GW_OK;
    if (!lengths || !scratch || (tokens && (!places || !sums))) return GW_NO_BUFFER;
    if (words && (!gw_sums_count(cell, words) || sums_count < gw_sums_count(cell, words))) return GW_SMALL_BUFFER;
    if (scratch_bytes < gw_scratch_bytes(cell, texts)) return GW_SMALL_BUFFER;
    int64_t all = 0;
    for (int32_t n = 0; n < texts; n++) {
        if (lengths[n] < 0 || (n && lengths[n] > lengths[n - 1])) return GW_BAD_LENGTHS;
        all += lengths[n];
    }
    if (all != tokens) return GW_BAD_LENGTHS;
    for (int32_t n = 0; n < tokens; n++)
        if (places[n] < 0 || places[n] >= words) return GW_BAD_PLACE;
    const char *base = aligned(packed);
    const int32_t together = texts < ROWS ? texts : ROWS;
    const reading job = {
        .plan = &p, .recurrent = base + p.recurrent, .start = (const int32_t *)(base + p.start_recurrent),
        .scale = (const float *)(base + p.scale_recurrent), .extra = (const float *)(base + p.extra), .sums = sums,
        .places = places, .lengths = lengths, .texts = texts, .backward = flags & GW_BACKWARD,
        .pooling = highest || mean, .pooled_stride = pooled_stride, .states_stride = states_stride,
        .highest = highest, .mean = mean, .last = last, .out = states, .states = aligned(scratch),
        .memory = aligned(scratch) + 2 * together * p.state_stride,
    };
    const int32_t halves = p.form.form == BYTES && !(flags & GW_FAST) ? 2 : 1;
    int32_t before = 0;
    for (int32_t first = 0; first < texts; first += ROWS) {
        const int32_t count = texts - first < ROWS ? texts - first : ROWS;
        PATHS[cell->path].read[cell->stored](&job, halves, first, count, before);
        for (int32_t n = 0; n < count; n++) before += lengths[first + n];
    }
    return GW_OK;
}
