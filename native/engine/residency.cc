#include "engine/residency.h"

#include <sys/random.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "core/weight_packing.h"
#include "engine/loaded_model.h"
#include "memory/wipe.h"

namespace sealedge {
namespace {

constexpr size_t kWindow = ProbeSet::kProbeBytes;
constexpr size_t kContentKeyBytes = 32;  // at the start of a key payload (docs/SPEC.md)

// One tensor in one form.
struct Item {
  std::string name;
  const uint8_t* data = nullptr;             // row-major
  const Constant::Packed* packed = nullptr;  // or packed
  size_t size_bytes = 0;
};

std::string form_name(const WeightPlacement& placement) {
  if (placement.layout == WeightLayout::kPlain) return "row-major";
  return kWeightLayoutNames[static_cast<size_t>(placement.layout)];
}

class Forms {
 public:
  void add(const std::string& name, const std::shared_ptr<Constant>& constant) {
    if (!constant || !seen_.insert(constant.get()).second) return;
    if (constant->data) {
      add_item("row-major", {name, constant->data, nullptr, *checked_size_bytes(constant->fact)});
    }
    for (const Constant::Packed& packed : constant->packed) {
      add_item(form_name(packed.placement), {name, nullptr, &packed, packed.weight->size_bytes()});
    }
  }

  struct Form {
    std::string name;
    std::vector<Item> items;
    size_t size_bytes = 0;
  };
  const std::vector<Form>& all() const { return forms_; }

 private:
  void add_item(const std::string& form_name, Item item) {
    auto at = std::find_if(forms_.begin(), forms_.end(), [&](const Form& form) { return form.name == form_name; });
    if (at == forms_.end()) at = forms_.insert(at, Form{form_name, {}, 0});
    at->size_bytes += item.size_bytes;
    at->items.push_back(std::move(item));
  }

  std::unordered_set<const Constant*> seen_;
  std::vector<Form> forms_;
};

// Uniform enough to spread probes over the weights.
size_t random_below(size_t bound) {
  uint64_t value = 0;
  if (::getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) return 0;
  return static_cast<size_t>(value % bound);
}

void copy_packed(const WeightSource& weight, size_t offset_bytes, size_t size_bytes, uint8_t* to) {
  const size_t aligned = offset_bytes / 64 * 64;
  std::memcpy(to, weight.panel(aligned, offset_bytes - aligned + size_bytes, 0) + (offset_bytes - aligned), size_bytes);
  weight.release(0);
}

class ProbeDraw {
 public:
  ProbeDraw(ProbeSet* set, std::vector<std::string>* names) : set_(set), names_(names) {}

  // `count` windows of the form as it lies in memory; fewer where the bytes are not distinctive.
  void draw_stored(const Forms::Form& form, size_t count) {
    draw(
        form, count,
        [&](const Item& item) -> std::optional<size_t> {
          if (item.size_bytes < kWindow) return std::nullopt;
          const size_t at = random_below((item.size_bytes - kWindow) / 4 + 1) * 4;
          if (item.data) {
            std::memcpy(window_, item.data + at, kWindow);
          } else {
            // The pieces a source hands out are 64-byte lines of at most 64 KiB: a window stays within one line.
            const size_t line = at / 64 * 64;
            const size_t in_line = std::min(at - line, 64 - kWindow);
            if (line + 64 > item.size_bytes) return std::nullopt;
            copy_packed(*item.packed->weight, line + in_line, kWindow, window_);
            return line + in_line;
          }
          return at;
        },
        form.name);
  }

