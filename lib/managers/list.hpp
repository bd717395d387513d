// A manager's list.
#pragma once

#include <span>
#include <vector>

#include "managers/methods.hpp"

namespace multiprocessing::detail {

class List final : public ByTable<List> {
 public:
  static constexpr std::string_view type = "list";
  static std::span<const Method<List>> table();

  explicit List(std::vector<Object> items) : items_(std::move(items)) {}
  static std::shared_ptr<Referent> make(const std::vector<Object>& args, const Object& kwds);

  [[nodiscard]] std::string repr() const override;
  [[nodiscard]] Object value() const override { return Object::list(items_); }
  void for_each_value(const std::function<void(const Object&)>& look) const override;

 private:
  Outcome add(const Call& call);
  Outcome contains(const Call& call);
  Outcome delete_item(const Call& call);
  Outcome get_item(const Call& call);
  Outcome multiply_in_place(const Call& call);
  Outcome length(const Call& call);
  Outcome multiply(const Call& call);
  Outcome reversed(const Call& call);
  Outcome set_item(const Call& call);
  Outcome append(const Call& call);
  Outcome clear(const Call& call);
  Outcome copy(const Call& call);
  Outcome count(const Call& call);
  Outcome extend(const Call& call);
  Outcome index(const Call& call);
  Outcome insert(const Call& call);
  Outcome pop(const Call& call);
  Outcome remove(const Call& call);
  Outcome reverse(const Call& call);
  Outcome sort(const Call& call);
  Outcome chunk(const Call& call);
  Outcome change(const Call& call);
  Outcome compare_and_set(const Call& call);

  [[nodiscard]] std::vector<Object> multiplied(const Object& factor) const;
  void set_slice(const Object& slice, const Object& values);
  void delete_slice(const Object& slice);
  Object& element(const Object& index);

  std::vector<Object> items_;
};

}  // namespace multiprocessing::detail
