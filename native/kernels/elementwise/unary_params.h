// What a unary operator has besides its argument; what each makes of it is listed in unary.h.
#pragma once

namespace sealedge {

struct UnaryParams {
  float alpha = 0.0f;
  float beta = 0.0f;
};

}  // namespace sealedge
