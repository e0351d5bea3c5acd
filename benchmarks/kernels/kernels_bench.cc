// Kernel micro-benchmarks: GFLOP/s and the fraction of this core's measured peak, per ISA. Results are checked against
// the scalar kernel before anything is timed. `kernels_bench [filter]`; SEALEDGE_ISA limits the ISAs.
// benchmarks/README.md says how to read it.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "core/cpu_features.h"
#include "kernels/conv/conv.h"
#include "kernels/depthwise/depthwise.h"
#include "kernels/dispatch.h"
#include "kernels/elementwise/unary.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_tile.h"
#include "kernels/layout/layout.h"
#include "kernels/pool/pool.h"
#include "kernels/softmax/softmax.h"
#include "peak.h"

namespace sealedge {

#if defined(SEALEDGE_BENCH_HIGHWAY)
void highway_tile_avx2(const F32GemmTile& t);
void highway_tile_avx512(const F32GemmTile& t);
#endif

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Timing {
  double median, low, high;  // seconds per call; low and high are quartiles
};

// 25 samples of at least 2 ms.
Timing measure(const std::function<void()>& call) {
  call();
  size_t repeat = 1;
  for (;; repeat *= 2) {
    const double start = now();
    for (size_t i = 0; i < repeat; i++) call();
    if (now() - start > 2e-3) break;
  }
  std::vector<double> samples(25);
  for (double& sample : samples) {
    const double start = now();
    for (size_t i = 0; i < repeat; i++) call();
    sample = (now() - start) / static_cast<double>(repeat);
  }
  std::sort(samples.begin(), samples.end());
  return {samples[12], samples[6], samples[18]};
}

class AlignedFloats {
 public:
  explicit AlignedFloats(size_t size)
      : size_(size), data_(static_cast<float*>(std::aligned_alloc(64, size * 4 / 64 * 64 + 64))) {
    for (size_t i = 0; i < size; i++) data_[i] = static_cast<float>((i * 2654435761u >> 8) % 2048) / 1024.0f - 1.0f;
  }
  ~AlignedFloats() { std::free(data_); }
  AlignedFloats(const AlignedFloats&) = delete;
  AlignedFloats& operator=(const AlignedFloats&) = delete;
  float* data() { return data_; }
  size_t size() const { return size_; }
  size_t bytes() const { return size_ * sizeof(float); }

