/* Plain C, for any CPU: whole numbers are floats too, and the compiler makes of it what it can. */
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

static INLINE plain_vector plain_loaded(const float *place)
{
    plain_vector loaded;
    memcpy(&loaded, place, sizeof loaded);
    return loaded;
}

#define NAME(x) plain_floats_##x
#define GROUP 1
#define FORM FLOATS
#define TILE 2
#define OFFSET 0
#define SUM plain_vector
#define BEGIN(start) ((plain_vector){0})
#define OWN plain_vector
#define WEIGHTS(place) plain_loaded(place)
#define SPREAD_TYPE float
#define SPREAD(place) (*(place))
#define MORE(sum, spread, own) ((sum) + (own) * (spread))
#define END(sum) ((NAME(vector))(sum))
#include "body.h"

#undef TARGET
#undef LANES
#undef GREATER
#undef LESSER
#undef RECIPROCAL
