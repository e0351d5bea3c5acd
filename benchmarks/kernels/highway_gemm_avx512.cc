#define HWY_COMPILE_ONLY_STATIC 1
#include "highway_gemm.h"

namespace sealedge {

void highway_tile_avx512(const F32GemmTile& t) { highway::tile<highway::hn::ScalableTag<float>, 1, 14>(t); }

}  // namespace sealedge
