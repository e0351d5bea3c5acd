#include "engine/session.h"

#include <atomic>
#include <shared_mutex>

#include "container/envelope.h"
#include "container/open.h"
#include "core/checkpoint.h"
#include "core/keyed_hash.h"
#include "engine/brief_runs.h"
#include "engine/graph_run.h"
#include "engine/loaded_model.h"
#include "engine/model_file.h"
#include "engine/sealed_data.h"
#include "engine/session_io.h"
#include "kernels/dispatch.h"
#include "onnx/folder_external_data.h"

namespace sealedge {

struct Session::Impl {
  Impl(std::unique_ptr<LoadedModel> loaded, const SessionOptions& options)
      : pool(options.pool),
        max_threads(options.max_threads),
        inputs(loaded->inputs),
        outputs(loaded->outputs),
        model(std::move(loaded)) {
    report.sealed = model->store.kind() == ConstantStore::Kind::kSecret;
    report.isa = active_kernels().isa;
    report.repacked_weights = model->repacked_weights;
    report.node_count = model->node_count;
    for (size_t i = 0; i < outputs.size(); ++i) output_positions.emplace(outputs[i].name, i);
  }

  ThreadPool* const pool;
  const unsigned max_threads;
  const std::vector<TensorMetadata> inputs;
  const std::vector<TensorMetadata> outputs;
  NameMap<size_t> output_positions;
  SessionReport report;  // what does not change; the rest is filled in by Session::report()
  std::atomic<size_t> arena_bytes = 0;
  std::atomic<size_t> step_count = 0;
  BriefRuns brief_runs;

  std::shared_mutex mutex;             // shared by runs, held alone by release()
  std::unique_ptr<LoadedModel> model;  // null after release()
};

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() { release(); }

Result<std::shared_ptr<Session>> Session::create(std::span<const uint8_t> model_proto, ExternalData* external,
                                                 bool sealed, const SessionOptions& options) {
  const auto kind = sealed ? ConstantStore::Kind::kSecret : ConstantStore::Kind::kOrdinary;
  SEALEDGE_ASSIGN(std::unique_ptr<LoadedModel> model, LoadedModel::load(model_proto, external, kind, options));
  SEALEDGE_CHECKPOINT("after-load");
  return std::shared_ptr<Session>(new Session(std::make_unique<Impl>(std::move(model), options)));
}

namespace {

// Otherwise the parser would call the file broken, which sends its owner after the wrong thing.
Result<void> expect_plain(std::span<const uint8_t> model) {
  if (!looks_sealed(model)) return {};
  return Error{ErrorCode::kNoMatchingKey,
               "the model is sealed: its key is needed, got none",
               {{"hint", "give the handle of its content key as options.key"}}};
}

}  // namespace

Result<std::shared_ptr<Session>> Session::create_from_bytes(std::span<const uint8_t> model,
                                                            const SessionOptions& options) {
  SEALEDGE_TRY(expect_plain(model));
  NoExternalData external;
  return create(model, &external, false, options);
}

Result<std::shared_ptr<Session>> Session::create_from_file(const std::string& path, const SessionOptions& options) {
  SEALEDGE_ASSIGN(const std::vector<uint8_t> bytes, read_model_file(path));
  SEALEDGE_TRY(expect_plain(bytes));
  FolderExternalData external(folder_of(path));
  return create(bytes, &external, false, options);
}

Result<std::shared_ptr<Session>> Session::create_from_sealed(const SealedModel& model, const SessionOptions& options) {
  SEALEDGE_ASSIGN(const SecureBuffer graph, model.load_graph());
  SealedData external(model);
  return create(graph.span(), &external, true, options);
}

const std::vector<TensorMetadata>& Session::inputs() const { return impl_->inputs; }
const std::vector<TensorMetadata>& Session::outputs() const { return impl_->outputs; }

std::optional<size_t> Session::output_index(std::string_view name) const {
  const auto found = impl_->output_positions.find(name);
  return found == impl_->output_positions.end() ? std::nullopt : std::optional(found->second);
}

Result<void> Session::run(std::span<const RunInput> inputs, std::span<RunOutput> outputs,
                          const RunControl& control) const {
  const std::shared_lock<std::shared_mutex> lock(impl_->mutex);
  if (!impl_->model) return Error{ErrorCode::kModelClosed, "the session was released"};
  for (const RunOutput& output : outputs) {
    if (output.index >= impl_->outputs.size()) return Error{ErrorCode::kOptionInvalid, "no such output"};
  }
  const auto begin = std::chrono::steady_clock::now();
  static const std::vector<TensorMetadata> kNone;
  InputOverrides* overrides = impl_->model->overrides.get();
  SEALEDGE_ASSIGN(BoundInputs bound, bind_inputs(impl_->inputs, overrides ? overrides->inputs() : kNone, inputs));
  std::shared_ptr<const Graph> graph = impl_->model->graph;
  if (!bound.fed.empty()) {
    SEALEDGE_ASSIGN(graph, overrides->graph_for(bound.fed));
  }
  const GraphRunner runner{
      impl_->model->plans.get(), impl_->model->graph->limits, {impl_->pool, impl_->max_threads, control.cancelled}};
  RunFootprint footprint;
  const ThreadPool::LoopsAhead ahead(impl_->pool);
  SEALEDGE_ASSIGN(std::vector<RunValue> results, runner.run(std::move(graph), std::move(bound.values), &footprint));
  impl_->arena_bytes.store(footprint.arena_bytes, std::memory_order_relaxed);
  impl_->step_count.store(footprint.steps, std::memory_order_relaxed);
  SEALEDGE_TRY(set_aside_inputs(outputs, results));
  for (RunOutput& output : outputs) {
    SEALEDGE_TRY(deliver_output(results[output.index].fact, results[output.index].data, &output));
  }
  impl_->brief_runs.record(inputs, !footprint.in_stages, std::chrono::steady_clock::now() - begin);
  SEALEDGE_CHECKPOINT("after-run");
  return {};
}

bool Session::expects_brief_run(std::span<const RunInput> inputs) const { return impl_->brief_runs.expect(inputs); }

void Session::release() {
  const std::unique_lock<std::shared_mutex> lock(impl_->mutex);
  if (!impl_->model) return;
  impl_->model.reset();
  SEALEDGE_CHECKPOINT("after-release");
}

Result<ResidencyReport> Session::residency(const ResidencyRequest& request) const {
  const std::shared_lock<std::shared_mutex> lock(impl_->mutex);
  if (!impl_->model) return Error{ErrorCode::kModelClosed, "the session was released"};
  return examine_residency(*impl_->model, request);
}

bool Session::sealed() const { return impl_->report.sealed; }

SessionReport Session::report() const {
  SessionReport report = impl_->report;
  report.arena_bytes = impl_->arena_bytes.load(std::memory_order_relaxed);
  report.step_count = impl_->step_count.load(std::memory_order_relaxed);
  const std::shared_lock<std::shared_mutex> lock(impl_->mutex);
  if (impl_->model) {
    report.constant_bytes = impl_->model->store.allocated_bytes();
    report.peak_arena_bytes = impl_->model->plans->meter()->peak_bytes();
  }
  report.secret_bytes = report.sealed ? report.constant_bytes : 0;
  return report;
}

}  // namespace sealedge