 private:
  size_t size_;
  float* data_;
};

double peak_of(const std::string& isa) {
  static double avx2 = 0, avx512 = 0;
  const bool wide = isa == "avx512" || isa == "vnni";
  double& peak = wide ? avx512 : avx2;
  if (peak != 0 || (isa != "avx2" && !wide)) return peak;
  float sink = 1e-3f;
  for (int i = 0; i < 20; i++) {
    const double start = now();
    const double flops = wide ? peak_flops_avx512(1000000, &sink) : peak_flops_avx2(1000000, &sink);
    peak = std::max(peak, flops / (now() - start));
  }
  return peak;
}

std::vector<const KernelTable*> tables() {
  const KernelTables all = available_kernels();
  return {all.data, all.data + all.size};
}

void check_equal(const std::string& name, const std::vector<float>& want, const float* got) {
  for (size_t i = 0; i < want.size(); i++) {
    if (std::fabs(want[i] - got[i]) > 1e-3f + 1e-4f * std::fabs(want[i])) {
      std::fprintf(stderr, "%s: element %zu: expected %g, got %g\n", name.c_str(), i, want[i], got[i]);
      std::exit(1);
    }
  }
}

// Runs `call` on every table; `work` is floating-point operations (or bytes, for what only moves data).
void trial(const std::string& name, double work, const char* unit, AlignedFloats* y,
           const std::function<void(const KernelTable&)>& call) {
  std::vector<float> want;
  for (const KernelTable* table : tables()) {
    call(*table);
    if (want.empty()) {
      want.assign(y->data(), y->data() + y->size());
    } else {
      check_equal(name, want, y->data());
    }
    const Timing t = measure([&] { call(*table); });
    const double peak = peak_of(table->isa);
    std::printf("%-34s %-7s %9.2f us [%.2f .. %.2f] %8.2f %s", name.c_str(), table->isa, t.median * 1e6, t.low * 1e6,
                t.high * 1e6, work / t.median * 1e-9, unit);
    if (peak > 0 && std::strcmp(unit, "GFLOP/s") == 0) std::printf(" %3.0f %% of peak", work / t.median / peak * 100);
    std::printf("\n");
  }
}

void gemm(size_t m, size_t n, size_t k) {
  AlignedFloats a(m * k), b(f32_panel16_bytes(k, n) / 4), c(m * n), shift(n);
  const ResidentWeightSource source(reinterpret_cast<const uint8_t*>(b.data()), b.bytes());
  F32GemmParams params = {.m = m, .n = n, .k = k, .a = a.data(), .a_stride = k, .c = c.data(), .c_stride = n};
  params.epilogue.shift = shift.data();
  const std::string name = "gemm " + std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
  trial(name, 2.0 * static_cast<double>(m * n * k), "GFLOP/s", &c,
        [&](const KernelTable& table) { f32_gemm(params, source, {.kernels = &table}); });
}

WindowGeometry image(size_t height, size_t width, size_t kernel, size_t stride) {
  WindowGeometry w;
  w.in[1] = height;
  w.in[2] = width;
  for (int d = 1; d < 3; d++) {
    w.kernel[d] = kernel;
    w.stride[d] = stride;
    w.pad_begin[d] = w.pad_end[d] = kernel / 2;
    w.out[d] = (w.in[d] + 2 * (kernel / 2) - kernel) / stride + 1;
  }
  return w;
}

void conv(const WindowGeometry& w, size_t in_channels, size_t out_channels, bool channels_first = false) {
  AlignedFloats x(w.in_pixels() * in_channels), weights(f32_conv_weight_bytes(w, in_channels, out_channels, 1) / 4);
  AlignedFloats y(w.out_pixels() * out_channels), shift(out_channels);
  const ResidentWeightSource source(reinterpret_cast<const uint8_t*>(weights.data()), weights.bytes());
  F32ConvParams params = {.window = w,
                          .in_channels = in_channels,
                          .out_channels = out_channels,
                          .x = x.data(),
                          .x_channels_first = channels_first,
                          .y = y.data()};
  params.epilogue.shift = shift.data();
  AlignedFloats scratch(f32_conv_scratch_bytes(params) / 4 + 16);
  const std::string name = "conv " + std::to_string(w.in[1]) + "x" + std::to_string(w.in[2]) + " " +
                           std::to_string(in_channels) + (channels_first ? " (NCHW)" : "") + "->" +
                           std::to_string(out_channels) + " k" + std::to_string(w.kernel[1]) + " s" +
                           std::to_string(w.stride[1]);
  const double flops = 2.0 * static_cast<double>(w.out_pixels() * w.taps() * in_channels * out_channels);
  trial(name, flops, "GFLOP/s", &y, [&](const KernelTable& table) {
    f32_conv(params, source, {.kernels = &table, .scratch = reinterpret_cast<uint8_t*>(scratch.data())});
  });
}

void depthwise(const WindowGeometry& w, size_t channels) {
  AlignedFloats x(w.in_pixels() * channels), weights(f32_depthwise_weight_bytes(w, channels) / 4);
  AlignedFloats y(w.out_pixels() * channels), shift(channels);
  const ResidentWeightSource source(reinterpret_cast<const uint8_t*>(weights.data()), weights.bytes());
  F32DepthwiseParams params = {.window = w, .channels = channels, .x = x.data(), .y = y.data()};
  params.epilogue.shift = shift.data();
  AlignedFloats scratch(f32_depthwise_scratch_bytes(params, 1) / 4 + 16);
  const std::string name = "depthwise " + std::to_string(w.in[1]) + "x" + std::to_string(w.in[2]) + "x" +
                           std::to_string(channels) + " k" + std::to_string(w.kernel[1]) + " s" +
                           std::to_string(w.stride[1]);
  trial(name, 2.0 * static_cast<double>(w.out_pixels() * w.taps() * channels), "GFLOP/s", &y,
        [&](const KernelTable& table) {
          f32_depthwise(params, source, {.kernels = &table, .scratch = reinterpret_cast<uint8_t*>(scratch.data())});
        });
}

void unary(const char* name, UnaryOp op) {
  const size_t size = 16384;
  AlignedFloats x(size), y(size);
  trial(std::string(name) + " 16384", static_cast<double>(size), "Gelem/s", &y,
        [&](const KernelTable& table) { f32_unary(op, {0.0f, 6.0f}, x.data(), y.data(), size, {.kernels = &table}); });
}

void moving() {
  AlignedFloats x(64 * 4096), y(64 * 4096);
  trial("transpose 64x4096", 2.0 * static_cast<double>(x.bytes()), "GB/s", &y,
        [&](const KernelTable& table) { transpose_matrices(4, 1, 64, 4096, x.data(), y.data(), {.kernels = &table}); });
  AlignedFloats rgb(3 * 76800), pixels(3 * 76800);
  trial("NCHW to NHWC 3x240x320", 2.0 * static_cast<double>(rgb.bytes()), "GB/s", &pixels,
        [&](const KernelTable& table) {
          transpose_matrices(4, 1, 3, 76800, rgb.data(), pixels.data(), {.kernels = &table});
        });
  AlignedFloats scores(8840), probabilities(8840);
  trial("softmax 4420x2", 8840.0, "Gelem/s", &probabilities, [&](const KernelTable& table) {
    f32_softmax({.outer = 4420, .axis = 2, .inner = 1, .x = scores.data(), .y = probabilities.data()},
                {.kernels = &table});
  });
}

#if defined(SEALEDGE_BENCH_HIGHWAY)
// The same tile by intrinsics and by Highway, turn about, so that drift of the clock meets both alike.
void highway(const char* isa, const F32GemmFamily& family, void (*other)(const F32GemmTile&)) {
  for (size_t depth : {64, 576}) {
    const size_t rows = family.max_rows;
    AlignedFloats a(rows * depth), b(depth * 16), c(rows * 16);
    const float* rows_a[kMaxGemmRows];
    for (size_t i = 0; i < rows; i++) rows_a[i] = a.data() + i * depth;
    const ptrdiff_t start = 0;
    F32GemmTile t = {};
    t.rows_a = rows_a;
    t.run_offsets = &start;
    t.runs = 1;
    t.run_length = depth;
    t.panel = b.data();
    t.c = c.data();
    t.c_stride = 16;
    t.lane_end = 16;
    const double flops = 2.0 * static_cast<double>(rows * depth * 16);
    std::vector<double> samples[2];
    for (int round = 0; round < 101; round++) {
      for (int which = 0; which < 2; which++) {
        const auto tile = which == 0 ? family.tile[rows - 1] : other;
        const double begin = now();
        for (int i = 0; i < 20000; i++) tile(t);
        samples[which].push_back(flops * 20000 / (now() - begin) * 1e-9);
      }
    }
    for (auto& s : samples) std::sort(s.begin(), s.end());
    std::printf(
        "tile %2zux16x%-4zu %-7s intrinsics %7.2f GFLOP/s [%.2f .. %.2f]   highway %7.2f GFLOP/s [%.2f .. %.2f]\n",
        rows, depth, isa, samples[0][50], samples[0][25], samples[0][75], samples[1][50], samples[1][25],
        samples[1][75]);
  }
}
#endif

void run(const std::string& filter) {
  const auto wanted = [&](const char* group) { return filter.empty() || filter == group; };
  std::printf("active ISA %s\n", active_kernels().isa);
  for (const KernelTable* table : tables()) {
    if (peak_of(table->isa) > 0) std::printf("peak %-7s %.1f GFLOP/s\n", table->isa, peak_of(table->isa) * 1e-9);
  }
  if (wanted("gemm")) {
    for (size_t size : {64, 256, 512}) gemm(size, size, size);
    gemm(125, 64, 64);
    gemm(2304, 16, 8);
    gemm(36, 256, 128);
    gemm(9, 256, 256);
    gemm(4800, 64, 64);
    gemm(1, 128, 640);
    gemm(1, 128, 128);
    gemm(1, 640, 128);
  }
  if (wanted("conv")) {
    conv(image(32, 32, 3, 1), 3, 16, true);
    conv(image(32, 32, 3, 1), 16, 16);
    conv(image(32, 32, 3, 2), 16, 32);
    conv(image(8, 8, 3, 1), 64, 64);
    conv(image(96, 96, 3, 2), 3, 8, true);
    conv(image(240, 320, 3, 2), 3, 16, true);
    conv(image(30, 40, 3, 1), 64, 6);
  }
  if (wanted("depthwise")) {
    depthwise(image(25, 5, 3, 1), 64);
    depthwise(image(48, 48, 3, 1), 8);
    depthwise(image(48, 48, 3, 2), 16);
    depthwise(image(24, 24, 3, 1), 32);
    depthwise(image(6, 6, 3, 1), 128);
    depthwise(image(3, 3, 3, 1), 256);
    depthwise(image(120, 160, 3, 1), 16);
    depthwise(image(60, 80, 3, 1), 32);
    depthwise(image(30, 40, 3, 1), 64);
  }
  if (wanted("elementwise")) {
    unary("clip", UnaryOp::kClip);
    unary("exp", UnaryOp::kExp);
    unary("sigmoid", UnaryOp::kSigmoid);
    unary("tanh", UnaryOp::kTanh);
    unary("gelu", UnaryOp::kGelu);
  }
  if (wanted("moving")) moving();
#if defined(SEALEDGE_BENCH_HIGHWAY)
  if (wanted("highway")) {
    if (cpu_features().avx2) highway("avx2", f32_gemm_avx2, highway_tile_avx2);
    if (cpu_features().avx512) highway("avx512", f32_gemm_avx512, highway_tile_avx512);
  }
#endif
}

}  // namespace
}  // namespace sealedge

int main(int argc, char** argv) { sealedge::run(argc > 1 ? argv[1] : ""); }
