/* One path's arithmetic for one kind of weights: included once for each, knows no shape but what a plan says.
 *
 * A file that includes it says what is its own: NAME(x), TARGET (attributes of its functions), LANES (units at once),
 * GROUP (products summed at once), FORM (of a row of numbers to be multiplied), TILE (rows at once, a half counted as
 * one), OFFSET (added to a byte); RECIPROCAL, GREATER and LESSER of vectors; and how it sums products: SUM (a type, one
 * sum for each lane), BEGIN(start), OWN (a type) and WEIGHTS(place) of LANES units, SPREAD_TYPE and SPREAD(place) of
 * GROUP numbers of a row to all lanes, MORE(sum, spread, own), and END(sum), as floats.
 */

#if FORM == FLOATS
typedef float NAME(row);
typedef float NAME(weight);
#elif FORM == WORDS
typedef int16_t NAME(row);
typedef int8_t NAME(weight);
#else
#if OFFSET
typedef uint8_t NAME(row);
#else
typedef int8_t NAME(row);
#endif
typedef int8_t NAME(weight);
#endif

/* Unaligned, because the buffers are the caller's. */
typedef float NAME(vector) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t NAME(whole) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef NAME(row) NAME(few) __attribute__((vector_size(LANES * sizeof(NAME(row))), aligned(1), may_alias));

#define VECTOR NAME(vector)
#define WHOLE NAME(whole)
#define LOAD(place) (*(const VECTOR *)(place))
#define STORE(place, value) (*(VECTOR *)(place) = (value))

static INLINE TARGET VECTOR NAME(power)(VECTOR x) /* 2^x, relative error 1e-7; beyond 2^30 and 2^-30 as there */
{
    x = LESSER(GREATER(x, (VECTOR){0} - 30.0f), (VECTOR){0} + 30.0f);
    const VECTOR whole = x + ROUNDING, rest = x - (whole - ROUNDING);
    VECTOR sum = 0.00132765f * rest + 0.00967554f;
    sum = sum * rest + 0.05550713f;
    sum = sum * rest + 0.2402212f;
    sum = sum * rest + 0.69314697f;
    sum = sum * rest + 1.00000007f;
    return (VECTOR)((WHOLE)sum + ((WHOLE)whole << 23));
}

/* Round states, in (-1, 1), into a row of `width` numbers, from unit `place` on. */
static INLINE TARGET void NAME(put)(NAME(row) *row, int32_t place, int32_t width, int32_t halves, VECTOR states)
{
#if FORM == FLOATS
    STORE(row + place, states);
#elif FORM == WORDS
    const WHOLE rounded = (WHOLE)(states * WORD_ONE + ROUNDING) - ROUNDED;
    *(NAME(few) *)(row + place) = __builtin_convertvector(rounded, NAME(few));
#else
    const VECTOR scaled = states * BYTE_ONE, moved = scaled + ROUNDING;
    *(NAME(few) *)(row + place) = __builtin_convertvector((WHOLE)moved - ROUNDED + OFFSET, NAME(few));
    if (halves == 2) {
        const WHOLE rest = (WHOLE)((scaled - (moved - ROUNDING)) * BYTE_REST + ROUNDING) - ROUNDED;
        *(NAME(few) *)(row + width + place) = __builtin_convertvector(rest + OFFSET, NAME(few));
    }
#endif
    (void)width, (void)halves;
}

/* Multiply `count` rows by the weights of LANES units, `gates` of each, over blocks * GROUP inputs: of each row come
 * [gates][LANES] floats. Whole numbers are summed as such, and floats in the order of the inputs whatever the count.
 * The sums have names, and each count a function, or they would not stay in registers. */
#define FIRST(n)                                                                                       \
    SUM s##n##0 = BEGIN(start), s##n##1 = BEGIN(start + LANES), s##n##2 = BEGIN(start + 2 * LANES);    \
    SUM s##n##3 = gates > 3 ? BEGIN(start + 3 * LANES) : s##n##0;                                      \
    const NAME(row) *row##n = rows[count > n ? n : 0];
