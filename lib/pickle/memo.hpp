// What a pickle refers back to, by number; and the end of values that refer to themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "multiprocessing/pickle/object.hpp"

namespace multiprocessing::detail {

struct ObjectNode;

/// A hostile pickle can make containers that contain themselves, or that lie in each other deeper
/// than a destructor may recurse. Each circle goes through a container that was referred to twice,
/// so through one that the memo knows; those are emptied one by one when the reading ends.
class Memo {
 public:
  Memo() = default;
  Memo(const Memo&) = delete;
  ~Memo();

  /// How many were stored one behind the other, which MEMOIZE counts.
  [[nodiscard]] std::uint64_t size() const noexcept { return dense_.size() + sparse_.size(); }

  void put(std::uint64_t index, const Object& value);

  /// Throws SerializationError when there is none.
  [[nodiscard]] const Object& get(std::uint64_t index) const;

  /// A container that gets a second reference by other ways.
  void watch(const Object& value);

  /// The nodes of the result, which are not to be emptied.
  void keep(std::unordered_set<const ObjectNode*> nodes) { kept_ = std::move(nodes); }

  /// Nothing refers to a container twice, so no container needs to be emptied.
  void keep_all() noexcept { keeps_all_ = true; }

 private:
  void empty(const Object& value) const noexcept;

  std::vector<Object> dense_;                         // from 0 on
  std::unordered_map<std::uint64_t, Object> sparse_;  // the others
  std::vector<Object> watched_;
  std::unordered_set<const ObjectNode*> kept_;
  bool keeps_all_ = false;
};

}  // namespace multiprocessing::detail