  // `count` windows of packed weights as the model file has them.
  void draw_unpacked(const Forms::Form& form, size_t count) {
    draw(
        form, count,
        [&](const Item& item) -> std::optional<size_t> {
          if (!item.packed) return std::nullopt;
          const WeightPlacement& placement = item.packed->placement;
          const auto geometry = weight_geometry(placement.layout, placement.order, placement.dims);
          if (!geometry.ok() || geometry->size_bytes != item.size_bytes) return std::nullopt;
          const size_t element_bytes = geometry->element_bytes();
          const size_t elements = geometry->row_major_bytes() / element_bytes;
          const size_t wanted = kWindow / element_bytes;
          if (elements < wanted) return std::nullopt;
          const size_t first = random_below(elements - wanted + 1);
          for (size_t i = 0; i < wanted; ++i) {
            uint8_t* to = window_ + i * element_bytes;
            copy_packed(*item.packed->weight, packed_offset_bytes(*geometry, first + i), element_bytes, to);
            if (is_unsigned_layout(placement.layout)) *to ^= 0x80;
          }
          return first * element_bytes;
        },
        "of the file");
  }

  void add_key(std::span<const uint8_t> key) {
    // The payload goes on with digests of what everybody may know.
    key = key.first(std::min(key.size(), kContentKeyBytes));
    for (size_t at = 0; at + kWindow <= key.size(); at += kWindow / 2) {
      if (set_->add(key.data() + at)) names_->push_back("key +" + std::to_string(at));
    }
  }

  ~ProbeDraw() { wipe(window_, sizeof window_); }

 private:
  template <typename Window>
  void draw(const Forms::Form& form, size_t count, const Window& window, const std::string& what) {
    if (form.size_bytes == 0) return;
    const size_t wanted = set_->size() + count;
    for (size_t attempt = 0; attempt < 8 * count && set_->size() < wanted; ++attempt) {
      const Item& item = pick(form);
      const std::optional<size_t> at = window(item);
      if (at && set_->add(window_)) names_->push_back(item.name + " " + what + " +" + std::to_string(*at));
    }
  }

  static const Item& pick(const Forms::Form& form) {
    size_t at = random_below(form.size_bytes);
    for (const Item& item : form.items) {
      if (at < item.size_bytes) return item;
      at -= item.size_bytes;
    }
    return form.items.back();
  }

  ProbeSet* set_;
  std::vector<std::string>* names_;
  uint8_t window_[kWindow] = {};
};

Result<void> scan(const Forms& forms, const ResidencyRequest& request, ResidencyReport* report) {
  const size_t capacity = (2 * forms.all().size() * request.probes_per_form) + request.key.size() + 1;
  SEALEDGE_ASSIGN(ProbeSet set, ProbeSet::create(capacity));
  ProbeDraw draw(&set, &report->probes);
  for (const Forms::Form& form : forms.all()) {
    draw.draw_stored(form, request.probes_per_form);
    draw.draw_unpacked(form, request.probes_per_form);
  }
  draw.add_key(request.key);
  SEALEDGE_ASSIGN(report->scan, scan_own_memory(&set));
  return {};
}

}  // namespace

Result<ResidencyReport> examine_residency(const LoadedModel& model, const ResidencyRequest& request) {
  ResidencyReport report;
  Forms forms;
  for_each_graph(*model.graph, [&](const Graph& graph) {
    for (const Value& value : graph.values) forms.add(printable(value.name), value.constant);
  });
  model.plans->for_each([&](const Plan& plan) {
    for (const std::shared_ptr<const Constant>& constant : plan.keep) {
      forms.add("derived", std::const_pointer_cast<Constant>(constant));
    }
    report.arena_bytes = std::max(report.arena_bytes, plan.arena_bytes);
    report.arena_is_secret |= plan.arena_is_secret;
  });
  for (const Forms::Form& form : forms.all()) {
    report.forms.push_back({form.name, form.items.size(), form.size_bytes});
    report.weight_bytes += form.size_bytes;
  }
  if (model.store.kind() == ConstantStore::Kind::kSecret) report.secret_bytes = report.weight_bytes;
  if (request.scan) SEALEDGE_TRY(scan(forms, request, &report));
  return report;
}

}  // namespace sealedge
