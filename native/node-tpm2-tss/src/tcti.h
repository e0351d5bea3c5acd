// The transport below the System API: connected by the TCTI loader, dropped after any failure, connected again on
// demand.
#pragma once

#include <tss2/tss2_tcti.h>

#include <string>

#include "core/result.h"

namespace sealedge::tpm {

class Tcti {
 public:
  explicit Tcti(std::string configuration) : configuration_(std::move(configuration)) {}
  ~Tcti() { disconnect(); }
  Tcti(const Tcti&) = delete;
  Tcti& operator=(const Tcti&) = delete;

  // Nothing to do when connected. kTpmUnavailable.
  Result<void> connect();
  void disconnect();
  bool connected() const { return context_ != nullptr; }
  TSS2_TCTI_CONTEXT* get() const { return context_; }

  // Waits until a response can be read. Transports that give no descriptor to poll (swtpm, mssim) block in the read
  // instead: a simulator that stops answering without closing its socket is then waited for.
  TSS2_RC wait_for_response(int timeout_ms);

 private:
  std::string configuration_;
  TSS2_TCTI_CONTEXT* context_ = nullptr;
};

}  // namespace sealedge::tpm
