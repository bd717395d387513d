// A manager's dict.
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "managers/methods.hpp"
#include "pickle/table.hpp"

namespace multiprocessing::detail {

class Dict final : public ByTable<Dict>, public std::enable_shared_from_this<Dict> {
 public:
  static constexpr std::string_view type = "dict";
  static std::span<const Method<Dict>> table();

  explicit Dict(Table entries) : entries_(std::move(entries)) {}
  static std::shared_ptr<Referent> make(const std::vector<Object>& args, const Object& kwds);

  [[nodiscard]] std::string repr() const override;
  [[nodiscard]] Object value() const override;
  void for_each_value(const std::function<void(const Object&)>& look) const override;

 private:
  Outcome contains(const Call& call);
  Outcome delete_item(const Call& call);
  Outcome get_item(const Call& call);
  Outcome merge_in_place(const Call& call);
  Outcome iterate(const Call& call);
  Outcome length(const Call& call);
  Outcome merge(const Call& call);
  Outcome reversed(const Call& call);
  Outcome merge_into(const Call& call);
  Outcome set_item(const Call& call);
  Outcome clear(const Call& call);
  Outcome copy(const Call& call);
  Outcome from_keys(const Call& call);
  Outcome get(const Call& call);
  Outcome items(const Call& call);
  Outcome keys(const Call& call);
  Outcome pop(const Call& call);
  Outcome pop_item(const Call& call);
  Outcome set_default(const Call& call);
  Outcome update(const Call& call);
  Outcome values(const Call& call);
  Outcome chunk(const Call& call);
  Outcome change(const Call& call);
  Outcome compare_and_set(const Call& call);
  Outcome erase(const Call& call);

  /// Takes the entry out; its value.
  Object take(const Object& key, std::uint64_t hash);
  Object& element(const Object& key);

  Table entries_;
};

}  // namespace multiprocessing::detail
