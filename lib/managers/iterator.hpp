// A manager's iterator: what iterating a dict, set or class with next() gives a client a proxy of.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "managers/methods.hpp"

namespace multiprocessing::detail {

class Iterator final : public ByTable<Iterator> {
 public:
  static constexpr std::string_view type = "iterator";
  static constexpr std::string_view type_id = "Iterator";
  static std::span<const Method<Iterator>> table();

  /// `next` gives nothing at the end, as often as it is asked; `name` is Python's for its class.
  Iterator(std::string name, std::function<std::optional<Object>()> next)
      : name_(std::move(name)), next_(std::move(next)) {}
  static Made made(std::string name, std::function<std::optional<Object>()> next);

  [[nodiscard]] std::string repr() const override { return "<" + name_ + " object>"; }
  [[nodiscard]] Object value() const override;
  void for_each_value(const std::function<void(const Object&)>&) const override {}

 private:
  Outcome next(const Call& call);
  Outcome send(const Call& call);
  Outcome throw_into(const Call& call);
  Outcome close(const Call& call);
  [[noreturn]] void raise_no(std::string_view method) const;

  std::string name_;
  std::function<std::optional<Object>()> next_;
};

}  // namespace multiprocessing::detail
