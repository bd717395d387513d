// A manager's Value: one value of any type.
#pragma once

#include <span>
#include <utility>

#include "managers/methods.hpp"

namespace multiprocessing::detail {

class SingleValue final : public ByTable<SingleValue> {
 public:
  static constexpr std::string_view type = "Value";
  static std::span<const Method<SingleValue>> table();

  SingleValue(Object typecode, Object value)
      : typecode_(std::move(typecode)), value_(std::move(value)) {}
  static std::shared_ptr<Referent> make(const std::vector<Object>& args, const Object& kwds);

  [[nodiscard]] std::string repr() const override;
  [[nodiscard]] Object value() const override;
  void for_each_value(const std::function<void(const Object&)>& look) const override {
    look(value_);
  }

 private:
  Outcome get(const Call& call);
  Outcome set(const Call& call);
  Outcome change(const Call& call);
  Outcome compare_and_set(const Call& call);

  Object typecode_;  // kept, and not looked at, as in Python
  Object value_;
};

}  // namespace multiprocessing::detail
