#include "graph/arena_layout.h"

#include <cstdint>
#include <iterator>

#include "core/checked.h"

namespace sealedge {

namespace {

// False on overflow.
bool round_up(size_t size_bytes, size_t* rounded) {
  if (!checked_add(size_bytes, ArenaLayout::kAlignment - 1, rounded)) return false;
  *rounded &= ~(ArenaLayout::kAlignment - 1);
  if (*rounded == 0) *rounded = ArenaLayout::kAlignment;
  return true;
}

}  // namespace

void ArenaLayout::remove_free(std::map<size_t, size_t>::iterator range) {
  free_by_size_.erase({range->second, range->first});
  free_by_offset_.erase(range);
}

void ArenaLayout::add_free(size_t offset_bytes, size_t size_bytes) {
  free_by_offset_.emplace(offset_bytes, size_bytes);
  free_by_size_.emplace(size_bytes, offset_bytes);
}

size_t ArenaLayout::take(size_t size_bytes) {
  size_t size;
  if (!round_up(size_bytes, &size)) return SIZE_MAX;
  if (const auto fit = free_by_size_.lower_bound({size, 0}); fit != free_by_size_.end()) {
    const auto [free_size, offset] = *fit;
    remove_free(free_by_offset_.find(offset));
    if (free_size > size) add_free(offset + size, free_size - size);
    return offset;
  }
  // Grow, from the last free range if it touches the end.
  size_t offset = end_;
  if (!free_by_offset_.empty()) {
    const auto last = std::prev(free_by_offset_.end());
    if (last->first + last->second == end_) offset = last->first;
  }
  size_t end;
  if (!checked_add(offset, size, &end)) return SIZE_MAX;
  if (offset != end_) remove_free(std::prev(free_by_offset_.end()));
  end_ = end;
  return offset;
}

void ArenaLayout::give_back(size_t offset_bytes, size_t size_bytes) {
  size_t size;
  if (!round_up(size_bytes, &size)) return;
  auto next = free_by_offset_.lower_bound(offset_bytes);
  if (next != free_by_offset_.end() && offset_bytes + size == next->first) {
    size += next->second;
    const auto joined = next++;
    remove_free(joined);
  }
  if (next != free_by_offset_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == offset_bytes) {
      offset_bytes = before->first;
      size += before->second;
      remove_free(before);
    }
  }
  add_free(offset_bytes, size);
}

}  // namespace sealedge
