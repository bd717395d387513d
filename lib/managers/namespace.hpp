// A manager's Namespace: values by name.
#pragma once

#include <span>
#include <utility>

#include "managers/methods.hpp"
#include "pickle/table.hpp"

namespace multiprocessing::detail {

class Namespace final : public ByTable<Namespace> {
 public:
  static constexpr std::string_view type = "Namespace";
  static std::span<const Method<Namespace>> table();

  explicit Namespace(Table attributes) : attributes_(std::move(attributes)) {}
  static std::shared_ptr<Referent> make(const std::vector<Object>& args, const Object& kwds);

  [[nodiscard]] std::string repr() const override;
  [[nodiscard]] Object value() const override;
  void for_each_value(const std::function<void(const Object&)>& look) const override;

 private:
  Outcome get_attribute(const Call& call);
  Outcome set_attribute(const Call& call);
  Outcome delete_attribute(const Call& call);
  Outcome change(const Call& call);
  Outcome compare_and_set(const Call& call);

  Object& element(const Object& name);

  Table attributes_;
};

}  // namespace multiprocessing::detail
