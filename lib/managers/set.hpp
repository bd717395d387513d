// A manager's set.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "managers/methods.hpp"
#include "pickle/table.hpp"

namespace multiprocessing::detail {

class Set final : public ByTable<Set>, public std::enable_shared_from_this<Set> {
 public:
  static constexpr std::string_view type = "set";
  static std::span<const Method<Set>> table();

  explicit Set(Table entries) : entries_(std::move(entries)) {}
  static std::shared_ptr<Referent> make(const std::vector<Object>& args, const Object& kwds);

  [[nodiscard]] std::string repr() const override;
  [[nodiscard]] Object value() const override;
  void for_each_value(const std::function<void(const Object&)>& look) const override;

 private:
  // Operators take sets only, methods anything that can be iterated.
  Outcome op_and(const Call& call);
  Outcome op_or(const Call& call);
  Outcome op_sub(const Call& call);
  Outcome op_xor(const Call& call);
  Outcome op_rsub(const Call& call);
  Outcome op_rand(const Call& call);
  Outcome op_ror(const Call& call);
  Outcome op_rxor(const Call& call);
  Outcome op_iand(const Call& call);
  Outcome op_ior(const Call& call);
  Outcome op_isub(const Call& call);
  Outcome op_ixor(const Call& call);
  Outcome op_ge(const Call& call);
  Outcome op_gt(const Call& call);
  Outcome op_le(const Call& call);
  Outcome op_lt(const Call& call);
  Outcome contains(const Call& call);
  Outcome iterate(const Call& call);
  Outcome length(const Call& call);
  Outcome add(const Call& call);
  Outcome clear(const Call& call);
  Outcome copy(const Call& call);
  Outcome difference(const Call& call);
  Outcome difference_update(const Call& call);
  Outcome discard(const Call& call);
  Outcome intersection(const Call& call);
  Outcome intersection_update(const Call& call);
  Outcome is_disjoint(const Call& call);
  Outcome is_subset(const Call& call);
  Outcome is_superset(const Call& call);
  Outcome pop(const Call& call);
  Outcome remove(const Call& call);
  Outcome symmetric_difference(const Call& call);
  Outcome symmetric_difference_update(const Call& call);
  Outcome union_with(const Call& call);
  Outcome update(const Call& call);
  Outcome chunk(const Call& call);

  Outcome change_to(Table entries);
  template <class Such>
  [[nodiscard]] bool meets(const Object& iterable, Such such) const;

  Table entries_;
};

}  // namespace multiprocessing::detail