#define NEXT(n)                                                      \
    if (count > n) {                                                 \
        const SPREAD_TYPE spread = SPREAD(row##n);                   \
        row##n += GROUP;                                             \
        s##n##0 = MORE(s##n##0, spread, own0);                       \
        s##n##1 = MORE(s##n##1, spread, own1);                       \
        s##n##2 = MORE(s##n##2, spread, own2);                       \
        if (gates > 3) s##n##3 = MORE(s##n##3, spread, own3);        \
    }
#define LAST(n)                                                      \
    if (count > n) {                                                 \
        STORE(out + (n * gates + 0) * LANES, END(s##n##0));          \
        STORE(out + (n * gates + 1) * LANES, END(s##n##1));          \
        STORE(out + (n * gates + 2) * LANES, END(s##n##2));          \
        if (gates > 3) STORE(out + (n * gates + 3) * LANES, END(s##n##3)); \
    }
#if TILE == 6
#define EACH(what) what(0) what(1) what(2) what(3) what(4) what(5)
#elif TILE == 3
#define EACH(what) what(0) what(1) what(2)
#else
#define EACH(what) what(0) what(1)
#endif

static INLINE TARGET void NAME(dots)(const NAME(weight) *weights, const int32_t *start, const NAME(row) *const *rows,
                                     const int32_t count, const int32_t gates, int32_t blocks, float *out)
{
    const int32_t step = LANES * GROUP;
    EACH(FIRST)
    for (int32_t block = 0; block < blocks; block++) {
        const OWN own0 = WEIGHTS(weights), own1 = WEIGHTS(weights + step), own2 = WEIGHTS(weights + 2 * step);
        const OWN own3 = gates > 3 ? WEIGHTS(weights + 3 * step) : own0;
        weights += gates * step;
        EACH(NEXT)
    }
    EACH(LAST)
    (void)start;
}

#define SIZED(count, gates)                                                                                            \
    static NOINLINE TARGET void NAME(dots_##count##_##gates)(const NAME(weight) *weights, const int32_t *start,        \
                                                             const NAME(row) *const *rows, int32_t blocks, float *out) \
    {                                                                                                                  \
        NAME(dots)(weights, start, rows, count, gates, blocks, out);                                                   \
    }
#define CASE(count)                                                                            \
    case count:                                                                                \
        if (gates == GW_LSTM) NAME(dots_##count##_4)(weights, start, rows, blocks, out);       \
        else NAME(dots_##count##_3)(weights, start, rows, blocks, out);                        \
        break;
SIZED(1, 3) SIZED(1, 4) SIZED(2, 3) SIZED(2, 4)
#if TILE > 2
SIZED(3, 3) SIZED(3, 4)
#endif
#if TILE > 3
SIZED(4, 3) SIZED(4, 4) SIZED(5, 3) SIZED(5, 4) SIZED(6, 3) SIZED(6, 4)
#endif

static INLINE TARGET void NAME(times)(const NAME(weight) *weights, const int32_t *start, const NAME(row) *const *rows,
                                      const int32_t count, const int32_t gates, int32_t blocks, float *out)
{
    switch (count) {
        CASE(1) CASE(2)
#if TILE > 2
        CASE(3)
#endif
#if TILE > 3
        CASE(4) CASE(5) CASE(6)
#endif
    default: break;
    }
}

/* The same over any number of inputs: words are summed in 32 bits as far as these hold them, then as floats. */
static INLINE TARGET void NAME(product)(const NAME(weight) *weights, const int32_t *start,
                                        const NAME(row) *const *rows, const int32_t count, const int32_t gates,
                                        int32_t blocks, float *out)
{
#if FORM == WORDS
    for (int32_t done = 0; blocks > done; done += WORD_MOST / GROUP) {
        const NAME(row) *from[TILE];
        float part[TILE * 4 * LANES];
        const int32_t now = blocks - done < WORD_MOST / GROUP ? blocks - done : WORD_MOST / GROUP;
        for (int32_t n = 0; n < count; n++) from[n] = rows[n] + done * GROUP;
        NAME(times)(weights + (size_t)done * GROUP * gates * LANES, start, from, count, gates, now, done ? part : out);
        for (int32_t n = 0; done && n < count * gates * LANES; n++) out[n] += part[n];
    }
#else
    NAME(times)(weights, start, rows, count, gates, blocks, out);
#endif
}

/* Take one step of LANES units of one row: from what input and state bring to the gates, [gates][LANES], to the state.
 * The sums are those of the equations times -log2(e), twice that for a tanh: sigmoid(x) = 1 / (1 + 2^s), and
 * tanh(x) = (1 - 2^s) / (1 + 2^s). `memory` holds what the cell keeps. */
static INLINE TARGET VECTOR NAME(advance)(const int32_t gates, const VECTOR *sums, const VECTOR *brought, float *memory)
{
    const VECTOR kept = LOAD(memory), one = (VECTOR){0} + 1.0f;
    if (gates == GW_LSTM) {
        const VECTOR i = NAME(power)(sums[0] + brought[0]), f = NAME(power)(sums[1] + brought[1]);
        const VECTOR g = NAME(power)(sums[2] + brought[2]), o = NAME(power)(sums[3] + brought[3]);
        const VECTOR now = kept * RECIPROCAL(one + f) + (one - g) * RECIPROCAL((one + i) * (one + g));
        const VECTOR c = NAME(power)(now * (-2.0f * LOG2_E));
        STORE(memory, now);
        return (one - c) * RECIPROCAL((one + o) * (one + c));
    }
    const VECTOR r = NAME(power)(sums[0] + brought[0]), z = NAME(power)(sums[1] + brought[1]);
    const VECTOR n = NAME(power)(sums[2] + brought[2] * RECIPROCAL(one + r));
    const VECTOR candidate = (one - n) * RECIPROCAL(one + n);
    const VECTOR now = candidate + (kept - candidate) * RECIPROCAL(one + z);
    STORE(memory, now);
    return now;
}

/* Take one step of LANES units, from `unit` on, of some rows: tile holds their products, [count][halves][gates][LANES]. */
static INLINE TARGET void NAME(step)(const reading *job, const int32_t gates, int32_t halves, int32_t unit,
                                     const float *tile, int32_t count, const running *rows, NAME(row) *const *after)
{
    const plan *p = job->plan;
    const float *scale = job->scale + (size_t)unit * gates, *extra = job->extra + unit;
    for (int32_t n = 0; n < count; n++) {
        const float *sums = rows[n].sums + (size_t)unit * gates, *products = tile + (size_t)n * halves * gates * LANES;
        float *memory = rows[n].memory + (size_t)unit * 3;
        VECTOR brought[4], added[4];
        for (int32_t gate = 0; gate < gates; gate++) {
            VECTOR product = LOAD(products + gate * LANES);
            if (halves == 2) product += LOAD(products + (gates + gate) * LANES) * (1.0f / BYTE_REST);
            brought[gate] = product * LOAD(scale + gate * LANES);
            added[gate] = LOAD(sums + gate * LANES);
        }
        if (gates == GW_GRU) brought[2] += LOAD(extra);
        const VECTOR state = NAME(advance)(gates, added, brought, memory);
        NAME(put)(after[n], unit, p->width_recurrent, halves, state);
        if (job->pooling) {
            STORE(memory + LANES, GREATER(LOAD(memory + LANES), state));
            STORE(memory + 2 * LANES, LOAD(memory + 2 * LANES) + state);
        }
        const int32_t here = p->hidden - unit < LANES ? p->hidden - unit : LANES;
        float *out[2] = {rows[n].state, rows[n].last};
        for (int32_t place = 0; place < 2; place++) {
            if (!out[place]) continue;
            if (here == LANES) STORE(out[place] + unit, state);
            else memcpy(out[place] + unit, &state, (size_t)here * sizeof(float));
        }
    }
}

/* Read up to ROWS texts in one direction. */
static INLINE TARGET void NAME(read)(const reading *job, const int32_t gates, int32_t halves, int32_t first, int32_t count,
                                     int32_t before)
{
    const plan *p = job->plan;
    const NAME(weight) *weights = (const NAME(weight) *)job->recurrent;
    const int32_t longest = job->lengths[first], together = TILE / halves;
    const size_t unit_weights = (size_t)p->blocks_recurrent * gates * LANES * GROUP;
    running rows[ROWS];
    int32_t starts[ROWS], active = count;
    char *states[2] = {job->states, job->states + (size_t)count * p->state_stride};
    float tile[TILE * 4 * LANES];
    prepare(job, first, count, LANES, before, starts, rows);
    for (int32_t n = 0; n < 2 * count; n++) {
        NAME(row) *row = (NAME(row) *)(job->states + (size_t)n * p->state_stride);
        for (int32_t k = 0; k < halves * p->width_recurrent; k++) row[k] = (NAME(row))OFFSET;
    }
    for (int32_t t = 0; t < longest; t++) {
        while (job->lengths[first + active - 1] <= t) active--;
        for (int32_t n = 0; n < active; n++) follow(job, first + n, t, starts[n], rows + n);
        for (int32_t turn = 0; turn < p->padded; turn += LANES) {
            const int32_t unit = t & 1 ? p->padded - LANES - turn : turn; /* and back: the weights read last are near */
            const NAME(weight) *own = weights + (size_t)(unit / LANES) * unit_weights;
            const int32_t *begin = job->start + (size_t)unit * gates;
            for (int32_t n = 0; n < active; n += together) {
                const int32_t now = active - n < together ? active - n : together;
                const NAME(row) *from[TILE];
                NAME(row) *after[TILE];
                for (int32_t k = 0; k < now; k++) {
                    const NAME(row) *row = (const NAME(row) *)(states[0] + (size_t)(n + k) * p->state_stride);
                    for (int32_t half = 0; half < halves; half++) from[k * halves + half] = row + half * p->width_recurrent;
                    after[k] = (NAME(row) *)(states[1] + (size_t)(n + k) * p->state_stride);
                    for (int32_t line = 0; line < gates * LANES; line += 16)
                        __builtin_prefetch(rows[n + k].sums + (size_t)unit * gates + line);
                }
                if (t) NAME(product)(own, begin, from, now * halves, gates, p->blocks_recurrent, tile);
                else memset(tile, 0, sizeof tile); /* every text begins with a state of zero */
                NAME(step)(job, gates, halves, unit, tile, now, rows + n, after);
            }
        }
        char *turned = states[0];
        states[0] = states[1], states[1] = turned;
    }
    finish(job, first, count, LANES, rows);
}

/* Round a row of the input, int8 or float32, and give what its whole numbers are to be multiplied with. */
static INLINE TARGET float NAME(take)(const plan *p, const void *rows, const float *scales, int32_t n, NAME(row) *into)
{
    const int32_t size = p->inputs, width = p->width_input;
    for (int32_t k = size; k < width; k++) into[k] = (NAME(row))OFFSET;
#if FORM == BYTES
    for (int32_t k = size; k < width; k++) into[width + k] = (NAME(row))OFFSET;
#endif
    if (scales) {
        const int8_t *bytes = (const int8_t *)rows + (size_t)n * size;
        for (int32_t k = 0; k < size; k++) into[k] = (NAME(row))(bytes[k] + OFFSET);
        return scales[n];
    }
    const float *numbers = (const float *)rows + (size_t)n * size;
#if FORM == FLOATS
    memcpy(into, numbers, (size_t)size * sizeof(float));
    return 1.0f;
#else
    const float most = FORM == WORDS ? WORD_ONE : BYTE_ONE;
    float largest = 0;
    for (int32_t k = 0; k < size; k++) largest = magnitude(numbers[k]) > largest ? magnitude(numbers[k]) : largest;
    const float scale = largest > 1e-30f && largest < 3e38f ? most / largest : 0.0f; /* of what is finite and no dust */
    for (int32_t k = 0; k < size; k++) {
        const float scaled = scale != 0.0f ? numbers[k] * scale : 0.0f;
        const int32_t near = whole(scaled);
        into[k] = (NAME(row))(near + OFFSET);
#if FORM == BYTES
        into[width + k] = (NAME(row))(whole((scaled - (float)near) * BYTE_REST) + OFFSET);
#endif
    }
    return scale != 0.0f ? largest / most : 0.0f;
#endif
}

/* Multiply some rows, taken before, by the input's weights. */
static INLINE TARGET void NAME(project)(const projection *job, const int32_t gates, int32_t halves, int32_t first,
                                        int32_t count)
{
    const plan *p = job->plan;
    const NAME(weight) *weights = (const NAME(weight) *)job->input;
    const int32_t together = TILE / halves;
    const size_t unit_weights = (size_t)p->blocks_input * gates * LANES * GROUP;
    float tile[TILE * 4 * LANES], own[ROWS];
    for (int32_t n = 0; n < count; n++) {
        NAME(row) *into = (NAME(row) *)(job->states + (size_t)n * p->input_stride);
        own[n] = NAME(take)(p, job->rows, job->row_scale, first + n, into);
    }
    for (int32_t unit = 0; unit < p->padded; unit += LANES)
        for (int32_t n = 0; n < count; n += together) {
            const int32_t now = count - n < together ? count - n : together;
            const NAME(row) *rows[TILE];
            for (int32_t k = 0; k < now * halves; k++) {
                const char *row = job->states + (size_t)(n + k / halves) * p->input_stride;
                rows[k] = (const NAME(row) *)row + k % halves * p->width_input;
            }
            NAME(product)(weights + (size_t)(unit / LANES) * unit_weights, job->start + (size_t)unit * gates, rows,
                          now * halves, gates, p->blocks_input, tile);
            for (int32_t k = 0; k < now; k++)
                for (int32_t lane = 0; lane < gates * LANES; lane += LANES) {
                    const size_t place = (size_t)unit * gates + lane;
                    VECTOR product = LOAD(tile + (size_t)k * halves * gates * LANES + lane);
                    if (halves == 2) product += LOAD(tile + ((size_t)k * 2 + 1) * gates * LANES + lane) * (1.0f / BYTE_REST);
                    const VECTOR sum = product * own[n + k] * LOAD(job->scale + place) + LOAD(job->bias + place);
                    STORE(job->sums + (size_t)(first + n + k) * p->padded * gates + place, sum);
                }
        }
}

static TARGET void NAME(read_any)(const reading *job, int32_t halves, int32_t first, int32_t count, int32_t before)
{
    if (job->plan->gates == GW_LSTM && halves == 1) NAME(read)(job, GW_LSTM, 1, first, count, before);
    else if (halves == 1) NAME(read)(job, GW_GRU, 1, first, count, before);
#if FORM == BYTES
    else if (job->plan->gates == GW_LSTM) NAME(read)(job, GW_LSTM, 2, first, count, before);
    else NAME(read)(job, GW_GRU, 2, first, count, before);
#endif
}

static TARGET void NAME(project_any)(const projection *job, int32_t halves, int32_t first, int32_t count)
{
    if (job->plan->gates == GW_LSTM && halves == 1) NAME(project)(job, GW_LSTM, 1, first, count);
    else if (halves == 1) NAME(project)(job, GW_GRU, 1, first, count);
#if FORM == BYTES
    else if (job->plan->gates == GW_LSTM) NAME(project)(job, GW_LSTM, 2, first, count);
    else NAME(project)(job, GW_GRU, 2, first, count);
#endif
}

#undef VECTOR
#undef WHOLE
#undef LOAD
#undef STORE
#undef FIRST
#undef NEXT
#undef LAST
#undef EACH
#undef SIZED
#undef CASE
#undef NAME
#undef GROUP
#undef FORM
#undef TILE
#undef OFFSET
#undef SUM
#undef BEGIN
#undef OWN
#undef WEIGHTS
#undef SPREAD_TYPE
#undef SPREAD
#undef MORE
#undef END
