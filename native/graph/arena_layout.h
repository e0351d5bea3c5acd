// Hands out ranges of an arena that does not exist yet, best fit first, and counts how large it must be.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <utility>

namespace sealedge {

class ArenaLayout {
 public:
  static constexpr size_t kAlignment = 64;
  // SIZE_MAX when the arena would overflow. size_bytes is rounded up to the alignment, at least one unit.
  size_t take(size_t size_bytes);
  // Gives back what take() returned for the same size.
  void give_back(size_t offset_bytes, size_t size_bytes);
  size_t size_bytes() const { return end_; }

 private:
  void remove_free(std::map<size_t, size_t>::iterator range);
  void add_free(size_t offset_bytes, size_t size_bytes);

  std::map<size_t, size_t> free_by_offset_;           // offset -> size; neighbours are always joined
  std::set<std::pair<size_t, size_t>> free_by_size_;  // (size, offset)
  size_t end_ = 0;
};

}  // namespace sealedge
