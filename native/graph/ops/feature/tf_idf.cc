// TfIdfVectorizer on integers: how often each n-gram of a pool occurs in every row, with up to max_skip items left out
// between neighbours. Strings are not held by this engine.
#include <algorithm>
#include <cmath>

#include "graph/ops/array/selection.h"
#include "graph/ops/support.h"
#include "graph/ops/walk.h"

namespace sealedge {

namespace {

// The n-grams of one length, sorted, so that one is found by bisection.
struct GramTable {
  int64_t length = 0;
  struct Gram {
    size_t at;       // in the pool
    int64_t column;  // of the output
    size_t number;   // of the gram, through all lengths: of its weight
  };
  std::vector<Gram> grams;
};

struct Tables {
  std::vector<int64_t> pool;
  std::vector<GramTable> lengths;
  int64_t columns = 0;
};

Result<Tables> make_tables(const TfIdfAttributes& attributes) {
  const auto pool_size = static_cast<int64_t>(attributes.pool.size());
  const int64_t least = attributes.min_gram_length, most = attributes.max_gram_length;
  if (least < 1 || most < least || attributes.max_skip_count < 0 || most > pool_size ||
      attributes.ngram_counts.size() < static_cast<size_t>(most)) {
    return model_invalid("gram lengths or skip count: out of range");
  }
  Tables tables{attributes.pool, {}, 0};
  for (int64_t column : attributes.ngram_indexes) {
    if (column < 0 || column >= (int64_t{1} << 24)) return model_invalid("ngram_indexes: out of range");
    tables.columns = std::max(tables.columns, column + 1);
  }
  size_t number = 0;
  for (size_t i = 0; i < attributes.ngram_counts.size(); ++i) {
    GramTable table{static_cast<int64_t>(i) + 1, {}};
    const int64_t begin = attributes.ngram_counts[i];
    const int64_t end = i + 1 < attributes.ngram_counts.size() ? attributes.ngram_counts[i + 1] : pool_size;
    if (begin < 0 || begin > end || end > pool_size || (end - begin) % table.length != 0) {
      return model_invalid("ngram_counts: not the starts of whole grams in the pool");
    }
    for (int64_t at = begin; at < end; at += table.length, ++number) {
      if (number >= attributes.ngram_indexes.size()) return model_invalid("ngram_indexes: expected one per gram");
      table.grams.push_back({static_cast<size_t>(at), attributes.ngram_indexes[number], number});
    }
    if (table.length < least || table.length > most) continue;
    const int64_t* pool = tables.pool.data();
    std::sort(table.grams.begin(), table.grams.end(), [&](const GramTable::Gram& a, const GramTable::Gram& b) {
      return std::lexicographical_compare(pool + a.at, pool + a.at + table.length, pool + b.at,
                                          pool + b.at + table.length);
    });
    tables.lengths.push_back(std::move(table));
  }
  return tables;
}

class TfIdfKernel final : public Kernel {
 public:
  TfIdfKernel(Tables tables, const TfIdfAttributes& attributes, DataType type, int64_t rows, int64_t items)
      : tables_(std::move(tables)),
        mode_(attributes.mode),
        max_skip_(attributes.max_skip_count),
        type_(type),
        rows_(rows),
        items_(items) {}

  Result<void> run(const RunArgs& args) const override {
    const IndexReader items(args.inputs[0], type_);
    const auto* weights = args.inputs.size() > 1 ? reinterpret_cast<const float*>(args.inputs[1]) : nullptr;
    auto* y = reinterpret_cast<float*>(args.outputs[0]);
    std::fill_n(y, rows_ * tables_.columns, 0.0f);
    for (int64_t row = 0; row < rows_; ++row, y += tables_.columns) {
      for (const GramTable& table : tables_.lengths) {
        // A single item has no neighbours to skip to.
        const int64_t most_skip = table.length == 1 ? 0 : std::min(max_skip_, items_);
        for (int64_t step = 1; step <= most_skip + 1; ++step) {
          for (int64_t start = 0; start + (table.length - 1) * step < items_; ++start) {
            const GramTable::Gram* gram = find(table, items, row * items_ + start, step);
            if (!gram) continue;
            float& result = y[gram->column];
            const float weight = weights && mode_ != TfIdfMode::kTf ? weights[gram->number] : 1;
            result = mode_ == TfIdfMode::kIdf ? weight : result + weight;
          }
        }
      }
    }
    return {};
  }

 private:
  // -1, 0, 1: how the gram compares with the items at `first`, `first` + step ...
  int compare(const GramTable& table, const GramTable::Gram& gram, const IndexReader& items, int64_t first,
              int64_t step) const {
    for (int64_t i = 0; i < table.length; ++i) {
      const int64_t wanted = tables_.pool[gram.at + static_cast<size_t>(i)];
      const int64_t item = items[static_cast<size_t>(first + i * step)];
      if (wanted != item) return wanted < item ? -1 : 1;
    }
    return 0;
  }
  const GramTable::Gram* find(const GramTable& table, const IndexReader& items, int64_t first, int64_t step) const {
    size_t low = 0, high = table.grams.size();
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      const int order = compare(table, table.grams[middle], items, first, step);
      if (order == 0) return &table.grams[middle];
      (order < 0 ? low : high) = order < 0 ? middle + 1 : middle;
    }
    return nullptr;
  }

  Tables tables_;
  TfIdfMode mode_;
  int64_t max_skip_;
  DataType type_;
  int64_t rows_, items_;
};

class TfIdfOp final : public Op {
 public:
  explicit TfIdfOp(TfIdfAttributes attributes) : attributes_(std::move(attributes)) {}
  const char* op_type() const override { return "TfIdfVectorizer"; }
  // Nobody fixes the text; how long it takes is a matter of the pool, the distances and the items.
  double work(std::span<const Operand>, std::span<const Operand>) const override { return HUGE_VAL; }
  // How often an item occurs is none; a weight may come out as it is.
  bool may_copy_input(size_t input) const override { return input == 1; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand& x = inputs[0];
    const Dims each = {static_cast<int64_t>(attributes_.ngram_indexes.size())};
    if (inputs.size() > 1 && inputs[1].present && (inputs[1].type != DataType::kFloat32 || inputs[1].dims != each)) {
      return model_invalid("weights: expected as many as ngram_indexes");
    }
    if (!IndexReader::accepts(x.type)) return op_unsupported(data_type_name(x.type));
    if (x.dims.empty() || x.dims.size() > 2)
      return shape_mismatch("expected rank 1 or 2, got " + dims_to_string(x.dims));
    SEALEDGE_ASSIGN(const Tables tables, make_tables(attributes_));
    Dims dims(x.dims.begin(), x.dims.end() - 1);
    dims.push_back(tables.columns);
    return std::vector<TensorFact>{{DataType::kFloat32, std::move(dims)}};
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[0];
    SEALEDGE_ASSIGN(Tables tables, make_tables(attributes_));
    return std::unique_ptr<Kernel>(std::make_unique<TfIdfKernel>(std::move(tables), attributes_, x.type,
                                                                 x.dims.size() == 2 ? x.dims[0] : 1, x.dims.back()));
  }

 private:
  TfIdfAttributes attributes_;
};

}  // namespace

OpPtr make_tf_idf(TfIdfAttributes attributes) { return std::make_shared<TfIdfOp>(std::move(attributes)); }

}  // namespace sealedge
