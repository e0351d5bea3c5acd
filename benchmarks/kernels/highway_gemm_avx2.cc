#define HWY_COMPILE_ONLY_STATIC 1
#include "highway_gemm.h"

namespace sealedge {

void highway_tile_avx2(const F32GemmTile& t) { highway::tile<highway::hn::ScalableTag<float>, 2, 6>(t); }

}  // namespace sealedge
